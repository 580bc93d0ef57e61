"""Docks that scroll: a form may be higher than the window."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

# height in pixels below which a dock cannot be made
_LEAST = 120

# what the wheel changes
_NUMBERS = (QAbstractSpinBox, QComboBox, QAbstractSlider)


def scroll_in_dock(widget: QWidget) -> None:
    """Let the content of a widget scroll as soon as it is put into a dock.

    Parameters
    ----------
    widget : QWidget
        With a layout, which may be filled until then.
    """
    _Docking(widget)


def reveal(widget: QWidget) -> None:
    """Show a widget, and scroll its dock to it."""
    widget.show()
    above = widget.parentWidget()
    while above is not None and not isinstance(above, Scroll):
        above = above.parentWidget()
    if above is None:
        return
    scroll, timer = above, QTimer(above)
    timer.setSingleShot(True)
    # it has no place before the layout has been made again
    timer.timeout.connect(lambda: scroll.ensureWidgetVisible(widget))
    timer.timeout.connect(timer.deleteLater)
    timer.start(0)


class _Docking(QObject):
    """Waits until a widget gets a parent."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Put the layout of the widget into a scroll area."""
        if event is None or event.type() != QEvent.Type.ParentChange:
            return False
        assert isinstance(watched, QWidget)
        if watched.parentWidget() is not None:
            watched.removeEventFilter(self)
            inner = QWidget()
            # Qt takes the widgets of a layout along
            inner.setLayout(watched.layout())
            outer = QVBoxLayout(watched)
            outer.setContentsMargins(0, 0, 0, 0)
            outer.addWidget(Scroll(inner))
        return False


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
        self.setWidget(inner)
        self._keep_wheel()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the width of the content, and leave the wheel to the scroll area."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._keep_wheel()
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

    def sizeHint(self) -> QSize:
        """The size of the content."""
        return self._with_bar(self._inner.sizeHint())

    def minimumSizeHint(self) -> QSize:
        """The width of the content, and hardly any height."""
        least = self._inner.minimumSizeHint()
        return self._with_bar(QSize(least.width(), min(_LEAST, least.height())))

    def _with_bar(self, size: QSize) -> QSize:
        return size + QSize(self._bar.sizeHint().width(), 0)
