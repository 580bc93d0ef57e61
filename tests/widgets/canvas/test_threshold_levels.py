"""The histogram in the form of a threshold."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.canvas import threshold_levels
from napari_visual_ccc.widgets.layers.metadata import keep_bar
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.widgets.opening import dock

IMAGE = np.repeat(np.arange(20, 120, dtype=np.uint8), 40).reshape(50, 80)


@pytest.fixture
def form(headless):
    """Segment, with a threshold chosen."""
    headless.add_image(IMAGE, name="steel")
    made = dock(headless, "segment")
    made.method.value = OPERATIONS["threshold"].title
    return made


def test_the_histogram_of_the_image_is_shown_for_a_threshold_alone(form, headless):
    levels = form.levels.plot.levels
    assert (levels.low, levels.high, levels.counts.tolist()) == (20, 119, [40] * 100)
    assert form.levels.plot.isVisibleTo(form.native)
    assert form.levels.plot.lines == []
    form.method.value = OPERATIONS["particles"].title
    assert not form.levels.plot.isVisibleTo(form.native)
    form.method.value = OPERATIONS["threshold"].title
    headless.add_image(IMAGE[:, ::2] // 2, name="other")
    assert form.levels.plot.levels.high == 59
    # without the bar, once there is one
    keep_bar(headless.layers["other"], InfoBar(bottom=25))
    form.on_changed()
    assert form.levels.plot.levels.high < 59


def test_thresholds_that_are_found_are_lines_until_the_image_changes(form, headless):
    form(classes=3)
    assert form.levels.plot.lines == ccc.threshold(IMAGE, classes=3).facts["thresholds"]
    headless.add_image(IMAGE, name="other")
    assert form.levels.plot.lines == []
    form.fields["image"].value = headless.layers["steel"]
    assert len(form.levels.plot.lines) == 2


def test_dragging_sets_a_manual_threshold_and_runs_live(form, headless, qtbot):
    form()
    plot = form.levels.plot
    plot.resize(400, 104)
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.place_of(50)), 40))
    assert form.parameters["method"] == "manual"
    assert form.parameters["value"] == plot.lines[0] == pytest.approx(50, abs=1)
    assert form.job is None
    form.live.value = True
    form.fields["sigma"].value = 0
    QTest.keyClick(plot, Qt.Key.Key_Right)
    value = form.parameters["value"]
    side = form.parameters["objects"]
    expected = ccc.threshold(IMAGE, method="manual", value=value, sigma=0, objects=side).labels
    qtbot.waitUntil(lambda: np.array_equal(headless.layers[-1].data, expected))
    qtbot.waitUntil(lambda: form.is_idle)
    assert plot.lines == [value]
    # a value that is typed moves the line
    form.live.value = False
    form.fields["value"].value = 77.25
    assert plot.lines == [77.25]


def test_the_side_of_the_objects_stays_while_the_line_is_dragged(headless):
    copper = samples.load("nanoparticles").data
    headless.add_image(copper, name="copper")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    form()
    plot, objects = form.levels.plot, form.fields["objects"]
    plot.resize(400, 104)
    # by itself, this grey value has its objects on the other side
    automatic = ccc.threshold(copper, method="manual", value=53).facts
    assert automatic["objects"] == "bright"
    press = QPoint(round(plot.place_of(plot.lines[0])), 40)
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=press)
    for grey in (100, 53):
        QTest.mouseMove(plot, QPoint(round(plot.place_of(grey)), 40))
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton)
    form.levels.plot.moved.emit(53)
    assert objects.value == "dark"
    (layer,) = form()
    expected = ccc.threshold(copper, method="manual", value=53, objects="dark").labels
    np.testing.assert_array_equal(layer.data, expected)
    # another method, and another image, choose again; what is chosen by hand stays
    form.fields["method"].value = "otsu"
    assert objects.value == "auto"
    form.levels.plot.moved.emit(60)
    headless.add_image(copper, name="other")
    assert (form.fields["method"].value, objects.value) == ("manual", "auto")
    objects.value = "bright"
    form()
    form.levels.plot.moved.emit(70)
    form.fields["method"].value = "otsu"
    assert objects.value == "bright"


def test_manual_begins_with_what_was_found(form):
    form()
    found = form.levels.plot.lines[0]
    form.fields["method"].value = "manual"
    assert form.fields["value"].value == found
    # a value within the image is kept
    form.fields["method"].value = "otsu"
    form.fields["value"].value = 33
    form.fields["method"].value = "manual"
    assert form.fields["value"].value == 33


def test_manual_begins_in_the_middle_where_nothing_was_found(form):
    form.fields["method"].value = "manual"
    assert form.fields["value"].value == pytest.approx(69.5, abs=1)


def test_slices_with_their_own_thresholds_show_the_lowest_and_the_highest(headless):
    headless.add_image(np.stack([IMAGE, IMAGE + 40, IMAGE + 20]), name="series")
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    form(scope="slice")
    found = [ccc.threshold(IMAGE + more).facts["thresholds"][0] for more in (0, 40)]
    assert form.levels.plot.lines == pytest.approx(found)


def test_large_and_lazy_images_are_counted_in_the_background(headless, qtbot, monkeypatch):
    monkeypatch.setattr(threshold_levels, "_QUICK", 100)
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    stack = da.stack([da.from_array(IMAGE, chunks=30), da.from_array(IMAGE + 40, chunks=30)])
    headless.add_image(stack, name="lazy")
    assert form.levels.plot.levels is None
    assert form.levels.job is not None
    qtbot.waitUntil(lambda: form.levels.job is None)
    # the displayed slice alone: a file may be larger than memory
    headless.dims.set_current_step(0, 1)
    form.on_changed()
    qtbot.waitUntil(lambda: form.levels.job is None)
    assert form.levels.plot.levels.low == 60
    assert form.levels.plot.caption == "Grey levels of slice 1 (log count)"
    # removed while it is counted
    headless.add_image(np.tile(IMAGE, (4, 4)), name="large")
    assert form.levels.job is not None
    headless.layers.clear()
    assert form.levels.job is None
    assert not form.levels.plot.isVisibleTo(form.native)


def test_a_pyramid_is_counted_on_a_level_and_what_has_no_levels_shows_nothing(headless):
    form = dock(headless, "segment")
    form.method.value = OPERATIONS["threshold"].title
    headless.add_image([IMAGE, IMAGE[::2, ::2]], multiscale=True, name="pyramid")
    assert form.levels.plot.levels.counts.sum() == IMAGE.size
    headless.add_image(np.full((9, 9), np.nan), name="missing")
    assert not form.levels.plot.isVisibleTo(form.native)
    headless.add_image(np.stack([IMAGE] * 3, axis=-1), name="colour")
    assert form.levels.plot.isVisibleTo(form.native)
    assert form.levels.plot.levels.high == 119
