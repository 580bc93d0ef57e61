"""Lazy (dask) arrays and their chunks, and the numbers that both kinds of arrays may hold."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..core.memory import available
from ..core.settings.cores import workers

# pixels of a tile: small enough to cancel within a second and to bound temporary memory
BAND_PIXELS = 1 << 20

# each thread holds a tile, so more threads would take more memory than they save time
_MOST_WORKERS = 8

# chunks of a lazy image: most pixels, smallest side, and the side after rechunking
CHUNK_PIXELS, _CHUNK_LEAST, CHUNK_SIDE = 1 << 24, 512, 2048

# arrays on disk up to this size are read whole
READ_BYTES = 1 << 30

# largest size of grey values, whose differences float32 holds, and the size below which it loses
# their digits
_LARGEST, _LEAST = 1e38, 1.2e-38


@functools.cache
def tile_workers() -> int:
    """Number of threads on which filters run, from the settings or the cores that are allowed.

    It is counted once, at the first filter: the pool of threads has one size, and worker processes
    of a batch are given theirs after this module is loaded.
    """
    return min(_MOST_WORKERS, workers())


def is_lazy(image: Any) -> bool:
    """Whether an array is a dask array."""
    return hasattr(image, "dask")


def in_memory(array: Any) -> np.ndarray:
    """Compute a dask array; read anything else as numpy does.

    Callbacks of dask belong to the process: that of the cache which napari sets while it slices a
    layer would take part in the work of other threads, and either would fail.
    """
    if not is_lazy(array):
        return np.asarray(array)
    return np.asarray(array.compute(scheduler="threads", callbacks=()))


def as_array_or_dask(image: Any, read_bytes: int = READ_BYTES) -> Any:
    """Convert to numpy, or to dask where the array is large and on disk.

    Parameters
    ----------
    image : array
        Numpy, memory-mapped, zarr, dask, or anything that numpy reads.
    read_bytes : int
        Arrays on disk up to this size are read whole.

    Returns
    -------
    array
        Dask arrays without their empty chunks.
    """
    if is_lazy(image):
        return _without_empty_chunks(image)
    on_disk = isinstance(image, np.memmap) or not hasattr(image, "__array_interface__")
    if on_disk and getattr(image, "nbytes", 0) > read_bytes and image.ndim >= 2:
        import dask.array as da

        # one chunk along the colour axis
        planes = image.ndim - (image.shape[-1] in (3, 4) and image.ndim > 2)
        sizes = dict.fromkeys(range(image.ndim), 1)
        sizes |= {planes - 2: CHUNK_SIDE, planes - 1: CHUNK_SIDE}
        sizes |= dict.fromkeys(range(planes, image.ndim), -1)
        # a name made from the content would read all of it
        return da.from_array(image, chunks=tuple(sizes.values()), name=False)
    return np.asarray(image)


def _without_empty_chunks(image: Any) -> Any:
    if not image.size or not any(0 in sizes for sizes in image.chunks):
        return image
    return image.rechunk(tuple(tuple(one for one in sizes if one) for sizes in image.chunks))


def check_repeated(array: Any) -> None:
    """Validate a view with a stride of zero: its copies take the memory that it does not.

    Parameters
    ----------
    array : any
        What is no numpy array passes.

    Raises
    ------
    ValueError
        If a numpy array repeats few numbers, and all of them are more than the free memory.
    """
    if not isinstance(array, np.ndarray) or array.nbytes <= READ_BYTES or 0 not in array.strides:
        return
    if array.nbytes > (free := available()):
        raise ValueError(
            f"the array of shape {array.shape} repeats its numbers: it takes "
            f"{array.nbytes / 1e9:,.1f} GB of memory, of which {free / 1e9:,.1f} GB are free; "
            "take a part of it"
        )


def rechunk_square(image: Any, side: int) -> Any:
    """Dask array in square chunks of one plane each."""
    import dask.array as da

    sizes = (*(1 for _ in image.shape[:-2]), side, side)
    if is_lazy(image):
        return image.rechunk(sizes)
    return da.from_array(image, chunks=sizes, name=False)


def within_reach(image: Any) -> Any:
    """Validate that float32, in which results are computed, holds the grey values.

    Blocks of dask are checked for large values when they are computed.

    Raises
    ------
    ValueError
        If finite values are too large, or all are too small.
    """
    if image.dtype.kind != "f" or image.dtype.itemsize < 4:
        return image
    if is_lazy(image):
        return image.map_blocks(_not_too_large, dtype=image.dtype, meta=image._meta)
    largest = _size(image)
    if 0 < largest < _LEAST:
        raise ValueError(
            f"grey values reach only {largest:.3g}, too near to zero for float32; rescale them"
        )
    return _not_too_large(image)


def _not_too_large(part: np.ndarray) -> np.ndarray:
    if _size(part) > _LARGEST:
        largest = _size(part[np.isfinite(part)])
        if largest > _LARGEST:
            raise ValueError(
                f"grey values reach {largest:.3g}, too far; rescale them to what float32 holds, "
                f"up to {_LARGEST:.0e}"
            )
    return part


def _size(part: np.ndarray) -> float:
    """Largest distance from zero, leaving out NaN."""
    if not part.size:
        return 0.0
    return max(-float(np.fmin.reduce(part, axis=None)), float(np.fmax.reduce(part, axis=None)))
