"""Size and shape of the regions of a plane."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.pixel_size import PixelSize
from ...core.progress import Progress, Steps
from .accumulate import LENGTHS, Regions

if TYPE_CHECKING:
    import pandas as pd

# regions between two reports of progress
_AT_ONCE = 2000


def plane_table(
    found: Regions, pixel_size: PixelSize, shape: tuple[int, ...], with_grey: bool
) -> Steps[pd.DataFrame]:
    """Table of the regions of a plane of a shape, as in `region_table`.

    The column ``_pixels`` is for `min_size`.
    """
    import pandas as pd

    longest, shortest = (yield from calipers(found, pixel_size)).T
    area = found.pixels * pixel_size.extent
    length = pixel_size.length_column
    columns: dict[str, Any] = {"label": found.label}
    columns |= {
        pixel_size.extent_column: area,
        length("equivalent_diameter"): np.sqrt(4 * area / np.pi),
        length("feret_max"): longest,
        length("feret_min"): shortest,
        "aspect_ratio": longest / shortest,
    }
    if pixel_size.is_square:
        perimeter = found.outline @ LENGTHS * pixel_size.side
        columns[length("perimeter")] = perimeter
        # regions of a pixel or two have no perimeter
        known = np.where(perimeter > 0, perimeter, np.nan)
        columns["circularity"] = 4 * np.pi * area / known**2
    columns["orientation_deg"] = orientation(found, pixel_size)
    if with_grey:
        columns |= _grey_statistics(found.grey)
    columns |= {"centroid_y_px": found.centre[:, 0], "centroid_x_px": found.centre[:, 1]}
    (top, left), (bottom, right) = found.low.T, found.high.T
    columns |= {"bbox_top": top, "bbox_left": left, "bbox_bottom": bottom, "bbox_right": right}
    height, width = shape[-2:]
    columns["touches_border"] = (top == 0) | (left == 0) | (bottom == height) | (right == width)
    columns["_pixels"] = found.pixels
    return pd.DataFrame(columns)


def _grey_statistics(grey: np.ndarray) -> dict[str, np.ndarray]:
    count, mean, squares, lowest, highest = grey.T
    known = np.where(count > 0, count, np.nan)
    names = ("mean", "std", "min", "max")
    values = (mean, np.sqrt(squares / known), lowest, highest)
    return {
        f"intensity_{name}": np.where(count > 0, value, np.nan)
        for name, value in zip(names, values, strict=True)
    }


def orientation(regions: Regions, pixel_size: PixelSize) -> np.ndarray:
    """Angle of the long axis, in degrees counter-clockwise from the row axis: (n,), 0 to 180."""
    y, x = pixel_size.sizes
    down, across, both = (regions.spread * (y**2, x**2, y * x)).T
    longer = down - across
    # as long as wide up to rounding
    longer[np.abs(longer) <= 1e-12 * (down + across)] = 0
    both = np.where(np.abs(both) <= 1e-12 * (down + across), 0, both)
    angle = np.where((longer == 0) & (both <= 0), -np.pi / 4, np.arctan2(2 * both, longer) / 2)
    return (np.degrees(angle) + 90) % 180


def calipers(regions: Regions, pixel_size: PixelSize) -> Steps[np.ndarray]:
    """Largest and smallest caliper distance of the outline of pixels of every region.

    Parameters
    ----------
    regions : Regions
        From `measured`.
    pixel_size : PixelSize
        Of two axes.

    Returns
    -------
    (n, 2) float array
        In its unit.
    """
    import cv2

    _, row, first, last = regions.ends.T
    points = np.stack([row, first, row + 1, first, row, last, row + 1, last], axis=1)
    points = np.ascontiguousarray(points.reshape(-1, 2), np.int32)
    bounds = 4 * np.searchsorted(regions.ends[:, 0], np.arange(len(regions.label) + 1))
    found = np.empty((len(regions.label), 2))
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        corners = cv2.convexHull(points[start:stop])[:, 0] * np.asarray(pixel_size.sizes)
        found[number] = _caliper_range(corners)
        if number % _AT_ONCE == 0:
            yield Progress(number, len(found), "outlines")
    return found


def _caliper_range(corners: np.ndarray) -> tuple[float, float]:
    """Largest and smallest caliper distance of a convex outline."""
    edges = np.roll(corners, -1, axis=0) - corners
    normals = edges[:, ::-1] * (-1, 1) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    across = corners @ normals.T
    apart = corners[:, None] - corners
    return float(np.sqrt((apart * apart).sum(axis=2).max())), float(np.ptp(across, axis=0).min())
