"""Docks that scroll, and lie behind each other: forms may be higher than the window."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QBoxLayout,
    QComboBox,
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from ..controls.timers import later
from .names import Accessible

# height in pixels below which a dock cannot be made
_LEAST = 120

# least width of a list, in letters
_LETTERS = 14

# what the wheel changes
_NUMBERS = (QAbstractSpinBox, QComboBox, QAbstractSlider)


def scroll_in_dock(widget: QWidget) -> None:
    """Let the content of a widget scroll as soon as it is put into a dock.

    The dock becomes a tab of the docks of this plugin that are open. A widget that is put into
    another one which scrolls gets no scroll area of its own.

    Parameters
    ----------
    widget : QWidget
        With a layout, which may be filled until then.
    """
    _Docking(widget)
    Accessible(widget)


def reveal(widget: QWidget) -> None:
    """Show a widget, and scroll its dock to it."""
    widget.show()
    scroll = _scroll_of(widget)
    if scroll is not None:
        # when the layout has been made again: before, a widget has no place
        later(scroll, 0, lambda: scroll.ensureWidgetVisible(widget))


def scroll_to_top(widget: QWidget) -> None:
    """Scroll its dock so that a widget is the first that is seen."""
    scroll = _scroll_of(widget)
    if scroll is not None:
        later(scroll, 0, lambda: scroll.put_first(widget))


def keep_narrow(widget: QWidget) -> None:
    """Let no long entry of a list in a widget, such as the name of a layer, widen its dock."""
    for one in widget.findChildren(QComboBox):
        # it takes precedence over the width of the entries
        if not one.minimumWidth():
            one.setMinimumWidth(_LETTERS * one.fontMetrics().averageCharWidth())


def _scroll_of(widget: QWidget) -> Scroll | None:
    above = widget.parentWidget()
    while above is not None and not isinstance(above, Scroll):
        above = above.parentWidget()
    return above if isinstance(above, Scroll) else None


class _Docking(QObject):
    """Waits until a widget gets a parent, and is shown in a window."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._is_inside = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Put the layout of the widget into a scroll area, and its dock behind the others."""
        if event is None or not isinstance(watched, QWidget):
            return False
        if event.type() == QEvent.Type.ParentChange and watched.parentWidget() is not None:
            if _scroll_of(watched) is not None:
                watched.removeEventFilter(self)
            elif not self._is_inside:
                self._put_inside(watched)
        if event.type() == QEvent.Type.Show and self._is_inside:
            watched.removeEventFilter(self)
            later(watched, 0, lambda: _tabify(watched))
        return False

    def _put_inside(self, widget: QWidget) -> None:
        self._is_inside = True
        inner, layout = QWidget(), widget.layout()
        if isinstance(layout, QBoxLayout):
            _fill_from_top(layout)
        # Qt takes the widgets of a layout along
        inner.setLayout(layout)
        outer = QVBoxLayout(widget)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scroll(inner))


def _fill_from_top(layout: QBoxLayout) -> None:
    """Leave room below the widgets, not between them; what grows, such as a table, takes it."""
    for number in range(layout.count()):
        item = layout.itemAt(number)
        grown = None if item is None else item.widget()
        inside = None if grown is None else grown.layout()
        if inside is not None and inside.expandingDirections() & Qt.Orientation.Vertical:
            layout.setStretch(number, 1)
    layout.addStretch(0)


def _tabify(widget: QWidget) -> None:
    """Make the dock of a widget a tab of the last dock of this plugin in its area."""
    window = widget.window()
    above: QWidget | None = widget
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parentWidget()
    if above is None or above.isFloating() or not isinstance(window, QMainWindow):
        return
    docks = [one for one in window.findChildren(QDockWidget) if one.findChild(Scroll) is not None]
    area = window.dockWidgetArea(above)
    others = [
        one
        for one in docks
        if one is not above
        and one.isVisible()
        and not one.isFloating()
        and window.dockWidgetArea(one) == area
    ]
    if others and not set(others) & set(window.tabifiedDockWidgets(above)):
        for one in (above, others[-1]):
            # short names: the tabs of all docks lie beside each other
            one.setWindowTitle(one.windowTitle().partition(" (")[0])
        window.tabifyDockWidget(others[-1], above)
        for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setElideMode(Qt.TextElideMode.ElideNone)
        above.show()
        above.raise_()


class Scroll(QScrollArea):
    """A scroll area as wide as its content needs, and of any height.

    Parameters
    ----------
    inner : QWidget
        The content.
    """

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inner, self._bar = inner, QScrollBar()
        self.setVerticalScrollBar(self._bar)
        # it follows the control that has the focus
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inner)
        self._keep_wheel()
        keep_narrow(self._inner)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the width of the content, and leave the wheel to the scroll area."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._keep_wheel()
            keep_narrow(self._inner)
            self.updateGeometry()
        is_wheel = event is not None and event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, _NUMBERS) and watched is not self._bar:
            # a number that the pointer passes while it scrolls must not change
            return not watched.hasFocus() and QApplication.sendEvent(self._bar, event)
        return super().eventFilter(watched, event)

    def _keep_wheel(self) -> None:
        for kind in _NUMBERS:
            for one in self._inner.findChildren(kind):
                one.removeEventFilter(self)
                one.installEventFilter(self)

    def put_first(self, widget: QWidget) -> None:
        """Scroll so far that a widget of the content is at the top."""
        self._bar.setValue(widget.mapTo(self._inner, widget.rect().topLeft()).y())

    def sizeHint(self) -> QSize:
        """The size of the content."""
        return self._with_bar(self._inner.sizeHint())

    def minimumSizeHint(self) -> QSize:
        """The width of the content, and hardly any height."""
        least = self._inner.minimumSizeHint()
        return self._with_bar(QSize(least.width(), min(_LEAST, least.height())))

    def _with_bar(self, size: QSize) -> QSize:
        return size + QSize(self._bar.sizeHint().width(), 0)
