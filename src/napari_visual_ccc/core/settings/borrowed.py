"""Choices of the whole process that operations change, and give back when none runs any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_restore: dict[str, Callable[[], None]] = {}
_running = 0
_lock = threading.Lock()


@contextmanager
def given_back() -> Iterator[None]:
    """Mark an operation that runs: at the end of the last one, what they changed is undone."""
    global _running
    with _lock:
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                while _restore:
                    _restore.popitem()[1]()


def at_end(name: str, restore: Callable[[], None]) -> None:
    """Say how to undo a change before it is made.

    Parameters
    ----------
    name : str
        Of what is changed. Only the first of several changes counts: it knows the value of the
        host.
    restore : callable
        Undoes it.
    """
    with _lock:
        _restore.setdefault(name, restore)
