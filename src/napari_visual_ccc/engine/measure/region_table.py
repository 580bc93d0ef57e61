"""Measure labelled regions in physical units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...arrays.inputs import to_gray, validate_labels
from ...arrays.volumes import Dimensions, axes_of
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Steps
from ...core.result import Result
from .accumulate import Regions, measured
from .shape2d import plane_table
from .shape3d import volume_table

if TYPE_CHECKING:
    import pandas as pd

# columns without a unit that change where pixels or voxels are stretched
_SHAPE = ("aspect_ratio", "circularity", "orientation_deg")

# columns with a unit; other columns may end in one, too
_SIZES = (
    "area", "volume", "equivalent_diameter", "feret_max", "feret_min", "perimeter",
    "axis_major", "axis_middle", "axis_minor",
)  # fmt: skip


def region_table(
    labels: Any,
    intensity: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    min_size: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    exclude_border: bool = False,
    dimensions: Dimensions = "2D",
) -> Steps[Result]:
    """Measure size, shape, orientation and intensity of every region.

    Definitions of ISO 9276-6:2008; perimeter after Benkrid & Crookes (as scikit-image).

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background; a label is one region, also in several parts. Of dask, a row of chunks (in
        3D a volume) is in memory at a time.
    intensity : (..., Y, X) array
        Image of the same size for intensity statistics.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel.
    unit : str
        Of `spacing`, such as ``"nm"``.
    min_size : int
        Regions with fewer pixels are excluded, 0 keeps all.
    exclude_border : bool
        Exclude regions that touch the image border (in 3D also the first and last slice): they are
        cut off.
    dimensions : {'2D', '3D'}
        Measure the slices of a stack one by one, or the volume of its last three axes.

    Returns
    -------
    Result
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
        ``touches_border``. There is no surface area, which voxels overestimate.

    Raises
    ------
    ValueError
        If labels are not integers, contain no region, or differ in shape from `intensity`.
    """
    import pandas as pd

    labels = validate_labels(labels)
    axes = axes_of(dimensions, labels.shape)
    pixel_size = PixelSize.of(spacing, unit, axes) or PixelSize((1.0,) * axes, "px")
    grey, notes = _grey_like(intensity, labels)
    every, scattered = [], False
    for index in np.ndindex(labels.shape[:-axes]):
        part, image = labels[index], None if grey is None else grey[index]
        if axes == 2:
            found = yield from measured(part, image)
            scattered = scattered or _is_scattered(found)
            table = yield from plane_table(found, pixel_size, part.shape, image is not None)
        else:
            table = yield from volume_table(part, image, pixel_size)
        if table.empty:
            continue
        for axis, place in enumerate(index):
            table.insert(axis + 1, f"index_{axis}", place)
        every.append(table)
    if not every:
        raise ValueError("labels contain no region")
    found_in_all = pd.concat(every, ignore_index=True)
    kept = found_in_all["_pixels"] >= min_size
    if exclude_border:
        kept &= ~found_in_all["touches_border"]
    table = found_in_all[kept].drop(columns="_pixels").reset_index(drop=True)
    if table.empty:
        raise ValueError(
            f"none of {len(kept)} regions is left; lower min_size or include those at the border"
        )
    if scattered:
        notes = (
            *notes,
            "a label in several parts is one region: split objects first to measure each",
        )
    if axes == 2 and not pixel_size.is_square:
        notes = (*notes, "pixels are not square: perimeter and circularity are omitted")
    return Result(tables={"regions": table}, facts={"regions": len(table)}, notes=notes)


def _is_scattered(found: Regions) -> bool:
    """Whether labels are phases rather than objects: few, and each in many parts."""
    highest = found.label.max(initial=0)
    return bool(0 < highest <= 20 and found.pieces > 3 * highest)


def _grey_like(intensity: Any, labels: Any) -> tuple[Any, tuple[str, ...]]:
    if intensity is None:
        return None, ()
    grey, notes = to_gray(intensity)
    if grey.shape != labels.shape:
        raise ValueError(
            f"intensity has shape {grey.shape}, labels {labels.shape}: choose the image that was "
            "segmented"
        )
    return grey, notes


def rescaled_table(
    table: pd.DataFrame, before: PixelSize | None, after: PixelSize | None
) -> pd.DataFrame:
    """Convert a table of regions to another pixel size, without a new measurement.

    Parameters
    ----------
    table : DataFrame
        From `region_table`, or with some of its columns.
    before, after : PixelSize or None
        Of pixels or voxels; None for lengths in pixels.

    Returns
    -------
    DataFrame
        Without the columns that need a new measurement: for stretched voxels, areas, volumes and
        diameters of equal volume are converted, other lengths are not.
    """
    import pandas as pd

    axes = 3 if any(str(name).startswith("volume_") for name in table) else 2
    old, new = (size or PixelSize((1.0,) * axes, "px") for size in (before, after))
    # without a step between slices there is no volume
    known = min(len(old.sizes), len(new.sizes)) >= axes
    factors = np.divide(new.sizes[-axes:], old.sizes[-axes:]) if known else np.full(axes, np.nan)
    alike = bool(np.allclose(factors, factors[0], rtol=1e-9))
    columns = {}
    for name in table.columns:
        found = re.fullmatch(rf"(.+)_{re.escape(old.unit)}([23]?)", str(name))
        if found is None or found.group(1) not in _SIZES:
            if alike or name not in _SHAPE:
                columns[name] = table[name]
            continue
        what, power = found.groups()
        if power:
            factor = np.prod(factors[-int(power) :])
        elif what == "equivalent_diameter":
            factor = np.prod(factors) ** (1 / axes)
        else:
            factor = factors[0] if alike else np.nan
        if np.isfinite(factor):
            columns[f"{what}_{new.unit}{power}"] = table[name] * factor
    return pd.DataFrame(columns, index=table.index)
