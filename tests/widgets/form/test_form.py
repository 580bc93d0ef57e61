from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from tests.widgets.conftest import closed


def on_steel(viewer, slow_form):
    viewer.add_image(np.ones((20, 30), np.float32), name="steel", scale=(2, 2), units="nm")
    return slow_form(viewer)


@pytest.fixture
def form(headless, slow_form):
    return on_steel(headless, slow_form)


@pytest.fixture
def docked(viewer, slow_form):
    form = on_steel(viewer, slow_form)
    viewer.window.add_dock_widget(form)
    return form


def messages():
    return [n.message for n in notification_manager.records]


def test_run_adds_a_layer_named_after_source_and_operation(docked, viewer, finish):
    docked.run_button.changed.emit(True)
    assert docked.run_button.text == "Cancel"
    finish(docked)
    layer = viewer.layers["steel slow"]
    assert docked.run_button.text == "Run"
    np.testing.assert_array_equal(layer.data, 2)
    step = layer.metadata["visual_ccc"]["steps"][-1]
    assert step["operation"] == "slow"
    assert step["parameters"] == {"factor": 2.0, "steps": 3, "fail": "no"}
    assert layer.metadata["visual_ccc"]["source"]["name"] == "steel"
    assert docked.message.value == "It was slow."


def test_second_run_updates_the_untouched_layer(form, headless, finish):
    form(factor=2)
    layer = headless.layers["steel slow"]
    form(factor=3)
    assert len(headless.layers) == 2
    np.testing.assert_array_equal(layer.data, 3)


@pytest.mark.parametrize("touch", ["rename", "replace", "remove"])
def test_a_layer_the_person_touched_is_never_overwritten(form, headless, touch):
    (layer,) = form(factor=2)
    if touch == "rename":
        layer.name = "mine"
    elif touch == "replace":
        layer.data = layer.data + 5
    else:
        headless.layers.remove(layer)
    before = layer.data.copy()
    (second,) = form(factor=3)
    assert second is not layer
    np.testing.assert_array_equal(layer.data, before)


def test_undo_removes_what_the_run_added(form, headless):
    form()
    form.undo_button.changed.emit(True)
    assert [layer.name for layer in headless.layers] == ["steel"]
    assert not form.undo_button.enabled


def test_undo_restores_what_the_run_changed(form, headless):
    (layer,) = form(factor=2)
    form(factor=3)
    form.undo()
    np.testing.assert_array_equal(layer.data, 2)
    assert layer.metadata["visual_ccc"]["steps"][-1]["parameters"]["factor"] == 2


def test_undo_keeps_what_the_person_renamed(form, headless):
    (layer,) = form()
    layer.name = "mine"
    form.undo()
    assert layer in headless.layers


def test_cancel_is_said_when_the_work_has_stopped(form, headless, qtbot, finish):
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    form.run_button.changed.emit(True)
    assert form.message.value == form.run_button.text == "Stopping…"
    assert not form.work.visible
    first = form.job
    form.run_button.changed.emit(True)
    assert form.job is first
    finish(form)
    assert closed == ["slow"]
    assert form.run_button.text == "Run"
    assert len(headless.layers) == 1
    assert form.message.value == "Cancelled."


def test_a_run_waits_for_a_cancelled_one_to_stop(form, headless, qtbot, finish):
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    first = form.job
    form.cancel()
    form.fields["steps"].value = 2
    form.run()
    form.reveal()
    assert form.job is first and form.run_button.text == "Stopping…"
    finish(form)
    assert closed == ["slow", "slow"]
    assert form.message.value == "It was slow."
    assert "steel slow" in headless.layers
    # Cancel forgets a run that waits
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    form.cancel()
    form.run()
    form.cancel()
    finish(form)
    assert form.message.value == "Cancelled."
    assert closed == ["slow"] * 3


def test_removing_the_source_stops_its_job(form, headless, qtbot, finish):
    headless.add_image(np.ones((20, 30)), name="other")
    form.fields["image"].value = headless.layers["steel"]
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    headless.layers.remove("other")
    assert form.job is not None
    headless.layers.remove("steel")
    assert form.message.value == "Stopping…"
    finish(form)
    assert closed == ["slow"]
    assert form.message.value == "Cancelled: steel was removed."
    assert not headless.layers


def test_cancel_keeps_the_earlier_result(form, headless, qtbot):
    (layer,) = form(factor=2)
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    form.cancel()
    np.testing.assert_array_equal(layer.data, 2)


@pytest.mark.parametrize(
    ("fail", "message"), [("value", "too grey"), ("runtime", "out of memory"), ("bug", "fault")]
)
def test_an_error_becomes_a_notification_and_the_form_can_run_again(
    form, headless, finish, fail, message
):
    form.fields["fail"].value = fail
    form.run()
    finish(form)
    assert any(message in m for m in messages())
    assert form.run_button.text == "Run"
    form.fields["fail"].value = "no"
    form.run()
    finish(form)
    assert "steel slow" in headless.layers


def test_without_a_layer_it_says_what_is_needed(headless, slow_form):
    form = slow_form(headless)
    form.run()
    assert any("needs an Image layer" in m for m in messages())
    assert form.run_button.text == "Run"


def test_layer_choice_follows_the_selected_layer(form, headless):
    other = headless.add_image(np.zeros((5, 5)), name="other")
    headless.layers.selection.active = headless.layers["steel"]
    assert form.fields["image"].value is headless.layers["steel"]
    headless.layers.selection.active = other
    assert form.fields["image"].value is other


def test_the_result_does_not_become_the_next_source(form, headless):
    headless.layers.selection.active = headless.layers["steel"]
    form()
    assert form.fields["image"].value is headless.layers["steel"]


def test_fields_come_from_the_signature(form):
    assert form.fields["factor"].max == 10
    assert form.fields["factor"].tooltip == "What to multiply by."
    assert form.fields["fail"].choices == ("no", "value", "runtime", "bug", "large")


def test_closing_the_dock_stops_the_job(docked, viewer, qtbot):
    docked.fields["steps"].value = 1000
    docked.run()
    qtbot.waitUntil(lambda: docked.bar.value > 0)
    viewer.window.remove_dock_widget(docked.native)
    docked.native.deleteLater()
    qtbot.waitUntil(lambda: closed == ["slow"])
