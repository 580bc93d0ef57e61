"""Five bright discs on a dark ground, of known areas: the picture of many cases."""

from __future__ import annotations

import numpy as np

AREAS = (249, 373, 437, 609, 193)
PERCENT = 100 * sum(AREAS) / (96 * 128)


def numbers() -> np.ndarray:
    """Numbers of the discs: (96, 128), 1 to 5 on 0."""
    y, x = np.mgrid[:96, :128]
    out = np.zeros((96, 128), np.uint8)
    places = ((20, 20, 9), (20, 60, 11), (60, 40, 12), (70, 100, 14), (30, 100, 8))
    for number, (row, column, radius) in enumerate(places, 1):
        out[(y - row) ** 2 + (x - column) ** 2 < radius**2] = number
    return out


def grey() -> np.ndarray:
    """About 200 on 60, with noise."""
    noise = np.random.default_rng(0).normal(0, 6, (96, 128))
    return (np.where(numbers() > 0, 200, 60) + noise).clip(0, 255).round().astype(np.uint8)
