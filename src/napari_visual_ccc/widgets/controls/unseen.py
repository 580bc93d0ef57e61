"""A form that cannot be seen waits: among many layers, all open docks would follow each choice."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

from .timers import settled


class Unseen(QObject):
    """Puts off what a form does while it is behind another tab, or folded.

    Parameters
    ----------
    form : QWidget
        Painted as soon as it is seen; this is part of it.
    function : callable
        What is put off.
    """

    # of the class too: Qt still asks the filter when Python has cleared the object with its viewer
    _is_waiting = False

    def __init__(self, form: QWidget, function: Callable[[], object]) -> None:
        super().__init__(form)
        self._form, self._function = form, function
        self._catch_up_soon = settled(self, 0, self.catch_up)
        form.installEventFilter(self)

    def waits(self) -> bool:
        """Whether the form cannot be seen in its window; the function is called later then."""
        window = self._form.window()
        # a form without a window, or in one that is not shown, is used by a script
        is_shown = window is not None and window.isVisible()
        # a dock behind another tab is no less visible for Qt, but nothing of it is seen
        self._is_waiting = is_shown and self._form.visibleRegion().isEmpty()
        return self._is_waiting

    def catch_up(self) -> None:
        """Do what was put off."""
        if self._is_waiting:
            self._is_waiting = False
            self._function()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Catch up when the form is seen again."""
        if self._is_waiting and event is not None and event.type() == QEvent.Type.Paint:
            # what is painted is not changed meanwhile
            self._catch_up_soon()
        return super().eventFilter(watched, event)
