"""Cut images into tiles, bands and windows: the positions of all parts are computed here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .lazy import BAND_PIXELS

# pixels of the smallest tile
LEAST_PIXELS = 1 << 16

# columns of a tile with a halo: rows of a wide image would be little else than halo
COLUMNS = 2048

# voxels of a block: bounds temporary memory
BLOCK_VOXELS = 1 << 22

# blurs beyond this multiple of the longest side leave less of an image than float32 holds
_WIDEST = 2


class Cut(NamedTuple):
    """Part of an axis.

    Parameters
    ----------
    write : slice
        The part itself.
    read : slice
        The part with its halo, as far as the axis goes.
    keep : slice
        The part within `read`.
    """

    write: slice
    read: slice
    keep: slice


def blur_halo(sigma: float, shape: Sequence[int]) -> int:
    """Pixels around a tile that a Gaussian blur reads.

    Raises
    ------
    ValueError
        If the blur is so wide that nothing of an image of this shape remains.
    """
    longest = max(shape)
    if not sigma <= _WIDEST * longest:
        raise ValueError(
            f"the blur (sigma) is {sigma:.3g} pixels, and the image has {longest}: nothing of it "
            f"would remain; choose at most {_WIDEST * longest}"
        )
    return int(4 * sigma) + 2


def blur_sides(sigma: float, voxel: Sequence[float], shape: Sequence[int]) -> np.ndarray:
    """Standard deviations of a blur along the axes of a volume, from that in pixels of a slice.

    Along an axis they end where nothing but its mean remains: kernels of thin slices fit into
    memory.
    """
    return np.minimum(np.divide(sigma, voxel), _WIDEST * max(shape))


def middle(shape: Sequence[int], side: int) -> tuple[slice, ...]:
    """Middle of an array, along each axis a side at most."""
    return tuple(
        slice(start, start + side) for start in (max((length - side) // 2, 0) for length in shape)
    )


class Tile(NamedTuple):
    """Part of a stack: index of its leading axes, and a `Cut` of each of the last axes."""

    plane: tuple[int, ...]
    write: tuple[slice, ...]
    read: tuple[slice, ...]
    keep: tuple[slice, ...]


def cuts(length: int, step: int, halo: int = 0) -> list[Cut]:
    """Cut an axis into parts of `step` elements, the last one shorter."""
    found = []
    for start in range(0, length, step):
        stop = min(start + step, length)
        first, last = max(start - halo, 0), min(stop + halo, length)
        keep = slice(start - first, stop - first)
        found.append(Cut(slice(start, stop), slice(first, last), keep))
    return found


def tiles(
    shape: tuple[int, ...], sides: Sequence[int], halos: Sequence[int] | None = None
) -> Iterator[Tile]:
    """Cut a stack into tiles.

    Parameters
    ----------
    shape : tuple of int
        Of the stack.
    sides : sequence of int
        Of a tile along the last axes, as many as there are sides.
    halos : sequence of int, optional
        Elements around a tile that are read as well, along the same axes.
    """
    axes = len(sides)
    along = [
        cuts(length, side, halo)
        for length, side, halo in zip(shape[-axes:], sides, halos or [0] * axes, strict=True)
    ]
    for index in np.ndindex(shape[:-axes]):
        for parts in itertools.product(*along):
            write, read, keep = zip(*parts, strict=True)
            yield Tile(index, write, read, keep)


def plane_tiles(
    shape: tuple[int, ...],
    halo: int | None = 0,
    pixels: int = BAND_PIXELS,
    *,
    least: int = LEAST_PIXELS,
    columns: int = COLUMNS,
) -> Iterator[Tile]:
    """Cut the planes of a stack: whole planes without a halo, bands of rows with a halo of 0.

    Parameters
    ----------
    shape : (..., Y, X)
        Of the stack.
    halo : int or None
        Pixels around a tile that are read as well.
    pixels, least : int
        Of a tile at most, and of the smallest one.
    columns : int
        Of a tile with a halo, at least.
    """
    height, width = shape[-2:]
    across = min(width, max(columns, 8 * halo)) if halo else width
    # four tiles at least: work for as many threads, and a slider waits
    pixels = min(pixels, max(height * width // 4, least))
    down = height if halo is None else max(pixels // across, 4 * halo, 1)
    return tiles(shape, (down, across), (halo or 0, halo or 0))


def volume_tiles(
    shape: tuple[int, ...], halo: Sequence[int] | None = None, voxels: int = BLOCK_VOXELS
) -> Iterator[Tile]:
    """Cut the volumes of a (..., Z, Y, X) stack: whole volumes without a halo."""
    if halo is None:
        return tiles(shape, shape[-3:])
    # halos are computed twice, so a block is a good deal larger than they are
    deep, high = (max(4 * around, 8) for around in halo[:2])
    return tiles(shape, (deep, high, max(voxels // (deep * high), 4 * halo[2], 1)), halo)


def bands(
    shape: tuple[int, ...], pixels: int = BAND_PIXELS
) -> Iterator[tuple[tuple[int, ...], slice]]:
    """Cut a stack into bands of rows: index of the plane, rows."""
    for tile in plane_tiles(shape, 0, pixels):
        yield tile.plane, tile.write[0]


def edges(length: int, side: int) -> np.ndarray:
    """Cut an axis into equal parts of at most `side` elements: their first ones, and the end."""
    return np.linspace(0, length, max(1, -(-length // side)) + 1).astype(int)


def starts(length: int, side: int, count: int) -> list[int]:
    """First elements of up to `count` windows of a side, evenly spread over an axis."""
    places = np.linspace(0, max(length - side, 0), count).round()
    return np.unique(places).astype(int).tolist()
