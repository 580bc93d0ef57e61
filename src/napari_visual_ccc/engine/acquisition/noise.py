"""Estimate noise, and stabilise the variance of Poisson-like noise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite

# side in pixels of the central region that noise is estimated on
_SAMPLE = 2048

_BLOCK = 16

# share of the quietest blocks of a grey level that count as structureless, and the bias of the
# noise of their median (256 pixels, Gaussian noise)
_QUIET = 0.3

_QUIET_BIAS = 0.93

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


def sample(image: Any) -> np.ndarray:
    """Central region of the most central plane that is not empty, finite and as float64.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    rows, columns = (
        slice(max((n - _SAMPLE) // 2, 0), max((n - _SAMPLE) // 2, 0) + _SAMPLE)
        for n in image.shape[-2:]
    )
    every = list(np.ndindex(image.shape[:-2]))
    # empty slices (a drifted end of a series) are skipped, from the middle outwards
    for number in sorted(range(len(every)), key=lambda n: abs(n - len(every) // 2)):
        plane = np.asarray(image[(*every[number], rows, columns)]).astype(np.float64)
        if np.isfinite(plane).any():
            return finite(plane)[0]
    for index in every:
        plane = np.asarray(image[index]).astype(np.float64)
        if np.isfinite(plane).any():
            return finite(plane)[0]
    raise ValueError("image has no finite pixel: all are NaN or infinite")


def estimate(plane: np.ndarray, model: str = "auto") -> Noise:
    """Estimate the noise of an image from its quietest blocks at every grey level.

    The response of a mask that vanishes on planes (Immerkær, Comput. Vis. Image Underst. 64 (1996)
    300) is squared and averaged over blocks; among blocks of similar grey the quietest give the
    noise. A line through these variances separates Poisson from Gaussian noise (Foi et al., IEEE
    Trans. Image Process. 17 (2008) 1737).

    Parameters
    ----------
    plane : (Y, X) float array
        Finite.
    model : {'auto', 'gaussian', 'poisson'}
        Whether the noise may grow with grey; auto: by the fit.

    Returns
    -------
    Noise
    """
    means, variances = _blocks(plane)
    order = np.argsort(means, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // 24, 1, 16)))
    grey = np.array([means[group].mean() for group in groups])
    quiet = np.array([_quiet(variances[group]) for group in groups])
    level = Noise(0.0, float(np.median(quiet)), (float(grey[0]), float(grey[-1])))
    if model == "gaussian" or len(groups) < 3 or np.ptp(grey) == 0:
        return level
    # noise-like weights: the spread of a variance grows with itself
    gain, offset = np.polyfit(grey, quiet, 1, w=1 / np.maximum(quiet, quiet.max() * 0.05 + 1e-30))
    dark, bright = gain * grey[0] + offset, gain * grey[-1] + offset
    if gain <= 0 or (model == "auto" and bright < _POISSON_RATIO * max(dark, 0)):
        return level
    return Noise(float(gain), float(offset), level.grey)


def _blocks(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    side = min(_BLOCK, *plane.shape)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64) / 6
    energy = cv2.filter2D(plane, cv2.CV_64F, mask, borderType=cv2.BORDER_REFLECT_101) ** 2
    rows, columns = (n // side for n in plane.shape)

    def average(values: np.ndarray) -> np.ndarray:
        cut = values[: rows * side, : columns * side]
        return cut.reshape(rows, side, columns, side).mean(axis=(1, 3)).ravel()

    return average(plane), average(energy)


def _quiet(variances: np.ndarray) -> float:
    ordered = np.sort(variances)
    kept = ordered[: max(1, round(len(ordered) * _QUIET))]
    return float(np.median(kept)) / (_QUIET_BIAS if len(ordered) > 8 else 1.0)


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
