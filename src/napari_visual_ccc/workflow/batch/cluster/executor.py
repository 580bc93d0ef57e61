"""Give items to the workers of a cluster, and take their answers."""

from __future__ import annotations

import itertools
import pickle
import time
import uuid
from typing import Any

from .guard import RUN, asking, refusal
from .need import Need, shortage_of
from .scheduler import ANSWER, LOST_CONNECTION, within

# items that are at work or wait, at least: a cluster that scales by its load sees them. With fewer
# than a worker does in 5 s, which is what dask looks at, there would be no second one.
_QUEUE = 1000

# bytes of answers that may wait here together, should they come faster than they are written down
_HELD = 256_000_000

# seconds between two looks at the number of workers
_COUNT = 5.0


class Executor:
    """Workers of a cluster, with `submit` and `shutdown` of `concurrent.futures`.

    Parameters
    ----------
    client : distributed.Client
        Of the scheduler.
    need : Need
        Of the largest item.

    Raises
    ------
    RuntimeError
        If a worker has another version of the package or of Python.
    """

    def __init__(self, client: Any, need: Need) -> None:
        self._client, self._need = client, need
        self._inner = client.get_executor(pure=False)
        # the items are one group, whose members wait at the scheduler and not at a worker: one that
        # dies has no part in the others then, and new ones are given some
        self._group, self._numbers = f"visual-ccc-{uuid.uuid4().hex}", itertools.count()
        self._threads, self._asked = 0, -_COUNT
        self._answers = self._bytes = 0
        self.notes: list[str] = []
        self._check_workers()

    def _check_workers(self) -> None:
        """Refuse workers that are there already; each item checks the one that it comes to."""

        def ask() -> tuple[dict[str, Any], dict[str, Any]]:
            found = self._client.run(eval, RUN, asking(), on_error="return")
            return found, self._client.scheduler_info()["workers"]

        try:
            found, known = within(ANSWER, ask)
        except TimeoutError:
            return
        except (OSError, RuntimeError) as error:
            raise ConnectionError(LOST_CONNECTION) from error
        for address, one in found.items():
            # one that has ended meanwhile gives an error
            if isinstance(one, dict):
                name = str(known.get(address, {}).get("name", address))
                if reason := refusal({**one, "name": name, "address": address}):
                    raise RuntimeError(reason)

    def submit(self, function: Any, item: Any) -> Any:
        """Give an item to the workers."""
        import cloudpickle

        payload = cloudpickle.dumps((function, item, self._need))
        key = (self._group, next(self._numbers))
        try:
            return self._inner.submit(eval, RUN, asking(payload), key=key)
        except (OSError, RuntimeError) as error:
            raise ConnectionError(LOST_CONNECTION) from error

    def opened(self, found: dict[str, Any]) -> Any:
        """Take the answer of a worker.

        Raises
        ------
        RuntimeError
            If the worker has another version of the package or of Python.
        """
        if reason := refusal(found):
            raise RuntimeError(reason)
        self._answers += 1
        self._bytes += len(found["answer"])
        note = shortage_of(self._need, found["threads"], found["places"], found["free"])
        if note and note not in self.notes:
            self.notes.append(note)
        return pickle.loads(found["answer"])

    def count(self) -> int:
        """Threads of all workers; asked for now and then, since they come and go."""
        if not self._threads or time.monotonic() - self._asked > _COUNT:
            try:
                self._threads = sum(self._client.nthreads().values())
            except (OSError, RuntimeError) as error:
                raise ConnectionError(LOST_CONNECTION) from error
            self._asked = time.monotonic()
        return self._threads

    def least(self) -> int:
        """Items that are at work or wait, however few workers there are."""
        mean = self._bytes / max(1, self._answers)
        return max(1, min(_QUEUE, int(_HELD // max(1, mean))))

    def withdraw(self) -> None:
        """Take back all items; those at work end at their next step."""
        self.shutdown(wait=False)
        self._inner = self._client.get_executor(pure=False)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As of `concurrent.futures.Executor`."""
        try:
            self._inner.shutdown(wait=wait and not cancel_futures)
        except (OSError, RuntimeError) as error:
            raise ConnectionError(LOST_CONNECTION) from error
