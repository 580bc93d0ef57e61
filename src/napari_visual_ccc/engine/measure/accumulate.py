"""Measure labelled regions of an image of any size, tile by tile.

Measurements are sums over the pixels of a region (area, centroid, moments, grey), counts of lines
that cross its outline (perimeter) and the ends of its rows (caliper distances). All of them are
additive over tiles, so that regions may be larger than memory. Tiles depend on the shape of the
image alone: arrays in memory and dask arrays of any chunks give the same numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.tile_reduction import SIDE, map_tiles, tile_corners
from ...core.progress import Progress, Steps

# the outline depends on two pixels around a tile
_HALO = 2

# steps (rows, columns) of the three kinds of lines that are counted: along the rows and columns,
# along the diagonals, and between them
_STEPS = (
    ((0, 1), (1, 0)),
    ((1, 1), (1, -1)),
    ((1, 2), (2, 1), (1, -2), (2, -1)),
)

# length of outline in pixels for each crossing of a line with it, by kind of line: the angle that
# the line stands for, half of it as each line crosses twice, times the distance of parallel lines
_ANGLES = np.array([np.arctan(0.5), np.pi / 4 - np.arctan(0.5), np.pi / 8])

# a lone pixel on a straight edge adds two crossings; a quarter of them is right for discs, where
# such a pixel is the rounding of a flat cap
_LONE = 1.5

LENGTHS = _ANGLES / np.sqrt([1, 2, 5]) / 2
LENGTHS = np.append(LENGTHS, -_LONE * LENGTHS[0])


class Regions(NamedTuple):
    """Sums over the regions of a tile or an image: one entry a region, ascending by label.

    Parameters
    ----------
    label, pixels : (n,) int arrays
    centre : (n, 2) float array
        Mean row and column.
    spread : (n, 3) float array
        Sums of squares about the centre: rows, columns, rows times columns.
    low, high : (n, 2) int arrays
        First row and column, and those behind the last.
    outline : (n, 4) int array
        Crossings of lines with the outline for each of the three kinds of lines, and lone pixels
        on straight edges: one of `LENGTHS` each.
    grey : (n, 5) float array
        Finite pixels, their mean, sum of squares about it, lowest and highest.
    ends : (m, 4) int array
        Entry of the region, row, first column and the one behind the last, for every row of every
        region.
    pieces : int
        Connected components of the foreground that lie in one tile.
    """

    label: np.ndarray
    pixels: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    outline: np.ndarray
    grey: np.ndarray
    ends: np.ndarray
    pieces: int


def measured(labels: Any, grey: Any = None, side: int = SIDE) -> Steps[Regions]:
    """Sum up the regions of a plane, tile by tile.

    Parameters
    ----------
    labels : (Y, X) integer or bool array
        0 is background. Numpy or dask.
    grey : (Y, X) array, optional
        Image to take grey statistics from.
    side : int
        Of the tiles that are measured one by one, at most.

    Returns
    -------
    Regions
        Of the whole plane.

    Raises
    ------
    ValueError
        If a label is negative.
    """
    images = (labels,) if grey is None else (labels, grey)
    corners = tile_corners(labels.shape, side)
    parts, found = map_tiles(_part, *images, halo=_HALO, side=side), []
    for corner, part in zip(corners, parts, strict=True):
        found.append(_moved(part, *corner))
        yield Progress(len(found), len(corners), "regions")
    return _joined(found)


def _moved(part: Regions, top: int, left: int) -> Regions:
    corner = np.array([top, left])
    part.ends[:, 1:] += np.array([top, left, left], np.int32)
    return part._replace(
        centre=part.centre + corner, low=part.low + corner, high=part.high + corner
    )


def _part(padded: np.ndarray, image: np.ndarray | None = None) -> Regions:
    """Measure a tile that comes with a halo of two pixels, 0 beyond the image."""
    if padded.dtype.kind == "i" and padded.min() < 0:
        raise ValueError(f"labels hold {padded.min()}; they must be 0 (background) or above")
    tile = np.ascontiguousarray(padded[_HALO:-_HALO, _HALO:-_HALO])
    width, flat = tile.shape[1], tile.reshape(-1)
    fresh = np.empty(tile.shape, bool)
    fresh[:, 0] = True
    np.not_equal(tile[:, 1:], tile[:, :-1], out=fresh[:, 1:])
    starts = np.flatnonzero(fresh.reshape(-1))
    lengths = np.diff(starts, append=flat.size)
    # runs of one label along a row, sorted by label and then by place
    runs = np.flatnonzero(flat[starts])
    runs = runs[np.argsort(flat[starts[runs]], kind="stable")]
    name, (row, first) = flat[starts[runs]], np.divmod(starts[runs], width)
    count = lengths[runs]
    last = first + count
    bounds = _bounds(name)
    if not len(bounds):
        return _nothing(name)

    def total(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, bounds)

    # integers throughout: below 2^60 in a tile
    sum_of_columns = count * (first + last - 1) // 2
    pixels, rows, columns = total(count), total(count * row), total(sum_of_columns)
    down = pixels * total(count * row * row) - rows * rows
    across = pixels * total(_squares(last) - _squares(first)) - columns * columns
    both = pixels * total(row * sum_of_columns) - rows * columns
    lines = _bounds(name, row)
    ends = [
        np.repeat(np.arange(len(bounds)), np.diff(np.searchsorted(lines, [*bounds, len(name)]))),
        row[lines],
        np.minimum.reduceat(first, lines),
        np.maximum.reduceat(last, lines),
    ]
    return Regions(
        label=name[bounds].astype(np.int64),
        pixels=pixels,
        centre=np.stack([rows, columns], axis=1) / pixels[:, None],
        spread=np.stack([down, across, both], axis=1) / pixels[:, None],
        low=np.stack([row[bounds], np.minimum.reduceat(first, bounds)], axis=1),
        high=np.stack(
            [np.maximum.reduceat(row, bounds) + 1, np.maximum.reduceat(last, bounds)], axis=1
        ),
        outline=_outline(padded, name[bounds]),
        grey=_grey(image, starts, runs, bounds),
        ends=np.stack(ends, axis=1).astype(np.int32),
        pieces=_pieces(padded),
    )


def _nothing(name: np.ndarray) -> Regions:
    pairs = np.zeros((0, 2), np.int64)
    return Regions(
        name.astype(np.int64), pairs[:, 0], pairs / 1.0, np.zeros((0, 3)), pairs, pairs,
        np.zeros((0, 4), np.int64), np.zeros((0, 5)), np.zeros((0, 4), np.int32), 0,
    )  # fmt: skip


def _bounds(*keys: np.ndarray) -> np.ndarray:
    """Positions where a new combination of sorted keys begins."""
    fresh = np.zeros(len(keys[0]), bool)
    fresh[:1] = True
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(fresh)


def _squares(stop: np.ndarray) -> np.ndarray:
    """0² + 1² + ... + (stop - 1)²."""
    return (stop - 1) * stop * (2 * stop - 1) // 6


def _outline(padded: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Crossings of each kind of line with the outline of every label of a tile, and lone pixels.

    Crofton's formula with the 8 directions of steps to neighbours within two pixels. A line between
    two pixel columns or rows lies on both of them.
    """
    here, same = _same(padded)
    crossings = [
        sum((~same[side * y, side * x]).astype(np.int64) for y, x in steps for side in (1, -1))
        for steps in _STEPS
    ]
    lone = np.zeros(len(here), bool)
    beside = sum(same[side * y, side * x].astype(np.int8) for y, x in _STEPS[0] for side in (1, -1))
    for y, x in _STEPS[0]:
        for side in (1, -1):
            # lines of steep steps would miss a region that is one pixel thin
            thin = same[y, x] & ~same[side * x, side * y] & ~same[y - side * x, x - side * y]
            crossings[2] += 2 * thin
            edge = same[side * y, side * x]
            for along in (1, -1):
                edge = edge & same[side * y + along * x, side * x + along * y]
            lone |= edge & (beside == 1)
    place = np.searchsorted(names, here)
    columns = [np.bincount(place, one, len(names)) for one in (*crossings, lone)]
    return np.stack(columns, axis=1).astype(np.int64)


