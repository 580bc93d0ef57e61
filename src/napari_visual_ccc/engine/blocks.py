"""Go through the chunks of lazy arrays in one pass of dask, leaving when the reader leaves."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from .planes import WORKERS, is_lazy

Answer = TypeVar("Answer")


class _Left(Exception):
    """Nobody waits for the answers any more."""


def over_blocks(function: Callable[..., Answer], *images: Any) -> Iterator[Answer]:
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
    The answers in the order of the chunks.
    """
    first = next(image for image in images if is_lazy(image))
    every = list(np.ndindex(first.numblocks))
    found: queue.Queue[tuple[Any, Any]] = queue.Queue(2 * WORKERS)
    left = threading.Event()

    def put(answer: tuple[Any, Any]) -> None:
        while not left.is_set():
            try:
                return found.put(answer, timeout=0.1)
            except queue.Full:
                continue

    early: dict[tuple[int, ...], Answer] = {}
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(_compute, function, images, first, put, left)
        # an error of the image's own tasks is raised where the answers are read
        work.add_done_callback(lambda done: put((None, done.exception())))
        try:
            for block in every:
                while block not in early:
                    one, answer = found.get()
                    if one is None:
                        raise answer
                    early[one] = answer
                yield early.pop(block)
        finally:
            left.set()


def _compute(
    function: Callable[..., Any],
    images: tuple[Any, ...],
    first: Any,
    put: Callable[[tuple[Any, Any]], None],
    left: threading.Event,
) -> None:
    import dask.array as da

    starts = [np.cumsum([0, *sizes]) for sizes in first.chunks]

    def ask(*parts: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        if left.is_set():
            raise _Left
        place = tuple(
            slice(int(s[i]), int(s[i + 1])) for s, i in zip(starts, block_id, strict=True)
        )
        put((block_id, function(place, *parts)))
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
    )
    asked.compute(scheduler="threads", num_workers=WORKERS)
