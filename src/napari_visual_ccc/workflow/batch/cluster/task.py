"""What a worker of a cluster does with an item: as many at a time as its memory holds."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ....core.memory import available
from ....core.settings import cores
from .need import at_once, on_card

# seconds between two looks at whether an item that waits for a place was withdrawn
_LOOK = 0.5

# states of a task at work that nobody waits for
_GONE = {None, "cancelled", "resumed"}

_places = threading.Condition()
_taken = 0

# bytes that are in use before the first item
_before: int | None = None


class Withdrawn:
    """Whether the item that this thread of a worker is at was withdrawn: an event that travels."""

    def is_set(self) -> bool:
        """Whether the batch was stopped, or has lost its connection."""
        from distributed import get_worker

        worker: Any = get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
        return getattr(task, "state", None) in _GONE


def answer(payload: bytes) -> dict[str, Any]:
    """Apply a function to an item.

    Parameters
    ----------
    payload : bytes
        Pickled: the function, the item, and what the largest item needs.

    Returns
    -------
    dict
        ``answer``, pickled, and the ``threads`` of this worker, of which there are ``places`` for
        items, since it has so many bytes that are ``free``.
    """
    function, item, need = pickle.loads(payload)
    threads, free = _of_worker()
    places = at_once(threads, need.bytes, free, on_card=threads > 1 and on_card(need.devices))
    # items at a time share the cores: networks in each would take them all
    cores.give_thread(max(1, cores.workers() // places))
    with _place(places) as there_is:
        found = function(item) if there_is else None
    answered = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    return {"answer": answered, "threads": threads, "places": places, "free": free}


def _of_worker() -> tuple[int, int]:
    """Threads of this worker, and bytes that all items may take together."""
    global _before
    import psutil
    from distributed import get_worker

    worker: Any = get_worker()
    limit = worker.memory_manager.memory_limit
    with _places:
        if _before is None:
            _before = psutil.Process().memory_info().rss if limit else available()
    return worker.state.nthreads, max(0, limit - _before) if limit else _before


@contextmanager
def _place(places: int) -> Iterator[bool]:
    """Wait until fewer items than there are places are at work; False where it was withdrawn."""
    global _taken
    withdrawn = Withdrawn()
    with _places:
        while _taken >= places:
            _places.wait(_LOOK)
            if withdrawn.is_set():
                yield False
                return
        _taken += 1
    try:
        yield True
    finally:
        with _places:
            _taken -= 1
            _places.notify()
