"""Lift a function of one (Y, X) plane over stacks, tiles with a halo, row bands and lazy dask."""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np

from ..progress import Progress, Steps, run

Plane = Callable[[np.ndarray], np.ndarray]
Item = TypeVar("Item")
Answer = TypeVar("Answer")

# pixels of one tile: small enough to cancel within a second and to bound temporary memory
BAND_PIXELS = 1 << 20
# each works on a tile of its own, so more would take more memory than they save time
WORKERS = min(8, os.cpu_count() or 1)
_LEAST_PIXELS = 1 << 16
# columns of a tile with a halo: rows of a wide image would be little else than halo
_COLUMNS = 2048
# chunks of a lazy image: their pixels at most, and the side that others are cut or joined to
CHUNK_PIXELS, _CHUNK_LEAST, CHUNK_SIDE = 1 << 24, 512, 2048
# arrays on disk up to this size are read whole
_READ_BYTES = 1 << 30

Tile = tuple[tuple[int, ...], tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]


def is_lazy(image: Any) -> bool:
    """Whether an array is dask's."""
    return hasattr(image, "dask")


def opened(image: Any) -> Any:
    """Give an array as the operations take it: numpy, or lazy dask for what is large and on disk.

    Parameters
    ----------
    image : array
        Numpy, memory-mapped, zarr, dask, or anything that numpy reads.
    """
    if is_lazy(image):
        return image
    on_disk = isinstance(image, np.memmap) or not hasattr(image, "__array_interface__")
    if on_disk and getattr(image, "nbytes", 0) > _READ_BYTES and image.ndim >= 2:
        import dask.array as da

        # colour stays in one piece
        planes = image.ndim - (image.shape[-1] in (3, 4) and image.ndim > 2)
        sizes = dict.fromkeys(range(image.ndim), 1)
        sizes |= {planes - 2: CHUNK_SIDE, planes - 1: CHUNK_SIDE}
        sizes |= dict.fromkeys(range(planes, image.ndim), -1)
        # no name from its content: that would read all of it
        return da.from_array(image, chunks=tuple(sizes.values()), name=False)
    return np.asarray(image)


def map_planes(
    function: Plane,
    image: Any,
    *,
    dtype: Any,
    halo: int | None = None,
    maps: int | None = None,
    pixels: int = BAND_PIXELS,
    note: str = "plane",
) -> Steps[Any]:
    """Apply a function of a (Y, X) plane to an image of any size.

    Parameters
    ----------
    function : callable
        Takes a 2-D numpy array and gives one of the same shape. With a `halo` it sees a tile at a
        time, several on as many threads, and must treat the border of what it sees as the border
        of an image.
    image : (..., Y, X) array
        Numpy or dask.
    dtype : dtype
        Of the result.
    halo : int, optional
        How many pixels around it a result pixel depends on. Without it the function gets whole
        planes.
    maps : int, optional
        How many maps the function gives at once, as a first axis (numpy only).
    pixels : int
        Of a tile: fewer where a pixel takes long, for Cancel to be prompt.
    note : str
        For the progress bar.

    Returns
    -------
    (..., Y, X) or (maps, ..., Y, X) array
        Numpy for numpy. For dask: a lazy array at once, computed where it is looked at; `computed`
        writes it where there is room for it. Tiles and chunks give exactly what the whole plane
        would give.
    """
    if is_lazy(image):
        return _lazily(function, image, dtype, halo, pixels)
    result = np.empty(image.shape if maps is None else (maps, *image.shape), dtype)
    # whole planes of a stack one by one: what they need for a while is not bounded
    workers = 1 if halo is None else WORKERS
    yield from _fill(function, image, result, halo, pixels, note, workers)
    return result


def _fill(
    function: Plane,
    image: np.ndarray,
    result: np.ndarray,
    halo: int | None,
    pixels: int,
    note: str,
    workers: int,
) -> Steps[None]:
    def work(tile: Tile) -> None:
        index, place, seen, inner = tile
        read: tuple[Any, ...] = (*index, *seen)
        keep: tuple[Any, ...] = (..., *inner)
        write: tuple[Any, ...] = (..., *index, *place)
        result[write] = function(image[read])[keep]

    tiles = list(_tiles(image.shape, halo, pixels))
    for done, _ in enumerate(in_turn(work, tiles, workers), start=1):
        yield Progress(done, len(tiles), note)


