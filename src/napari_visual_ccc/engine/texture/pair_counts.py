"""Sums over the counts of all pairs of grey levels in every window, for ASM and entropy."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from ...core.progress import Progress, Steps

_ROLLING_BYTES = 1 << 26

# changes of a histogram between two steps: 0.1 to 0.2 s of processor time (measured)
_STEP_CHANGES = 3_000_000

# changes that take as long as what NumPy needs for a call
_CALL = 300


@functools.lru_cache(maxsize=8)
def code_table(levels: int, symmetric: bool) -> tuple[np.ndarray, int]:
    """Code of each pair of levels, and the first code of a pair of equal levels."""
    one, other = np.mgrid[:levels, :levels]
    if not symmetric:
        return (one * levels + other).astype(np.uint16), levels * levels
    low, high = np.minimum(one, other), np.maximum(one, other)
    unequal = levels * (levels - 1) // 2
    codes = np.where(low == high, unequal + low, high * (high - 1) // 2 + low)
    return codes.astype(np.uint16), unequal


@functools.lru_cache(maxsize=8)
def _log_steps(most: int) -> np.ndarray:
    """Increment of n ln n when n grows to the index."""
    counts = np.arange(most + 1.0)
    return np.diff(counts * np.log(np.maximum(counts, 1)), prepend=0.0)


def by_sorting(
    codes: np.ndarray, box: tuple[int, int], shape: tuple[int, ...], diagonal: int, with_logs: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Sort the pairs of every window by a network: equal pairs are neighbours then.

    Parameters
    ----------
    codes : 2-D uint16 array
        Code of each pair, from `code_table`.
    box, shape : (height, width)
        Of the pairs in a window, and of the result.
    diagonal : int
        First code of a pair of equal levels.
    with_logs : bool
        Add up n ln n too.

    Returns
    -------
    squares, logs : `shape` arrays
        Sums over the counts n of all pairs: of n², pairs of equal levels twice, and of n ln n.
    """
    height, width = shape
    # copies: they are sorted in place
    columns = [
        codes[i : i + height, j : j + width].flatten() for i in range(box[0]) for j in range(box[1])
    ]
    spare = np.empty_like(columns[0])
    for one, other in network(len(columns)):
        low, high = columns[one], columns[other]
        np.minimum(low, high, out=spare)
        np.maximum(low, high, out=high)
        columns[one], spare = spare, low
    run = np.ones(height * width, np.uint16)
    squares = 1 + (columns[0] >= diagonal).astype(np.uint16)
    logs, steps = np.zeros(height * width), _log_steps(len(columns))
    for before, code in itertools.pairwise(columns):
        run *= code == before
        run += 1
        grown = 2 * run - 1
        squares += grown
        squares += grown * (code >= diagonal)
        if with_logs:
            logs += steps[run]
    return squares.reshape(shape), logs.reshape(shape)


@functools.lru_cache(maxsize=32)
def network(length: int) -> tuple[tuple[int, int], ...]:
    """Comparisons of a sorting network (Batcher's merge exchange).

    Source: Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M.
    """
    return tuple(_comparisons(length))


def _comparisons(length: int) -> Iterator[tuple[int, int]]:
    top = 1 << max((length - 1).bit_length() - 1, 0)
    part = top
    while part > 0:
        reach, rest, apart = top, 0, part
        while True:
            for i in range(length - apart):
                if i & part == rest:
                    yield i, i + apart
            if reach == part:
                break
            apart, reach, rest = reach - part, reach // 2, part
        part //= 2


def by_rolling(
    codes: np.ndarray, box: tuple[int, int], shape: tuple[int, ...], diagonal: int, with_logs: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Roll a histogram along the rows: as `by_sorting`, and faster in large windows."""
    present, codes = np.unique(codes, return_inverse=True)
    codes = codes.reshape(-1, shape[1] + box[1] - 1).astype(np.int32)
    roll = _Roll(box, 1 + (present >= diagonal), with_logs)
    squares, logs = np.empty(shape, np.int64), np.zeros(shape)
    step = min(max(1, _ROLLING_BYTES // (4 * len(present))), shape[1])
    for start in range(0, shape[1], step):
        columns = slice(start, min(start + step, shape[1]))
        yield from roll.down(
            codes[:, start : columns.stop + box[1] - 1], squares[:, columns], logs[:, columns]
        )
    return squares, logs


class _Roll:
    """Histograms of the windows of all columns at once, moved down one row at a time."""

    def __init__(self, box: tuple[int, int], weights: np.ndarray, with_logs: bool) -> None:
        self._box, self._weights, self._with_logs = box, weights, with_logs
        # a row is added before the row that it replaces is removed
        self._steps = _log_steps((box[0] + 1) * box[1])

    def down(self, codes: np.ndarray, squares: np.ndarray, logs: np.ndarray) -> Steps[None]:
        height, width = squares.shape
        rows = height + self._box[0] - 1
        at_once = max(1, _STEP_CHANGES // (self._box[1] * (width + _CALL)))
        self._counts = np.zeros(width * len(self._weights), np.int32)
        self._base = np.arange(width, dtype=np.int32) * np.int32(len(self._weights))
        self._square, self._log = np.zeros(width, np.int64), np.zeros(width)
        for row in range(rows):
            self._change(codes[row], 1)
            if row >= self._box[0]:
                self._change(codes[row - self._box[0]], -1)
            if row >= self._box[0] - 1:
                squares[row - self._box[0] + 1] = self._square
                logs[row - self._box[0] + 1] = self._log
            if row % at_once == at_once - 1:
                yield Progress(row + 1, rows)

    def _change(self, codes: np.ndarray, sign: int) -> None:
        width = len(self._base)
        for i in range(self._box[1]):
            code = codes[i : i + width]
            cell = self._base + code
            before = self._counts[cell]
            after = before + sign
            self._counts[cell] = after
            # n² of a cell changes by the sum of the old and the new n
            self._square += sign * (before + after) * self._weights[code]
            if self._with_logs:
                self._log += sign * self._steps[np.maximum(before, after)]
