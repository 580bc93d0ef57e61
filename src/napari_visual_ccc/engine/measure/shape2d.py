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

# pixels of the smallest region whose roundness is given: below, it depends on the place of the
# pixel grid more than on the shape (5 pixels across)
RESOLVED_PIXELS = 20


def plane_table(
    found: Regions, pixel_size: PixelSize, shape: tuple[int, ...], with_grey: bool
) -> Steps[pd.DataFrame]:
    """Table of the regions of a plane of a shape, as in `region_table`.

    The column ``_pixels`` is for `min_diameter`.
    """
    import pandas as pd

    longest, shortest, angle, hull = (yield from calipers(found, pixel_size)).T
    area = found.pixels * pixel_size.extent
    length = pixel_size.length_column
    major, minor = ellipse_axes(found, pixel_size)
    columns: dict[str, Any] = {"label": found.label}
    columns |= {
        pixel_size.extent_column: area,
        length("equivalent_diameter"): np.sqrt(4 * area / np.pi),
        length("feret_max"): longest,
        length("feret_min"): shortest,
        "feret_angle_deg": angle,
        length("axis_major"): major,
        length("axis_minor"): minor,
        "aspect_ratio": shortest / longest,
        "solidity": found.pixels / hull,
    }
    if pixel_size.is_square:
        columns |= _roundness(found, pixel_size)
    columns["orientation_deg"] = orientation(found, pixel_size)
    if with_grey:
        columns |= _grey_statistics(found.grey)
    columns |= centroids(found.centre, pixel_size)
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


def _roundness(found: Regions, pixel_size: PixelSize) -> dict[str, np.ndarray]:
    # no outline is shorter than the circle around the area
    shortest = np.sqrt(4 * np.pi * found.pixels)
    perimeter = np.maximum(found.outline @ LENGTHS, shortest)
    circularity = np.where(found.pixels < RESOLVED_PIXELS, np.nan, shortest / perimeter)
    return {
        pixel_size.length_column("perimeter"): perimeter * pixel_size.side,
        "circularity": circularity,
        "form_factor": circularity**2,
    }


def centroids(centre: np.ndarray, pixel_size: PixelSize) -> dict[str, np.ndarray]:
    """Columns of mean positions, and of the distance to the nearest other one.

    Parameters
    ----------
    centre : (n, 2) or (n, 3) array
        In pixels.
    pixel_size : PixelSize
        Of as many axes.
    """
    from scipy.spatial import KDTree

    places = centre * pixel_size.sizes
    columns = {}
    for number, axis in enumerate("zyx"[-centre.shape[1] :]):
        columns[f"centroid_{axis}_px"] = centre[:, number]
        if pixel_size.unit != "px":
            columns[pixel_size.length_column(f"centroid_{axis}")] = places[:, number]
    nearest = np.full(len(centre), np.nan)
    if len(centre) > 1:
        nearest = KDTree(places).query(places, k=2)[0][:, 1]
    columns[pixel_size.length_column("nearest_neighbour")] = nearest
    return columns


def _moments(regions: Regions, pixel_size: PixelSize) -> np.ndarray:
    """Sums of squares about the centre of every region in its unit: rows, columns, both."""
    y, x = pixel_size.sizes
    return (regions.spread * (y**2, x**2, y * x)).T


def ellipse_axes(regions: Regions, pixel_size: PixelSize) -> np.ndarray:
    """Full axes of the ellipse with the second moments of every region: (2, n), major first."""
    down, across, both = _moments(regions, pixel_size) / regions.pixels
    # a pixel is not a point: it has a second moment
    down, across = down + pixel_size.height**2 / 12, across + pixel_size.width**2 / 12
    middle, half = (down + across) / 2, np.hypot((down - across) / 2, both)
    return 4 * np.sqrt(np.maximum([middle + half, middle - half], 0))


def orientation(regions: Regions, pixel_size: PixelSize) -> np.ndarray:
    """Angle of the long axis, in degrees counter-clockwise from the x axis: (n,), 0 to 180.

    NaN for regions without a long axis, such as discs and squares.
    """
    down, across, both = _moments(regions, pixel_size)
    # a pixel that is not square has a long axis
    own = regions.pixels / 12
    longer = down - across + own * (pixel_size.height**2 - pixel_size.width**2)
    rounding = 1e-9 * (down + across + own * (pixel_size.height**2 + pixel_size.width**2))
    has_none = (np.abs(longer) <= rounding) & (np.abs(both) <= rounding)
    angle = np.degrees(np.arctan2(2 * both, longer) / 2) + 90
    return np.where(has_none, np.nan, angle % 180)


def calipers(regions: Regions, pixel_size: PixelSize) -> Steps[np.ndarray]:
    """Caliper distances of the outline of pixels of every region, and its convex hull.

    Parameters
    ----------
    regions : Regions
        From `measured`.
    pixel_size : PixelSize
        Of two axes.

    Returns
    -------
    (n, 4) float array
        Largest and smallest distance in its unit; direction of the largest in degrees
        counter-clockwise from the x axis, 0 to 180; number of pixels in the convex hull.
    """
    import cv2

    _, row, first, last = regions.ends.T
    points = np.stack([row, first, row + 1, first, row, last, row + 1, last], axis=1)
    points = np.ascontiguousarray(points.reshape(-1, 2), np.int32)
    centres = np.stack([row, first, row, last - 1], axis=1)
    centres = np.ascontiguousarray(centres.reshape(-1, 2), np.int32)
    bounds = np.searchsorted(regions.ends[:, 0], np.arange(len(regions.label) + 1))
    found = np.empty((len(regions.label), 4))
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        corners = cv2.convexHull(points[4 * start : 4 * stop])[:, 0] * np.asarray(pixel_size.sizes)
        hull = cv2.convexHull(centres[2 * start : 2 * stop])[:, 0]
        found[number] = *_caliper_range(corners), _pixels_within(hull)
        if number % _AT_ONCE == 0:
            yield Progress(number, len(found), "outlines")
    return found


def _caliper_range(corners: np.ndarray) -> tuple[float, float, float]:
    """Largest and smallest caliper distance of a convex outline, and direction of the largest."""
    edges = np.roll(corners, -1, axis=0) - corners
    normals = edges[:, ::-1] * (-1, 1) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
    across = corners @ normals.T
    apart = corners[:, None] - corners
    squares = (apart * apart).sum(axis=2)
    down, right = apart.reshape(-1, 2)[squares.argmax()]
    angle = float(np.degrees(np.arctan2(-down, right)) % 180)
    return float(np.sqrt(squares.max())), float(np.ptp(across, axis=0).min()), angle


def _pixels_within(hull: np.ndarray) -> float:
    """Number of pixels whose centres lie within a polygon of such centres (Pick, 1899)."""
    places = hull.astype(np.int64)
    edges = np.roll(places, -1, axis=0) - places
    twice = abs(int(places[:, 0] @ edges[:, 1] - places[:, 1] @ edges[:, 0]))
    return (twice + int(np.gcd(edges[:, 0], edges[:, 1]).sum())) / 2 + 1
