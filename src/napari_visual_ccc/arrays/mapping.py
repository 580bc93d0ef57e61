"""Apply a function of a (Y, X) plane to stacks, tile by tile and lazily for dask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable
from typing import Any

import numpy as np

from ..core.progress import Progress, Steps, run
from .lazy import _CHUNK_LEAST, BAND_PIXELS, CHUNK_PIXELS, CHUNK_SIDE, is_lazy, tile_workers
from .reduction import stepwise
from .tiling import COLUMNS, Tile, plane_tiles

Plane = Callable[[np.ndarray], np.ndarray | Steps[np.ndarray]]


def map_planes(
    function: Plane,
    image: Any,
    *,
    dtype: Any,
    halo: int | None = None,
    maps: int | None = None,
    pixels: int = BAND_PIXELS,
    columns: int = COLUMNS,
    note: str = "plane",
) -> Steps[Any]:
    """Apply a function of a (Y, X) plane to an image of any size.

    Parameters
    ----------
    function : callable
        From a 2-D numpy array to one of the same shape. With a `halo` it is called with tiles, on
        several threads, and must treat the border of a tile as the border of an image. A slow
        function is a generator that returns the array: a cancel takes effect at its steps.
    image : (..., Y, X) array
        Numpy or dask.
    dtype : dtype
        Of the result.
    halo : int, optional
        Distance in pixels up to which a result pixel depends on others. None: the function is
        called with whole planes.
    maps : int, optional
        Number of maps that the function returns along a first axis (numpy only).
    pixels : int
        Of a tile: fewer for slow functions, so that a cancel takes effect soon.
    columns : int
        Of a tile with a halo, at least.
    note : str
        For the progress bar.

    Returns
    -------
    (..., Y, X) or (maps, ..., Y, X) array
        Numpy for numpy. For dask a lazy array, computed on demand; `computed` writes it to an
        array. Tiles and chunks give exactly the result of the whole plane.
    """
    if is_lazy(image):
        cut = functools.partial(plane_tiles, pixels=pixels, columns=columns)
        return _lazily(function, image, dtype, halo, cut)
    result = np.empty(image.shape if maps is None else (maps, *image.shape), dtype)
    # whole planes one by one: their temporary memory is not bounded
    workers = 1 if halo is None else tile_workers()
    tiles = plane_tiles(image.shape, halo, pixels, columns=columns)
    yield from fill(function, image, result, tiles, note, workers)
    return result


def fill(
    function: Plane,
    image: np.ndarray,
    result: np.ndarray,
    tiles: Iterable[Tile],
    note: str = "",
    workers: int = 1,
) -> Steps[None]:
    """Write the results of a function for the tiles of an image into `result`."""

    def work(tile: Tile) -> Generator[Progress, None, None]:
        read: tuple[Any, ...] = (*tile.plane, *tile.read)
        keep: tuple[Any, ...] = (..., *tile.keep)
        write: tuple[Any, ...] = (..., *tile.plane, *tile.write)
        found = function(image[read])
        found = (yield from found) if isinstance(found, Generator) else found
        result[write] = found[keep]

    tiles, done = list(tiles), 0
    for ended in stepwise(map(work, tiles), workers):
        done += ended
        yield Progress(done, len(tiles), note)


def _lazily(
    function: Plane, image: Any, dtype: Any, halo: int | None, cut: Callable[..., Iterable[Tile]]
) -> Any:
    import dask.array as da

    def block(chunk: np.ndarray) -> np.ndarray:
        result = np.empty(chunk.shape, dtype)
        # dask runs its own threads
        run(fill(function, chunk, result, cut(chunk.shape, halo)))
        return result

    if halo and min(image.shape[-2:]) <= halo:
        # every pixel depends on all others
        halo = None
    meta = np.empty((0,) * image.ndim, dtype)
    image = _rechunk(image, halo)
    if not halo:
        return da.map_blocks(block, image, dtype=dtype, meta=meta)
    depth = {image.ndim - 2: halo, image.ndim - 1: halo}
    return da.map_overlap(
        block, image, depth=depth, boundary="none", dtype=dtype, meta=meta, allow_rechunk=True
    )


def _rechunk(image: Any, halo: int | None) -> Any:
    """Split chunks that are too large for memory, join those too small to be worth scheduling."""
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
