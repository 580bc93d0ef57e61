"""Measure labelled regions in physical units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.inputs import to_gray, validate_labels
from ...arrays.volumes import Dimensions, axes_of
from ...core.pixel_size import MinDiameter, PixelSize, Spacing, least_pixels
from ...core.progress import Steps
from ...core.result import Result
from .accumulate import measured
from .shape2d import plane_table
from .shape3d import volume_pieces, volume_table

if TYPE_CHECKING:
    import pandas as pd

# columns without a unit that change where pixels or voxels are stretched
_SHAPE = ("aspect_ratio", "circularity", "form_factor", "orientation_deg", "feret_angle_deg")

# columns with a unit; other columns may end in one, too
_SIZES = (
    "area", "volume", "equivalent_diameter", "feret_max", "feret_min", "perimeter",
    "axis_major", "axis_middle", "axis_minor", "nearest_neighbour",
)  # fmt: skip

# labels of phases are at most as many
_FEW = 20


def region_table(
    labels: Any,
    intensity: Any = None,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    min_diameter: MinDiameter = 0.0,
    exclude_border: bool = False,
    dimensions: Dimensions = "2D",
) -> Steps[Result]:
    """Measure size, shape, orientation and intensity of every region.

    Names and definitions of ISO 9276-6:2008. Caliper distances, convex hull and perimeter are those
    of the outline of the pixels. The perimeter follows Crofton's formula with 8 directions (Legland
    et al., Image Anal. Stereol. 2007). Measured on digital shapes: discs from a radius of 10 pixels
    have a circularity of 1.00 ± 0.01; the perimeter of rectangles is within 4 % from sides of 20
    pixels, up to 12 % too short for smaller ones, and 6 to 23 % for lines of one pixel.

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
    min_diameter : float
        Smaller regions are excluded: diameter of a circle of the same area (in 3D of a ball of the
        same volume), in `unit` if there is a pixel size, otherwise in pixels. 0 keeps all.
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
        ``feret_min_<unit>`` (caliper distances), ``feret_angle_deg`` (direction of the largest),
        ``axis_major_<unit>`` and ``axis_minor_<unit>`` (full axes of the ellipse with the same
        second moments), ``aspect_ratio`` (Feret minimum / maximum, at most 1), ``solidity``
        (pixels / pixels whose centres lie in the convex hull of their centres: 1 for a disc of any
        radius; scikit-image's gives 0.95 at a radius of 3 pixels and 0.98 at 20, a hull of the
        outline of pixels 0.90 and 0.97), ``perimeter_<unit>`` (with the outlines of holes),
        ``circularity`` (√(4π area) / perimeter, 1 for a disc), ``form_factor`` (4π area /
        perimeter², its square; both are missing below 20 pixels, and with the perimeter where
        pixels are not square), ``orientation_deg`` (of the major axis; missing for regions
        without one, such as discs and squares), ``intensity_mean``, ``_std``, ``_min``, ``_max``,
        ``centroid_y_px`` and ``centroid_x_px``, ``centroid_y_<unit>`` and ``centroid_x_<unit>``,
        ``nearest_neighbour_<unit>`` (between centroids, also to regions that are excluded),
        ``bbox_*`` (pixels, bottom and right exclusive), ``touches_border``. Angles are
        counter-clockwise from the x axis, 0 to 180 (scikit-image's ``orientation`` is from the
        y axis: its degrees + 90). The unit is ``px`` without a scale.

        In 3D: ``volume_<unit>3``, ``equivalent_diameter_<unit>`` (of the ball of equal volume),
        ``feret_max_<unit>``, ``axis_major_<unit>``, ``axis_middle_<unit>`` and
        ``axis_minor_<unit>`` (full axes of the ellipsoid with the same second moments),
        ``aspect_ratio`` (minor to major axis), grey statistics, ``centroid_*``,
        ``nearest_neighbour_<unit>``, ``bbox_*``, ``touches_border``. There is no surface area,
        which voxels overestimate.

        Facts: ``regions`` (rows of the table), ``area_percent`` (in 3D ``volume_percent``) that
        regions of `min_diameter` or more cover, and ``number_density_per_<unit>2`` (in 3D
        ``<unit>3``), in which a region at the border counts half.

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
    every, scattered, extent = [], False, 0.0
    for index in np.ndindex(labels.shape[:-axes]):
        part, image = labels[index], None if grey is None else grey[index]
        if axes == 2:
            found = yield from measured(part, image)
            scattered = scattered or _is_in_pieces(len(found.label), found.pieces)
            table = yield from plane_table(found, pixel_size, part.shape, image is not None)
        else:
            table = yield from volume_table(part, image, pixel_size)
            scattered = scattered or _is_in_pieces(len(table), volume_pieces(part))
        extent += np.prod(part.shape) * pixel_size.extent
        if table.empty:
            continue
        for axis, place in enumerate(index):
            table.insert(axis + 1, f"index_{axis}", place)
        every.append(table)
    if not every:
        raise ValueError("labels contain no region")
    found_in_all = pd.concat(every, ignore_index=True)
    kept = found_in_all["_pixels"] >= least_pixels(min_diameter, pixel_size, axes)
    share = _shares(found_in_all[kept], extent, pixel_size)
    if exclude_border:
        kept &= ~found_in_all["touches_border"]
    table = found_in_all[kept].drop(columns="_pixels").reset_index(drop=True)
    if table.empty:
        raise ValueError(
            f"none of {len(kept)} regions is left; lower min_diameter, or include those at the "
            "border"
        )
    if scattered:
        notes = (
            *notes,
            "a label in several pieces is one region: split objects first to measure each",
        )
    if axes == 2 and not pixel_size.is_square:
        notes = (*notes, "pixels are not square: perimeter and circularity are omitted")
    facts = {"regions": len(table), **share}
    return Result(tables={"regions": table}, facts=facts, notes=notes)


def _shares(table: pd.DataFrame, extent: float, pixel_size: PixelSize) -> dict[str, float]:
    """Share of an area or volume that regions cover, and their number density."""
    what = pixel_size.extent_column
    number = (1 - 0.5 * table["touches_border"]).sum()
    return {
        f"{what.partition('_')[0]}_percent": float(100 * table[what].sum() / extent),
        f"number_density_per_{what.partition('_')[2]}": float(number / extent),
    }


def _is_in_pieces(labels: int, pieces: int) -> bool:
    """Whether labels are phases or a mask rather than objects: few, and in more parts.

    Objects that touch are one part, so that more parts than labels are parts of one label.
    """
    return pieces > (labels if labels == 1 else 2 * labels) and 0 < labels <= _FEW


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
    columns: dict[str, Any] = {}
    for name in table.columns:
        if axis := re.fullmatch(r"centroid_([zyx])_(.+)", str(name)):
            place, its = axis.groups()
            columns |= _rescaled_centroid(table, place, its, old, new if known else None)
            continue
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


def _rescaled_centroid(
    table: pd.DataFrame, axis: str, unit: str, old: PixelSize, new: PixelSize | None
) -> dict[str, Any]:
    """Columns of a centroid in pixels, and in the new unit where the old table had the old one."""
    if unit != "px":
        # of today's unit: made again from pixels
        return {} if unit == old.unit else {(own := f"centroid_{axis}_{unit}"): table[own]}
    name, number = f"centroid_{axis}_px", "xyz".index(axis) + 1
    columns = {name: table[name]}
    had = old.unit == "px" or f"centroid_{axis}_{old.unit}" in table
    if had and new is not None and new.unit != "px":
        columns[new.length_column(f"centroid_{axis}")] = table[name] * new.sizes[-number]
    return columns
