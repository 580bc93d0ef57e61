"""Metadata of a layer: its micrograph, info bar, pixel size and current slice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Shapes
from napari.utils.transforms import Affine

from ...core.layers.frame import coarse_pixels
from ...core.micrograph import InfoBar
from ...core.pixel_size import ROUNDING
from ...core.result import Result
from ...core.units import METRES, SIZES
from .world import labels_at, pixels_of, point_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

# keys of a layer's metadata: the record of a result; the facts of a micrograph
METADATA, MICROGRAPH = "visual_ccc", "micrograph"

# what the values of a result are
QUANTITY = "quantity"

# further keys beside the facts of a micrograph
NOT_FACTS = ("original", "notes", "path", "spacing", "unit", "info_bar")

# fact: a doubtful info bar, which was not left out
_POSSIBLE = "possible_info_bar"

_PIXELS = ("px", "pixel", "pix", "")

# cosine of an angle that is no right one
_RIGHT = 1e-3


def known_bar(layer: Layer) -> InfoBar | None:
    """Info bar in the metadata of a layer; None before the detection."""
    known = dict(layer.metadata.get(MICROGRAPH) or {}).get("info_bar")
    if known is not None:
        return InfoBar(**known)
    # labels and results of micrographs without a bar have none of their own
    is_result = isinstance(layer, Labels) or METADATA in layer.metadata
    return InfoBar() if is_result else None


def keep_bar(layer: Layer, bar: InfoBar) -> None:
    """Store the info bar of a layer in its metadata, and what may be one as a fact to be shown."""
    known = {**(layer.metadata.get(MICROGRAPH) or {}), "info_bar": bar.pixels}
    known.pop(_POSSIBLE, None)
    layer.metadata[MICROGRAPH] = known | ({_POSSIBLE: str(bar.doubtful)} if bar.doubtful else {})


def calibration(layer: Layer, *, voxel: bool = False) -> tuple[tuple[float, ...] | None, str]:
    """Pixel size (y, x) and unit of a layer; ``(None, "px")`` when it has none.

    With `voxel` the step between slices comes first, where the axis before is a length too.
    Measured in the world, so that scale, affine and rotation all count. Pixels that are sheared
    have no height and width, and voxels whose slices are no step. Lengths in units of no micrograph
    become nm.
    """
    unit, to = _unit_of_sizes(layer)
    if unit == "px":
        return None, "px"
    steps = steps_of(layer)
    if _are_skew(steps[-2:]):
        return None, "px"
    is_voxel = voxel and layer.ndim > 2 and _is_length(layer.units[-3]) and unit in METRES
    steps = steps[-3:] if is_voxel and not _are_skew(steps[-3:]) else steps[-2:]
    sizes = (float(np.linalg.norm(step)) for step in steps)
    return tuple(one if to == 1 else float(f"{one * to:.12g}") for one in sizes), unit


def _unit_of_sizes(layer: Layer) -> tuple[str, float]:
    """Unit of the pixel size of a layer, and how many of it one of its own is; px without one."""
    rows, columns = layer.units[-2:]
    if f"{columns:~}" in _PIXELS or rows.dimensionality != columns.dimensionality:
        return "px", 1.0
    name = unit_name(columns)
    if name in SIZES:
        return name, 1.0
    for known in ("nm", "1/nm"):
        if columns.is_compatible_with(known):
            return known, float((1 * columns).to(known).magnitude)
    return "px", 1.0


def steps_of(layer: Layer, *, as_shown: bool = False) -> list[np.ndarray]:
    """Steps in the world from a pixel to the next one along each axis.

    They are in the unit of columns; `as_shown` in the unit of each axis of the world.
    """
    last = layer.units[-1]
    factors = np.ones(layer.ndim)
    for axis, one in enumerate(layer.units):
        if one.dimensionality == last.dimensionality and not as_shown:
            factors[axis] = (1 * one).to(last).magnitude
    # without the place of the layer: a difference of places would have their rounding
    inner = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)
    linear = layer.affine.linear_matrix @ inner.linear_matrix
    return [linear[:, axis] * factors for axis in range(layer.ndim)]


def _are_skew(steps: Sequence[np.ndarray]) -> bool:
    """Whether some steps are not at right angles."""
    units = np.array([step / max(float(np.linalg.norm(step)), 1e-300) for step in steps])
    return bool(np.abs(units @ units.T - np.diag((units**2).sum(axis=1))).max() > _RIGHT)


def why_no_size(layer: Layer) -> str:
    """Say of a layer that is stretched, sheared or has units why it has no pixel size."""
    if calibration(layer)[0] is not None:
        return ""
    rows, columns = steps_of(layer)[-2:]
    if _are_skew((rows, columns)):
        return (
            f"the pixels of {layer.name} are sheared: they have no height and width, and lengths "
            "are in pixels"
        )
    units = [unit_name(one) for one in layer.units[-2:]]
    if any(one not in _PIXELS for one in units):
        return (
            f"rows of {layer.name} are in {units[0]} and columns in {units[1]}: this is no pixel "
            "size, and lengths are in pixels"
        )
    height, width = (float(np.linalg.norm(step)) for step in (rows, columns))
    if abs(height - width) <= ROUNDING * max(height, width):
        return ""
    return (
        f"the pixels of {layer.name} are {width:g} x {height:g} without a unit: lengths are in "
        "pixels, as if these were square; set the pixel size in Micrograph info"
    )


def noted(result: Result, layer: Layer, steps: Any = ()) -> Result:
    """Result with notes on a layer that has no pixel size though one might think so.

    Parameters
    ----------
    steps : sequence of float
        Every how many pixels of full resolution the level of a pyramid has one that was taken.
    """
    notes = [why for why in (why_no_size(layer), _why_coarse(layer, steps)) if why]
    return replace(result, notes=(*result.notes, *notes)) if notes else result


def _why_coarse(layer: Layer, steps: Any) -> str:
    """Say that pixels without a size are those of a level, of a result on one, or of a map."""
    if calibration(layer)[0] is not None:
        return ""
    made = (layer.metadata.get(METADATA) or {}).get("steps") or ()
    coarse = float(np.max([1, *(one.get("level", 1) for one in made), *steps]))
    if coarse == 1:
        side = float(np.linalg.norm(steps_of(layer)[-2]))
        is_map = METADATA in layer.metadata and side > 1 + ROUNDING
        return coarse_pixels(layer.name, side) if is_map and not why_no_size(layer) else ""
    return (
        f"{layer.name} has no pixel size: lengths are in pixels of the level that was chosen, each "
        f"as wide as {coarse:g} of full resolution"
    )


def unit_name(unit: Any) -> str:
    """Name a unit of a layer as files and tables do: ``"nm"``, ``"µm"``, ``"1/nm"``."""
    # pint writes "1 / nm", and in some versions the Greek letter for the micro sign
    return f"{unit:~}".replace("\u03bc", "\u00b5").replace(" ", "")


def _is_length(unit: Any) -> bool:
    return f"{unit:~}" not in _PIXELS and unit.is_compatible_with("nm")


def drawn_on(shapes: Shapes, layer: Layer) -> np.ndarray:
    """Labels of the pixels of an image that shapes cover, (Y, X) int, wherever both lie."""
    height, width = plane_shape(layer)
    moved = [pixels_of(shapes, vertices, layer) for vertices in shapes.data]
    kinds = list(shapes.shape_type)
    return Shapes(moved, shape_type=kinds).to_labels((height, width))


def regions_on(regions: Shapes | Labels, layer: Layer) -> np.ndarray:
    """Labels of the pixels of a plane image that shapes or labels cover, wherever both lie.

    Raises
    ------
    ValueError
        If labels are a stack.
    """
    if isinstance(regions, Shapes):
        return drawn_on(regions, layer)
    data = np.asarray(regions.data[0] if regions.multiscale else regions.data)
    if data.size != data.shape[-2] * data.shape[-1]:
        raise ValueError(f"{regions.name} is a stack: choose 2D labels, or shapes")
    return labels_at(data.reshape(data.shape[-2:]), regions, layer, plane_shape(layer))


def current_slice(layer: Layer, viewer: Viewer) -> tuple[int, ...]:
    """Index of the displayed slice of a layer along each leading axis."""
    point = point_of(viewer, layer)
    index = np.round(layer.world_to_data(point)).astype(int)[: layer.ndim - 2]
    return tuple(int(i) for i in np.clip(index, 0, np.asarray(layer.data.shape[: len(index)]) - 1))


def plane_shape(layer: Layer) -> tuple[int, int]:
    """Rows and columns of a layer at full resolution."""
    # not level_shapes, which leaves colours out
    shape = np.shape(layer.data[0] if getattr(layer, "multiscale", False) else layer.data)
    height, width = shape[-3:-1] if getattr(layer, "rgb", False) else shape[-2:]
    return int(height), int(width)


def layers_of(
    viewer: Viewer, kind: type[Layer] | tuple[type[Layer], ...]
) -> Callable[[Any], list[Layer]]:
    """Choices of a combo box of layers."""

    def choices(_: Any) -> list[Layer]:
        return [layer for layer in viewer.layers if isinstance(layer, kind)]

    return choices


def groups_of(layers: Sequence[Layer]) -> list[str]:
    """Name the groups of layers of one origin: one file, copies, views, equal pixels."""
    marks = [_origins(one) for one in layers]
    groups = list(range(len(layers)))
    for second in range(len(layers)):
        for first in range(second):
            if marks[first] & marks[second] or _share(layers[first], layers[second]):
                old, new = groups[second], groups[first]
                groups = [new if one == old else one for one in groups]
    return [f"{number + 1} {layers[number].name}" for number in groups]


def _origins(layer: Layer) -> set[Hashable]:
    """What tells where a layer comes from: its file, itself and the layer it is a copy of."""
    found: set[Hashable] = {id(layer)}
    parent = layer.source.parent() if layer.source.parent is not None else None
    if parent is not None:
        found |= _origins(parent)
    if layer.source.path is not None:
        found.add(str(layer.source.path))
    return found


def _share(one: Layer, two: Layer) -> bool:
    """Whether two layers have one array, parts of one, or equal pixels."""
    first, second = (getattr(layer, "data", None) for layer in (one, two))
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        return first is second
    same = first.shape == second.shape and first.dtype == second.dtype
    return np.may_share_memory(first, second) or (
        same and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    )
