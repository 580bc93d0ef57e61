"""Images cut into tiles and bands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .lazy import BAND_PIXELS

_LEAST_PIXELS = 1 << 16

# columns of a tile with a halo: rows of a wide image would be little else than halo
_COLUMNS = 2048

Tile = tuple[tuple[int, ...], tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]


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
