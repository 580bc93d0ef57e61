"""Lift a function of one (Y, X) plane over stacks, row bands and lazy dask arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..progress import Progress, Steps

Plane = Callable[[np.ndarray], np.ndarray]

# pixels of one band: small enough to cancel within a second and to bound temporary memory
BAND_PIXELS = 1 << 20


def is_lazy(image: Any) -> bool:
    """Whether an array is dask's."""
    return hasattr(image, "dask")


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
        Takes a 2-D numpy array and gives one of the same shape. With a `halo` it sees a few
        rows at a time and must treat the border of what it sees as the border of an image.
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
        Of a band: fewer where a pixel takes long, for Cancel to be prompt.
    note : str
        For the progress bar.

    Returns
    -------
    (..., Y, X) or (maps, ..., Y, X) array
        Numpy for numpy. For dask: a lazy array at once, computed where it is looked at. Bands
        and chunks give exactly what the whole plane would give.
    """
    if is_lazy(image):
        return _lazily(function, image, dtype, halo)
    result = np.empty(image.shape if maps is None else (maps, *image.shape), dtype)
    bands = list(windows(image.shape, halo, pixels))
    for done, (index, rows, seen, inner) in enumerate(bands, start=1):
        band = function(image[(*index, seen)])
        place: tuple[Any, ...] = (..., *index, rows, slice(None))
        result[place] = band[..., inner, :]
        yield Progress(done, len(bands), note)
    return result


def windows(
    shape: tuple[int, ...], halo: int | None, pixels: int = BAND_PIXELS
) -> Iterator[tuple[tuple[int, ...], slice, slice, slice]]:
    """Cut a stack into bands: index of the plane, rows to write, rows to read, rows to keep."""
    height, width = shape[-2:]
    step = height if halo is None else max(pixels // width, 4 * halo, 1)
    around = halo or 0
    for index in np.ndindex(shape[:-2]):
        for start in range(0, height, step):
            stop = min(start + step, height)
            first, last = max(start - around, 0), min(stop + around, height)
            yield index, slice(start, stop), slice(first, last), slice(start - first, stop - first)


def _lazily(function: Plane, image: Any, dtype: Any, halo: int | None) -> Any:
    import dask.array as da

    def block(chunk: np.ndarray) -> np.ndarray:
        result = np.empty(chunk.shape, dtype)
        for index in np.ndindex(chunk.shape[:-2]):
            result[index] = function(chunk[index])
        return result

    meta = np.empty((0,) * image.ndim, dtype)
    if halo is None:
        whole = image.rechunk({-2: -1, -1: -1})
        return da.map_blocks(block, whole, dtype=dtype, meta=meta)
    depth = {image.ndim - 2: halo, image.ndim - 1: halo}
    return da.map_overlap(
        block, image, depth=depth, boundary="none", dtype=dtype, meta=meta, allow_rechunk=True
    )


def planes(image: Any) -> Iterator[np.ndarray]:
    """Give the (Y, X) planes of a stack one after the other, computing lazy ones as they come."""
    for index in np.ndindex(image.shape[:-2]):
        yield np.asarray(image[index])


def pieces(image: Any) -> Iterator[np.ndarray]:
    """Give every pixel once, a bounded piece at a time: for histograms, limits and counts.

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
    for index, rows, _, _ in windows(image.shape, 0):
        yield image[(*index, rows)]


def computed(image: Any) -> Steps[np.ndarray]:
    """Compute a lazy array chunk by chunk."""
    result = np.empty(image.shape, image.dtype)
    places = list(np.ndindex(image.numblocks))
    starts = [np.cumsum([0, *sizes]) for sizes in image.chunks]
    for done, index in enumerate(places, start=1):
        place = tuple(slice(s[i], s[i + 1]) for s, i in zip(starts, index, strict=True))
        result[place] = np.asarray(image.blocks[index])
        yield Progress(done, len(places), "compute")
    return result


def count_pieces(image: Any) -> int:
    """Give how many `pieces` there are, for the progress bar."""
    return int(np.prod(image.numblocks)) if is_lazy(image) else len(list(windows(image.shape, 0)))
