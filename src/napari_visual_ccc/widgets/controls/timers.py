"""Functions that are called later, on the thread of the viewer."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer


def settled(
    parent: QObject, milliseconds: int, function: Callable[[], object]
) -> Callable[[], None]:
    """Make what calls a function once after the last of many calls.

    Nothing is called when the parent is gone by then: the timer is part of it.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(function)
    return lambda: timer.start()


def later(parent: QObject, milliseconds: int, function: Callable[[], object]) -> None:
    """Call a function later, unless the parent is gone by then."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(function)
    timer.timeout.connect(timer.deleteLater)
    timer.start(milliseconds)
