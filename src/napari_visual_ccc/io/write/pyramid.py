"""Write all levels of a pyramid in one pass through the image, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...arrays.lazy import BAND_PIXELS, in_memory, is_lazy
from ...core.progress import Progress, Steps

# longest side of an image without a pyramid, and of the top level of one
PYRAMID_ABOVE, TOP = 4096, 1024

# number of narrow chunks that are computed side by side
_PIECE_PIXELS = 4 * BAND_PIXELS

Index = tuple[int, ...]

# level, index of the plane, first row, rows: (rows, X) or (rows, X, colours)
Put = Callable[[int, Index, int, np.ndarray], object]

Place = tuple[Any, ...]


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Rows and columns of the levels of a pyramid, finest first; each halves the one before."""
    sizes = [(height, width)]
    while max(height, width) > PYRAMID_ABOVE and max(sizes[-1]) > TOP:
        rows, columns = sizes[-1]
        sizes.append((-(-rows // 2), -(-columns // 2)))
    return sizes


def write_levels(
    data: Any,
    leading: int,
    sizes: list[tuple[int, int]],
    rows: int,
    put: Put,
    *,
    pick: bool = False,
) -> Steps[None]:
    """Pass an image and its pyramid to a writer, a few rows at a time.

    Parameters
    ----------
    data : (..., Y, X) or (..., Y, X, colours) array
        Numpy or dask. Every chunk is computed once; no more is in memory than a row of chunks
        and `rows` rows of every level.
    leading : int
        How many axes come before Y.
    sizes : list of (rows, columns)
        From `level_sizes`.
    rows : int
        Even. The writer gets a multiple of it, except at the end of a plane.
    put : callable
        The writer, called with level, index of the plane, first row, and the rows.
    pick : bool
        Coarser levels take one of four pixels instead of their mean, as labels need.
    """
    halved = _picked if pick else _mean
    planes: dict[Index, _Plane] = {}
    places = list(_places(data, leading))
    for done, place in enumerate(places, start=1):
        block = in_memory(data[place])
        first = tuple(part.start for part in place[:leading])
        for within in np.ndindex(block.shape[:leading]):
            index = tuple(a + b for a, b in zip(first, within, strict=True))
            plane = planes.setdefault(index, _Plane(index, sizes, rows, put, halved))
            plane.add(block[within], place[leading + 1])
            if plane.complete:
                del planes[index]
        yield Progress(done, len(places), "write")


class _Plane:
    """Levels of one plane, filled from top to bottom and written as soon as rows are complete."""

    def __init__(
        self,
        index: Index,
        sizes: list[tuple[int, int]],
        rows: int,
        put: Put,
        halved: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.index, self.sizes, self.rows, self.put, self.halved = index, sizes, rows, put, halved
        self.written = [0] * len(sizes)
        self.waiting: list[list[np.ndarray]] = [[] for _ in sizes]
        self.band: list[np.ndarray] = []

    @property
    def complete(self) -> bool:
        return self.written[-1] == self.sizes[-1][0]

    def add(self, block: np.ndarray, columns: slice) -> None:
        """Add a block; blocks come left to right, then downwards."""
        self.band.append(block)
        if columns.stop == self.sizes[0][1]:
            self._add(0, self.band[0] if len(self.band) == 1 else np.concatenate(self.band, axis=1))
            self.band = []

    def _add(self, level: int, band: np.ndarray) -> None:
        waiting = self.waiting[level]
        waiting.append(band)
        start, height = self.written[level], self.sizes[level][0]
        there = sum(len(part) for part in waiting)
        ready = there if start + there == height else there // self.rows * self.rows
        if not ready:
            return
        joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
        self.waiting[level] = [joined[ready:]] if ready < there else []
        self.written[level] += ready
        self.put(level, self.index, start, joined[:ready])
        if level + 1 < len(self.sizes):
            self._add(level + 1, self.halved(joined[:ready]))


def _places(data: Any, leading: int) -> Iterator[Place]:
    """Cut an array at its chunks into pieces: plane by plane, downwards, left to right."""
    *stack, heights, widths = data.chunks[: leading + 2] if is_lazy(data) else _bands(data, leading)
    thick = int(np.prod([max(sizes) for sizes in stack]))
    for around in np.ndindex(*(len(sizes) for sizes in stack)):
        front = [_part(sizes, i) for sizes, i in zip(stack, around, strict=True)]
        for row in range(len(heights)):
            for columns in _joined(widths, _PIECE_PIXELS // max(1, thick * heights[row])):
                yield (*front, _part(heights, row), columns)


def _bands(data: Any, leading: int) -> list[tuple[int, ...]]:
    height, width = data.shape[leading : leading + 2]
    step = max(1, min(height, BAND_PIXELS // width))
    full, rest = divmod(height, step)
    rows = (step,) * full + ((rest,) if rest else ())
    return [*((1,) * size for size in data.shape[:leading]), rows, (width,)]


def _part(sizes: tuple[int, ...], number: int) -> slice:
    start = sum(sizes[:number])
    return slice(start, start + sizes[number])


def _joined(sizes: tuple[int, ...], most: int) -> Iterator[slice]:
    start = stop = 0
    for size in sizes:
        if stop > start and stop + size - start > most:
            yield slice(start, stop)
            start = stop
        stop += size
    yield slice(start, stop)


def _even(rows: np.ndarray) -> np.ndarray:
    """Repeat the last row and column where their number is odd, so that pixels form pairs."""
    pad = [(0, size % 2) for size in rows.shape[:2]] + [(0, 0)] * (rows.ndim - 2)
    return np.pad(rows, pad, mode="edge") if any(after for _, after in pad) else rows


def _mean(rows: np.ndarray) -> np.ndarray:
    rows = _even(rows)
    exact = np.result_type(rows.dtype, np.float32)
    total = rows[::2].astype(exact) + rows[1::2]
    mean = (total[:, ::2] + total[:, 1::2]) / 4
    return (mean.round() if rows.dtype.kind in "iu" else mean).astype(rows.dtype)


def _picked(rows: np.ndarray) -> np.ndarray:
    return rows[::2, ::2]
