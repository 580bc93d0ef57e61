"""Features of the co-occurrence matrix of every window, without the matrices.

Contrast, dissimilarity, homogeneity and correlation are sums over pairs of pixels, computed as box
sums in integers to be exact. ASM and entropy need the counts of all pairs of grey levels in the
window: a sorting network groups equal pairs (small windows), or a histogram rolls along the rows
(large windows).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...arrays.lazy import BAND_PIXELS
from ...arrays.pairs import offset_pairs
from ...core.progress import Progress, Steps
from .pair_counts import by_rolling, by_sorting, code_table

FEATURES = (
    "contrast",
    "dissimilarity",
    "homogeneity",
    "asm",
    "energy",
    "correlation",
    "entropy",
)

# output pixels computed at once: what they need then stays in the cache
CHUNK_PIXELS = 1 << 16

# most pairs of a window for which sorting is faster than a rolling histogram (measured)
_SORTED_PAIRS = 160

# homogeneity adds 1 / (1 + d²): in units of 2^-38 the sums stay exact, and off by < 2e-12
_FIXED = float(1 << 38)

# from the counts of all pairs of levels
_ORDERS = frozenset(("asm", "energy", "entropy"))

_DIFFERENCES = ("contrast", "dissimilarity")

_SQUARES = np.arange(256, dtype=np.uint16) ** 2


class Pairs(NamedTuple):
    """Pairs of pixels that are counted.

    Parameters
    ----------
    window : int
        Side of the window, odd.
    offsets : sequence of (rows, columns)
        From a pixel to its neighbour; features are averaged over them.
    levels : int
        Number of grey levels, at most 256.
    symmetric : bool
        Count each pair in both orders.
    """

    window: int
    offsets: Sequence[tuple[int, int]]
    levels: int
    symmetric: bool


def feature_maps(
    quantised: np.ndarray, pairs: Pairs, names: Sequence[str], chunk: int = CHUNK_PIXELS
) -> Steps[np.ndarray]:
    """Map features of the co-occurrence matrix, with the border reflected.

    Parameters
    ----------
    quantised : (Y, X) uint8 array
        Grey levels, all below ``pairs.levels``; neither side shorter than the window.
    pairs : Pairs
        What to count.
    names : sequence of str
        Of `FEATURES`.
    chunk : int
        Output pixels computed at once.

    Returns
    -------
    (names, Y, X) float64 array
    """
    padded = np.pad(quantised, pairs.window // 2, mode="reflect")
    maps = np.zeros((len(names), *quantised.shape))
    height, width = quantised.shape
    # rolling starts anew in every chunk, sorting is fast while its pairs are in the cache
    step = height if _rolls(pairs, names) else max(chunk // width, pairs.window)
    for start in range(0, height, step):
        stop = min(start + step, height)
        band = padded[start : stop + pairs.window - 1]
        for name, out in zip(names, maps[:, start:stop], strict=True):
            if name in _DIFFERENCES:
                _add_differences(band, pairs, name, out)
        for number, offset in enumerate(pairs.offsets, start=1):
            yield from _add(band, offset, pairs, names, maps[:, start:stop])
            yield Progress(number, len(pairs.offsets))
    maps /= len(pairs.offsets)
    return maps


def tile_pixels(pairs: Pairs, names: Sequence[str]) -> int:
    """Pixels whose features take about half a second, within a factor of two (measured)."""
    nanoseconds = 10 * len(names) + 40 * ("correlation" in names)
    if not _ORDERS.isdisjoint(names):
        nanoseconds += 64 * pairs.window if _rolls(pairs, names) else 4 * pairs.window**2
    return min(BAND_PIXELS, 500_000_000 // (nanoseconds * len(pairs.offsets)))


def _rolls(pairs: Pairs, names: Sequence[str]) -> bool:
    """Whether a histogram rolls for one of the features."""
    many = pairs.window * (pairs.window - 1) > _SORTED_PAIRS
    return many and not _ORDERS.isdisjoint(names)


def _add_differences(band: np.ndarray, pairs: Pairs, name: str, out: np.ndarray) -> None:
    """Add up sums with a common divisor before the division."""
    sums: dict[int, np.ndarray] = {}
    for offset in pairs.offsets:
        box = (pairs.window - abs(offset[0]), pairs.window - abs(offset[1]))
        found = _sum(_cost(name, *offset_pairs(band, offset)), box, out.shape)
        count = box[0] * box[1]
        if count not in sums:
            sums[count] = found
        # one sum is below 2^31, several of the largest windows are not
        elif len(pairs.offsets) * (pairs.levels - 1) ** 2 * count < 1 << 31:
            sums[count] += found
        else:
            out += found / count
    for count, found in sums.items():
        out += found / count


def _add(
    band: np.ndarray, offset: tuple[int, int], pairs: Pairs, names: Sequence[str], maps: np.ndarray
) -> Steps[None]:
    import cv2

    first, second = offset_pairs(band, offset)
    box = (pairs.window - abs(offset[0]), pairs.window - abs(offset[1]))
    count = box[0] * box[1]
    shape = maps.shape[1:]
    for name, out in zip(names, maps, strict=True):
        if name == "homogeneity":
            out += _sum(_closeness()[cv2.absdiff(first, second)], box, shape) / count
        elif name == "correlation":
            out += _correlation(first, second, box, shape, pairs.symmetric)
    if not _ORDERS.isdisjoint(names):
        found = yield from _order(first, second, box, shape, pairs, "entropy" in names)
        for name, out in zip(names, maps, strict=True):
            if name in found:
                out += found[name]


def _cost(name: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    import cv2

    apart = cv2.absdiff(first, second)
    return apart if name == "dissimilarity" else cv2.LUT(apart, _SQUARES)


@functools.cache
def _closeness() -> np.ndarray:
    return np.round(_FIXED / (1.0 + np.arange(256.0) ** 2))


def _sum(values: np.ndarray, box: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Sum over the box whose top left is the pixel."""
    import cv2

    whole = values.dtype != np.float64
    sums = cv2.boxFilter(
        values,
        cv2.CV_32S if whole else cv2.CV_64F,
        (box[1], box[0]),
        anchor=(0, 0),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )[: shape[0], : shape[1]]
    return sums if whole else sums / _FIXED


