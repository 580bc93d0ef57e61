"""Lazy (dask) arrays and their chunks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

# pixels of one tile: small enough to cancel within a second and to bound temporary memory
BAND_PIXELS = 1 << 20

# each works on a tile of its own, so more would take more memory than they save time
WORKERS = min(8, os.cpu_count() or 1)

# chunks of a lazy image: their pixels at most, and the side that others are cut or joined to
CHUNK_PIXELS, _CHUNK_LEAST, CHUNK_SIDE = 1 << 24, 512, 2048

# arrays on disk up to this size are read whole
READ_BYTES = 1 << 30


def is_lazy(image: Any) -> bool:
    """Whether an array is dask's."""
    return hasattr(image, "dask")


def as_array_or_dask(image: Any, read_bytes: int = READ_BYTES) -> Any:
    """Give an array as the operations take it: numpy, or lazy dask for what is large and on disk.

    Parameters
    ----------
    image : array
        Numpy, memory-mapped, zarr, dask, or anything that numpy reads.
    read_bytes : int
        Arrays on disk up to this size are read whole.
    """
    if is_lazy(image):
        return image
    on_disk = isinstance(image, np.memmap) or not hasattr(image, "__array_interface__")
    if on_disk and getattr(image, "nbytes", 0) > read_bytes and image.ndim >= 2:
        import dask.array as da

        # colour stays in one piece
        planes = image.ndim - (image.shape[-1] in (3, 4) and image.ndim > 2)
        sizes = dict.fromkeys(range(image.ndim), 1)
        sizes |= {planes - 2: CHUNK_SIDE, planes - 1: CHUNK_SIDE}
        sizes |= dict.fromkeys(range(planes, image.ndim), -1)
        # no name from its content: that would read all of it
        return da.from_array(image, chunks=tuple(sizes.values()), name=False)
    return np.asarray(image)


def rechunk_square(image: Any, side: int) -> Any:
    """Give an image as dask in chunks of one plane each, as high and wide as asked for."""
    import dask.array as da

    sizes = (*(1 for _ in image.shape[:-2]), side, side)
    if is_lazy(image):
        return image.rechunk(sizes)
    return da.from_array(image, chunks=sizes, name=False)
