"""Histograms of grey levels, exact for whole numbers; the basis of global thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.progress import Progress, Steps
from .reduction import PairwiseSum, count_pieces, map_pieces

BINS = 65_536

# bins for outliers on each side of the range of nearly all pixels (the core)
_TAIL = 4096

# share of pixels on each side that may be outliers
_OUTLIERS = 0.001

# how often the core is narrowed: each time by a factor of up to 57,000
_REFINEMENTS = 5

# pixels counted at a time
_AT_ONCE = 1 << 20

# widest range of grey values, within float32
_WIDEST = 1e38


@dataclass(frozen=True, eq=False)
class GreyHistogram:
    """Occupied grey levels of an image, from dark to bright.

    Parameters
    ----------
    values : (n,) float64 array
        Mean grey of the pixels in each bin; the grey level itself where bins are exact.
    counts : (n,) int64 array
        Pixels in each bin, all above zero.
    bins : (n,) int array
        Position of each bin among all bins.
    scale : Levels or Binned
        Conversion between grey values and bins.
    sums : (n,) float64 array
        Sum of the grey values in each bin, or of those of another image there.
    """

    values: np.ndarray
    counts: np.ndarray
    bins: np.ndarray
    scale: Levels | Binned
    sums: np.ndarray

    @property
    def lowest(self) -> np.ndarray:
        """Lower edge of each bin."""
        return self.scale.edge(self.bins)

    @property
    def is_exact(self) -> bool:
        """Whether every bin is one grey level."""
        return isinstance(self.scale, Levels)

    def percentiles(self, *shares: float) -> tuple[float, ...]:
        """Percentiles of the pixels, as `numpy.percentile`."""
        last = np.cumsum(self.counts)
        places = np.array(shares) / 100 * (last[-1] - 1)
        low, high = (
            self.values[np.searchsorted(last, whole, side="right")]
            for whole in (np.floor(places), np.ceil(places))
        )
        return tuple((low + (high - low) * (places % 1)).tolist())

    def even(self, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts and centres of even bins from the darkest to the brightest pixel.

        Whole numbers that span no more levels than `bins` have a bin each, as in
        `skimage.exposure.histogram`. Outliers that would take most of the bins are counted in the
        first and the last bin.
        """
        low, high = self.scale.ends(self.bins)
        if isinstance(self.scale, Levels) and high - low < bins:
            counts = np.zeros(int(high - low) + 1, np.int64)
            counts[self.bins - self.bins[0]] = self.counts
            return counts, np.arange(len(counts)) + low
        core = self.percentiles(100 * _OUTLIERS, 100 * (1 - _OUTLIERS))
        if 0 < core[1] - core[0] < (high - low) / 8:
            low, high = core
        counts, edges = np.histogram(
            self.values.clip(low, high), bins, (low, high), weights=self.counts
        )
        return counts, (edges[1:] + edges[:-1]) / 2

    def labeller(
        self, starts: np.ndarray, dtype: type[np.unsignedinteger[Any]] = np.uint8
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Function that labels a plane: 1 from the first start on, 2 from the second, ...

        Pixels that are not finite become 0.
        """
        first = self.bins[starts]
        sizes = np.diff([0, *first, BINS])
        table = np.repeat(np.arange(len(first) + 1), sizes).astype(dtype)
        scale = self.scale

        def label(plane: np.ndarray) -> np.ndarray:
            if plane.dtype == np.uint8:
                import cv2

                direct = table[scale.index(np.arange(256))]
                return cv2.LUT(np.ascontiguousarray(plane), direct)
            labels = table[scale.index(plane)]
            if plane.dtype.kind == "f":
                labels[~np.isfinite(plane)] = 0
            return labels

        return label


@dataclass(frozen=True)
class Levels:
    """One bin for each whole number, from `low` on."""

    low: int

    def index(self, plane: np.ndarray) -> np.ndarray:
        """Bin of every value."""
        if not self.low:
            return plane
        # the numbers of uint64 are no int64
        wide = np.uint64 if plane.dtype.kind == "u" else np.int64
        return (plane.astype(wide) - wide(self.low)).astype(np.int64)

    def edge(self, bins: np.ndarray) -> np.ndarray:
        """Lowest value of a bin."""
        return bins + float(self.low)

    def ends(self, bins: np.ndarray) -> tuple[float, float]:
        """Lowest and highest value of ascending occupied bins."""
        low, high = self.edge(bins[[0, -1]]).tolist()
        return low, high


@dataclass(frozen=True)
class Binned:
    """Even bins over the range of nearly all pixels (the core), coarser bins beyond.

    With even bins from extreme to extreme, one hot pixel would leave all others in a single bin.
    Without a core all bins are even.
    """

    low: float
    high: float
    core: tuple[float, float] | None = None

    @property
    def _knots(self) -> tuple[list[float], list[float]]:
        if self.core is None:
            return [self.low, self.high], [0, BINS - 1]
        return [self.low, *self.core, self.high], [0, _TAIL, BINS - 1 - _TAIL, BINS - 1]

    def index(self, plane: np.ndarray) -> np.ndarray:
        """Bin of every value; arbitrary where it is not finite."""
        values = plane.astype(np.float64)
        if plane.dtype.kind == "f":
            np.nan_to_num(values, copy=False, nan=self.low, posinf=self.high, neginf=self.low)
        if self.core is not None:
            return np.interp(values, *self._knots).astype(np.int32)
        values -= self.low
        values *= (BINS - 1) / ((self.high - self.low) or 1.0)
        return np.clip(values, 0, BINS - 1, out=values).astype(np.int32)

    def edge(self, bins: np.ndarray) -> np.ndarray:
        """Lowest value of a bin."""
        values, places = self._knots
        return np.interp(bins, places, values)

    def ends(self, _: np.ndarray) -> tuple[float, float]:
        """Lowest and highest value."""
        return self.low, self.high


def limits(image: Any) -> Steps[tuple[float, float]]:
    """Lowest and highest finite grey value, in one pass.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    low, high, _ = yield from extremes(image)
    return low, high


def extremes(image: Any) -> Steps[tuple[float, float, bool]]:
    """Limits as `limits`, and whether any pixel is not finite, in one pass."""
    low, high, total, missing = np.inf, -np.inf, count_pieces(image), False
    for done, (_, (ends, all_there)) in enumerate(map_pieces(_ends, image), start=1):
        low, high, missing = min(low, ends[0]), max(high, ends[1]), missing or not all_there
        yield Progress(done, total, "grey levels")
    if low > high:
        raise ValueError("image has no finite pixel: all are NaN or infinite")
    if float(high) - float(low) > _WIDEST:
        raise ValueError(
            f"grey values range from {low:g} to {high:g}, too wide for a histogram; rescale them"
        )
    return low, high, missing


def grey_histogram(image: Any, summed: Any = None) -> Steps[GreyHistogram]:
    """Count the grey levels of an image of any size in a few passes.

    Parameters
    ----------
    image : (..., Y, X) array
        Any real dtype, numpy or dask. Pixels that are not finite are ignored.
    summed : (..., Y, X) array, optional
        Another image of that size, summed in every bin in the same pass.

    Returns
    -------
    GreyHistogram
        Exact for whole numbers that span fewer than 65,536 levels.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    if image.dtype.itemsize <= 2 and image.dtype.kind in "ui":
        return (yield from _count(image, Levels(int(np.iinfo(image.dtype).min)), summed))
    low, high = yield from limits(image)
    if image.dtype.kind in "ui" and int(high) - int(low) < BINS:
        return (yield from _count(image, Levels(int(low)), summed))
    scale = Binned(float(low), float(high))
    width = scale.high - scale.low
    for _ in range(_REFINEMENTS):
        found = yield from _count(image, scale, summed)
        share = np.cumsum(found.counts) / found.counts.sum()
        first, last = np.searchsorted(share, (_OUTLIERS, 1 - _OUTLIERS))
        core_low, core_high = scale.edge(np.array([found.bins[first], found.bins[last] + 1]))
        if not 0 < core_high - core_low < width / 8:
            break
        width = core_high - core_low
        scale = Binned(scale.low, scale.high, (float(core_low), float(core_high)))
    return found


def _ends(_: Any, piece: np.ndarray) -> tuple[tuple[float, float], bool]:
    size = piece.size
    if piece.dtype.kind == "f":
        piece = piece[np.isfinite(piece)]
    ends = (piece.min(), piece.max()) if piece.size else (np.inf, -np.inf)
    return ends, piece.size == size


def _count(image: Any, scale: Levels | Binned, summed: Any) -> Steps[GreyHistogram]:
    exact = isinstance(scale, Levels)
    size = 256 if image.dtype.itemsize == 1 else BINS
    counts, sums, total = np.zeros(size, np.int64), PairwiseSum(), count_pieces(image)

    def count(_: Any, piece: np.ndarray, *other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, added = np.zeros(size, np.int64), np.zeros((2, 0 if exact and not other else size))
        for part, *weights in zip(*map(_parts, (piece, *other)), strict=True):
            if exact and not weights and part.dtype in (np.uint8, np.uint16):
                found += _quick_counts(part)
                continue
            there = np.isfinite(part) if part.dtype.kind == "f" else ...
            part = part[there]
            bins = scale.index(part)
            found += np.bincount(bins, minlength=size)
            if not exact:
                added[0] += np.bincount(bins, weights=part, minlength=size)
            if weights:
                added[1] += np.bincount(bins, weights=weights[0][there], minlength=size)
        return found, added

    images = (image,) if summed is None else (image, summed)
    for done, (number, (found, added)) in enumerate(map_pieces(count, *images), start=1):
        counts += found
        sums.add(number, added)
        yield Progress(done, total, "grey levels")
    bins, found_sums = np.flatnonzero(counts), sums.value
    counts = counts[bins]
    values = scale.edge(bins) if exact else found_sums[0, bins] / counts
    others = values * counts if summed is None else found_sums[1, bins]
    return GreyHistogram(values, counts, bins, scale, others)


def _parts(piece: np.ndarray) -> Iterator[np.ndarray]:
    """Cut a chunk: counting in 64-bit integers takes eight times the memory of the pixels."""
    flat = np.ascontiguousarray(piece).reshape(-1)
    return (flat[start : start + _AT_ONCE] for start in range(0, len(flat), _AT_ONCE))


def _quick_counts(part: np.ndarray) -> np.ndarray:
    """Counts of all levels of uint8 or uint16, without a wider copy."""
    import cv2

    size = 256 if part.dtype == np.uint8 else BINS
    # counts in float32 are exact below 2^24 pixels
    return cv2.calcHist([part], [0], None, [size], [0, size]).ravel().astype(np.int64)


def percentiles(plane: np.ndarray, *shares: float) -> tuple[float, ...]:
    """Percentiles of a finite array as those of `numpy.percentile`, quick for 8 and 16 bit."""
    if not _has_levels(plane):
        return tuple(np.percentile(plane, shares).tolist())
    last = np.cumsum(sum(map(_quick_counts, _parts(plane))))
    places = np.array(shares) / 100 * (last[-1] - 1)
    low, high = (np.searchsorted(last, f(places), side="right") for f in (np.floor, np.ceil))
    part, width = places % 1, high - low
    # the same formula, to the last bit
    return tuple(np.where(part < 0.5, low + width * part, high - width * (1 - part)).tolist())


def value_by_value(plane: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply a function of single values; of 8 and 16 bit once to every level."""
    if not _has_levels(plane):
        return function(plane)
    table = function(np.arange(np.iinfo(plane.dtype).max + 1))
    found = np.empty(plane.shape, table.dtype)
    for part, into in zip(_parts(plane), _parts(found), strict=True):
        np.take(table, part, out=into, mode="clip")
    return found


def _has_levels(plane: np.ndarray) -> bool:
    """Whether an array has fewer levels than pixels."""
    return plane.dtype in (np.uint8, np.uint16) and plane.size > np.iinfo(plane.dtype).max


def occurrences(labels: Any) -> Steps[dict[int, int]]:
    """Number of pixels of each label."""
    found: dict[int, int] = {}
    total = count_pieces(labels)

    def count(_: Any, piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if piece.dtype in (np.uint8, np.uint16):
            counts = np.sum([_quick_counts(part) for part in _parts(piece)], axis=0)
            return np.flatnonzero(counts), counts[counts > 0]
        return np.unique(piece, return_counts=True)

    for done, (_, (which, counts)) in enumerate(map_pieces(count, labels), start=1):
        for label, pixels in zip(which.tolist(), counts.tolist(), strict=True):
            found[int(label)] = found.get(int(label), 0) + pixels
        yield Progress(done, total, "labels")
    return found
