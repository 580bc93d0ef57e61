"""Grey levels of an image and how often each occurs: what global thresholds are found from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..progress import Progress, Steps
from .planes import count_pieces, pieces

BINS = 65_536


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
        Number of each bin among all bins.
    low, width : float
        Lower edge of bin 0 and width of a bin. Integers that span fewer than 65,536 levels have
        bins of one level; all others are binned linearly between the extremes.
    """

    values: np.ndarray
    counts: np.ndarray
    bins: np.ndarray
    low: float
    width: float

    @property
    def lowest(self) -> np.ndarray:
        """Lower edge of each bin."""
        return self.low + self.bins * self.width

    def labeller(self, starts: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Give the function that labels a plane: 1 from the first start on, 2 from the second, ...

        Pixels that are not finite become 0.
        """
        first = self.bins[starts]
        size = int(self.bins[-1]) + 1
        table = np.repeat(np.arange(len(first) + 1), np.diff([0, *first, size])).astype(np.uint8)
        low, width = int(self.low) if self.width == 1 else self.low, self.width
        direct = np.zeros(256, np.uint8)
        if width == 1 and 0 <= low < 256:
            direct[low : low + size] = table[: 256 - low]

        def label(plane: np.ndarray) -> np.ndarray:
            if plane.dtype == np.uint8:
                import cv2

                return cv2.LUT(np.ascontiguousarray(plane), direct)
            labels = table[_bin_of(plane, self.low, self.width)]
            if plane.dtype.kind == "f":
                labels[~np.isfinite(plane)] = 0
            return labels

        return label


def _bin_of(plane: np.ndarray, low: float, width: float) -> np.ndarray:
    if plane.dtype.kind in "ui" and width == 1:
        return plane.astype(np.int64) - int(low) if low else plane
    scaled = (plane.astype(np.float64) - low) / width
    bins = np.clip(np.nan_to_num(scaled, nan=0, posinf=0, neginf=0), 0, BINS - 1)
    return bins.astype(np.int32)


def limits(image: Any) -> Steps[tuple[float, float]]:
    """Find the lowest and highest finite grey value in one pass.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    low, high, total = np.inf, -np.inf, count_pieces(image)
    for done, piece in enumerate(pieces(image), start=1):
        if piece.dtype.kind == "f":
            piece = piece[np.isfinite(piece)]
        if piece.size:
            low, high = min(low, piece.min()), max(high, piece.max())
        yield Progress(done, total, "grey levels")
    if low > high:
        raise ValueError("image has no finite pixel: all are NaN or infinite")
    return low, high


def grey_histogram(image: Any) -> Steps[GreyHistogram]:
    """Count the grey levels of an image of any size in one or two passes.

    Parameters
    ----------
    image : (..., Y, X) array
        Any real dtype, numpy or dask. Pixels that are not finite are left out.

    Returns
    -------
    GreyHistogram

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    if image.dtype.itemsize <= 2 and image.dtype.kind in "ui":
        return (yield from _count_levels(image, int(np.iinfo(image.dtype).min)))
    low, high = yield from limits(image)
    if image.dtype.kind in "ui" and int(high) - int(low) < BINS:
        return (yield from _count_levels(image, int(low)))
    return (yield from _count_bins(image, float(low), float(high)))


def _count_levels(image: Any, low: int) -> Steps[GreyHistogram]:
    size = 256 if image.dtype.itemsize == 1 else BINS
    counts, total = np.zeros(size, np.int64), count_pieces(image)
    for done, piece in enumerate(pieces(image), start=1):
        counts += np.bincount(_bin_of(piece, low, 1).ravel(), minlength=size)
        yield Progress(done, total, "grey levels")
    bins = np.flatnonzero(counts)
    return GreyHistogram(low + bins.astype(np.float64), counts[bins], bins, low, 1)


def _count_bins(image: Any, low: float, high: float) -> Steps[GreyHistogram]:
    # the highest value falls into the last bin, not beyond it
    width = (high - low) / (BINS - 1) or 1.0
    counts, sums, total = np.zeros(BINS, np.int64), np.zeros(BINS), count_pieces(image)
    for done, piece in enumerate(pieces(image), start=1):
        piece = piece[np.isfinite(piece)] if piece.dtype.kind == "f" else piece.ravel()
        bins = _bin_of(piece, low, width)
        counts += np.bincount(bins, minlength=BINS)
        sums += np.bincount(bins, weights=piece, minlength=BINS)
        yield Progress(done, total, "grey levels")
    bins = np.flatnonzero(counts)
    return GreyHistogram(sums[bins] / counts[bins], counts[bins], bins, low, width)


def occurrences(labels: Any) -> Steps[dict[int, int]]:
    """Count how many pixels each label has."""
    found: dict[int, int] = {}
    total = count_pieces(labels)
    for done, piece in enumerate(pieces(labels), start=1):
        for label, count in zip(*np.unique(piece, return_counts=True), strict=True):
            found[int(label)] = found.get(int(label), 0) + int(count)
        yield Progress(done, total, "labels")
    return found
