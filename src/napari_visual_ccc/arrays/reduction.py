"""Map functions over the pieces of arrays of any size on threads, and sum up the results."""

from __future__ import annotations

import functools
import itertools
import queue
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np

from ..core.progress import Progress, Steps
from .lazy import in_memory, is_lazy, tile_workers
from .tiling import Tile, bands, plane_tiles

Item = TypeVar("Item")

Answer = TypeVar("Answer")


def pieces(image: Any) -> Iterator[np.ndarray]:
    """Iterate over an array in pieces of bounded size; `map_pieces` is faster.

    Parameters
    ----------
    image : (..., Y, X) array
        Numpy (bands of rows come as views) or dask (chunks come computed).

    Yields
    ------
    numpy array
        Of any shape; the pieces together are the image.
    """
    if is_lazy(image):
        for index in np.ndindex(image.numblocks):
            yield in_memory(image.blocks[index])
        return
    for index, rows in bands(image.shape):
        yield image[(*index, rows)]


def map_pieces(function: Callable[..., Answer], *images: Any) -> Iterator[tuple[int, Answer]]:
    """Apply a function to all pieces of images on all cores: histograms, limits and counts.

    Parameters
    ----------
    function : callable
        From the position of a piece (index and slices) and the pieces of the images to a small
        answer. Called on several threads.
    *images : (..., Y, X) arrays
        Of one shape, numpy or dask.

    Yields
    ------
    Number of the piece and answer; chunks in any order. `PairwiseSum` adds them up.
    """
    if any(is_lazy(image) for image in images):
        return map_chunks(function, *images)

    def apply(tile: Tile) -> Answer:
        place = (*tile.plane, *tile.write)
        return function(place, *(image[place] for image in images))

    return enumerate(ordered_map(apply, plane_tiles(images[0].shape)))


def count_pieces(image: Any) -> int:
    """Number of `pieces`, for the progress bar."""
    return int(np.prod(image.numblocks)) if is_lazy(image) else len(list(bands(image.shape)))


def computed(image: Any, out: Any = None) -> Steps[Any]:
    """Compute a lazy array chunk by chunk.

    Parameters
    ----------
    image : dask array
        What to compute.
    out : array, optional
        Memory-mapped file or zarr array to write to, for results larger than memory. By default a
        new numpy array.

    Returns
    -------
    array
        `out`.
    """
    result = np.empty(image.shape, image.dtype) if out is None else out
    stored = getattr(out, "shards", None) or getattr(out, "chunks", None)
    if stored:
        # two threads never write into one chunk
        image = image.rechunk(stored)

    def store(place: tuple[slice, ...], part: np.ndarray) -> None:
        result[place] = part

    total = count_pieces(image)
    for done, _ in enumerate(map_pieces(store, image), start=1):
        yield Progress(done, total, "compute")
    return result


def ordered_map(
    function: Callable[[Item], Answer], items: Iterable[Item], workers: int = 0
) -> Iterator[Answer]:
    """Apply a function on several threads, a few items ahead, and yield the answers in order."""
    items, workers = iter(items), workers or tile_workers()
    if workers == 1:
        yield from map(function, items)
        return
    pool = threads()
    ahead = deque(pool.submit(function, item) for item in itertools.islice(items, workers + 1))
    try:
        while ahead:
            answer = ahead.popleft().result()
            ahead.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
            yield answer
    finally:
        wait([one for one in ahead if not one.cancel()])


def stepwise(works: Iterable[Generator[Any, None, Any]], workers: int = 0) -> Iterator[bool]:
    """Run generators on several threads, a few at once; left half-way, no step more is begun.

    Yields
    ------
    After every step: whether its generator has ended.
    """
    works, workers = iter(works), workers or tile_workers()
    if workers == 1:
        for work in works:
            yield from (False for _ in work)
            yield True
        return
    pool = threads()

    def begun(work: Generator[Any, None, Any]) -> tuple[Generator[Any, None, Any], Future[Any]]:
        return work, pool.submit(next, work, _END)

    ahead = deque(map(begun, itertools.islice(works, workers + 1)))
    try:
        while ahead:
            work, step = ahead.popleft()
            ended = step.result() is _END
            ahead.extend(map(begun, itertools.islice(works, 1) if ended else [work]))
            yield ended
    finally:
        wait([step for _, step in ahead if not step.cancel()])


@functools.cache
def threads() -> ThreadPoolExecutor:
    """Pool of threads for tasks that do not wait for others.

    One pool for all: each new thread would keep freed memory of its own.
    """
    return ThreadPoolExecutor(tile_workers())


# what a generator gives after its last step
_END = object()

# instead of the number of a chunk
_ERROR = -1


class _Abandoned(Exception):
    """The consumer has stopped reading answers."""


class PairwiseSum:
    """Sum of numbered arrays, the same to the last digit whatever their order.

    Neighbours are added to pairs, pairs to fours and so on; few partial sums are held.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], Any] = {}

    def add(self, number: int, part: Any) -> None:
        """Add an array; each number comes once."""
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


def map_chunks(function: Callable[..., Answer], *images: Any) -> Iterator[tuple[int, Answer]]:
    """Apply a function to all chunks of lazy arrays, as `map_pieces`.

    All chunks are one graph, so that tasks shared by neighbours (a file's chunk under two halos)
    are computed once; threads wait when the consumer falls behind.

    Parameters
    ----------
    function : callable
        From the slices of a chunk and the chunks of the images to an answer.
    *images : (..., Y, X) arrays
        Of one shape; the chunks of the first dask array are the pieces.

    Yields
    ------
    Number of the chunk and answer; dask chooses the order.
    """
    first = next(image for image in images if is_lazy(image))
    found: queue.Queue[tuple[int, Any]] = queue.Queue(2 * tile_workers())
    abandoned = threading.Event()

    def put(answer: tuple[int, Any]) -> None:
        while not abandoned.is_set():
            try:
                return found.put(answer, timeout=0.1)
            except queue.Full:
                continue

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(_compute, function, images, first, put, abandoned)
        # errors of the image's own tasks are raised where the answers are read
        work.add_done_callback(lambda done: put((_ERROR, done.exception())))
        try:
            for _ in range(int(np.prod(first.numblocks))):
                number, answer = found.get()
                if number == _ERROR:
                    raise answer
                yield number, answer
        finally:
            abandoned.set()


def _compute(
    function: Callable[..., Any],
    images: tuple[Any, ...],
    first: Any,
    put: Callable[[tuple[int, Any]], None],
    abandoned: threading.Event,
) -> None:
    import dask.array as da
    from dask.array.core import slices_from_chunks

    places = slices_from_chunks(first.chunks)

    def ask(*parts: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        if abandoned.is_set():
            raise _Abandoned
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
        # hashing what the function holds, for a name, would take long
        name=f"asked-{uuid.uuid4().hex}",
    )
    asked.compute(scheduler="threads", num_workers=tile_workers(), callbacks=())
