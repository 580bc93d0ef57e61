"""Measure labelled regions in physical units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ..progress import Progress, Steps
from ..results import TableResult
from .images import as_grey
from .labels import checked_labels, label_parts
from .regions import LENGTHS, Regions, measured
from .scale import Spacing, pixel_size
from .shape import calipers, orientation
from .volumes import Dimensions, axes_of, voxel_size

if TYPE_CHECKING:
    import pandas as pd


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
    if axes == 2:
        every, scattered = yield from _flat(labels, grey, size, unit)
    else:
        every, scattered = yield from _solid(labels, grey, size, unit)
    found_in_all = pd.concat(every, ignore_index=True)
    kept = found_in_all["_pixels"] >= smallest
    if exclude_border:
        kept &= ~found_in_all["touches_border"]
    table = found_in_all[kept].drop(columns="_pixels").reset_index(drop=True)
    if table.empty:
        raise ValueError(
            "labels hold no region" if kept.empty else f"none of {len(kept)} regions is left; "
            "take a lower smallest or include those at the border"
        )  # fmt: skip
    if scattered:
        notes = (*notes, "a label in pieces is one region: split objects first to measure each")
    if axes == 2 and size[0] != size[1]:
        notes = (*notes, "pixels are not square: perimeter and circularity are left out")
    return TableResult(table, name="regions", facts={"regions": len(table)}, notes=notes)


def _flat(
    labels: Any, grey: Any, size: tuple[float, ...], unit: str
) -> Steps[tuple[list[pd.DataFrame], bool]]:
    """Measure every slice; and whether any has labels in many pieces."""
    every, scattered = [], False
    for index in np.ndindex(labels.shape[:-2]):
        found = yield from measured(labels[index], None if grey is None else grey[index])
        scattered = scattered or _is_scattered(found)
        sizes = (size[0], size[1])
        every.append((yield from _table(found, index, sizes, unit, labels.shape, grey is not None)))
    return every, scattered


def _solid(
    labels: Any, grey: Any, size: tuple[float, ...], unit: str
) -> Steps[tuple[list[pd.DataFrame], bool]]:
    """Measure every volume; and whether any has labels in many pieces."""
    from .solids import in_pieces, solids

    every, scattered = [], False
    total = int(np.prod(labels.shape[:-3]))
    for done, (index, part) in enumerate(label_parts(labels, 3)):
        yield Progress(done, total, "volume")
        image = None if grey is None else np.asarray(grey[index])
        scattered = scattered or in_pieces(part)
        every.append((yield from solids(part, image, index, size, unit)))
    return every, scattered


def _is_scattered(found: Regions) -> bool:
    """Whether labels are phases rather than objects: few, and each in many pieces."""
    highest = found.label.max(initial=0)
    return bool(0 < highest <= 20 and found.pieces > 3 * highest)


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


def _table(
    found: Regions,
    index: tuple[int, ...],
    size: tuple[float, float],
    unit: str,
    shape: tuple[int, ...],
    with_grey: bool,
) -> Steps[pd.DataFrame]:
    import pandas as pd

    longest, shortest = (yield from calipers(found, size)).T
    area = found.pixels * (size[0] * size[1])
    columns: dict[str, Any] = {"label": found.label}
    columns |= {f"index_{axis}": place for axis, place in enumerate(index)}
    columns |= {
        f"area_{unit}2": area,
        f"equivalent_diameter_{unit}": np.sqrt(4 * area / np.pi),
        f"feret_max_{unit}": longest,
        f"feret_min_{unit}": shortest,
        "aspect_ratio": longest / shortest,
    }
    if size[0] == size[1]:
        perimeter = found.outline @ LENGTHS * size[0]
        columns[f"perimeter_{unit}"] = perimeter
        # a region of a pixel or two has no outline to speak of
        there = np.where(perimeter > 0, perimeter, np.nan)
        columns["circularity"] = 4 * np.pi * area / there**2
    columns["orientation_deg"] = orientation(found, size)
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
    there = np.where(count > 0, count, np.nan)
    names = ("mean", "std", "min", "max")
    values = (mean, np.sqrt(squares / there), lowest, highest)
    return {
        f"intensity_{name}": np.where(count > 0, value, np.nan)
        for name, value in zip(names, values, strict=True)
    }
