"""Go through the chunks of lazy arrays in one pass of dask, and stop when the reader leaves."""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from .planes import WORKERS, is_lazy

Answer = TypeVar("Answer")
# number of no chunk
_ERROR = -1


class _Left(Exception):
    """Nobody waits for the answers any more."""


class Total:
    """Sum of arrays that come in any order: always added up alike, so that no digit changes.

    Neighbours are added to pairs, pairs to fours and so on; few sums wait at any time.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], Any] = {}

    def add(self, number: int, part: Any) -> None:
        """Add the array of a number, each number once."""
        level = 0
        while (level, number ^ 1) in self._parts:
            part = part + self._parts.pop((level, number ^ 1))
            level, number = level + 1, number // 2
        self._parts[level, number] = part

    @property
    def value(self) -> Any:
        """The sum."""
        parts: Any = [self._parts[place] for place in sorted(self._parts)]
        total: Any = sum(parts)
        return total


def over_blocks(function: Callable[..., Answer], *images: Any) -> Iterator[tuple[int, Answer]]:
    """Ask something of every chunk: `planes.over_pieces` of lazy arrays.

    All chunks are one graph, so that what neighbours share (a file's chunk under two halos) is
    computed once; the threads wait when the reader falls behind.

    Parameters
    ----------
    function : callable
        Slices of the chunk, its parts of the images → answer.
    *images : (..., Y, X) arrays
        Of one shape; at least one is dask's, whose chunks are the pieces.

    Yields
    ------
    Number of the chunk and answer, as they come: dask decides what is computed first.
    """
    first = next(image for image in images if is_lazy(image))
    found: queue.Queue[tuple[int, Any]] = queue.Queue(2 * WORKERS)
    left = threading.Event()

    def put(answer: tuple[int, Any]) -> None:
        while not left.is_set():
            try:
                return found.put(answer, timeout=0.1)
            except queue.Full:
                continue

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(_compute, function, images, first, put, left)
        # an error of the image's own tasks is raised where the answers are read
        work.add_done_callback(lambda done: put((_ERROR, done.exception())))
        try:
            for _ in range(int(np.prod(first.numblocks))):
                number, answer = found.get()
                if number == _ERROR:
                    raise answer
                yield number, answer
        finally:
            left.set()


def _compute(
    function: Callable[..., Any],
    images: tuple[Any, ...],
    first: Any,
    put: Callable[[tuple[int, Any]], None],
    left: threading.Event,
) -> None:
    import dask.array as da
    from dask.array.core import slices_from_chunks

    places = slices_from_chunks(first.chunks)

    def ask(*parts: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        if left.is_set():
            raise _Left
        number = int(np.ravel_multi_index(block_id, first.numblocks))
        put((number, function(places[number], *parts)))
        return np.zeros((1,) * first.ndim, bool)

    given = [
        image.rechunk(first.chunks)
        if is_lazy(image)
        else da.from_array(image, chunks=first.chunks, name=False)
        for image in images
    ]
    asked = da.map_blocks(
        ask,
        *given,
        dtype=bool,
        chunks=tuple((1,) * count for count in first.numblocks),
        meta=np.empty((0,) * first.ndim, bool),
        # a name of its own: one made from what the function holds would take long
        name=f"asked-{uuid.uuid4().hex}",
    )
    asked.compute(scheduler="threads", num_workers=WORKERS)
