"""Smooth random fields, as heatmaps are, and phases that know nothing of them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def smooth(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Cut a field out of a larger one: it does not continue at the opposite border."""
    margin = int(3 * sigma)
    field = gaussian_filter(rng.normal(size=[n + 2 * margin for n in shape]), sigma)
    field = field[margin:-margin, margin:-margin]
    return field / field.std()


def phases(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Three phases of different area, 1 to 3."""
    return 1 + np.digitize(smooth(rng, shape, sigma), (-0.6, 0.8))
