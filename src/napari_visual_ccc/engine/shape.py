"""Shape of measured regions: calipers and direction."""

from __future__ import annotations

import itertools

import numpy as np

from ..progress import Progress, Steps
from .regions import Regions

# regions whose outline is measured between two signs of life
_AT_ONCE = 2000


def orientation(regions: Regions, size: tuple[float, float]) -> np.ndarray:
    """Angle of the long axis, in degrees counter-clockwise from the row axis: (n,), 0 to 180."""
    down, across, both = (regions.spread * (size[0] ** 2, size[1] ** 2, size[0] * size[1])).T
    longer = down - across
    # as long as wide but for rounding
    longer[np.abs(longer) <= 1e-12 * (down + across)] = 0
    both = np.where(np.abs(both) <= 1e-12 * (down + across), 0, both)
    angle = np.where((longer == 0) & (both <= 0), -np.pi / 4, np.arctan2(2 * both, longer) / 2)
    return (np.degrees(angle) + 90) % 180


def calipers(regions: Regions, size: tuple[float, float]) -> Steps[np.ndarray]:
    """Largest and smallest caliper distance of the outline of pixels of every region.

    Parameters
    ----------
    regions : Regions
        As `measured` gives it.
    size : (y, x)
        Of a pixel.

    Returns
    -------
    (n, 2) float array
        In the unit of `size`.
    """
    import cv2

    _, row, first, last = regions.ends.T
    points = np.stack([row, first, row + 1, first, row, last, row + 1, last], axis=1)
    points = np.ascontiguousarray(points.reshape(-1, 2), np.int32)
    bounds = 4 * np.searchsorted(regions.ends[:, 0], np.arange(len(regions.label) + 1))
    found = np.empty((len(regions.label), 2))
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        corners = cv2.convexHull(points[start:stop])[:, 0] * np.asarray(size, float)
        found[number] = _widest_and_narrowest(corners)
        if number % _AT_ONCE == 0:
            yield Progress(number, len(found), "outlines")
    return found


def _widest_and_narrowest(corners: np.ndarray) -> tuple[float, float]:
    """Calipers of a convex outline."""
    edges = np.roll(corners, -1, axis=0) - corners
    normals = edges[:, ::-1] * (-1, 1) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    across = corners @ normals.T
    apart = corners[:, None] - corners
    return float(np.sqrt((apart * apart).sum(axis=2).max())), float(np.ptp(across, axis=0).min())
