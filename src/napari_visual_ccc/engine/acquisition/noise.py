"""Estimate noise and the signal-to-noise ratio; stabilise the variance of Poisson-like noise."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite
from ...arrays.lazy import in_memory
from ...arrays.tiling import middle

# side in pixels of the central region that noise is estimated on
_SAMPLE = 2048

_BLOCK = 16

# share of the quietest blocks of a grey level that count as structureless
_QUIET = 0.3

# bias of the variance that version 0.1.0 took for the median of the quietest blocks
_OLD_BIAS = 0.93

# order of the differences along rows and columns → that bias (256 pixels, Gaussian noise). Higher
# orders see higher frequencies, with less texture
_BIAS = {2: 0.832, 6: 0.735}

# ratio of the responses of white noise in the quietest blocks, at half of the resolution to full
_OCTAVE = 0.9

# signal-to-noise ratio without measurable noise
BEST = 1000.0

# share of the pixels of a block at the end of the grey scale from which it is saturated, and fewest
# other blocks
_FULL, _FEW = 0.02, 12

# ratio of the noise of bright to dark blocks above which it is Poisson-like
_POISSON_RATIO = 1.6


class Noise(NamedTuple):
    """Variance of the noise as a line over grey: ``gain * grey + offset``.

    Parameters
    ----------
    gain : float
        0 for noise that does not depend on grey.
    offset : float
        Variance at grey 0; below zero where grey 0 lies under the detector's dark level.
    grey : (low, high)
        Mean grey of the darkest and the brightest blocks that the line was fitted to.
    """

    gain: float
    offset: float
    grey: tuple[float, float]

    @property
    def sigma(self) -> float:
        """Standard deviation at the middle grey level."""
        middle = (self.grey[0] + self.grey[1]) / 2
        return float(np.sqrt(max(self.gain * middle + self.offset, 0.0)))

    @property
    def poisson(self) -> bool:
        """Whether noise grows with grey."""
        return self.gain > 0


def signal_to_noise(windows: list[np.ndarray]) -> float:
    """Variance of the signal over that of the noise, from the autocorrelation along the rows.

    White noise only adds to the autocorrelation at zero; without it, the value there is
    extrapolated from the next two: the mean of the nearest neighbour and of the straight line
    (Thong, Sim & Phang, Scanning 23 (2001) 328).

    Returns
    -------
    float
        `BEST` without measurable noise, NaN for windows less than 4 pixels wide.
    """
    if windows[0].shape[1] < 4:
        return float("nan")
    at = [
        float(np.mean([np.mean(w[:, lag:] * w[:, : w.shape[1] - lag]) for w in windows]))
        for lag in range(3)
    ]
    signal = max(at[1] + (at[1] - at[2]) / 2, 0.0)
    return min(signal / max(at[0] - signal, 1e-300), BEST)


def sample(image: Any) -> np.ndarray:
    """Central region of the most central plane that is not empty, finite and as float64.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    rows, columns = middle(image.shape[-2:], _SAMPLE)
    every = list(np.ndindex(image.shape[:-2]))
    # empty slices (a drifted end of a series) are skipped, from the middle outwards
    for number in sorted(range(len(every)), key=lambda n: abs(n - len(every) // 2)):
        plane = in_memory(image[(*every[number], rows, columns)]).astype(np.float64)
        if np.isfinite(plane).any():
            return finite(plane)[0]
    for index in every:
        plane = np.asarray(image[index]).astype(np.float64)
        if np.isfinite(plane).any():
            return finite(plane)[0]
    raise ValueError("image has no finite pixel: all are NaN or infinite")


def least(plane: np.ndarray, model: str = "auto") -> tuple[Noise, float]:
    """Estimate the noise from two bands of high frequencies; the lower one has less texture.

    Parameters
    ----------
    plane, model
        As in `estimate`.

    Returns
    -------
    noise : Noise
        The lower estimate.
    spread : float
        Ratio of the highest to the lowest standard deviation of these bands and of the quietest
        places an octave lower: 1 for white noise, more for texture or for noise that neighbouring
        pixels share.
    """
    bands = [band for band in _BIAS.items() if band[0] == 2 or min(plane.shape) >= 2 * _BLOCK]
    found = sorted((estimate(plane, model, *band) for band in bands), key=lambda n: n.sigma)
    spread = found[-1].sigma / max(found[0].sigma, 1e-300)
    return found[0], max(spread, _an_octave_lower(plane, found[0]))


def _an_octave_lower(plane: np.ndarray, noise: Noise) -> float:
    """Ratio of the noise of 2 x 2 pixels to that of one; each from the places quiet in its band."""
    if not noise.sigma > 0 or min(plane.shape) < 2 * _BLOCK:
        return 1.0
    stable = stabilise(plane, noise)
    fine, coarse = (
        np.sort(np.mean(_in_blocks(_response(values, 2), side) ** 2, axis=1))
        for values, side in ((stable, _BLOCK), (_halved(stable), _BLOCK // 2))
    )
    kept = max(4, round(len(fine) * _QUIET))
    power = float(np.mean(coarse[:kept])) / max(float(np.mean(fine[:kept])), 1e-300)
    return 2 * math.sqrt(power) / _OCTAVE


def estimate(
    plane: np.ndarray, model: str = "auto", order: int = 2, bias: float = _OLD_BIAS
) -> Noise:
    """Estimate the noise of an image from its quietest blocks at every grey level.

    The response of a mask that vanishes on planes (Immerkær, Comput. Vis. Image Underst. 64 (1996)
    300; here of differences of any even order) is squared and averaged over blocks; among blocks of
    similar grey the quietest give the noise. A line through these variances separates Poisson from
    Gaussian noise (Foi et al., IEEE Trans. Image Process. 17 (2008) 1737).

    Parameters
    ----------
    plane : (Y, X) float array
        Finite.
    model : {'auto', 'gaussian', 'poisson'}
        Whether the noise may grow with grey; auto: by the fit.
    order : int
        Of the differences; even.
    bias : float
        Variance of the quietest blocks over that of the noise.

    Returns
    -------
    Noise
    """
    means, variances = _blocks(plane, order)
    ranked = np.argsort(means, kind="stable")
    groups = np.array_split(ranked, int(np.clip(len(ranked) // 24, 1, 16)))
    grey = np.array([means[group].mean() for group in groups])
    quiet = np.array([_quiet(variances[group], bias) for group in groups])
    level = Noise(0.0, float(np.median(quiet)), (float(grey[0]), float(grey[-1])))
    if model == "gaussian" or len(groups) < 3 or np.ptp(grey) == 0:
        return level
    # noise-like weights: the spread of a variance grows with itself
    gain, offset = np.polyfit(grey, quiet, 1, w=1 / np.maximum(quiet, quiet.max() * 0.05 + 1e-30))
    dark, bright = gain * grey[0] + offset, gain * grey[-1] + offset
    if gain <= 0 or (model == "auto" and bright < _POISSON_RATIO * max(dark, 0)):
        return level
    return Noise(float(gain), float(offset), level.grey)


def tails(plane: np.ndarray, model: str = "auto") -> float:
    """Kurtosis of the noise in the quietest blocks: 3 where it is that of a detector.

    Filters and strong compression leave noise at edges and none elsewhere, so that few large
    values stand beside many small ones, as in fine texture. Compression does so at the highest
    frequencies only. Saturated blocks do not count.

    Parameters
    ----------
    plane, model
        As in `estimate`.

    Returns
    -------
    float
        Mean of the kurtosis within blocks, which unlike levels of the noise do not raise; the
        lowest of two bands of frequencies and of one an octave lower. 3 where it cannot be
        measured.
    """
    full = np.mean((_in_blocks(plane) == plane.min()) | (_in_blocks(plane) == plane.max()), axis=1)
    noise = estimate(plane, model)
    if min(plane.shape) < 2 * _BLOCK or np.sum(full <= _FULL) < _FEW or not noise.sigma > 0:
        return 3.0
    stable = stabilise(plane, noise)
    bands = [(_response(stable, order), _BLOCK) for order in _BIAS]
    bands.append((_response(_halved(stable), 2), _BLOCK // 2))
    return min(_kurtosis(_in_blocks(values, side)[full <= _FULL]) for values, side in bands)


def _kurtosis(blocks: np.ndarray) -> float:
    power = np.mean(blocks**2, axis=1)
    quiet = np.argsort(power, kind="stable")[: round(len(power) * _QUIET)]
    # a block without noise has no tails
    quiet = quiet[power[quiet] > 0]
    if not quiet.size:
        return 3.0
    return float(np.mean(np.mean(blocks[quiet] ** 4, axis=1) / power[quiet] ** 2))


def _blocks(plane: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean grey, and mean squared response, of each block."""
    energy = _response(plane, order) ** 2
    return _in_blocks(plane).mean(axis=1), _in_blocks(energy).mean(axis=1)


def _response(plane: np.ndarray, order: int) -> np.ndarray:
    import cv2

    along = np.array([(-1) ** k * math.comb(order, k) for k in range(order + 1)], np.float64)
    mask = np.outer(along, along) / float(np.sum(along**2))
    return cv2.filter2D(plane, cv2.CV_64F, mask, borderType=cv2.BORDER_REFLECT_101)


def _halved(plane: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels."""
    rows, columns = (n // 2 for n in plane.shape)
    return plane[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))


def _in_blocks(values: np.ndarray, side: int = _BLOCK) -> np.ndarray:
    """Pixels of each block in a row."""
    side = min(side, *values.shape)
    rows, columns = (n // side for n in values.shape)
    cut = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return cut.swapaxes(1, 2).reshape(rows * columns, side * side)


def _quiet(variances: np.ndarray, bias: float) -> float:
    ordered = np.sort(variances)
    kept = ordered[: max(1, round(len(ordered) * _QUIET))]
    return float(np.median(kept)) / (bias if len(ordered) > 8 else 1.0)


def stabilise(image: np.ndarray, noise: Noise) -> np.ndarray:
    """Generalised Anscombe transform: noise of standard deviation 1 at every grey level.

    Source: Starck, Murtagh & Bijaoui, Image Processing and Data Analysis, 1998; for an image
    without gain it only divides by sigma.
    """
    if not noise.poisson:
        return image / noise.sigma
    gain = noise.gain
    under = gain * image + 0.375 * gain**2 + noise.offset
    return (2 / gain) * np.sqrt(np.maximum(under, 0))


def unstabilise(stable: np.ndarray, noise: Noise) -> np.ndarray:
    """Undo `stabilise` without bias.

    The inverse is that of the expectation, in closed form: Mäkitalo & Foi, IEEE Trans. Image
    Process. 22 (2013) 91, eq. 10.
    """
    if not noise.poisson:
        return stable * noise.sigma
    d = np.maximum(stable, 2 * np.sqrt(0.375))
    root = np.sqrt(1.5)
    counts = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 0.125
    return noise.gain * counts - noise.offset / noise.gain
