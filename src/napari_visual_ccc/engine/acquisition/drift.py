"""Track the drift of a stack from slice to slice, and find jumps and displacements of rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite
from ...arrays.lazy import in_memory
from ...arrays.tiling import middle
from ...core.pixel_size import PixelSize


def slice_name(index: Index) -> str:
    """Index of a slice as text: 4, or (0, 4) in a series of stacks."""
    return str(index[0]) if len(index) == 1 else str(index)


def drift_columns(shift: Shift, pixel_size: PixelSize | None) -> dict[str, float]:
    """Columns of a shift in pixels and, with a pixel size, in its unit."""
    columns = {"drift_y_px": shift[0], "drift_x_px": shift[1]}
    if pixel_size is not None:
        columns[pixel_size.length_column("drift_y")] = shift[0] * pixel_size.height
        columns[pixel_size.length_column("drift_x")] = shift[1] * pixel_size.width
    return columns


Index = tuple[int, ...]

Shift = tuple[float, float]

# side in pixels of the central region that shifts are measured on
_SIDE = 1024

# pixels of a row that may correlate
_JOINED = 16

# steps to a pixel
_UPSAMPLING = 50

# least overlap of two slices
_OVERLAP = 0.25

# correlation below which two slices do not match
_MATCH = 0.2

# and above which no better match is searched: different specimens reach 0.66 by chance
_SURE = 0.7

# standard errors of the noise by which the levels of lines must differ
_ERRORS = 3.0

# reference slices kept along an axis: the view may return to an earlier one
_REFERENCES = 3


class Moved(NamedTuple):
    """Shift of a slice, below and right, against others.

    Parameters
    ----------
    step : (y, x)
        Against its reference slice; NaN if none matches.
    total : (y, x)
        Against the first slice that is not empty.
    match : float
        Correlation with the reference slice, 1 at best.
    since : tuple of int or None
        Index of the reference slice.
    """

    step: Shift
    total: Shift
    match: float
    since: Index | None


class _Reference(NamedTuple):
    """A slice that others are registered to."""

    place: Index
    part: np.ndarray
    total: Shift


class Drift:
    """Tracks the drift of a stack, slice by slice in the order of ``np.ndindex``.

    Parameters
    ----------
    to_first : bool
        Register slices to the first along their axis instead of the previous one.
    """

    def __init__(self, *, to_first: bool = False) -> None:
        self.started = False
        self._to_first = to_first
        # for every leading axis: candidates for the reference of the next slice. The last match
        # comes first; then slices that nothing has matched yet: bad slices as a rule, but perhaps
        # a change of the specimen, or the first good slice after a bad start
        self._references: dict[int, list[_Reference]] = {}
        # total shift of the last slice along it
        self._last: dict[int, Shift] = {}

    def follow(self, index: Index, plane: Any) -> Moved:
        """Shift of the next slice; a slice without a match keeps the shift of the last one.

        Such a slice is a reference only for slices that match it and no other.
        """
        axis = max((a for a, place in enumerate(index) if place), default=0)
        part = _middle(plane)
        moved = self._register(axis, part)
        for a in range(axis, len(index)):
            self._last[a] = moved.total
            # a new line of slices: the references of its first slice are the fallback
            if a > axis:
                self._references[a] = list(self._references.get(axis, []))
        if part is not None:
            self.started = True
            self._remember(axis, len(index), moved, _Reference(index, part, moved.total))
        return moved

    def _register(self, axis: int, part: np.ndarray | None) -> Moved:
        nowhere, last = (np.nan, np.nan), self._last.get(axis, (0.0, 0.0))
        found = Moved(nowhere, last, 0.0, None)
        if part is None:
            return found
        if not self.started:
            return found._replace(match=1.0)
        for reference in self._references[axis]:
            step, match = displacement(reference.part, part)
            if match > found.match:
                total = (reference.total[0] + step[0], reference.total[1] + step[1])
                found = Moved(step, total, match, reference.place)
            if match >= _SURE:
                break
        return found if found.match >= _MATCH else Moved(nowhere, last, found.match, None)

    def _remember(self, axis: int, axes: int, moved: Moved, new: _Reference) -> None:
        if moved.since is None:
            # on all axes: where lines begin with bad slices, this may be the first good one
            for a in range(axes):
                references = self._references.setdefault(a, [])
                references.append(new)
                if len(references) > _REFERENCES:
                    del references[1]
            return
        for a in range(axis, axes):
            old = next(
                reference for reference in self._references[a] if reference.place == moved.since
            )
            self._references[a].remove(old)
            self._references[a].insert(0, old if self._to_first and a == axis else new)


def _middle(plane: Any) -> np.ndarray | None:
    """Central region of a plane; None where it is constant or not finite."""
    rows, columns = middle(plane.shape, _SIDE)
    part = in_memory(plane[rows, columns]).astype(np.float64)
    if not np.isfinite(part).any():
        return None
    part = finite(part)[0]
    return None if np.ptp(part) == 0 else part


def displacement(fixed: np.ndarray, moving: np.ndarray) -> tuple[Shift, float]:
    """Shift from `fixed` to `moving`, below and right.

    Parameters
    ----------
    fixed, moving : (Y, X) float arrays
        Finite, of one shape.

    Returns
    -------
    shift : (y, x)
        In pixels; zero if the two do not match.
    match : float
        Their correlation after the shift.
    """
    rough = _cross_correlate(fixed, moving, 1)
    places = [
        (slice(max(-s, 0), n - max(s, 0)), slice(max(s, 0), n - max(-s, 0)))
        for s, n in zip((round(s) for s in rough), fixed.shape, strict=True)
    ]
    one, other = (array[tuple(cut[k] for cut in places)] for k, array in enumerate((fixed, moving)))
    if min(one.shape) < 2 or one.size < _OVERLAP * fixed.size:
        return (0.0, 0.0), 0.0
    match = _correlation(one, other)
    if match < _MATCH:
        return (0.0, 0.0), max(match, 0.0)
    fine = _cross_correlate(one, other, _UPSAMPLING)
    return (rough[0] + fine[0], rough[1] + fine[1]), match


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two images after a blur, since noise does not correlate."""
    import cv2

    one, other = (cv2.GaussianBlur(array, (0, 0), 2.0) for array in (one, other))
    scatter = float(one.std() * other.std())
    covariance = float(np.mean((one - one.mean()) * (other - other.mean())))
    return covariance / scatter if scatter > 0 else 0.0


