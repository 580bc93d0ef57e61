"""Which side of a threshold is particles: more evidence than the border."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ...core.progress import run
from .foreground import cleaned, typical_radius
from .watershed import split_mask

# what counts as a clear difference between both sides, and the weight of it
EVIDENCE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "roundness": (0.1, 3.0),
        "solidity": (0.1, 1.0),
        "spread of grey levels": (1.0, 1.5),
        "size distribution": (0.5, 0.5),
        "separate objects": (2.0, 0.3),
        "border": (0.4, 0.5),
    }
)

# below this sum the side is doubtful
DOUBTFUL = 1.5

# neck of touching particles, as for the split itself
_SHARE = 0.25


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
    dark = known & ~bright
    one, other = _forms(bright), _forms(dark)
    found = {name: one[name] - other[name] for name in one}
    edge = known.copy()
    edge[2:-2, 2:-2] = False
    found["border"] = 1 - 2 * float(bright[edge].mean()) if edge.any() else 0.0
    found["spread of grey levels"] = _spread(grey[bright]) - _spread(grey[dark])
    weighed = {}
    for name, (clear, weight) in EVIDENCE.items():
        weighed[name] = weight * float(np.clip(found[name] / clear, -2, 2))
    return weighed


def _spread(values: np.ndarray) -> float:
    if not len(values):
        return 0.0
    return float(np.log(np.median(np.abs(values - np.median(values))) + 1e-6))


def _forms(mask: np.ndarray) -> dict[str, float]:
    """Forms and sizes of the parts of a mask, weighted by area."""
    from scipy import ndimage
    from skimage.measure import regionprops

    clean = cleaned(mask, typical_radius(mask))
    numbers, count = ndimage.label(clean)
    rim = np.unique(np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]))
    apart = float(np.log1p(count - (rim > 0).sum()))
    parts = run(split_mask(clean, least=1.0, share=_SHARE))
    every = [part for part in regionprops(parts) if part.area >= 12]
    if not every:
        return {"roundness": 0.3, "solidity": 0.5, "size distribution": -1.0, "separate objects": 0}
    area = np.array([part.area for part in every])
    # an ellipse of the same moments has the area of a convex particle, not that of a gap
    ellipse = [np.pi / 4 * p.axis_major_length * p.axis_minor_length for p in every]
    sizes = float(np.sqrt(np.cov(np.log(area), aweights=area))) if len(area) > 1 else 1.0
    return {
        "roundness": float(np.average(area / np.maximum(ellipse, 1), weights=area)),
        "solidity": float(np.average([part.solidity for part in every], weights=area)),
        "size distribution": -sizes,
        "separate objects": apart,
    }
