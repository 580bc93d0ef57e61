"""A first look at a plane, reduced: lettering, background and side."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....core.progress import Progress, Steps
from .annotations import Annotations, find_annotations
from .foreground import otsu
from .levels import Clarity, clarity, sparse
from .shading import blurred, complete, enlarged, find_shading, resized, sampled
from .sides import bright_or_dark, judge_sides

# longest side of the reduced image, in pixels
_SIDE = 768

# its blur in pixels
_FIRST = 2.0

# slope along outlines, by that without a surface, below which it is not the light's
_WORSE = 0.98

# on fewer rows or columns parts have no form
_FORMLESS = 32

# particles cover no more of an image than this share
_MOST = 0.95

# largest factor by which an oblong pixel is divided
_FINER = 8.0


class Choices(NamedTuple):
    """Of a run; lengths and areas are in pixels, `shape` holds the sides of an oblong one."""

    objects: str
    least: float
    sigma: float
    tolerance: float
    even: bool
    ignore: bool
    whole: bool
    shape: tuple[float, float] | None = None


class Survey(NamedTuple):
    """First pass: `plane` is reduced by `scale`, `grey` is blurred and even as well."""

    scale: float
    drawn: Annotations
    surface: np.ndarray | None
    plane: np.ndarray
    grey: np.ndarray
    bright: np.ndarray
    few: bool
    side: dict[str, float]
    clarity: Clarity


def survey(plane: np.ndarray, choices: Choices) -> Steps[Survey]:
    """Look at a plane on a scale that does not depend on its size."""
    scale, drawn, small, use = yield from _reduced(plane, choices.ignore)
    yield Progress(0, 0, "background")
    plain = grey = blurred(small, _FIRST)
    surface = find_shading(grey, use) if choices.even else None
    if surface is not None and _edge(grey, grey - surface, use) < _WORSE * _edge(grey, grey, use):
        # it follows where particles lie, not the light
        surface = None
    grey = grey if surface is None else grey - surface
    yield Progress(0, 0, "side")
    there = ~drawn.boxes
    few = sparse(grey, use, choices.objects)
    bright = (grey > otsu(grey[use]) if few is None else few) & there
    side = judge_sides(bright, there, grey) if choices.objects == "auto" else {}
    if few is not None and side and is_ground(bright == (bright_or_dark(side) == "bright"), use):
        # not what stands out has the forms of particles: it is lettering, or a few bright rims
        few, bright = None, (grey > otsu(grey[use])) & there
        side = judge_sides(bright, there, grey)
    return Survey(
        scale, drawn, surface, small, grey, bright, few is not None, side, clarity(grey, use, plain)
    )


def weigh(plane: np.ndarray, bright: np.ndarray) -> Steps[dict[str, float]]:
    """Weigh which side of a threshold found elsewhere is particles, on the scale of `survey`.

    Parameters
    ----------
    plane : (Y, X) array
    bright : (Y, X) bool array
        Pixels above the threshold.

    Returns
    -------
    dict
        As of `judge_sides`.

    Raises
    ------
    ValueError
        If nothing of the plane is finite, or it has fewer than 32 rows or columns.
    """
    if min(plane.shape) < _FORMLESS:
        raise ValueError(f"image has fewer than {_FORMLESS} rows or columns: too few for forms")
    scale, _, small, use = yield from _reduced(plane, True)
    yield Progress(0, 0, "side")
    above = (resized(bright.astype(np.float32), scale) > 0.5) & use
    return judge_sides(above, use, blurred(small, _FIRST))


def _reduced(plane: np.ndarray, ignore: bool) -> Steps[tuple[float, Annotations, Any, Any]]:
    """Scale, lettering, the plane reduced without it, and the pixels that count."""
    yield Progress(0, 0, "lettering")
    filled, known = complete(plane, np.isfinite(plane))
    scale = min(1.0, _SIDE / max(plane.shape))
    small, use = resized(filled, scale), resized(known.astype(np.float32), scale) > 0.5
    nothing = np.zeros(small.shape, bool)
    drawn = Annotations(nothing, nothing)
    if ignore:
        drawn = yield from find_annotations(small, use)
    return scale, drawn, *complete(small, use & ~drawn.any)


def is_ground(mask: np.ndarray, known: np.ndarray) -> bool:
    """Whether a mask is so much of an image that it holds the background."""
    return float(mask[known].mean()) > _MOST


def squared(plane: np.ndarray, choices: Choices) -> tuple[np.ndarray, Choices, float]:
    """Divide oblong pixels into square ones: plane, choices in these, and their side.

    Then every length, blur and form is that on the specimen, not only the distance.
    """
    if choices.shape is None:
        return plane, choices, 1.0
    side = max(min(choices.shape), max(choices.shape) / _FINER)
    shape = tuple(
        max(round(n * one / side), 1) for n, one in zip(plane.shape, choices.shape, strict=True)
    )
    values, known = complete(plane, np.isfinite(plane))
    square = np.where(sampled(known, shape), enlarged(values, shape), np.nan)
    finer = choices._replace(least=choices.least / side**2, sigma=choices.sigma / side, shape=None)
    return square, finer, side


def _edge(grey: np.ndarray, even: np.ndarray, known: np.ndarray) -> float:
    """Mean slope of an image along the outlines that Otsu's threshold gives in an evened one."""
    from scipy import ndimage

    mask = even > otsu(even[known])
    rim = (ndimage.binary_dilation(mask) ^ mask) & known
    slope = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    return float(slope[rim].mean()) if rim.any() else 0.0
