"""Metadata of a layer: its micrograph, info bar, pixel size and current slice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Shapes
from napari.utils.transforms import Affine

from ...core.micrograph import InfoBar
from .world import labels_at, pixels_of, point_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

# keys of a layer's metadata: the record of a result; the facts of a micrograph
METADATA, MICROGRAPH = "visual_ccc", "micrograph"

# further keys beside the facts of a micrograph
NOT_FACTS = ("original", "notes", "path", "spacing", "unit", "info_bar")

# fact: a doubtful info bar, which was not left out
_POSSIBLE = "possible_info_bar"

_PIXELS = ("px", "pixel", "pix", "")


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
    Measured in the world, so that scale, affine and rotation all count.
    """
    last = layer.units[-1]
    if any(f"{one:~}" in _PIXELS for one in layer.units[-2:]):
        return None, "px"
    factors = np.ones(layer.ndim)
    for axis, one in enumerate(layer.units):
        if one.dimensionality == last.dimensionality:
            factors[axis] = (1 * one).to(last).magnitude
    # without the place of the layer: a difference of places would have their rounding
    inner = Affine(scale=layer.scale, rotate=layer.rotate, shear=layer.shear)
    linear = layer.affine.linear_matrix @ inner.linear_matrix
    axes = (-3, -2, -1) if voxel and layer.ndim > 2 and _is_length(layer.units[-3]) else (-2, -1)
    steps = [linear[:, axis] * factors for axis in axes]
    return tuple(float(np.linalg.norm(step)) for step in steps), unit_name(last)


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
    shape = layer.level_shapes[0] if getattr(layer, "multiscale", False) else layer.data.shape
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