def _same(padded: np.ndarray) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray]]:
    """Labels of the pixels of a tile near outlines, and whether those at each step are alike."""
    own = padded[1:-1, 1:-1]
    edge = np.zeros(own.shape, bool)
    for beside in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        edge |= own != beside
    rows = edge[:-2] | edge[1:-1] | edge[2:]
    near = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    near &= own[1:-1, 1:-1] != 0
    width, flat = padded.shape[1], np.ascontiguousarray(padded).reshape(-1)
    row, column = np.nonzero(near)
    at = (row + _HALO) * width + column + _HALO
    here = flat[at]
    steps = ((side * y, side * x) for one in _STEPS for y, x in one for side in (1, -1))
    return here, {(y, x): flat[at + (y * width + x)] == here for y, x in steps}


def _grey(
    image: np.ndarray | None,
    starts: np.ndarray,
    runs: np.ndarray,
    bounds: np.ndarray,
) -> np.ndarray:
    """Finite pixels, mean, squares about it, lowest and highest of every region of a tile."""
    if image is None:
        return np.zeros((len(bounds), 5))
    values = image[_HALO:-_HALO, _HALO:-_HALO].astype(np.float64).reshape(-1)
    known = np.isfinite(values)
    lowest = np.minimum.reduceat(np.where(known, values, np.inf), starts)[runs]
    highest = np.maximum.reduceat(np.where(known, values, -np.inf), starts)[runs]
    values[~known] = 0

    def total(pixelwise: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(pixelwise, starts)[runs], bounds)

    count = total(known.astype(np.float64))
    mean = total(values) / np.maximum(count, 1)
    # the mean of the region at every pixel; the background does not matter
    of_run = np.zeros(len(starts))
    of_run[runs] = np.repeat(mean, np.diff(bounds, append=len(runs)))
    values -= np.repeat(of_run, np.diff(starts, append=len(values)))
    values[~known] = 0
    found = [count, mean, total(values * values),
             np.minimum.reduceat(lowest, bounds), np.maximum.reduceat(highest, bounds)]  # fmt: skip
    return np.stack(found, axis=1)


