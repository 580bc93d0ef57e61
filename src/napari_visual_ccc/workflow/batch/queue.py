"""Apply a function to many items on the workers of a pool, as they finish."""

from __future__ import annotations

import queue
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .cluster.scheduler import LOST_CONNECTION
from .pool import Pool

T = TypeVar("T")

# seconds between two looks at what has finished
_TICK = 0.2

# items that are given to the workers between two looks
_ROUND = 50

# times that the process of an item may end before it counts as failed: the second time it was
# alone
_LOST = 2

LOST = "the worker process ended, as when memory is full or a library crashes"


def is_lost(error: BaseException) -> bool:
    """Whether an error says that the process of a worker has ended, here or in a cluster."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker"


class Done(Generic[T]):
    """What became of an item: its number, and the answer or the error."""

    def __init__(self, number: int, future: Any, opened: Callable[[Any], Any]) -> None:
        self.number = number
        self._future, self._opened = future, opened

    def answer(self) -> T:
        """Return the answer, or raise what the function raised."""
        found: T = self._opened(self._future.result())
        return found


def each(
    workers: Pool, function: Callable[[Any], T], items: Iterable[Any], ahead: int = 2
) -> Iterator[Done[T] | None]:
    """Apply a function to many items, at most a few of them ahead of what has been taken.

    Parameters
    ----------
    workers : Pool
        Where it runs.
    function : callable
        Item → answer. For processes and clusters both can be pickled.
    items : iterable
        Read as they are needed.
    ahead : int
        Items for each worker that are at work or wait.

    Yields
    ------
    Done or None
        As they finish; None several times a second while nothing does. An item whose process ends
        is tried once more, alone, so that it is known which of those at work ended it.
    """
    given = _Queue(workers, function, enumerate(items), ahead)
    try:
        while given.fill():
            done = given.ended()
            if not done:
                yield None
            for future in sorted(done, key=_is_broken):
                if _is_broken(future):
                    yield from given.broken()
                    break
                yield given.done(future)
    finally:
        workers.withdraw(given.waiting)


def _is_broken(future: Any) -> bool:
    if future.cancelled():
        raise ConnectionError(LOST_CONNECTION)
    return isinstance(future.exception(), BrokenProcessPool)


@dataclass
class _Queue:
    """Items that are at work, and those that were when a process ended."""

    workers: Pool
    function: Callable[[Any], Any]
    todo: Iterator[tuple[int, Any]]
    ahead: int
    waiting: dict[Any, tuple[int, Any]] = field(default_factory=dict)
    again: deque[tuple[int, Any]] = field(default_factory=deque)
    lost: Counter[int] = field(default_factory=Counter)
    finished: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    more: bool = False

    def fill(self) -> bool:
        """Give the workers something to do, and tell whether there is anything left.

        What was at work when a process ended goes alone.
        """
        suspect = any(self.lost[number] for number, _ in self.waiting.values())
        most = max(self.workers.least(), self.ahead * self.workers.count())
        end = len(self.waiting) + _ROUND
        while not suspect and len(self.waiting) < min(most, end):
            following = self.again.popleft() if self.again else next(self.todo, None)
            if following is None:
                break
            suspect = self.lost[following[0]] > 0
            if suspect and self.waiting:
                self.again.appendleft(following)
                break
            try:
                future = self.workers.executor.submit(self.function, following[1])
            except BrokenProcessPool:
                self.again.appendleft(following)
                if self.waiting:
                    break
                self.workers.restart()
                suspect = False
            else:
                self.waiting[future] = following
                future.add_done_callback(self.finished.put)
        self.more = len(self.waiting) == end < most
        return bool(self.waiting or self.again)

    def ended(self) -> list[Any]:
        """Wait a moment for items that have ended; not at all where there is more to give."""
        found = []
        with suppress(queue.Empty):
            found.append(self.finished.get(timeout=0 if self.more else _TICK))
            while True:
                found.append(self.finished.get_nowait())
        # of a process that has ended before, too
        return [future for future in found if future in self.waiting]

    def done(self, future: Any) -> Done[Any]:
        """Take an item that has ended."""
        number, _ = self.waiting.pop(future)
        return Done(number, future, self.workers.opened)

    def broken(self) -> Iterator[Done[Any]]:
        """Start workers anew; an item that has ended its process alone is done with."""
        for future, (number, item) in self.waiting.items():
            self.lost[number] += 1
            if self.lost[number] < _LOST:
                self.again.append((number, item))
            else:
                yield Done(number, future, self.workers.opened)
        self.waiting.clear()
        self.workers.restart()
