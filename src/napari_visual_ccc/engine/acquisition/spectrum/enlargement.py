"""By how much a plane was enlarged, from the differences of its pixels."""

from __future__ import annotations

import numpy as np

from .detail import SIDE, finest_detail, power_of

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

# a blurred image enlarged 1.5 times is nearly the same as a sharp one enlarged 3 times: up to this
# factor neither of both is known
_ALIKE = 3.4

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

# amplitude of the differences at the period of repeated pixels, over their mean, where JPEG made
# them unlike: 0.32 at most of 2000 images by interpolation and 0.1 of others; share of it that
# another peak has at most; share of a quarter that an eighth has, of the blocks of JPEG
_COMB, _FIRST, _EIGHTH = 0.38, 0.7, 0.3

# power of any other period over that of two columns
_ALONE = 0.5

# power at a quarter over that at a half, and over that at an eighth, from which blocks of four, as
# of WebP, may make differences alternate: of 14 images enlarged by 2, at most 0.022 as PNG
_FOURS, _NOT_EIGHTS = 0.03, 2.0

# lowest frequency, and distance from those of the blocks of JPEG, in cycles per pixel
_LOWEST, _BLOCKS = 0.06, 0.006


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
        first. The second is infinite where blocks of four pixels, as of WebP, may look like 2.
    """
    if min(windows[0].shape) < _LEAST:
        return ()
    along = [[w if axis else w.T for w in windows] for axis in range(2)]
    for way in (_repeated, _doubled):
        found = [way(one) for one in along]
        # an image is enlarged in both directions alike
        if np.isfinite(found).all() and abs(found[0] - found[1]) <= 0.05 * max(found):
            factor = float(np.mean(found))
            fours = way is _doubled and all(map(_has_fours, along))
            return (factor, float("inf")) if fours else (factor,)
    factor = _pixelated(windows)
    return _interpolated(windows) if np.isnan(factor) else (factor,)


def are_repeated(windows: list[np.ndarray]) -> bool:
    """Whether rows or columns equal their neighbours, or did before JPEG: outlines are stairs.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `windows_of`.
    """
    either = (_repeated(windows), _repeated([w.T for w in windows]))
    large = min(windows[0].shape) >= _LEAST
    return bool(np.isfinite(either).any() or (large and np.isfinite(_pixelated(windows))))


def _has_fours(windows: list[np.ndarray]) -> bool:
    """Whether differences have a period of four columns, and not that of the blocks of JPEG."""
    power = np.sum([_periods(np.abs(np.diff(w, axis=1)).mean(axis=0)) for w in windows], axis=0)
    at = np.arange(len(power)) / (windows[0].shape[1] - 1)
    quarter, eighth = (power[np.abs(at - one) < _BLOCKS].max() for one in (0.25, 0.125))
    return bool(quarter > _FOURS * power[-3:].max() and quarter > _NOT_EIGHTS * eighth)


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


def _pixelated(windows: list[np.ndarray]) -> float:
    """Size of the squares of an image of repeated pixels that was saved as JPEG; NaN elsewhere."""
    side = min(windows[0].shape)
    square = [window[:side, :side] for window in windows]
    rows, columns = (
        np.mean([_comb(one) for one in ways], axis=0) for ways in (square, [w.T for w in square])
    )
    comb = np.sqrt(rows * columns)
    at = np.arange(len(comb)) / (side - 1)
    quarter, eighth = (np.abs(at - one) < _BLOCKS for one in (0.25, 0.125))
    of_jpeg = comb[eighth].max() > _EIGHTH * comb[quarter].max()
    out = (at < _LOWEST) | (_of_blocks(at) & (of_jpeg | ~quarter))
    comb[out] = 0
    if comb.max() < _COMB:
        return float("nan")
    first = int(np.argmax(comb > _FIRST * comb.max()))
    around = slice(max(first - 1, 0), first + 2)
    rate = float(np.average(at[around], weights=comb[around] ** 2))
    # of a factor below 2 more columns differ than repeat
    return 1 / rate if rate < 1 / 2.2 and _is_narrow(windows, rate) else float("nan")


def _comb(window: np.ndarray) -> np.ndarray:
    """Amplitudes of the size of the first difference along rows over its mean."""
    size = np.abs(np.diff(window, axis=1))
    # sharp edges of the specimen do not decide
    level = np.minimum(size, 2 * size.mean()).mean(axis=0)
    taper = np.hanning(len(level))
    mean = max(float(level.mean()), 1e-300)
    return np.abs(np.fft.rfft((level - mean) * taper)) * 2 / (mean * taper.sum())


def _is_narrow(windows: list[np.ndarray], rate: float) -> bool:
    """Whether fewer columns differ than repeat."""
    width = round(4 / rate)
    low = []
    for window in windows:
        level = np.abs(np.diff(window, axis=1)).mean(axis=0)
        pieces = np.lib.stride_tricks.sliding_window_view(level, width)
        middle = (pieces.max(axis=1) + pieces.min(axis=1)) / 2
        low.append(np.mean(pieces < middle[:, None]))
    return float(np.mean(low)) > 0.5


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
    known = rate > 0.5 or (rate < 1 / _ALIKE and _is_known(windows, power, rate, jpeg))
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
    return np.interp(np.linspace(0, 1, SIDE // 2 + 1), np.linspace(0, 1, len(power)), power)


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