def _tiles(shape: tuple[int, ...], halo: int | None, pixels: int) -> Iterator[Tile]:
    """Cut a stack: index of the plane, then rows and columns to write, to read, to keep of these.

    Without a halo in whole planes, with one of 0 in bands of rows.
    """
    height, width = shape[-2:]
    across = min(width, max(_COLUMNS, 8 * halo)) if halo else width
    # in four at least: there is work for as many threads, and a slider waits
    pixels = min(pixels, max(height * width // 4, _LEAST_PIXELS))
    down = height if halo is None else max(pixels // across, 4 * halo, 1)
    cuts = [_cuts(length, step, halo or 0) for length, step in ((height, down), (width, across))]
    for index in np.ndindex(shape[:-2]):
        for rows, columns in itertools.product(*cuts):
            place, seen, inner = zip(rows, columns, strict=True)
            yield index, place, seen, inner


def _cuts(length: int, step: int, halo: int) -> list[tuple[slice, slice, slice]]:
    cuts = []
    for start in range(0, length, step):
        stop = min(start + step, length)
        first, last = max(start - halo, 0), min(stop + halo, length)
        inner = slice(start - first, stop - first)
        cuts.append((slice(start, stop), slice(first, last), inner))
    return cuts


def _lazily(function: Plane, image: Any, dtype: Any, halo: int | None, pixels: int) -> Any:
    import dask.array as da

    def block(chunk: np.ndarray) -> np.ndarray:
        result = np.empty(chunk.shape, dtype)
        # dask brings the threads
        run(_fill(function, chunk, result, halo, pixels, "", workers=1))
        return result

    if halo and min(image.shape[-2:]) <= halo:
        # everything depends on everything
        halo = None
    meta = np.empty((0,) * image.ndim, dtype)
    image = _suited(image, halo)
    if not halo:
        return da.map_blocks(block, image, dtype=dtype, meta=meta)
    depth = {image.ndim - 2: halo, image.ndim - 1: halo}
    return da.map_overlap(
        block, image, depth=depth, boundary="none", dtype=dtype, meta=meta, allow_rechunk=True
    )


def _suited(image: Any, halo: int | None) -> Any:
    """Cut chunks that fill the memory, join those that are more work to schedule than to do."""
    wanted: dict[int, int] = {}
    if np.prod([max(sizes) for sizes in image.chunks]) > CHUNK_PIXELS:
        wanted = dict.fromkeys(range(image.ndim - 2), 1)
        wanted |= {image.ndim - 2: CHUNK_SIDE, image.ndim - 1: CHUNK_SIDE}
    for axis in (image.ndim - 2, image.ndim - 1):
        longest = max(image.chunks[axis])
        if longest < min(_CHUNK_LEAST, image.shape[axis]):
            wanted[axis] = longest * (CHUNK_SIDE // longest)
        if halo is None:
            wanted[axis] = -1
    return image.rechunk(wanted) if wanted else image


def in_squares(image: Any, side: int) -> Any:
    """Give an image as dask in chunks of one plane each, as high and wide as asked for."""
    import dask.array as da

    sizes = (*(1 for _ in image.shape[:-2]), side, side)
    if is_lazy(image):
        return image.rechunk(sizes)
    return da.from_array(image, chunks=sizes, name=False)


def planes(image: Any) -> Iterator[np.ndarray]:
    """Give the (Y, X) planes of a stack one after the other, computing lazy ones as they come."""
    for index in np.ndindex(image.shape[:-2]):
        yield np.asarray(image[index])


def bands(
    shape: tuple[int, ...], pixels: int = BAND_PIXELS
) -> Iterator[tuple[tuple[int, ...], slice]]:
    """Cut a stack into bands of rows: index of the plane, rows."""
    for index, (rows, _), _, _ in _tiles(shape, 0, pixels):
        yield index, rows


def pieces(image: Any) -> Iterator[np.ndarray]:
    """Give every pixel once, a bounded piece at a time; `over_pieces` is faster.

    Parameters
    ----------
    image : (..., Y, X) array
        Numpy (bands of rows come as views) or dask (chunks come computed).

    Yields
    ------
    numpy array
        The shape says nothing; the pieces together are the image.
    """
    if is_lazy(image):
        for index in np.ndindex(image.numblocks):
            yield np.asarray(image.blocks[index])
        return
    for index, rows in bands(image.shape):
        yield image[(*index, rows)]


def over_pieces(function: Callable[..., Answer], *images: Any) -> Iterator[tuple[int, Answer]]:
    """Ask something of every piece of an image, on all cores: histograms, limits and counts.

    Parameters
    ----------
    function : callable
        Where the piece lies (index and slices), the pieces of the images → an answer that is
        small. Called on several threads.
    *images : (..., Y, X) arrays
        Of one shape, numpy or dask.

    Yields
    ------
    Number of the piece and answer; those of chunks as they come. `blocks.Total` adds them up.
    """
    if any(is_lazy(image) for image in images):
        from .blocks import over_blocks

        return over_blocks(function, *images)

    def ask(tile: Tile) -> Answer:
        place = (*tile[0], *tile[1])
        return function(place, *(image[place] for image in images))

    return enumerate(in_turn(ask, _tiles(images[0].shape, 0, BAND_PIXELS)))


def count_pieces(image: Any) -> int:
    """Give how many `pieces` there are, for the progress bar."""
    return int(np.prod(image.numblocks)) if is_lazy(image) else len(list(bands(image.shape)))


def computed(image: Any, out: Any = None) -> Steps[Any]:
    """Compute a lazy array chunk by chunk.

    Parameters
    ----------
    image : dask array
        What to compute.
    out : array, optional
        Where to: a memory-mapped file or a zarr array, for what is larger than memory. A numpy
        array is made without it.

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
    for done, _ in enumerate(over_pieces(store, image), start=1):
        yield Progress(done, total, "compute")
    return result


def in_turn(
    function: Callable[[Item], Answer], items: Iterable[Item], workers: int = WORKERS
) -> Iterator[Answer]:
    """Apply a function on several threads, a few items ahead, and give the answers in order."""
    items = iter(items)
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


@functools.cache
def threads() -> ThreadPoolExecutor:
    """The threads for work that waits for nobody.

    Always the same ones: each new one would keep freed memory of its own.
    """
    return ThreadPoolExecutor(WORKERS)
