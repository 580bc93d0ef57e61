from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from tests.widgets.conftest import closed


@pytest.fixture
def form(viewer, slow_form):
    viewer.add_image(np.ones((20, 30), np.float32), name="steel")
    return slow_form(viewer)


@pytest.fixture
def large_form(viewer, slow_form):
    """A form on an image of which 1 % is visible."""
    layer = viewer.add_image(np.ones((2100, 2000), np.float32), name="large")
    layer.corner_pixels = np.array([[0, 0], [200, 200]])
    return slow_form(viewer)


def test_live_follows_a_field(form, viewer, qtbot, finish):
    form.live.value = True
    qtbot.waitUntil(lambda: "steel slow" in viewer.layers)
    form.fields["factor"].value = 7
    qtbot.waitUntil(lambda: viewer.layers["steel slow"].data.max() == 7)
    finish(form)
    assert len(viewer.layers) == 2


def test_live_on_a_large_image_ends_with_the_whole(viewer, slow_form, qtbot, finish):
    viewer.add_image(np.ones((2100, 2000), np.float32), name="large")
    form = slow_form(viewer)
    form.live.value = True
    qtbot.waitUntil(lambda: "large slow" in viewer.layers)
    layer = viewer.layers["large slow"]
    qtbot.waitUntil(lambda: layer.data.shape == (2100, 2000) and form.job is None)
    np.testing.assert_array_equal(layer.scale, 1)
    form.live.value = False
    form.undo()
    assert [layer.name for layer in viewer.layers] == ["large"]


def test_changes_during_a_run_are_followed_by_one_more(form, viewer, qtbot, finish):
    form.live.value = True
    form.fields["steps"].value = 20
    form.run()
    for factor in (3, 4, 5):
        form.fields["factor"].value = factor
    qtbot.waitUntil(lambda: "steel slow" in viewer.layers and (viewer.layers[1].data == 5).all())
    finish(form)
    assert len(viewer.layers) == 2


def test_without_live_no_change_starts_a_run(form, qtbot):
    form.fields["factor"].value = 3
    qtbot.wait(60)
    assert form.is_idle
    assert form.last == []


def test_a_preview_whose_whole_fails_does_not_stay(large_form, viewer, qtbot):
    added = []
    viewer.layers.events.inserted.connect(lambda event: added.append(event.value.data.shape))
    large_form.fields["fail"].value = "large"
    large_form.live.value = True
    qtbot.waitUntil(
        lambda: any("memory is full" in n.message for n in notification_manager.records)
    )
    assert added == [(201, 201)]
    assert [layer.name for layer in viewer.layers] == ["large"]


def test_choices_that_do_not_fit_are_said_in_a_live_form_alone(form, viewer, qtbot, finish):
    form.live.value = True
    qtbot.waitUntil(lambda: "steel slow" in viewer.layers)
    finish(form)
    before = len(notification_manager.records)
    form.fields["fail"].value = "value"
    qtbot.waitUntil(lambda: "too grey" in form.message.value)
    assert form.message.value == "The image is too grey; take another."
    assert len(notification_manager.records) == before
    # what is no fault of the choices is a notification
    form.fields["fail"].value = "runtime"
    qtbot.waitUntil(lambda: len(notification_manager.records) > before)
    assert "out of memory" in notification_manager.records[-1].message
    # pressed by hand, too
    finish(form)
    form.live.value = False
    form.fields["fail"].value = "value"
    form.run_button.native.click()
    finish(form)
    assert "too grey" in notification_manager.records[-1].message


def test_a_preview_is_taken_back_when_live_is_switched_off_and_the_choices_change(
    large_form, viewer, qtbot
):
    large_form.live.value = True
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    large_form.live.value = False
    large_form.fields["factor"].value = 9
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    assert large_form.is_idle


@pytest.mark.parametrize("when", ["before a run", "during a run", "during a run, one waits"])
def test_a_live_form_that_is_closed_runs_no_more(headless, slow_form, qtbot, when):
    headless.add_image(np.ones((20, 30), np.float32), name="steel")
    form = slow_form(headless)
    form.fields["steps"].value = 50
    form.live.value = True
    if when != "before a run":
        qtbot.waitUntil(lambda: form.bar.value > 0)
    if when.endswith("waits"):
        form._live.follow()
        assert form._live.is_waiting
    runs = len(closed) + (when != "before a run")
    gone = []
    form.native.destroyed.connect(lambda: gone.append(True))
    form.native.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    # longer than the form waits for the last of many changes
    qtbot.wait(100)
    qtbot.waitUntil(lambda: len(closed) == runs)
    headless.layers.remove("steel")
