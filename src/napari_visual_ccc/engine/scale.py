"""The size of a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Spacing = Sequence[float] | float | None


def pixel_size(spacing: Spacing, unit: str) -> tuple[float, float] | None:
    """Size of a pixel (y, x) in `unit`; None without a scale.

    Raises
    ------
    ValueError
        If the size of a pixel is not above zero, or its unit is not given.
    """
    if spacing is None:
        return None
    if unit in ("px", "pixel", ""):
        raise ValueError(f"spacing is {spacing}, but of which unit? Add unit='nm', say")
    height, width = np.broadcast_to(np.atleast_1d(np.asarray(spacing, float))[-2:], 2).tolist()
    if not (0 < height < np.inf and 0 < width < np.inf):
        raise ValueError(f"spacing is {spacing} {unit} a pixel; it must be above zero")
    return height, width


def pixel_extent(spacing: Spacing, unit: str) -> tuple[str, float] | None:
    """Name of a table's column of areas, and the area of a pixel. Raises as `pixel_size`."""
    size = pixel_size(spacing, unit)
    return None if size is None else (f"area_{unit}2", size[0] * size[1])
