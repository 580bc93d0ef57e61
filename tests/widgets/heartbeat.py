"""How long the viewer's thread works without a turn of its event loop."""

from __future__ import annotations

import time

from qtpy.QtCore import QTimer

# of the fixed work of `unit`; on a processor of 2020 a tenth of a second
LONGEST = 6


def unit() -> float:
    """Processor time of a fixed piece of work: the measure of this machine."""
    start = time.thread_time()
    sum(range(1_000_000))
    return time.thread_time() - start


class Heartbeat:
    """Longest processor time of this thread between two turns of its event loop.

    The time of day would also count what other programs take.
    """

    def __init__(self) -> None:
        self._timer = QTimer()
        self._longest, self._last = 0.0, time.thread_time()
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        now = time.thread_time()
        self._longest, self._last = max(self._longest, now - self._last), now

    def stop(self) -> float:
        """Longest time, in units of `unit`."""
        self._timer.stop()
        self._beat()
        return self._longest / unit()
