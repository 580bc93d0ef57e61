"""How a layer wants to be shown."""

from __future__ import annotations

from typing import Literal

import numpy as np

Look = Literal["grey", "heat", "signed"]

# values that contrast is found from
_SAMPLED = 1 << 19

COLORMAPS = {"grey": "gray", "heat": "inferno", "signed": "PiYG"}


def sample(values: np.ndarray) -> np.ndarray:
    """Some values of an array of any size, evenly spread: a viewer waits for its contrast."""
    steps = [1] * values.ndim

    def some() -> np.ndarray:
        return values[tuple(slice(None, None, step) for step in steps)]

    while some().size > _SAMPLED:
        longest = max(range(values.ndim), key=lambda axis: values.shape[axis] // steps[axis])
        steps[longest] *= 2
    return some()


def contrast(values: np.ndarray, look: str) -> tuple[float, float] | None:
    """Values to show as darkest and brightest; None where nothing is finite."""
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    if look == "signed":
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    return low, high if high > low else low + 1.0
