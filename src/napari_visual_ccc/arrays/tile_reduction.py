"""Map functions over tiles of a plane that depend on its shape alone, whatever its chunks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from .lazy import is_lazy
from .reduction import ordered_map, threads
from .tiling import edges

Answer = TypeVar("Answer")

SIDE = 1024


def tile_corners(shape: tuple[int, ...], side: int = SIDE) -> list[tuple[int, int]]:
    """First row and column of every tile of a plane, in the order of `map_tiles`."""
    rows, columns = (edges(length, side).tolist() for length in shape)
    return list(itertools.product(rows[:-1], columns[:-1]))


def map_tiles(
    function: Callable[..., Answer], *images: Any, halo: int, side: int = SIDE
) -> Iterator[Answer]:
    """Apply a function to all tiles of a plane, which depend on its shape alone.

    Each chunk of lazy images is computed once; a row of chunks or two are in memory.

    Parameters
    ----------
    function : callable
        From the tiles of the images, with a halo on all sides that is 0 beyond the image, to an
        answer. Called on several threads.
    *images : (Y, X) arrays
        Of one shape, numpy or dask.
    halo : int
        Pixels around a tile that are read as well.
    side : int
        Of a tile, at most.

    Yields
    ------
    The answers, in the order of `tile_corners`.
    """
    rows, columns = (edges(length, side).tolist() for length in images[0].shape)

    def tiles() -> Iterator[list[np.ndarray]]:
        for bands in zip(*(_bands(image, rows, halo) for image in images), strict=True):
            for left, right in itertools.pairwise(columns):
                yield [band[:, left : right + 2 * halo] for band in bands]

    return ordered_map(lambda parts: function(*parts), tiles())


def _bands(image: Any, rows: list[int], halo: int) -> Iterator[np.ndarray]:
    """Rows of tiles with their halo."""
    read = _reader(image) if is_lazy(image) else lambda first, last: image[first:last]
    height, width = image.shape
    for top, bottom in itertools.pairwise(rows):
        first, last = max(top - halo, 0), min(bottom + halo, height)
        band = np.zeros((bottom - top + 2 * halo, width + 2 * halo), image.dtype)
        start = first - top + halo
        band[start : start + last - first, halo : halo + width] = read(first, last)
        yield band


def _reader(image: Any) -> Callable[[int, int], np.ndarray]:
    """Function that reads rows from a first to a last; both only increase from call to call."""
    held, start, block = np.zeros((0, image.shape[1]), image.dtype), 0, 0

    def read(first: int, last: int) -> np.ndarray:
        nonlocal held, start, block
        # a copy: a view of a few rows would keep all of their chunks
        held, start = held[first - start :].copy(), first
        parts = [held] if len(held) else []
        while start + sum(map(len, parts)) < last:
            chunks = image.blocks[block]
            parts.append(chunks.compute(scheduler="threads", pool=threads(), callbacks=()))
            block += 1
        held = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return held[: last - first]

    return read
