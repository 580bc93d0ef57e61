"""Which side of a threshold is particles."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from ....core.progress import run
from ..watershed import split_mask
from .foreground import cleaned, components, deviation, opened, rim_of, typical_radius
from .levels import tails
from .parts import forms
from .shading import enlarged, resized

# what counts as a clear difference between both sides, and the weight of it
EVIDENCE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "roundness": (0.1, 3.5),
        "spread of grey levels": (1.0, 3.5),
        "rare grey levels": (1.0, 1.2),
        "even width": (0.1, 1.0),
        "size distribution": (0.5, 0.6),
        "separate objects": (2.0, 0.5),
        "border": (0.4, 0.25),
    }
)

# longest side on which both sides are judged, in pixels
_JUDGED = 512

# below this sum the side is doubtful
DOUBTFUL = 3.0

# pixels beside outlines whose grey levels are those of both sides, and least share of a mask that
# lies farther inside
_MIXED, _INNER = 2, 0.02

# opening that a side of even width survives, by its typical radius
_EVEN = 0.5

# neck of touching particles, as for the split itself
_SHARE = 0.25

# roundness of a side without whole parts, and its weight by that of all parts
_HOLLOW, _CUT = 0.85, 0.2


def judge_sides(bright: np.ndarray, known: np.ndarray, grey: np.ndarray) -> dict[str, float]:
    """Weigh the evidence that the bright side is particles.

    Parameters
    ----------
    bright : (Y, X) bool array
        Pixels above the threshold.
    known : (Y, X) bool array
        Pixels that count.
    grey : (Y, X) float array
        Blurred image, even.

    Returns
    -------
    dict
        Weighted evidence by name, each positive for bright particles; their sum decides.
    """
    above, below = tails(grey, known)
    scale = min(1.0, _JUDGED / max(grey.shape))
    shape = tuple(max(round(n * scale), 1) for n in grey.shape)
    known, bright = enlarged(known, shape), enlarged(bright, shape)
    grey = resized(grey, scale)
    dark = known & ~bright
    one, other = _forms(bright), _forms(dark)
    found = {name: one[name] - other[name] for name in one}
    edge = known.copy()
    edge[2:-2, 2:-2] = False
    found["border"] = 1 - 2 * float(bright[edge].mean()) if edge.any() else 0.0
    found["spread of grey levels"] = float(
        np.log((_spread(grey, bright) + 1e-6) / (_spread(grey, dark) + 1e-6))
    )
    found["rare grey levels"] = (above - below) / (above + below + 0.05)
    weighed = {}
    for name, (clear, weight) in EVIDENCE.items():
        weighed[name] = weight * float(np.clip(found[name] / clear, -2, 2))
    return weighed


def bright_or_dark(side: dict[str, float]) -> Literal["bright", "dark"]:
    """The side that the evidence speaks for."""
    return "bright" if sum(side.values()) > 0 else "dark"


def _spread(grey: np.ndarray, mask: np.ndarray) -> float:
    """Spread of grey levels away from outlines: gaps are narrow, and the blur fills them."""
    import cv2

    side = 2 * _MIXED + 1
    inner = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    values = grey[inner if inner.sum() > _INNER * mask.sum() else mask]
    return deviation(values)


def _forms(mask: np.ndarray) -> dict[str, float]:
    """Forms and sizes of the parts of a mask, weighted by area."""
    radius = typical_radius(mask)
    clean = cleaned(mask, radius)
    lost = 1 - float(opened(mask, _EVEN * radius).sum()) / max(int(mask.sum()), 1)
    numbers, count = components(clean)
    apart = float(np.log1p(count - (rim_of(numbers) > 0).sum()))
    parts = run(split_mask(clean, least=1.0, share=_SHARE))
    labels, area, roundness = forms(parts)
    if not len(area):
        return {
            "roundness": _HOLLOW,
            "size distribution": -1.0,
            "separate objects": 0.0,
            "even width": -lost,
        }
    # what the border cuts is straight whichever side it is of
    cut = np.isin(labels, rim_of(parts))
    whole = np.where(cut, 0, area)
    unknown = _CUT * area.sum()
    sizes = float(np.sqrt(np.cov(np.log(area), aweights=area))) if len(area) > 1 else 1.0
    return {
        "roundness": float(
            ((whole * roundness).sum() + _HOLLOW * unknown) / (whole.sum() + unknown)
        ),
        "size distribution": -sizes,
        "separate objects": apart,
        "even width": -lost,
    }