def _cross_correlate(fixed: np.ndarray, moving: np.ndarray, steps: int) -> Shift:
    from skimage.registration import phase_cross_correlation

    # tapered, since borders correlate at zero shift. Not normalised (the "phase" of phase
    # correlation): on real micrographs this halves the error and is more robust to noise
    taper = np.outer(*(np.hanning(n + 2)[1:-1] for n in fixed.shape))
    shift, _, _ = phase_cross_correlation(
        (fixed - fixed.mean()) * taper, (moving - moving.mean()) * taper,
        upsample_factor=steps, normalization=None,
    )  # fmt: skip
    return -float(shift[0]), -float(shift[1])


def row_displacement(windows: list[np.ndarray]) -> float:
    """Sideways displacement of single rows against their neighbours, as standard deviation.

    The difference of a row to the mean of its two neighbours is fitted by the slope along the row;
    an edge that runs obliquely adds nothing. What noise contributes is subtracted. Above a pixel
    the fit is too low.

    Returns
    -------
    float
        In pixels.
    """
    shifts, noise = [], []
    for window in windows:
        middle = (window[:-2] + window[2:]) / 2
        slope = np.gradient(middle, axis=1)
        off = window[1:-1] - middle
        # jumps of grey are stripes
        off = off - np.median(off, axis=1, keepdims=True)
        weight = np.maximum(np.sum(slope**2, axis=1), 1e-30)
        shift = np.sum(off * slope, axis=1) / weight
        rest = (off - shift[:, None] * slope) * slope
        # sums over runs of pixels: neighbours may correlate
        runs = rest[:, : rest.shape[1] // _JOINED * _JOINED].reshape(len(rest), -1, _JOINED)
        shifts.append(np.abs(shift))
        noise.append(np.sum(runs.sum(axis=2) ** 2, axis=1) / weight**2)
    spread = float(np.quantile(np.concatenate(shifts), 0.9)) / 1.645
    # twice the noise, to be sure; a row and half of each neighbour move
    chance = 2 * float(np.median(np.concatenate(noise)))
    return float(np.sqrt(max(spread**2 - chance, 0.0) / 1.5))


def line_jumps(windows: list[np.ndarray]) -> tuple[float, float]:
    """Jumps of whole lines in grey against the next line: standard deviation of their level.

    The middle half of the differences between two lines is averaged: detail of the specimen
    affects few pixels of a line, a jump of the scan all of them. The contribution of noise and
    detail is subtracted; correlated neighbours count as one pixel.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `spectrum.detail.windows_of`.

    Returns
    -------
    rows, columns : float
        With the rows and with the columns as lines.
    """
    both = [[_jumps(w) for w in windows], [_jumps(w.T) for w in windows]]
    # streaks run along rows and curtains along columns: the shorter run is that of detail
    runs = [min(one.run, other.run) for one, other in zip(*both, strict=True)]
    rows, columns = (_beyond_chance(lines, runs) for lines in both)
    return rows, columns


class _Jumps(NamedTuple):
    """From line to line: jump, its variance for independent pixels, length of a run."""

    jumps: np.ndarray
    noise: np.ndarray
    run: float


def _jumps(window: np.ndarray) -> _Jumps:
    steps = np.diff(window, axis=0)
    ordered = np.sort(steps, axis=1)
    count = ordered.shape[1]
    quarter = count // 4
    middle = ordered[:, quarter : count - quarter].mean(axis=1)
    # variance of a trimmed mean, from the winsorised values
    kept = np.clip(steps, ordered[:, [quarter]], ordered[:, [count - 1 - quarter]])
    noise = kept.var(axis=1) * count / (count - 2 * quarter) ** 2
    return _Jumps(np.abs(middle - np.median(middle)), noise, _run(kept))


def _run(lines: np.ndarray) -> float:
    """Correlated neighbours of a line: the sum of its autocorrelation."""
    count = lines.shape[1]
    level = lines - lines.mean(axis=1, keepdims=True)
    power = np.mean(np.abs(np.fft.rfft(level, 2 * count, axis=1)) ** 2, axis=0)
    along = np.fft.irfft(power, 2 * count)[:count]
    # beyond its first zero there is only noise; without the mean there is a zero
    end = int(np.argmax(along <= 0))
    run = float(2 * along[:end].sum() / along[0] - 1) if end > 0 else 1.0
    # the mean of few runs absorbs some of the variance
    return run / max(1 - run / count, 0.5)


def _beyond_chance(lines: list[_Jumps], runs: list[float]) -> float:
    jumps = np.concatenate([one.jumps for one in lines])
    noise = np.concatenate([one.noise * run for one, run in zip(lines, runs, strict=True)])
    # 90th percentile: streaks over some of the lines count, a few layers do not
    spread = float(np.quantile(jumps, 0.9)) / 1.645
    # neighbouring lines of a small image share detail: few of them vary by chance
    chance = 1 + _ERRORS * float(np.sqrt(2 * np.mean(runs) / len(jumps)))
    return float(np.sqrt(max(spread**2 - chance * float(np.median(noise)), 0.0) / 2))
