"""Choose the parameter of a filter, and how much of its change is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...core.pixel_size import Sizes
from ...core.progress import Progress, Steps

# from an image or volume with noise of 1, a parameter, sides of a voxel in pixels to the result
Filter = Callable[[np.ndarray, float, Sizes], np.ndarray]

_SEED = 0

# the median is not smooth: the probe must be large enough to change ranks
_SIZE = 0.1

# correlation of neighbouring pixels of the residual up to which the whole change is kept, and from
# which on nothing is kept: the residual then shows the specimen. Chosen on half of the images of
# benchmarks/quality/denoising.py
_WHITE, _STRUCTURED = 0.03, 0.13

# share of the noise that is white at which the result says that the estimate is poor
_POOR = 0.75

# ratio of the estimates of the noise up to which the whole change is kept, and how much above
# nothing is kept; from where little of the noise is white to where all is. Noise of a detector
# has 1.0 to 1.3 on micrographs, texture and its rounding alone 1.4 to 14
_EQUAL, _STEP = (1.17, 1.33), 0.11

# the same of the kurtosis of the noise: that of noise is 2.7 to 3.2, of images that were denoised
# before 3.2 to 10. All were chosen on half of the images of benchmarks/quality/denoising.py
_EVEN, _UNEVEN = 3.1, 3.25

# share of the change below which the result says so
_ENOUGH = 0.6


class Choice(NamedTuple):
    """Parameter of a filter and the share of its change that is kept.

    Parameters
    ----------
    parameter : float
        One of the candidates.
    share : float
        0 returns the image as it is, 1 the output of the filter.
    correlation : float
        Of neighbouring pixels of the residual; 0 for white noise.
    """

    parameter: float
    share: float
    correlation: float


class _Trial(NamedTuple):
    """Means over the crops: squared change, divergence of the filter, correlation and its error."""

    change: float
    divergence: float
    correlation: float
    chance: float


def white_share(function: Filter, parameter: float, crops: list[np.ndarray]) -> float:
    """Share of the estimated noise that a filter finds to be white: 1 where all of it is.

    Filters that weigh all frequencies leave a residual without correlation even where they remove
    detail; the share of one that keeps edges tells it, and corrects the variance for them.

    Parameters
    ----------
    function, parameter, crops
        As in `choose`; of a volume, the middle slice is taken.
    """
    planes = [crop[len(crop) // 2] if crop.ndim == 3 else crop for crop in crops]
    return _whiteness(_try(function, parameter, planes, (1.0, 1.0, 1.0)))


def choose(
    function: Filter,
    candidates: tuple[float, ...],
    crops: list[np.ndarray],
    shape: Sizes,
    variance: float = 1.0,
) -> Steps[Choice]:
    """Candidate and share of the least estimated error; the image itself where none is better.

    The error of ``image + share * (filtered - image)`` is estimated without the truth (Monte-Carlo
    SURE: Ramani, Blu & Unser, IEEE Trans. Image Process. 17 (2008) 1540). It is a parabola of
    ``share``: with noise that is estimated correctly, or too low, every share up to its minimum is
    better than the image. The residual of white noise is white (Almeida & Figueiredo, IEEE Trans.
    Image Process. 22 (2013) 2751): the share decreases where neighbouring pixels of it correlate.

    Parameters
    ----------
    function : callable
        Filter of an image whose noise is 1.
    candidates : tuple of float
        Its parameters.
    crops : list of (Y, X) or (Z, Y, X) arrays
        Finite, with noise of 1.
    shape : Sizes
        Sides of a voxel in pixels.
    variance : float
        Of the noise, where less of it is white.
    """
    best, gain = Choice(candidates[0], 0.0, 0.0), 0.0
    for done, parameter in enumerate(candidates):
        trial = _try(function, parameter, crops, shape)
        free = variance * (1 - trial.divergence)
        if trial.change > 0:
            share = float(np.clip(free / trial.change, 0, 1)) * _whiteness(trial)
            better = 2 * share * free - share**2 * trial.change
            if better > gain:
                best, gain = Choice(parameter, share, trial.correlation), better
        yield Progress(done + 1, len(candidates), "parameter")
    return best


def _whiteness(trial: _Trial) -> float:
    beyond = trial.correlation - 2 * trial.chance
    return float(np.clip((_STRUCTURED - beyond) / (_STRUCTURED - _WHITE), 0, 1))


def _try(function: Filter, parameter: float, crops: list[np.ndarray], shape: Sizes) -> _Trial:
    rng = np.random.default_rng(_SEED)
    change, divergence, count = 0.0, 0.0, 0
    products = np.zeros(crops[0].ndim)
    for crop in crops:
        probe = rng.normal(size=crop.shape)
        clean = function(crop, parameter, shape)
        moved = (function(crop + _SIZE * probe, parameter, shape) - clean) / _SIZE
        residual = crop - clean
        change += float(np.sum(residual**2))
        divergence += float(np.sum(probe * moved))
        count += crop.size
        residual -= residual.mean()
        for axis in range(crop.ndim):
            ahead = np.moveaxis(residual, axis, 0)
            products[axis] += float(np.sum(ahead[1:] * ahead[:-1]))
    correlation = float(products.max()) / change if change > 0 else 0.0
    return _Trial(change / count, divergence / count, correlation, count**-0.5)


def limits(white: float, uncertain: float, kurtosis: float) -> tuple[float, float]:
    """Shares of the change that the ratio of the estimates and the kurtosis allow, 0 to 1."""
    equal = float(np.interp(white, (_POOR, 1), _EQUAL))
    certain = (equal + _STEP - uncertain) / _STEP
    even = (_UNEVEN - kurtosis) / (_UNEVEN - _EVEN)
    return float(np.clip(certain, 0, 1)), float(np.clip(even, 0, 1))


def doubts(
    share: float, white: float, uncertain: float, certain: float, even: float
) -> tuple[str, ...]:
    """Note on a poor estimate of the noise, if it is; `certain` and `even` are those limits."""
    poor = "the estimate of the noise is poor: "
    removed = "less is removed" if share * certain * even > 0 else "nothing is removed"
    if certain < _ENOUGH:
        return (
            f"{poor}it cannot be distinguished from the texture, since it is {uncertain:.1f} times "
            "higher at lower frequencies, as in fine texture and in images that were resampled, "
            f"compressed or denoised before; {removed}",
        )
    if even < _ENOUGH:
        return (
            f"{poor}it is uneven and cannot be distinguished from the texture, as in images that "
            f"were denoised or strongly compressed before; {removed}",
        )
    if share == 0:
        return ("noise cannot be distinguished from the texture: the image is unchanged",)
    if white < _POOR:
        return (f"{poor}it cannot be distinguished from the texture of the specimen; {removed}",)
    return ()
