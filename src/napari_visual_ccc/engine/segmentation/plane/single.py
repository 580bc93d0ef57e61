"""Particles of one plane."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....core.progress import Progress, Steps
from ..watershed import split_mask
from .annotations import Annotations
from .first_pass import Choices, is_ground, squared, survey
from .foreground import (
    blur_for,
    cleaned,
    least_area,
    least_clear_area,
    opened,
    otsu,
    typical_radius,
)
from .levels import Clarity, levels_below, local_level, lower_level
from .parts import are_rounder, gaps, without_cut, without_faint
from .shading import blurred, complete, enlarged, sampled
from .sides import bright_or_dark

# gaps between touching particles: the blur before they are looked for and their largest width, in
# pixels of the first pass
_FINE, _GAP = 0.8, 10.0

# least rise of a maximum above the neck, in pixels
_RISE = 1.0


class Found(NamedTuple):
    """Labels 1, 2, ... of a plane, facts and the evidence for the side."""

    labels: np.ndarray
    facts: dict[str, Any]
    side: dict[str, float]
    clarity: Clarity


def find(plane: np.ndarray, choices: Choices) -> Steps[Found]:
    """Find the particles of a plane; pixels that are not square are divided into such before."""
    square, choices, side = squared(plane, choices)
    found = yield from _find(square, choices)
    if side == 1:
        return found
    yield Progress(0, 0, "pixels")
    labels = np.unique(sampled(found.labels, plane.shape), return_inverse=True)[1]
    lengths = {name: round(found.facts[name] * side, 2) for name in ("typical_radius", "sigma")}
    facts = {**found.facts, **lengths, "min_size": round(found.facts["min_size"] * side**2)}
    return Found(labels.reshape(plane.shape).astype(np.int32), facts, found.side, found.clarity)


def _find(plane: np.ndarray, choices: Choices) -> Steps[Found]:
    seen = yield from survey(plane, choices)
    objects = choices.objects if choices.objects != "auto" else bright_or_dark(seen.side)
    sign = 1 if objects == "bright" else -1
    first = seen.bright if sign > 0 else ~seen.drawn.boxes & ~seen.bright
    counts = ~seen.drawn.any
    lower = None if seen.few else lower_level(sign * seen.grey, first, counts)
    if lower is not None:
        more = (sign * seen.grey > lower[0]) & ~seen.drawn.boxes
        # below the background is a box or an inset
        lower, first = (None, first) if is_ground(more, counts) else (lower, more)
    rough = typical_radius(first)
    radius = typical_radius(cleaned(first, rough)) or rough
    sigma = choices.sigma or blur_for(seen.plane, seen.grey, first, radius) / seen.scale
    radius /= seen.scale
    yield Progress(0, 0, "threshold")
    drawn = Annotations(*(enlarged(mask, plane.shape) for mask in seen.drawn))
    even, use = complete(plane, np.isfinite(plane) & ~drawn.any)
    if seen.surface is not None:
        even -= enlarged(seen.surface, plane.shape)
    even *= sign
    grey = blurred(even, sigma)
    if seen.few and first.any():
        level = local_level(grey, enlarged(first, plane.shape), use)
    else:
        level = otsu(grey[use])
    if lower is not None:
        below = levels_below(grey[use & (grey <= level)])
        level = below[min(lower[1], len(below) - 1)]
    mask = (grey > level) & ~drawn.boxes & np.isfinite(plane)
    least = choices.least or least_clear_area(radius)
    mask = cleaned(mask, radius, least)
    labels = yield from split_mask(mask, least=_RISE, share=choices.tolerance, min_size=int(least))
    if choices.tolerance < 1:
        labels, radius = yield from _at_gaps(even, labels, radius, choices, seen.scale)
    if not choices.least:
        labels = without_faint(labels, blurred(even, _FINE), least_area(radius))
    if choices.whole:
        labels = without_cut(labels)
    facts = {
        "objects": objects,
        "covered": round(float((labels > 0).mean()), 4),
        "typical_radius": round(radius, 2),
        "sigma": round(sigma, 2),
        "min_size": round(choices.least or least_clear_area(radius)),
        "uneven": seen.surface is not None,
        "cut_by_gaps": _at_missing(labels, np.isfinite(plane)),
        "annotated": round(float(drawn.any.mean()), 4),
        **seen.clarity._asdict(),
    }
    return Found(labels.astype(np.int32), facts, seen.side, seen.clarity)


def _at_missing(labels: np.ndarray, known: np.ndarray) -> int:
    """Number of particles that touch pixels without a value."""
    from scipy import ndimage

    if known.all():
        return 0
    beside = ndimage.binary_dilation(~known, np.ones((3, 3)))
    return int(np.count_nonzero(np.unique(labels[beside])))


def _at_gaps(
    even: np.ndarray, labels: np.ndarray, radius: float, choices: Choices, scale: float
) -> Steps[tuple[np.ndarray, float]]:
    """Split at narrow gaps as well where that makes rounder parts; and their typical radius."""
    from skimage.segmentation import expand_labels

    yield Progress(0, 0, "gaps")
    mask = labels > 0
    apart = mask & ~gaps(blurred(even, _FINE / scale), mask, _GAP / scale)
    found = typical_radius(opened(apart, 1 / scale))
    if not 0 < found < 0.95 * radius:
        return labels, radius
    least = choices.least or least_clear_area(found)
    apart = cleaned(apart, found, least)
    parts = yield from split_mask(apart, least=_RISE, share=choices.tolerance, min_size=int(least))
    if not are_rounder(parts, labels):
        return labels, radius
    return expand_labels(parts, _GAP / scale / 2) * mask, found
