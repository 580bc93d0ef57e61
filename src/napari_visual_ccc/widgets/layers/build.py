"""Between layers and arrays: what a layer gives an operation, what a result becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine

from ...arrays.lazy import is_lazy
from ...arrays.reduction import computed
from ...core.layers import COLORMAPS, contrast, sample
from ...core.micrograph import InfoBar
from ...core.progress import Steps
from ...core.results import ImageResult, LabelsResult, Result
from ...workflow.provenance import fingerprint
from .filling import Pending, pending, room
from .metadata import METADATA, MICROGRAPH, NOT_FACTS, plane_shape

if TYPE_CHECKING:
    from .source import Source


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