def _correlation(
    first: np.ndarray,
    second: np.ndarray,
    box: tuple[int, int],
    shape: tuple[int, ...],
    symmetric: bool,
) -> np.ndarray:
    import cv2

    def moments(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return _sum(cv2.multiply(one, other, dtype=cv2.CV_16U), box, shape).astype(np.float64)

    count = box[0] * box[1]
    sum_1, sum_2 = (_sum(one, box, shape).astype(np.float64) for one in (first, second))
    square_1, square_2 = moments(first, first), moments(second, second)
    # count² times variance and covariance: integers below 2^53, so that zero is exact
    if symmetric:
        mean = (sum_1 + sum_2) / 2
        together = count * moments(first, second) - mean * mean
        spread = count * (square_1 + square_2) / 2 - mean * mean
    else:
        together = count * moments(first, second) - sum_1 * sum_2
        variance_1, variance_2 = count * square_1 - sum_1**2, count * square_2 - sum_2**2
        spread = np.sqrt(variance_1) * np.sqrt(variance_2)
    correlation = np.ones(shape)
    return np.divide(together, spread, out=correlation, where=spread > 0)


def _order(
    first: np.ndarray,
    second: np.ndarray,
    box: tuple[int, int],
    shape: tuple[int, ...],
    pairs: Pairs,
    with_entropy: bool,
) -> Steps[dict[str, np.ndarray]]:
    """ASM, energy and entropy from the counts of all pairs of levels in the window."""
    table, diagonal = code_table(pairs.levels, pairs.symmetric)
    codes = table[first, second]
    count = box[0] * box[1]
    if count <= _SORTED_PAIRS:
        squares, logs = by_sorting(codes, box, shape, diagonal, with_entropy)
    else:
        squares, logs = yield from by_rolling(codes, box, shape, diagonal, with_entropy)
    # in a symmetric matrix an unequal pair has two cells of half its share each, an equal pair
    # has one: squares of equal pairs count twice
    asm = squares / (count * count * (2.0 if pairs.symmetric else 1.0))
    found = {"asm": asm, "energy": np.sqrt(asm)}
    if with_entropy:
        found["entropy"] = np.log(count) - logs / count
        if pairs.symmetric:
            unequal = _sum((first != second).astype(np.uint8), box, shape)
            found["entropy"] += unequal * (np.log(2) / count)
    return found
