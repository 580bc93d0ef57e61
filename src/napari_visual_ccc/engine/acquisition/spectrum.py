"""Detail and enlargement of a plane from its spectrum and the differences of its pixels."""

from __future__ import annotations

from typing import Any

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

# least side of a window
_LEAST = 128

# peak of the spectrum, in amplitude, over the median around it, in both directions together; the
# weaker one has half. Chosen on half of the development micrographs, whose largest is 4.5
_PEAK, _AROUND = 5.0, 41

# fall of the spectrum in dB at the end of the original band, beyond that of a spectrum that falls
# with the third power of frequency; and for factors below 2. Of 400 micrographs as they are, shrunk
# and binned one has it
_FALL, _FALL_BELOW_2 = 1.5, 3.0

# highest share of the original pixels: below a factor of 1.6 shrunk images have the same period
_HIGHEST = 1 / 1.6

# finest detail over the factor where the spectrum ends with the original, and fall in dB per decade
# within its band up to which it was sharp. On the half for tuning 27 of 333 factors above 2.7 are
# wrong; these limits leave 2 of them, and 199 of the others
_ENDS, _SHARP = (1.0, 1.12), 22.0

# detail over the factor below which it has nothing to do with it: at least 0.4 where it is right
_FINE = 0.33

# share of rows that repeat the row before; logarithm of the differences at every other place over
# those between, of all and of the nearest two of the eight places of a block of JPEG. Real images
# of both halves have 0; at most 0.18 and 0.03
_REPEATED, _ALTERNATE, _APART = 0.1, 0.08, 0.03

# power of any other period over that of two columns
_ALONE = 0.5

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


def enlargements(windows: list[np.ndarray]) -> tuple[float, ...]:
    """Factors by which an image may have been enlarged.

    Interpolated pixels lie on a curve through their neighbours, the original ones do not: the
    second difference is periodic (Gallagher, Proc. Canadian Conf. Comput. Robot Vision, 2005, 65).
    Enlarging by exactly 2 puts two new pixels at equal distances from each original one: only the
    first difference, within and between the pairs, is periodic. Where pixels were repeated, rows
    equal their neighbours. A factor f and f / (f - 1) have the same period. Where the spectrum
    ends tells them apart, unless the original was smooth or it ends at both.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `windows_of`.

    Returns
    -------
    tuple of float
        Empty where nothing shows an enlargement; one that is known: from 1.6 by interpolation,
        from 1.12 where pixels were repeated; or two that cannot be distinguished, the smaller one
        first.
    """
    if min(windows[0].shape) < _LEAST:
        return ()
    for way in (_repeated, _doubled):
        found = [way([w if axis else w.T for w in windows]) for axis in range(2)]
        # an image is enlarged in both directions alike
        if np.isfinite(found).all() and abs(found[0] - found[1]) <= 0.05 * max(found):
            return (float(np.mean(found)),)
    return _interpolated(windows)


def _repeated(windows: list[np.ndarray]) -> float:
    """Columns over columns that differ from the one before; NaN where hardly any is repeated."""
    same = count = 0
    gaps: list[int] = []
    for window in windows:
        # without the slopes that were subtracted
        bend = np.diff(window, 2, axis=0)
        varied = bend.std(axis=0)[1:] > 1e-6 * window.std()
        equal = np.abs(np.diff(bend, axis=1)).max(axis=0) < 1e-9 * np.abs(window).max()
        gaps += np.diff(np.flatnonzero(equal & varied)).tolist()
        same += int(np.sum(equal & varied))
        count += int(np.sum(varied))
    share = same / max(count, 1)
    # smooth images have some equal columns by rounding, at uneven distances
    if 0 < share < 0.5 and np.abs(np.percentile(gaps or [0], (25, 75)) - 1 / share).max() > 1:
        return float("nan")
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


