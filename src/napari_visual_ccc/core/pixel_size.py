"""The size of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def scaled(spacing: Sequence[float] | None, factor: float) -> tuple[float, ...] | None:
    """Give the pixel size of a map or a level that is coarser by a factor."""
    if spacing is None:
        return None
    return (*spacing[:-2], *(size * factor for size in spacing[-2:]))


Sizes = tuple[float, float, float]


def voxel_size(spacing: Spacing, unit: str) -> Sizes | None:
    """Size of a voxel (z, y, x) in `unit`; None without a scale. One number means a cube.

    Raises
    ------
    ValueError
        If a size is not above zero, the step between slices is missing, or there is no unit.
    """
    if pixel_size(spacing, unit) is None:
        return None
    sizes = np.atleast_1d(np.asarray(spacing, float))
    if sizes.size == 2:
        raise ValueError(
            f"spacing is {spacing} {unit}: in 3D the step between slices counts too; "
            "give it as (z, y, x)"
        )
    z, y, x = np.broadcast_to(sizes[-3:], 3).tolist()
    if not 0 < z < np.inf:
        raise ValueError(f"spacing is {spacing} {unit} a voxel; it must be above zero")
    return z, y, x


def voxel_shape(spacing: Spacing, unit: str) -> Sizes:
    """Sides of a voxel in pixels of a slice, a pixel being √(y · x): (4, 1, 1) for thick slices.

    What is given in pixels (a blur, a tolerance) then reaches as far across slices as within one.
    """
    size = voxel_size(spacing, unit)
    if size is None:
        return 1.0, 1.0, 1.0
    pixel = np.sqrt(size[1] * size[2])
    z, y, x = (float(one / pixel) for one in size)
    return z, y, x


def extent(spacing: Spacing, unit: str, axes: int) -> tuple[str, float] | None:
    """Give column and size of a pixel's area or a voxel's volume; None without a scale.

    Raises
    ------
    ValueError
        As `scale.pixel_size` and `voxel_size`.
    """
    if axes == 2:
        return pixel_extent(spacing, unit)
    size = voxel_size(spacing, unit)
    return None if size is None else (f"volume_{unit}3", size[0] * size[1] * size[2])


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


_NANOMETRES = {"pm": 1e-3, "Å": 0.1, "nm": 1.0, "µm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9}


def nanometres(spacing: Any, unit: str) -> float | None:
    """Size of a pixel in nm; None when it is not known."""
    if spacing is None or unit not in _NANOMETRES:
        return None
    return float(np.sqrt(float(spacing[-1]) * float(spacing[-2]))) * _NANOMETRES[unit]
