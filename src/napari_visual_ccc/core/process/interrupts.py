"""How a process ends by a signal: of a terminal, a scheduler of a cluster, or a container."""

from __future__ import annotations

import builtins
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# ask a process to end: a scheduler or container, a closed terminal, Windows
_ENDING = ("SIGTERM", "SIGHUP", "SIGBREAK")

# what a shell adds to the number of the signal that ended a process
_SHELL = 128


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let the signals of schedulers, containers and closed terminals remove partial files, too."""
    before = {}
    if _is_main():
        for number in _known(_ENDING):
            # nohup ignores one
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def second_ends_at_once() -> Iterator[None]:
    """Let the first signal interrupt the work as Ctrl-C does, and the second one end the process.

    Where the first signal would have ended the process without this, it ends when the work is put
    in order, with the exit code that a shell gives that signal: 143 after SIGTERM. In a notebook or
    at a prompt Ctrl-C only interrupts.
    """
    before: dict[int, Any] = {}
    came: list[int] = []

    def on_signal(number: int, _: object) -> None:
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        came.append(number)
        raise KeyboardInterrupt

    if _is_main():
        for number in _known(_ENDING if _is_prompt() else ("SIGINT", *_ENDING)):
            now = signal.getsignal(number)
            if now is signal.default_int_handler or (
                now is signal.SIG_DFL and number != signal.SIGINT
            ):
                before[number] = signal.signal(number, on_signal)
    try:
        yield
    except KeyboardInterrupt:
        if came and before[came[0]] is signal.SIG_DFL:
            # by the signal itself neither worker processes nor clusters would be closed
            raise SystemExit(_SHELL + came[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_main() -> bool:
    """Whether signals can be handled here."""
    return threading.current_thread() is threading.main_thread()


def _is_prompt() -> bool:
    return hasattr(sys, "ps1") or hasattr(builtins, "__IPYTHON__")


def _known(names: tuple[str, ...]) -> list[int]:
    """Numbers of the signals that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
