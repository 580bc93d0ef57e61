from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from tests.widgets.conftest import closed


@pytest.fixture
def form(viewer, slow_form):
    viewer.add_image(np.ones((20, 30), np.float32), name="steel", scale=(2, 2), units="nm")
    form = slow_form(viewer)
    viewer.window.add_dock_widget(form)
    return form


def messages():
    return [n.message for n in notification_manager.records]


def test_run_adds_a_layer_named_after_source_and_operation(form, viewer, finish):
    form.run_button.changed.emit(True)
    assert form.run_button.text == "Cancel"
    finish(form)
    layer = viewer.layers["steel slow"]
    assert form.run_button.text == "Run"
    np.testing.assert_array_equal(layer.data, 2)
    step = layer.metadata["visual_ccc"]["steps"][-1]
    assert step["operation"] == "slow"
    assert step["parameters"] == {"factor": 2.0, "steps": 3, "fail": "no"}
    assert layer.metadata["visual_ccc"]["source"]["name"] == "steel"
    assert form.message.value == "It was slow."


def test_second_run_updates_the_untouched_layer(form, viewer, finish):
    form(factor=2)
    layer = viewer.layers["steel slow"]
    form(factor=3)
    assert len(viewer.layers) == 2
    np.testing.assert_array_equal(layer.data, 3)


@pytest.mark.parametrize("touch", ["rename", "replace", "remove"])
def test_a_layer_the_person_touched_is_never_overwritten(form, viewer, touch):
    (layer,) = form(factor=2)
    if touch == "rename":
        layer.name = "mine"
    elif touch == "replace":
        layer.data = layer.data + 5
    else:
        viewer.layers.remove(layer)
    before = layer.data.copy()
    (second,) = form(factor=3)
    assert second is not layer
    np.testing.assert_array_equal(layer.data, before)


def test_undo_removes_what_the_run_added(form, viewer):
    form()
    form.undo_button.changed.emit(True)
    assert [layer.name for layer in viewer.layers] == ["steel"]
    assert not form.undo_button.enabled


def test_undo_restores_what_the_run_changed(form, viewer):
    (layer,) = form(factor=2)
    form(factor=3)
    form.undo()
    np.testing.assert_array_equal(layer.data, 2)
    assert layer.metadata["visual_ccc"]["steps"][-1]["parameters"]["factor"] == 2


def test_undo_keeps_what_the_person_renamed(form, viewer):
    (layer,) = form()
    layer.name = "mine"
    form.undo()
    assert layer in viewer.layers


def test_cancel_is_immediate_and_closes_the_work(form, viewer, qtbot, finish):
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    form.run_button.changed.emit(True)
    assert form.run_button.text == "Run"
    qtbot.waitUntil(lambda: closed == ["slow"], timeout=1000)
    assert len(viewer.layers) == 1
    assert form.message.value == "Cancelled."


def test_cancel_keeps_the_earlier_result(form, viewer, qtbot):
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
    form, viewer, finish, fail, message
):
    form.fields["fail"].value = fail
    form.run()
    finish(form)
    assert any(message in m for m in messages())
    assert form.run_button.text == "Run"
    form.fields["fail"].value = "no"
    form.run()
    finish(form)
    assert "steel slow" in viewer.layers


def test_without_a_layer_it_says_what_is_needed(viewer, slow_form):
    form = slow_form(viewer)
    form.run()
    assert any("needs an Image layer" in m for m in messages())
    assert form.run_button.text == "Run"


def test_layer_choice_follows_the_selected_layer(form, viewer):
    other = viewer.add_image(np.zeros((5, 5)), name="other")
    viewer.layers.selection.active = viewer.layers["steel"]
    assert form.fields["image"].value is viewer.layers["steel"]
    viewer.layers.selection.active = other
    assert form.fields["image"].value is other


def test_the_result_does_not_become_the_next_source(form, viewer):
    viewer.layers.selection.active = viewer.layers["steel"]
    form()
    assert form.fields["image"].value is viewer.layers["steel"]


def test_fields_come_from_the_signature(form):
    assert form.fields["factor"].max == 10
    assert form.fields["factor"].tooltip == "What to multiply by."
    assert form.fields["fail"].choices == ("no", "value", "runtime", "bug", "large")


def test_closing_the_dock_stops_the_job(form, viewer, qtbot):
    form.fields["steps"].value = 1000
    form.run()
    qtbot.waitUntil(lambda: form.bar.value > 0)
    viewer.window.remove_dock_widget(form.native)
    form.native.deleteLater()
    qtbot.waitUntil(lambda: closed == ["slow"], timeout=2000)
