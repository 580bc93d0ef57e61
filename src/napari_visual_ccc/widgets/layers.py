"""Between layers and arrays: what a layer gives an operation, what a result becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.transforms import Affine

from ..engine.planes import computed, is_lazy
from ..micrograph import InfoBar
from ..progress import Steps
from ..provenance import fingerprint
from ..results import COLORMAPS, ImageResult, LabelsResult, Result, contrast, sample
from .filling import Pending, pending, room

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from .sources import Source

# keys of a layer's metadata: how a result was made; what is known of a micrograph
METADATA, MICROGRAPH = "visual_ccc", "micrograph"
# what else stands beside the facts of a micrograph
NOT_FACTS = ("original", "notes", "path", "spacing", "unit", "info_bar")
_PIXELS = ("px", "pixel", "pix", "")


def known_bar(layer: Layer) -> InfoBar | None:
    """Give the label bar that a layer's metadata tell of; None when nobody has looked for one."""
    told = dict(layer.metadata.get(MICROGRAPH) or {}).get("info_bar")
    if told is not None:
        return InfoBar(**told)
    # labels and results of micrographs without a bar have none of their own
    is_result = isinstance(layer, Labels) or METADATA in layer.metadata
    return InfoBar() if is_result else None


def keep_bar(layer: Layer, bar: InfoBar) -> None:
    """Note the label bar of a layer in its metadata."""
    layer.metadata[MICROGRAPH] = {**(layer.metadata.get(MICROGRAPH) or {}), "info_bar": bar.pixels}


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
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    axes = (-3, -2, -1) if voxel and layer.ndim > 2 and _is_length(layer.units[-3]) else (-2, -1)
    steps = [
        (np.asarray(layer.data_to_world(np.eye(layer.ndim)[axis])) - origin) * factors
        for axis in axes
    ]
    return tuple(float(np.linalg.norm(step)) for step in steps), unit_name(last)


def unit_name(unit: Any) -> str:
    """Name a unit of a layer as files and tables do: ``"nm"``, ``"µm"``, ``"1/nm"``."""
    # pint writes "1 / nm", and in some versions the Greek letter for the micro sign
    return f"{unit:~}".replace("\u03bc", "\u00b5").replace(" ", "")


def _is_length(unit: Any) -> bool:
    return f"{unit:~}" not in _PIXELS and unit.is_compatible_with("nm")


def drawn_on(shapes: Shapes, layer: Layer) -> np.ndarray:
    """Number the pixels of an image that shapes cover, wherever both lie: (Y, X) int array."""
    height, width = plane_shape(layer)
    moved = []
    for vertices in shapes.data:
        world = np.array([shapes.data_to_world(vertex) for vertex in vertices])[:, -2:]
        leading = np.zeros((len(world), layer.ndim - 2))
        there = np.concatenate([leading, world], axis=1)
        moved.append(np.array([layer.world_to_data(point)[-2:] for point in there]))
    kinds = list(shapes.shape_type)
    return Shapes(moved, shape_type=kinds).to_labels((height, width))


def current_slice(layer: Layer, viewer: Viewer) -> tuple[int, ...]:
    """Number of the slice of a layer that is being looked at, along each leading axis."""
    point = np.asarray(viewer.dims.point)[-layer.ndim :]
    index = np.round(layer.world_to_data(point)).astype(int)[: layer.ndim - 2]
    return tuple(int(i) for i in np.clip(index, 0, np.asarray(layer.data.shape[: len(index)]) - 1))


def plane_shape(layer: Layer) -> tuple[int, int]:
    """Rows and columns of a layer at full resolution."""
    shape = layer.level_shapes[0] if getattr(layer, "multiscale", False) else layer.data.shape
    height, width = shape[-3:-1] if getattr(layer, "rgb", False) else shape[-2:]
    return int(height), int(width)


