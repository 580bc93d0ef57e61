import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_visual_ccc.engine.segmentation.levels import GreyLevels
from napari_visual_ccc.widgets.canvas.histogram import HistogramPlot

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def plot(qtbot):
    """Grey levels 50 to 150, with two thresholds."""
    made = HistogramPlot()
    qtbot.addWidget(made)
    made.resize(300, 104)
    made.show_levels(GreyLevels(np.arange(101), 50.0, 150.0), "Grey levels")
    made.show_lines([80.0, 110.0])
    return made


def test_a_line_follows_the_mouse_to_whole_bins(plot):
    moved = []
    plot.moved.connect(moved.append)
    QTest.mousePress(plot, LEFT, pos=QPoint(round(plot.place_of(100)), 40))
    assert moved == [100.0]
    QTest.mouseMove(plot, QPoint(round(plot.place_of(120)), 40))
    QTest.mouseRelease(plot, LEFT, pos=QPoint(round(plot.place_of(120)), 40))
    assert plot.lines == [moved[-1]]
    assert plot.value_at(plot.place_of(73)) == 73
    # the darkest level has no pixels below it
    assert (plot.value_at(-50), plot.value_at(1000)) == (51, 150)
    QTest.mouseClick(plot, Qt.MouseButton.RightButton, pos=QPoint(20, 40))
    assert plot.lines == [moved[-1]]


def test_the_arrow_keys_move_the_line(plot):
    plot.show_lines([100.5])
    QTest.keyClick(plot, Qt.Key.Key_Right)
    # to the next bin
    assert plot.lines[0] in (101, 102)
    plot.show_lines([100])
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert plot.lines == [99]
    QTest.keyClick(plot, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert plot.lines == [109]
    plot.show_lines([])
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert plot.lines == [101]
    assert plot.focusPolicy() == Qt.FocusPolicy.StrongFocus
    assert plot.accessibleDescription() == "Grey levels. Threshold: 101"


def test_lines_and_bars_are_drawn_where_their_values_are(plot):
    picture = plot.grab().toImage()
    ratio = picture.devicePixelRatio()

    def colour(value, y):
        return picture.pixelColor(round(plot.place_of(value) * ratio), round(y * ratio))

    for value in (80, 110):
        assert colour(value, 40).name() == "#e8710a"
    # few pixels are dark, many bright
    assert colour(149, 60).name() == "#8c8c8c"
    assert colour(50, 60).name() != "#8c8c8c"


def test_values_have_six_digits(plot):
    plot.show_levels(GreyLevels(np.arange(256), 12027.591796875, 39359.408203125), "Grey levels")
    assert plot.value_at(-9) == 12134.8


def test_nothing_moves_without_levels_or_in_a_constant_image(plot):
    for levels in (None, GreyLevels(np.array([9]), 7.0, 7.0)):
        plot.show_levels(levels, "none")
        QTest.mouseClick(plot, LEFT, pos=QPoint(150, 40))
        QTest.keyClick(plot, Qt.Key.Key_Right)
        plot.grab()
        assert plot.lines == [80, 110]
