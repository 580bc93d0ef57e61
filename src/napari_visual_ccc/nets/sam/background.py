"""Wait for one long call, so that a job can be cancelled meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from ...core.progress import Progress, Steps

T = TypeVar("T")

_POLL_S = 0.2


def in_background(work: Callable[[], T], progress: Progress) -> Steps[T]:
    """Run a call on a thread of its own; when cancelled, what it gives is dropped.

    Parameters
    ----------
    work : callable
        One call that cannot be divided: the pass of a large network, a download.
    progress : Progress
        Yielded until it is done.
    """
    pool = ThreadPoolExecutor(1)
    try:
        future = pool.submit(work)
        yield progress
        while not future.done():
            wait([future], _POLL_S)
            yield progress
        return future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
