"""The legend over the canvas of a real window."""

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_visual_ccc.widgets.canvas.entries import Block, Entry
from napari_visual_ccc.widgets.canvas.legend import KEY, legend_of, plain_text, rich_text
from tests.widgets.opening import dock


@pytest.fixture
def legend(viewer):
    """A legend of classes, in a window."""
    viewer.window.resize(700, 500)
    table = pd.DataFrame({"index": [1, 2], "name": ["cube", "sphere"], "area_percent": [30, 50.0]})
    viewer.add_labels(np.eye(40, dtype=int), name="classes", features=table)
    return legend_of(viewer)


def test_it_follows_layers_and_the_canvas(legend, viewer, qtbot):
    canvas = legend.parentWidget()
    assert "cube, 30.0 %" in legend.text()
    assert legend.accessibleDescription() == "classes: cube, 30.0 %, sphere, 50.0 %"
    assert not legend.isHidden()
    # in its lower left corner; Qt resizes a hidden window later
    canvas.resize(500, 300)
    QApplication.sendEvent(canvas, QResizeEvent(canvas.size(), canvas.size()))
    assert legend.geometry().bottomLeft().x() == 10
    assert canvas.height() - legend.geometry().bottom() == 11
    viewer.layers["classes"].visible = False
    qtbot.waitUntil(legend.isHidden)
    viewer.layers["classes"].visible = True
    qtbot.waitUntil(lambda: not legend.isHidden())
    viewer.layers["classes"].name = "shapes"
    qtbot.waitUntil(lambda: "shapes" in legend.text())
    viewer.layers.clear()
    qtbot.waitUntil(legend.isHidden)


def test_the_mouse_and_the_focus_pass_through_it(legend):
    canvas, seen = legend.parentWidget(), []
    canvas.mousePressEvent = lambda event: seen.append(event.pos())
    assert canvas.childAt(legend.geometry().center()) is None
    place = legend.geometry().center()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    assert seen == [place]
    assert legend.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_a_key_and_the_ticks_of_all_forms_switch_it(legend, viewer):
    form, other = dock(viewer, "cluster"), dock(viewer, "segment")
    viewer.keymap[next(key for key in viewer.keymap if str(key).lower() == KEY)](viewer)
    assert legend.isHidden()
    assert not form.compare.legend.isChecked()
    assert not other.compare.legend.isChecked()
    other.compare.legend.click()
    assert not legend.isHidden()
    assert form.compare.legend.isChecked()
    # a dock that is opened later joins them
    legend.switch(False)
    late = dock(viewer, "texture")
    assert not late.compare.legend.isChecked()
    assert legend.isHidden()


def test_without_a_window_there_is_none(headless):
    assert legend_of(headless) is None


def test_text_is_escaped_and_a_bar_has_all_colours():
    block = Block("a < b", (Entry(("#000000", "#ffffff"), "0 to 1"), Entry((), "and 2 more")))
    text = rich_text([block])
    assert "a &lt; b" in text
    assert text.count("bgcolor") == 2
    assert plain_text([block]) == "a < b: 0 to 1, and 2 more"
    assert rich_text([]) == ""
