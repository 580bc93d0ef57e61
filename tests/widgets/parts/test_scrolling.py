import importlib
from pathlib import Path

import pytest
import yaml
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QLabel,
    QMainWindow,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

import napari_visual_ccc
from napari_visual_ccc.widgets.parts.scrolling import Scroll, reveal, scroll_in_dock

# heights of small screens in laboratories
WIDTH, HEIGHT = 1366, 768


def docks():
    manifest = Path(napari_visual_ccc.__file__).parent / "napari.yaml"
    told = yaml.safe_load(manifest.read_text("utf-8"))["contributions"]
    names = {one["id"]: one["python_name"] for one in told["commands"]}
    return [names[one["command"]] for one in told["widgets"]]


@pytest.mark.parametrize("name", docks())
def test_no_dock_makes_a_window_higher(name, headless, qtbot):
    module, _, kind = name.partition(":")
    dock = getattr(importlib.import_module(module), kind)(headless)
    window, frame = QMainWindow(), QDockWidget()
    qtbot.addWidget(window)
    window.resize(WIDTH, HEIGHT)
    frame.setWidget(dock.native)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, frame)
    window.show()
    for title in getattr(dock, "operations", {"": None}):
        if title:
            dock.method.value = title
        for fold in window.findChildren(QCollapsible):
            fold.expand(animate=False)
        QApplication.processEvents()
        assert window.minimumSizeHint().height() < HEIGHT // 2, title
        assert (window.width(), window.height()) == (WIDTH, HEIGHT), title
    (scroll,) = [one for one in window.findChildren(Scroll) if one.parentWidget() is dock.native]
    inner = scroll.widget()
    # nothing is cut off at the side
    assert inner.width() >= inner.minimumSizeHint().width()


@pytest.fixture
def tall(qtbot):
    """A widget of many numbers in a window, and its scroll area."""
    native, window, frame = QWidget(), QMainWindow(), QDockWidget()
    layout = QVBoxLayout(native)
    for number in range(60):
        layout.addWidget(QLabel(str(number)))
        layout.addWidget(QSpinBox())
    scroll_in_dock(native)
    # filled before it is in a dock
    layout.addWidget(QLabel("last"))
    qtbot.addWidget(window)
    window.resize(400, 300)
    frame.setWidget(native)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, frame)
    window.show()
    QApplication.processEvents()
    # the window would be gone with its last name
    yield native.findChild(Scroll)
    window.close()


def turn(widget):
    """Turn the wheel over a widget."""
    place = widget.rect().center()
    event = QWheelEvent(
        QPointF(place), QPointF(widget.mapToGlobal(place)), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def test_the_wheel_scrolls_and_changes_no_number(tall):
    box = tall.findChildren(QSpinBox)[3]
    box.setValue(50)
    assert not box.hasFocus()
    turn(box)
    assert box.value() == 50
    assert tall.verticalScrollBar().value() > 0
    assert tall.verticalScrollBar().maximum() > 300


def test_what_is_shown_is_scrolled_to(tall, qtbot):
    last = tall.findChildren(QLabel)[-1]
    assert last.text() == "last"
    last.hide()
    reveal(last)
    qtbot.waitUntil(lambda: not last.visibleRegion().isEmpty())
    alone = QLabel("in no dock")
    qtbot.addWidget(alone)
    reveal(alone)
    assert alone.isVisible()
