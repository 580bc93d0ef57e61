"""A grey histogram with lines at thresholds, which the mouse and the keyboard move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from ...engine.segmentation.levels import GreyLevels

_HEIGHT = 104

# beside and below the bars
_MARGIN = 6

_BARS, _LINE = QColor(140, 140, 140), QColor("#e8710a")

_FRAME, _FOCUSED = QColor(128, 128, 128, 120), QColor("#4a90d9")

# steps of a key, and with Shift
_KEYS: dict[int, int] = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: -1,
    Qt.Key.Key_Up: 1,
}

_FAST = 10


class HistogramPlot(QWidget):
    """Counts of grey levels on a logarithmic scale, with a line at each threshold.

    A line is dragged, or moved with the arrow keys (with Shift ten times as far).
    """

    # grey value that a line was moved to
    moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.levels: GreyLevels | None = None
        self.lines: list[float] = []
        self.caption = ""
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Grey histogram")
        self.setToolTip(
            "Drag the line, or press the arrow keys (with Shift ten times as far), to set the grey "
            "value of a manual threshold"
        )

    # what is shown ------------------------------------------------------------------------------

    def show_levels(self, levels: GreyLevels | None, caption: str) -> None:
        """Show a histogram; None leaves the caption alone."""
        self.levels, self.caption = levels, caption
        self.update()

    def show_lines(self, values: Sequence[float]) -> None:
        """Show thresholds, in grey values."""
        self.lines = [float(value) for value in values]
        texts = ", ".join(f"{value:.6g}" for value in self.lines)
        self.setAccessibleDescription(f"{self.caption}. Threshold: {texts or 'none'}")
        self.update()

    # places -------------------------------------------------------------------------------------

    @property
    def _field(self) -> QRectF:
        """Where the bars are: between a row of text above and one below."""
        text = self.fontMetrics().height()
        return QRectF(self.rect()).adjusted(_MARGIN, text + 3, -_MARGIN, -text - 3)

    def place_of(self, value: float) -> float:
        """Horizontal place of a grey value in the widget."""
        assert self.levels is not None
        field, (_, low, high) = self._field, self.levels
        share = (value - low) / (high - low) if high > low else 0.5
        return field.left() + min(max(share, 0.0), 1.0) * field.width()

    def value_at(self, place: float) -> float:
        """Grey value of the bin at a horizontal place in the widget."""
        assert self.levels is not None
        field = self._field
        share = (place - field.left()) / max(field.width(), 1.0)
        return self._within(share * (self.levels.high - self.levels.low) + self.levels.low)

    def _within(self, value: float) -> float:
        """The nearest bin, above the darkest one: pixels of the value and above are bright."""
        assert self.levels is not None
        last = len(self.levels.counts) - 1
        number = round((value - self.levels.low) / self.levels.step)
        # six digits, as they are shown
        return float(f"{self.levels.low + min(max(number, 1), last) * self.levels.step:.6g}")

    # moving a line --------------------------------------------------------------------------------

    @property
    def _can_move(self) -> bool:
        return self.levels is not None and self.levels.high > self.levels.low

    def _move_to(self, value: float) -> None:
        if [value] != self.lines:
            # a manual threshold is a single one
            self.show_lines([value])
            self.moved.emit(value)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Move the line to the mouse."""
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move the line with the mouse."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton and self._can_move:
            self._move_to(self.value_at(event.pos().x()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the line by a bin."""
        if event is None or event.key() not in _KEYS or not self._can_move:
            super().keyPressEvent(event)
            return
        assert self.levels is not None
        _, low, high = self.levels
        times = _FAST if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        first = self.lines[0] if self.lines else (low + high) / 2
        self._move_to(self._within(first + _KEYS[event.key()] * times * self.levels.step))

    # painting -------------------------------------------------------------------------------------

    def paintEvent(self, _: QPaintEvent | None) -> None:
        """Draw bars, lines and texts."""
        painter = QPainter(self)
        field = self._field
        painter.setPen(QPen(_FOCUSED if self.hasFocus() else _FRAME))
        painter.drawRect(field)
        if self.levels is not None:
            self._draw_bars(painter, field, self.levels)
        painter.setPen(self.palette().color(self.foregroundRole()))
        above = QRectF(_MARGIN, 0, self.width() - 2 * _MARGIN, field.top())
        painter.drawText(above, Qt.AlignmentFlag.AlignLeft, self.caption)
        if self.levels is not None:
            ends = f"{self.levels.low:.6g} to {self.levels.high:.6g}"
            painter.drawText(above, Qt.AlignmentFlag.AlignRight, ends)
            self._draw_lines(painter, field)
        painter.end()

    def _draw_bars(self, painter: QPainter, field: QRectF, levels: GreyLevels) -> None:
        heights = np.log1p(levels.counts) / np.log1p(max(1, int(levels.counts.max())))
        wide = field.width() / len(heights)
        for number, share in enumerate(heights.tolist()):
            tall = share * (field.height() - 2)
            bar = QRectF(field.left() + number * wide, field.bottom() - tall, wide, tall)
            painter.fillRect(bar, _BARS)

    def _draw_lines(self, painter: QPainter, field: QRectF) -> None:
        for value in self.lines:
            place = self.place_of(value)
            painter.setPen(QPen(_LINE, 2))
            painter.drawLine(QPointF(place, field.top()), QPointF(place, field.bottom()))
            text = f"{value:.6g}"
            wide = self.fontMetrics().horizontalAdvance(text) + 4
            left = min(max(place - wide / 2, field.left()), field.right() - wide)
            beside = QRectF(left, field.bottom() + 2, wide, self.height() - field.bottom())
            painter.drawText(beside, Qt.AlignmentFlag.AlignCenter, text)
