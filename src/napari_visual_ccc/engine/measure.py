"""Measure labelled regions in physical units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from ..progress import Progress, Steps
from ..results import TableResult
from .images import as_grey
from .labels import checked_labels, label_parts
from .scale import Spacing, pixel_size
from .volumes import Dimensions, axes_of, voxel_size

_AT_ONCE = 25
_CORNERS = ("bbox_front", "bbox_top", "bbox_left"), ("bbox_back", "bbox_bottom", "bbox_right")


def region_table(
    labels: Any,
    intensity: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    smallest: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    exclude_border: bool = False,
    dimensions: Dimensions = "2D",
) -> Steps[TableResult]:
    """Measure size, shape, orientation and grey level of every region.

    Definitions of ISO 9276-6:2008; perimeter after Benkrid & Crookes (as scikit-image).

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background; a label is one region, also in pieces. Of dask, one slice (in 3D one
        volume) is in memory at a time.
    intensity : (..., Y, X) array
        Image of the same size to take grey statistics from.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel.
    unit : str
        Of `spacing`, such as ``"nm"``.
    smallest : int
        Regions with fewer pixels are left out, 0 keeps all.
    exclude_border : bool
        Leave out regions that touch the image border (in 3D also the first and last slice): their
        sizes are cut.
    dimensions : {'2D', '3D'}
        Measure the slices of a stack one by one, or the volume of its last three axes.

    Returns
    -------
    TableResult
        One row a region. Columns: ``label``, ``index_*`` (slice of a stack), ``area_<unit>2``,
        ``equivalent_diameter_<unit>`` (of the circle of equal area), ``feret_max_<unit>`` and
        ``feret_min_<unit>`` (caliper distances of the outline), ``aspect_ratio`` (their ratio,
        1 or more), ``perimeter_<unit>``, ``circularity`` (4π area / perimeter², about 1 for a
        disc; both missing where pixels are not square), ``orientation_deg`` (of the long axis,
        counter-clockwise from the row axis, 0 to 180), ``intensity_mean``, ``_std``, ``_min``,
        ``_max``, ``centroid_y_px`` and ``centroid_x_px``, ``bbox_*`` (pixels, bottom and right
        exclusive), ``touches_border``. The unit is ``px`` without a scale.

        In 3D: ``volume_<unit>3``, ``equivalent_diameter_<unit>`` (of the ball of equal volume),
        ``feret_max_<unit>``, ``axis_major_<unit>``, ``axis_middle_<unit>`` and
        ``axis_minor_<unit>`` (full axes of the ellipsoid with the same second moments),
        ``aspect_ratio`` (major to minor axis), grey statistics, ``centroid_*_px``, ``bbox_*``,
        ``touches_border``. There is no surface area: that of voxels is not that of the object.

    Raises
    ------
    ValueError
        If labels are not whole numbers, hold no region, or differ in shape from `intensity`.
    """
    import pandas as pd

    labels = checked_labels(labels)
    axes = axes_of(dimensions, labels.shape)
    size: tuple[float, ...] | None
    size = pixel_size(spacing, unit) if axes == 2 else voxel_size(spacing, unit)
    if size is None:
        size, unit = (1.0,) * axes, "px"
    grey, notes = _grey_like(intensity, labels)
    rows: list[dict[str, Any]] = []
    scattered = False
    total = int(np.prod(labels.shape[:-axes]))
    for done, (index, part) in enumerate(label_parts(labels, axes)):
        image = None if grey is None else np.asarray(grey[index])
        yield Progress(done, total, "slice")
        scattered = scattered or _is_scattered(part)
        for batch in _batches(_regions(part, image, size)):
            rows += [
                _row(region, label, index, size, unit, part.shape, image is not None)
                for region, label in batch
            ]
            yield Progress(done, total, f"{len(rows)} regions")
    kept = [
        row
        for row in rows
        if row["_pixels"] >= smallest and not (exclude_border and row["touches_border"])
    ]
    if not kept:
        raise ValueError(
            "labels hold no region" if not rows else f"none of {len(rows)} regions is left; "
            "take a lower smallest or include those at the border"
        )  # fmt: skip
    table = pd.DataFrame(kept).drop(columns="_pixels")
    if scattered:
        notes = (*notes, "a label in pieces is one region: split objects first to measure each")
    if axes == 2 and size[0] != size[1]:
        notes = (*notes, "pixels are not square: perimeter and circularity are left out")
    return TableResult(table, name="regions", facts={"regions": len(table)}, notes=notes)


def _is_scattered(plane: np.ndarray) -> bool:
    """Whether labels are phases rather than objects: few, and each in many pieces."""
    from scipy.ndimage import label

    highest = int(plane.max())
    return 0 < highest <= 20 and label(plane > 0)[1] > 3 * highest


def _grey_like(intensity: Any, labels: Any) -> tuple[Any, tuple[str, ...]]:
    if intensity is None:
        return None, ()
    grey, notes = as_grey(intensity)
    if grey.shape != labels.shape:
        raise ValueError(
            f"intensity has shape {grey.shape}, labels {labels.shape}: choose the image that was "
            "segmented"
        )
    return grey, notes


def _regions(
    plane: np.ndarray, image: np.ndarray | None, size: tuple[float, ...]
) -> Iterator[tuple[Any, int]]:
    from skimage.measure import regionprops

    # regionprops keeps a list as long as the highest label
    present, compact = np.unique(plane, return_inverse=True)
    compact = compact.reshape(plane.shape) + (present[0] != 0)
    names = present if present[0] == 0 else np.insert(present.astype(np.int64), 0, 0)
    if image is not None:
        image = image.astype(np.float64)
    for region in regionprops(compact, intensity_image=image, spacing=size):
        yield region, int(names[region.label])


def _batches(regions: Iterator[tuple[Any, int]]) -> Iterator[list[tuple[Any, int]]]:
    batch: list[tuple[Any, int]] = []
    for one in regions:
        batch.append(one)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


def _row(
    region: Any,
    label: int,
    index: tuple[int, ...],
    size: tuple[float, ...],
    unit: str,
    shape: tuple[int, ...],
    with_grey: bool,
) -> dict[str, Any]:
    row: dict[str, Any] = {"label": label}
    row |= {f"index_{axis}": place for axis, place in enumerate(index)}
    row |= _flat(region, size, unit) if len(size) == 2 else _solid(region, size, unit)
    if with_grey:
        row |= _grey_statistics(region.image_intensity[region.image])
    low, high = region.bbox[: len(size)], region.bbox[len(size) :]
    places = np.nonzero(region.image)
    for axis, inside, first in zip("zyx"[-len(size) :], places, low, strict=True):
        row[f"centroid_{axis}_px"] = inside.mean() + first
    row |= zip(_CORNERS[0][-len(size) :], low, strict=True)
    row |= zip(_CORNERS[1][-len(size) :], high, strict=True)
    row["touches_border"] = 0 in low or any(a == b for a, b in zip(high, shape, strict=True))
    row["_pixels"] = len(places[0])
    return row


def _flat(region: Any, size: tuple[float, ...], unit: str) -> dict[str, float]:
    longest, shortest = feret(region.image, (size[0], size[1]))
    area = float(region.area)
    row = {
        f"area_{unit}2": area,
        f"equivalent_diameter_{unit}": float(np.sqrt(4 * area / np.pi)),
        f"feret_max_{unit}": longest,
        f"feret_min_{unit}": shortest,
        "aspect_ratio": longest / shortest,
    }
    if size[0] == size[1]:
        perimeter = float(region.perimeter)
        row[f"perimeter_{unit}"] = perimeter
        # a region of a pixel or two has no outline to speak of
        row["circularity"] = 4 * np.pi * area / perimeter**2 if perimeter > 0 else np.nan
    row["orientation_deg"] = float((np.degrees(region.orientation) + 90) % 180)
    return row


def _solid(region: Any, size: tuple[float, ...], unit: str) -> dict[str, float]:
    volume = float(region.area)
    points = np.argwhere(region.image) * size
    points -= points.mean(axis=0)
    # a voxel is not a point: it has a moment of its own
    moments = points.T @ points / len(points) + np.diag(np.square(size)) / 12
    minor, middle, major = 2 * np.sqrt(5 * np.linalg.eigvalsh(moments))
    return {
        f"volume_{unit}3": volume,
        f"equivalent_diameter_{unit}": float(np.cbrt(6 * volume / np.pi)),
        f"feret_max_{unit}": _longest(region.image, size),
        f"axis_major_{unit}": float(major),
        f"axis_middle_{unit}": float(middle),
        f"axis_minor_{unit}": float(minor),
        "aspect_ratio": float(major / minor),
    }


def _longest(region: np.ndarray, size: tuple[float, ...]) -> float:
    """Measure the largest distance between corners of the voxels of a region."""
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    # only the ends of every column can be corners of the hull
    rows, columns = np.nonzero(region.any(axis=0))
    lines = region[:, rows, columns]
    first, last = lines.argmax(axis=0), len(region) - lines[::-1].argmax(axis=0)
    points = np.concatenate(
        [
            np.stack([side, rows + down, columns + right], axis=1)
            for side in (first, last) for down in (0, 1) for right in (0, 1)
        ]
    ) * np.asarray(size, float)  # fmt: skip
    return float(pdist(points[ConvexHull(points).vertices]).max())


def _grey_statistics(values: np.ndarray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    names = ("mean", "std", "min", "max")
    return {
        f"intensity_{name}": float(getattr(values, name)()) if values.size else np.nan
        for name in names
    }


def feret(region: np.ndarray, size: tuple[float, float] = (1.0, 1.0)) -> tuple[float, float]:
    """Measure the largest and smallest caliper distance of the outline of pixels.

    Parameters
    ----------
    region : (Y, X) bool array
        At least one pixel.
    size : (y, x)
        Of a pixel.

    Returns
    -------
    longest, shortest : float
        In the unit of `size`; a single square pixel has √2 and 1.
    """
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    rows = np.flatnonzero(region.any(axis=1))
    # only the ends of every row can be corners of the hull
    first = region[rows].argmax(axis=1)
    last = region.shape[1] - region[rows, ::-1].argmax(axis=1)
    points = np.concatenate(
        [np.stack([rows + down, side], axis=1) for down in (0, 1) for side in (first, last)]
    ) * np.asarray(size, float)
    corners = points[ConvexHull(points).vertices]
    edges = np.roll(corners, -1, axis=0) - corners
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    widths = np.ptp(corners @ normals.T, axis=0)
    return float(pdist(corners).max()), float(widths.min())
