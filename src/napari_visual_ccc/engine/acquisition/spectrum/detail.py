"""Finest detail of a plane from its spectrum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....arrays.inputs import finite
from ....arrays.lazy import in_memory
from ....arrays.tiling import starts

# a plane is analysed in nine windows at most, whatever its size
SIDE, _PLACES = 512, 3

# most rings of the radial average, each at least two frequencies wide
_RINGS = 96

# consecutive rings without detail that end it: a regular structure has gaps
_GAP = 3

# ratio of power to noise of detail
_ABOVE = 2.0

# power below this share of the strongest ring is rounding
_ROUNDING = 1e-7

# tiles of which the typical spectrum is made: side, step, and variance by that of the tenth that
# varies most, below which they are empty
_TILE, _STEP, _EMPTY = 64, 32, 1e-4

# fall of the power over an octave, in dB beyond that of a spectrum that falls with the third power
# of frequency: an image with a fall of `STEEP` ends where it is `_BEGINS`, at a period longer by
# `_EARLY`. Of 88 micrographs 4 have 6.5 dB, which were resampled before they were published
STEEP, _BEGINS, _POWER_LAW, _EARLY = 6.5, 4.0, 30.0, 1.1

# white noise ends the detail: fall of the power in dB over the last octave up to which it is white,
# and variance of the image over that of the noise, below which it is more than rounding
_WHITE, _NOISE = 1.5, 1000.0


class BandEnd(NamedTuple):
    """Steepest fall over an octave in dB, beyond a power law, and the `period` where it begins.

    `noisy` where white noise, of more than rounding, hides what lies above.
    """

    fall: float
    period: float
    noisy: bool

    @property
    def known(self) -> bool:
        """Whether detail ends there, and not in noise."""
        return self.fall > STEEP and not self.noisy


def windows_of(plane: Any) -> list[np.ndarray]:
    """Up to nine evenly spaced windows of a plane, finite float64 without mean and slopes.

    Windows without a finite pixel are left out.
    """
    rows, columns = (starts(length, SIDE, _PLACES) for length in plane.shape)
    found = []
    for y in rows:
        for x in columns:
            window = np.array(in_memory(plane[y : y + SIDE, x : x + SIDE]), np.float64, order="C")
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


def band_end(windows: list[np.ndarray]) -> BandEnd:
    """End of the band that holds detail, where the spectrum falls steeply.

    What interpolation, smoothing and JPEG leave above it is weak, but above the noise of an image
    that has none of its own: `finest_detail` counts it. Spectra of images fall with the second to
    third power of frequency (Field, J. Opt. Soc. Am. A 4 (1987) 2379), those of enlarged and
    smoothed ones faster. The logarithms of many tiles are averaged, so that letters, which are
    drawn after enlarging, do not decide.

    Parameters
    ----------
    windows : list of (h, w) arrays
        From `windows_of`.

    Returns
    -------
    BandEnd
        `period` in pixels, at most 17.6; NaN, and a fall of 0, where no spectrum is found.
    """
    level = _typical_power(windows)
    if level is None:
        return BandEnd(0.0, float("nan"), False)
    at = np.arange(4, _TILE / 2 + 0.25, 0.5)
    every = np.arange(len(level))
    fall = np.interp(at / 2, every, level) - np.interp(at, every, level)
    fall -= _POWER_LAW * np.log10(2)
    begins = np.flatnonzero(fall > _BEGINS)
    period = _EARLY * _TILE / at[begins[0]] if len(begins) else float("nan")
    white = level[_TILE // 4] - level[-1] < _WHITE
    variance = np.mean([np.mean(window**2) for window in windows])
    noise = 10 ** (level[-1] / 10)
    return BandEnd(float(fall.max()), float(period), bool(white and variance < _NOISE * noise))


def _typical_power(windows: list[np.ndarray]) -> np.ndarray | None:
    """Mean level of the spectra of tiles in dB at frequencies of 0 to 32 cycles a tile."""
    y, x = np.fft.fftfreq(_TILE)[:, None] * _TILE, np.fft.rfftfreq(_TILE)[None] * _TILE
    ring = np.round(np.hypot(y, x)).astype(int)
    # stripes lie on the axes
    use = (ring <= _TILE // 2) & (np.abs(y) > 1.5) & (x > 1.5)
    to_rings = np.zeros((np.count_nonzero(use), _TILE // 2 + 1))
    to_rings[np.arange(len(to_rings)), ring[use]] = 1
    to_rings /= np.maximum(to_rings.sum(axis=0), 1)
    taper = np.outer(np.hanning(_TILE + 2)[1:-1], np.hanning(_TILE + 2)[1:-1])
    # white noise has its variance as power
    taper /= np.sqrt(np.sum(taper**2))
    powers, variances = [], []
    for window in windows:
        if min(window.shape) < _TILE:
            continue
        every = np.lib.stride_tricks.sliding_window_view(window, (_TILE, _TILE))
        tiles = every[::_STEP, ::_STEP].reshape(-1, _TILE, _TILE)
        tiles = tiles - tiles.mean(axis=(1, 2), keepdims=True)
        variances.append(np.mean(tiles**2, axis=(1, 2)))
        powers.append((np.abs(np.fft.rfft2(tiles * taper)) ** 2)[:, use] @ to_rings)
    if not powers:
        return None
    variance = np.concatenate(variances)
    varied = variance > _EMPTY * np.percentile(variance, 90)
    if not varied.any():
        return None
    power = np.concatenate(powers)[varied]
    # powers of a tile that are zero to rounding
    power = np.maximum(power, 1e-12 * power.max(axis=1, keepdims=True))
    level: np.ndarray = 10 * np.log10(power).mean(axis=0)
    # the lowest rings lie on the axes alone
    level[:3] = level[3]
    return level
