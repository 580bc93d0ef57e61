"""Colormaps and contrast limits of image layers."""

from __future__ import annotations

import numpy as np

from .layers import Style

# values from which contrast limits are computed
_SAMPLED = 1 << 19

# colormap of each style of an image layer
COLORMAPS: dict[Style, str] = {"grey": "gray", "heat": "inferno", "signed": "PiYG"}

# colour of points and shapes
MARKED = "#ffcc00"


def sample(values: np.ndarray) -> np.ndarray:
    """Return an evenly spaced sample of an array of any size: the viewer waits for its contrast."""
    steps = [1] * values.ndim

    def some() -> np.ndarray:
        return values[tuple(slice(None, None, step) for step in steps)]

    while some().size > _SAMPLED:
        longest = max(range(values.ndim), key=lambda axis: values.shape[axis] // steps[axis])
        steps[longest] *= 2
    return some()


def contrast(values: np.ndarray, style: str) -> tuple[float, float] | None:
    """Return contrast limits, the 0.5 and 99.5 percentiles; None where nothing is finite.

    Parameters
    ----------
    values : array
        Of any shape.
    style : {'grey', 'heat', 'signed'}
        Limits of a signed map are symmetric about zero.
    """
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    if style == "signed":
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    return low, high if high > low else low + 1.0