def placement(source: Source, result: ImageResult | LabelsResult) -> dict[str, Any]:
    """Where a result lies: keyword arguments of a layer that put it onto its source.

    A coarse cell covers `stride` pixels, so the map starts at the centre of its first cell; on
    its corner it would lie half a cell off.
    """
    layer = source.layer
    ratio = np.ones(layer.ndim)
    ratio[-2:] = result.stride * source.step
    first = np.array(source.corner, float)
    first[-2:] += np.multiply(result.first_centre, source.step)
    inner = Affine(
        scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear
    )
    assert result.array.ndim <= layer.ndim
    return {
        "scale": layer.scale * ratio,
        "translate": inner(first),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


class Prepared(NamedTuple):
    """A result made ready for the viewer, off its thread.

    Parameters
    ----------
    parts : list of ImageResult and LabelsResult
        Its layers; a lazy one that fits into memory has an array of zeros, to be filled.
    prints : list of str
        `provenance.fingerprint` of each; empty where it is to be filled.
    waiting : dict of int to Pending
        What is to be filled, by the number of the layer.
    """

    result: Result
    parts: list[ImageResult | LabelsResult]
    prints: list[str]
    waiting: dict[int, Pending]


def shown_soon(steps: Steps[Result], *, at_once: bool = False) -> Steps[Prepared]:
    """Run work, and then what the viewer would otherwise do on its own thread.

    Parameters
    ----------
    steps : generator
        The work.
    at_once : bool
        Compute lazy layers to their end before anything is shown.
    """
    result = yield from steps
    parts, prints, waiting = [], [], {}
    fits = sum(one.array.nbytes for one in result.layers if is_lazy(one.array)) <= room()
    for number, part in enumerate(result.layers):
        held = is_lazy(part.array) and fits
        if held and at_once:
            part = part.with_array((yield from computed(part.array)))
        elif held:
            waiting[number] = pending(part.array)
            part = part.with_array(waiting[number].held)
        parts.append(part)
        prints.append("" if number in waiting else fingerprint(part.array))
    return Prepared(result, parts, prints, waiting)


def build(source: Source, result: ImageResult | LabelsResult, metadata: dict[str, Any]) -> Layer:
    """Make the layer of a result."""
    kept = {METADATA: metadata}
    told = dict(source.layer.metadata.get(MICROGRAPH) or {})
    if told:
        kept[MICROGRAPH] = {key: told[key] for key in told if key not in NOT_FACTS}
        same = result.array.shape[-2:] == plane_shape(source.layer)
        kept[MICROGRAPH]["info_bar"] = told.get("info_bar") if same else InfoBar().pixels
    common = {
        **placement(source, result),
        "name": f"{source.layer.name} {result.name}".strip(),
        "metadata": kept,
    }
    if isinstance(result, LabelsResult):
        labels = _with_leading_axes(result.labels, source.layer.ndim)
        return Labels(labels, features=features(result), opacity=0.5, **common)
    data = _with_leading_axes(result.data, source.layer.ndim)
    return Image(data, rgb=False, colormap=COLORMAPS[result.look], **look(source, result), **common)


def look(source: Source, result: ImageResult) -> dict[str, Any]:
    """Contrast, blending and opacity that show an image well at once."""
    limits = result.limits or _limits(source, result)
    style = {"contrast_limits": limits} if limits is not None else {}
    if result.look == "heat":
        return {**style, "blending": "additive", "opacity": 0.7}
    return {**style, "blending": "translucent", "opacity": 0.7 if result.look == "signed" else 1.0}


def _limits(source: Source, result: ImageResult) -> tuple[float, float] | None:
    if is_lazy(result.data):
        return None
    if result.look == "grey" and isinstance(source.layer, Image) and not source.layer.rgb:
        low, high = source.layer.contrast_limits
        return float(low), float(high)
    return contrast(sample(result.data), result.look)


def features(result: LabelsResult) -> Any:
    """Give the table in napari's form: the column ``index`` ties a row to its label."""
    # of a stack worked on slice by slice, a label has a row in each: napari takes one
    if result.table is None or result.table["label"].duplicated().any():
        return None
    return result.table.assign(index=result.table["label"])


def _with_leading_axes(data: Any, ndim: int) -> Any:
    return data[(np.newaxis,) * (ndim - data.ndim) + (...,)]


def layers_of(viewer: Viewer, kind: type[Layer]) -> Callable[[Any], list[Layer]]:
    """Choices of a layer box."""

    def choices(_: Any) -> list[Layer]:
        return [layer for layer in viewer.layers if isinstance(layer, kind)]

    return choices
