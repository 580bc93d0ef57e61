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

# opacity of the highest value of a map over an image, and how much sooner than there it is reached
_OPAQUE, _RISE = 0.85, 1.5


def opacity(shares: np.ndarray, style: Style) -> np.ndarray:
    """Opacity of the colours of a map over an image: what is low does not hide the image.

    The look is the same on dark and on bright images, other than where colours are added.

    Parameters
    ----------
    shares : array
        Places between the contrast limits, from 0 to 1.
    style : {'grey', 'heat', 'signed'}
        Of a signed map the middle is low. A grey image is opaque.

    Returns
    -------
    array of float
        From 0 to 1.
    """
    if style == "grey":
        return np.ones(np.shape(shares))
    height = np.abs(2 * shares - 1) if style == "signed" else shares
    return np.asarray(_OPAQUE * np.clip(_RISE * height, 0, 1))


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
