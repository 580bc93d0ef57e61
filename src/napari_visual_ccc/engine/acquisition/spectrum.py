"""Detail, enlargement and stripes of a plane from its spectrum and the differences of its rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite
from ...arrays.tiling import starts

# a plane is analysed in nine windows at most, whatever its size
_SIDE, _PLACES = 512, 3

# most rings of the radial average, each at least two frequencies wide
_RINGS = 96

# consecutive rings without detail that end it: a regular structure has gaps
_GAP = 3

# ratio of power to noise of detail
_ABOVE = 2.0

# power below this share of the strongest ring is rounding
_ROUNDING = 1e-7

# standard errors of the noise by which lines must differ
_SURE = 3.0

# least side of a window
_LEAST = 128

# peak of the spectrum over its median. Chosen on half of the development micrographs
_PEAK = 10.0

# share of rows that repeat the row before; logarithm of the differences at every other place over
# those between, of all and of the nearest two of the eight places of a block of JPEG. Real images
# of both halves have 0; at most 0.18 and 0.03
_REPEATED, _ALTERNATE, _APART = 0.1, 0.08, 0.03

# power of any other period over that of two columns
_ALONE = 0.5

# power beyond the end of the spectrum over that before it, with a soft kernel
_STEEP = 0.01

# lowest frequency, and distance from those of the blocks of JPEG, in cycles per pixel
_LOWEST, _BLOCKS = 0.06, 0.006


def windows_of(plane: Any) -> list[np.ndarray]:
    """Up to nine evenly spaced windows of a plane, finite float64 without mean and slopes.

    Windows without a finite pixel are left out.
    """
    rows, columns = (starts(length, _SIDE, _PLACES) for length in plane.shape)
    found = []
    for y in rows:
        for x in columns:
            window = np.array(plane[y : y + _SIDE, x : x + _SIDE], np.float64, order="C")
            if np.isfinite(window).any():
                found.append(_level(finite(window)[0]))
    return found


def _level(window: np.ndarray) -> np.ndarray:
    """Subtract mean and slopes: uneven lighting is not detail."""
    flat = window - window.mean()
    for axis in range(2):
        count = window.shape[axis]
        slope = np.expand_dims(np.arange(count) - (count - 1) / 2, 1 - axis)
        if count > 1:
            # over a full grid the slopes are independent of one another
            flat = flat - slope * (np.mean(flat * slope) / np.mean(slope**2))
    return flat


def power_of(windows: list[np.ndarray]) -> np.ndarray:
    """Average power spectrum of windows: (h, w // 2 + 1), frequency 0 first.

    Windows are tapered (Hann), so that their borders leave no cross.
    """
    height, width = windows[0].shape
    taper = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = np.zeros((height, width // 2 + 1))
    for window in windows:
        power += np.abs(np.fft.rfft2(window * taper)) ** 2
    return power / len(windows)


def finest_detail(power: np.ndarray, width: int) -> tuple[float, tuple[float, ...]]:
    """Period of the finest detail above the noise, in pixels: 2 or more.

    Detail is resolved up to the frequency where the radially averaged power reaches the noise
    (Joy, SMART: J. Microsc. 208 (2002) 24).

    Parameters
    ----------
    power : (h, w // 2 + 1) array
        From `power_of`.
    width : int
        Of the windows.

    Returns
    -------
    detail : float
        Infinite if all power is noise; NaN if windows are too small.
    along : tuple of float
        The same along 0, 45, 90 and 135 degrees, counter-clockwise from the row axis.
    """
    height = power.shape[0]
    if min(height, width) < 32:
        return float("nan"), (float("nan"),) * 4
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    rings = min(_RINGS, min(height, width) // 4)
    ring = (np.hypot(y, x) * 2 * rings).astype(int)
    # stripes, and residues of the borders, lie on the axes
    use = (ring < rings) & (np.abs(y) > 1.5 / height) & (x > 1.5 / width)
    whole = _rings(power, ring, use)
    noise = max(float(_smooth(whole[whole > 0]).min(initial=np.inf)), _ROUNDING * whole.max())
    angle = np.degrees(np.arctan2(-y, x))
    sectors = [np.abs((angle - middle + 90) % 180 - 90) <= 22.5 for middle in (0, 45, 90, 135)]
    along = tuple(_period(_rings(power, ring, use & sector), noise) for sector in sectors)
    return _period(whole, noise), along


def _rings(power: np.ndarray, ring: np.ndarray, use: np.ndarray) -> np.ndarray:
    count = np.bincount(ring[use])
    return np.bincount(ring[use], power[use]) / np.maximum(count, 1)


def _smooth(values: np.ndarray) -> np.ndarray:
    # fewer neighbours at the ends
    kernel = np.ones(min(5, len(values)))
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def _period(mean: np.ndarray, noise: float) -> float:
    """Period at which power reaches the noise; the lowest rings may be empty."""
    first = int(np.argmax(mean > 0))
    above = np.append(mean[first:] >= _ABOVE * noise, [False] * _GAP)
    gap = np.lib.stride_tricks.sliding_window_view(~above, _GAP).all(axis=1)
    last = first + int(np.argmax(gap))
    return float("inf") if last == first else 2 * len(mean) / (last - 0.5)


def line_jumps(windows: list[np.ndarray]) -> tuple[float, float]:
    """Jumps of whole lines in grey against the next line: standard deviation of their level.

    The middle half of the differences between two lines is averaged: detail of the specimen
    affects few pixels of a line, a jump of the scan all of them. The contribution of noise and
    detail is subtracted; correlated neighbours count as one pixel.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `windows_of`.

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
    chance = 1 + _SURE * float(np.sqrt(2 * np.mean(runs) / len(jumps)))
    return float(np.sqrt(max(spread**2 - chance * float(np.median(noise)), 0.0) / 2))


def enlargement(windows: list[np.ndarray]) -> float:
    """How many times an image was enlarged; NaN where nothing shows it.

    Interpolated pixels lie on a curve through their neighbours, the original ones do not: the
    second difference is periodic (Gallagher, Proc. Canadian Conf. Comput. Robot Vision, 2005, 65).
    Enlarging by exactly 2 puts two new pixels at equal distances from each original one: only the
    first difference, within and between the pairs, is periodic. Where pixels were repeated, rows
    equal their neighbours.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `windows_of`.

    Returns
    -------
    float
        2 or more by interpolation, since the period of smaller factors is ambiguous; any factor
        from 1.12 where pixels were repeated.
    """
    if min(windows[0].shape) < _LEAST:
        return float("nan")
    for way in (_repeated, _interpolated, _doubled):
        found = [way([w if axis else w.T for w in windows]) for axis in range(2)]
        # an image is enlarged in both directions alike
        if np.isfinite(found).all() and abs(found[0] - found[1]) <= 0.05 * max(found):
            return float(np.mean(found))
    return float("nan")


def _repeated(windows: list[np.ndarray]) -> float:
    """Columns over columns that differ from the one before; NaN where hardly any is repeated."""
    same = count = 0
    for window in windows:
        # without the slopes that were subtracted
        bend = np.diff(window, 2, axis=0)
        varied = bend.std(axis=0)[1:] > 1e-6 * window.std()
        equal = np.abs(np.diff(bend, axis=1)).max(axis=0) < 1e-9 * np.abs(window).max()
        same += int(np.sum(equal & varied))
        count += int(np.sum(varied))
    share = same / max(count, 1)
    return 1 / (1 - share) if _REPEATED < share < 1 else float("nan")


def _doubled(windows: list[np.ndarray]) -> float:
    """2 where differences to the next column are smaller at every other place; NaN elsewhere."""
    found, power = [], np.zeros((windows[0].shape[1] + 1) // 2)
    for window in windows:
        level = np.abs(np.diff(window, axis=1)).mean(axis=0)
        power += _periods(level)
        # by place in a block of JPEG, whose borders differ
        places = np.median(level[: len(level) // 8 * 8].reshape(-1, 8), axis=0)
        low, high = sorted((places[::2], places[1::2]), key=np.mean)
        if not low.max() > 0:
            return float("nan")
        found.append(np.log([high.mean() / low.mean(), high.min() / low.max()]))
    alternate, apart = np.median(found, axis=0)
    # enlarging by 6 or 10 alternates too, but not with this period alone
    at = np.arange(len(power)) / (windows[0].shape[1] - 1)
    others = power[(at > _LOWEST) & (at < 0.48) & ~_of_blocks(at)]
    alone = others.max() < _ALONE * power[-3:].max()
    return 2.0 if alone and alternate > _ALTERNATE and apart > _APART else float("nan")


def _interpolated(windows: list[np.ndarray]) -> float:
    """Period of the second difference along rows; NaN without one."""
    power = np.mean([_second_difference(window) for window in windows], axis=0)
    frequency = np.arange(len(power)) / (windows[0].shape[1] - 2)
    ratio = np.sqrt(power / np.median(power))
    blocks = _of_blocks(frequency)
    if ratio[np.abs(frequency - 0.125) < _BLOCKS].max() < _PEAK / 2:
        # no blocks: a quarter of the sampling frequency is an enlargement of 4
        blocks &= np.abs(frequency - 0.25) > _BLOCKS
    ratio[(frequency < _LOWEST) | blocks] = 0
    peaks = np.flatnonzero(ratio > _PEAK)
    if not len(peaks):
        return float("nan")
    # the lowest frequency is that of the period, the others are its multiples
    first = peaks[peaks <= peaks[0] + 3]
    first = int(first[ratio[first].argmax()])
    around = slice(max(first - 1, 0), first + 2)
    period = float(1 / np.average(frequency[around], weights=ratio[around] ** 2))
    # at a third of the sampling frequency a factor of 1.5 looks like one of 3
    return period if _band_ends(windows, 1 / period) else float("nan")


def _of_blocks(frequency: np.ndarray) -> np.ndarray:
    return np.abs(frequency * 8 - np.round(frequency * 8)) < 8 * _BLOCKS


def _second_difference(window: np.ndarray) -> np.ndarray:
    return _periods(np.abs(np.diff(window, 2, axis=1)).mean(axis=0))


def _periods(level: np.ndarray) -> np.ndarray:
    """Power spectrum of what varies along columns faster than over 15 of them."""
    level = level - np.convolve(np.pad(level, 7, mode="reflect"), np.ones(15) / 15, "valid")
    return np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2


def _band_ends(windows: list[np.ndarray], frequency: float) -> bool:
    """Whether the spectrum ends at half of a frequency, as it does after enlarging."""
    width = windows[0].shape[1]
    lines = [w * np.hanning(width) for w in windows]
    power = np.mean([np.mean(np.abs(np.fft.rfft(w, axis=1)) ** 2, axis=0) for w in lines], axis=0)
    at = np.arange(len(power)) / width
    below = power[np.abs(at - 0.4 * frequency) <= 0.05 * frequency].mean()
    above = power[np.abs(at - 0.7 * frequency) <= 0.05 * frequency].mean()
    floor = np.median(power[at > 0.45])
    # a soft kernel leaves no floor
    return bool(below * floor > above**2 or above < _STEEP * below)