def _interpolated(windows: list[np.ndarray]) -> tuple[float, ...]:
    """Factors from the period of the second difference, the same along rows and columns."""
    side = min(windows[0].shape)
    square = [window[:side, :side] for window in windows]
    along = np.array([_second_difference(square), _second_difference([w.T for w in square])])
    frequency = np.arange(along.shape[1]) / (side - 2)
    both = np.sqrt(along.prod(axis=0))
    out = (frequency < _LOWEST) | _of_blocks(frequency)
    jpeg = both[np.abs(frequency - 0.125) < _BLOCKS].max() >= _PEAK / 2
    if not jpeg:
        # no blocks of JPEG: a quarter of the sampling frequency is an enlargement of 4
        out &= np.abs(frequency - 0.25) > _BLOCKS
    peaks = np.flatnonzero(~out & (both > _PEAK) & (along.min(axis=0) > _PEAK / 2))
    if not len(peaks):
        return ()
    top = int(peaks[both[peaks].argmax()])
    around = slice(max(top - 1, 0), top + 2)
    first = float(np.average(frequency[around], weights=(both[around] - 1) ** 2))
    power, falls = _power_of_lines(windows), dict[float, float]()
    for one in (first, *frequency[peaks]):
        for rate in (one, 1 - one):
            near = any(abs(rate - other) < 2 * _BLOCKS for other in falls)
            if not near and rate < _HIGHEST and _explains(rate, frequency[peaks]):
                falls[rate] = _fall(power, rate)
    ended = [rate for rate, fall in sorted(falls.items())
             if fall >= (_FALL if rate <= 0.5 else _FALL_BELOW_2)]  # fmt: skip
    if not ended:
        return ()
    # the largest factor at the end of whose band the spectrum falls
    rate = ended[0]
    known = rate > 0.5 or (rate < 1 - _HIGHEST and _is_known(windows, power, rate, jpeg))
    return (1 / rate,) if known else (1 / (1 - rate), 1 / rate)


def _explains(rate: float, peaks: np.ndarray) -> bool:
    """Whether all peaks are multiples of a frequency; those of shrunk JPEG images are not."""
    multiples = rate * np.arange(1, 5) % 1
    folded = np.minimum(multiples, 1 - multiples)
    return bool(np.all(np.abs(peaks[:, None] - folded).min(axis=1) <= _BLOCKS))


def _is_known(windows: list[np.ndarray], power: np.ndarray, rate: float, jpeg: bool) -> bool:
    """Whether the spectrum ends at a rate; that of a blurred image falls wherever it is looked at.

    A blurred image that was enlarged 1.5 times has the period of 3 times, and its spectrum too.
    """
    share = _detail_of(windows) * rate
    if _ENDS[0] <= share <= _ENDS[1] or share < _FINE:
        return share >= _FINE
    at, end = np.linspace(0, 0.5, len(power)), rate / 2
    near, far = (
        10 * np.log10(power[(at >= low * end) & (at <= high * end)].mean())
        for low, high in ((0.3, 0.4), (0.5, 0.6))
    )
    return not jpeg and float(near - far) / np.log10(0.55 / 0.35) < _SHARP


def _detail_of(windows: list[np.ndarray]) -> float:
    return finest_detail(power_of(windows), windows[0].shape[1])[0]


def _fall(power: np.ndarray, rate: float) -> float:
    """Fall of the power in dB at half of a frequency, where it ends after enlarging."""
    at, end = np.linspace(0, 0.5, len(power)), rate / 2
    below = power[(at >= 0.7 * end) & (at <= 0.9 * end)].mean()
    low, high = min(1.15 * end, 0.47), min(1.45 * end, 0.5)
    above = max(float(np.median(power[(at >= low) & (at <= high)])), 1e-300)
    return float(10 * np.log10(below / above) - 30 * np.log10((low + high) / (1.6 * end)))


def _power_of_lines(windows: list[np.ndarray]) -> np.ndarray:
    return np.mean([_power_along(w) + _power_along(w.T) for w in windows], axis=0)


def _power_along(window: np.ndarray) -> np.ndarray:
    """Power spectrum along rows at 257 frequencies."""
    lines = window * np.hanning(window.shape[1])
    power = np.mean(np.abs(np.fft.rfft(lines, axis=1)) ** 2, axis=0)
    return np.interp(np.linspace(0, 1, _SIDE // 2 + 1), np.linspace(0, 1, len(power)), power)


def _of_blocks(frequency: np.ndarray) -> np.ndarray:
    return np.abs(frequency * 8 - np.round(frequency * 8)) < 8 * _BLOCKS


def _second_difference(windows: list[np.ndarray]) -> np.ndarray:
    """Spectrum of its size along rows, over the median around; the largest of three places."""
    from scipy.ndimage import maximum_filter1d, median_filter

    power = np.zeros((windows[0].shape[1]) // 2)
    for window in windows:
        size = np.abs(np.diff(window, 2, axis=1))
        # sharp edges of the specimen do not decide
        one = _periods(np.minimum(size, 2 * size.mean()).mean(axis=0))
        level = median_filter(one, _AROUND, mode="reflect")
        power += np.minimum(one / np.maximum(level, 1e-300), 1e9) / len(windows)
    return np.sqrt(maximum_filter1d(power, 3))


def _periods(level: np.ndarray) -> np.ndarray:
    """Power spectrum of what varies along columns faster than over 15 of them."""
    level = level - np.convolve(np.pad(level, 7, mode="reflect"), np.ones(15) / 15, "valid")
    return np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2
