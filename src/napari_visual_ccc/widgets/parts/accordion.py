"""Steps under each other, of which one is open."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from .scrolling import scroll_to_top

# keys that move from one title to another, by how many
_MOVES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}

_PRESSES = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Accordion(QWidget):
    """Titles under each other; a click on one opens what belongs to it, and closes the others.

    The arrow keys go from title to title; Return and the space bar open and close.

    Parameters
    ----------
    width : int
        The least width in pixels: with room for every step, opening one moves nothing beside it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self.titles: list[QPushButton] = []
        self._bodies: list[QWidget] = []
        self._contents: list[Callable[[], QWidget]] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(6, 6, 6, 6)
        self._layout.setSpacing(2)
        self._layout.addStretch(1)

    def add(self, title: str, purpose: str, content: Callable[[], QWidget]) -> None:
        """Add a step.

        Parameters
        ----------
        title, purpose : str
            What the step is called, and one sentence about it: its tooltip, and what a screen
            reader says.
        content : callable
            Returns the widget of the step whenever it is opened; steps may share a widget.
        """
        number = len(self.titles)
        button, body = QPushButton(_text(number, title, is_open=False)), QWidget()
        button.setToolTip(purpose)
        button.setAccessibleName(f"Step {number + 1}: {title}")
        button.setAccessibleDescription(purpose)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setStyleSheet("text-align: left; padding: 4px 8px")
        inner = QVBoxLayout(body)
        inner.setContentsMargins(0, 0, 0, 8)
        body.hide()
        button.toggled.connect(lambda on: button.setText(_text(number, title, is_open=on)))
        button.toggled.connect(lambda on: self._on_toggled(number, on))
        button.installEventFilter(self)
        for widget in (button, body):
            self._layout.insertWidget(self._layout.count() - 1, widget)
        self.titles.append(button)
        self._bodies.append(body)
        self._contents.append(content)

    @property
    def opened(self) -> int | None:
        """Number of the step that is open, from 0; None if none is."""
        return next((n for n, one in enumerate(self.titles) if one.isChecked()), None)

    def open(self, number: int) -> None:
        """Open a step, and close the one that was open."""
        self.titles[number].setChecked(True)

    def _on_toggled(self, number: int, on: bool) -> None:
        button, body = self.titles[number], self._bodies[number]
        if on:
            for other, one in enumerate(self.titles):
                if other != number:
                    one.setChecked(False)
            content, layout = self._contents[number](), body.layout()
            assert layout is not None
            if content.parentWidget() is not body:
                layout.addWidget(content)
            content.show()
        body.setVisible(on)
        if on:
            scroll_to_top(button)

    def minimumSizeHint(self) -> QSize:
        """At least the width that was asked for."""
        return super().minimumSizeHint().expandedTo(QSize(self._width, 0))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Move between the titles, and open and close them, by keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            number = next((n for n, one in enumerate(self.titles) if one is watched), None)
            key = Qt.Key(event.key())
            if number is not None and key in _MOVES:
                self.titles[(number + _MOVES[key]) % len(self.titles)].setFocus()
                return True
            if number is not None and key in _PRESSES:
                self.titles[number].click()
                return True
        return super().eventFilter(watched, event)


def _text(number: int, title: str, *, is_open: bool) -> str:
    return f"{'▾' if is_open else '▸'}  {number + 1}   {title.replace('&', '&&')}"