def _pieces(padded: np.ndarray) -> int:
    """Components of the foreground within the tile: with few labels they indicate phases.

    Components that touch the border of the image count.
    """
    from scipy.ndimage import label

    ring = padded[1:-1, 1:-1] != 0
    components, count = label(ring, np.ones((3, 3)))
    beyond = np.concatenate([components[0], components[-1], components[:, 0], components[:, -1]])
    return count - len(np.unique(beyond[beyond > 0]))


def _joined(parts: list[Regions]) -> Regions:
    """Join the regions of all tiles."""
    offsets = np.cumsum([0, *(len(part.label) for part in parts)])
    columns = [np.concatenate(column) for column in list(zip(*parts, strict=True))[:-1]]
    every = Regions._make([*columns, sum(part.pieces for part in parts)])
    order = np.argsort(every.label, kind="stable")
    bounds = _bounds(every.label[order])
    if not len(bounds):
        return every
    entry = np.empty(len(order), np.int64)
    entry[order] = np.repeat(np.arange(len(bounds)), np.diff(bounds, append=len(order)))
    moved = np.concatenate(
        [part.ends[:, 0] + offset for part, offset in zip(parts, offsets, strict=False)]
    )
    ends = every.ends
    ends[:, 0] = entry[moved]
    pixels, low, high, outline = (
        function.reduceat(column[order], bounds)
        for function, column in (
            (np.add, every.pixels), (np.minimum, every.low), (np.maximum, every.high),
            (np.add, every.outline),
        )
    )  # fmt: skip
    centre, spread = _about_one_mean(every.pixels[order], every.centre[order],
                                     every.spread[order], bounds)  # fmt: skip
    count, mean, squares, lowest, highest = every.grey[order].T
    means, squares = _about_one_mean(count, mean[:, None], squares[:, None], bounds)
    found = [np.add.reduceat(count, bounds), means[:, 0], squares[:, 0],
             np.minimum.reduceat(lowest, bounds), np.maximum.reduceat(highest, bounds)]  # fmt: skip
    return Regions(
        every.label[order][bounds], pixels, centre, spread, low, high, outline,
        np.stack(found, axis=1), ends[np.argsort(ends[:, 0], kind="stable")],
        every.pieces,
    )  # fmt: skip


def _about_one_mean(
    count: np.ndarray, mean: np.ndarray, squares: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join means and sums of squares about them (Chan, Golub & LeVeque, 1979)."""
    sizes = np.diff(bounds, append=len(count))
    total = np.maximum(np.add.reduceat(count, bounds), 1)[:, None]
    # relative to the first part, so that large coordinates keep their digits
    off = mean - np.repeat(mean[bounds], sizes, axis=0)
    joint = np.add.reduceat(count[:, None] * off, bounds) / total
    off -= np.repeat(joint, sizes, axis=0)
    between = off * off
    if off.shape[1] == 2:
        between = np.column_stack([between, off[:, 0] * off[:, 1]])
    return mean[bounds] + joint, np.add.reduceat(squares + count[:, None] * between, bounds)
