"""Micrographs as layer data, and layers as micrographs."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image

from ...core.layers.palette import particle_colours
from ...core.micrograph import Axis, InfoBar, Micrograph, has_colours
from .build import labels_colormap
from .metadata import METADATA, MICROGRAPH, NOT_FACTS, calibration, unit_name

LayerData = tuple[Any, dict[str, Any], str]


def layer_data(one: Micrograph) -> LayerData:
    """Make layer data of a micrograph.

    Returns
    -------
    (data, options, kind)
        As napari's readers return them. In ``options["metadata"]["micrograph"]``: facts, spacing,
        unit, info_bar, notes, path and the file's own dictionary under ``"original"``.
    """
    rgb = has_colours(one)
    ndim = one.data.ndim - rgb
    axes = one.axes if len(one.axes) == ndim - 2 else ()
    steps = [axis.step for axis in axes] or [1.0] * (ndim - 2)
    units = [_unit(axis.unit) for axis in axes] or ["pixel"] * (ndim - 2)
    labels = _labels([axis.name for axis in axes], ndim)
    options: dict[str, Any] = {
        "name": one.name,
        "scale": (*steps, *(one.spacing or (1.0, 1.0))),
        "units": (*units, *([_unit(one.unit)] * 2)),
        "axis_labels": labels,
        "metadata": {MICROGRAPH: _facts(one)},
    }
    origin = one.metadata.get("origin")
    if origin is not None:
        options["translate"] = (*[0.0] * (ndim - len(origin)), *origin)
    record = one.metadata.get(METADATA)
    if record:
        options["metadata"][METADATA] = record
    data = [one.data, *one.levels] if one.levels else one.data
    if _is_labels(one):
        colours = labels_colormap(particle_colours())
        return data, {**options, "opacity": 0.5, "colormap": colours}, "labels"
    return data, {**options, "rgb": rgb, "multiscale": bool(one.levels)}, "image"


def _facts(one: Micrograph) -> dict[str, Any]:
    return {
        **one.metadata.get("facts", {}),
        "spacing": one.spacing,
        "unit": one.unit,
        "info_bar": None if one.info_bar is None else one.info_bar.pixels,
        "notes": list(one.notes),
        "path": str(one.path) if one.path else "",
        "original": one.metadata.get("original", {}),
    }


def _unit(name: str) -> str:
    return "pixel" if name == "px" else name


def _labels(names: list[str], ndim: int) -> tuple[str, ...]:
    names = names or ["z" if k == 0 else f"axis {k}" for k in range(ndim - 2)][::-1]
    return (*names, "y", "x")


def _is_labels(one: Micrograph) -> bool:
    """Whether an image was written as labels."""
    return bool(one.metadata.get("labels")) and np.dtype(one.data.dtype).kind in "iu"


# data, attributes and type of a layer, as `Layer.as_layer_data_tuple` returns them
LayerTuple = tuple[Any, dict[str, Any], str]


_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


# names of leading axes that have none
_NAMES = ("t", "c", "z")


def as_micrograph(data: Any, about: dict[str, Any], kind: str) -> Micrograph:
    """Convert a layer to a micrograph: pixel size, axes, origin, metadata.

    Parameters
    ----------
    data, about, kind
        As ``layer.as_layer_data_tuple()`` returns them. Of a multiscale layer the finest level
        counts; a rotation is lost.
    """
    frame = frame_of(about)
    spacing, unit = calibration(frame)
    metadata = {key: value for key, value in about.get("metadata", {}).items() if key != "origin"}
    known = dict(metadata.pop(MICROGRAPH, None) or {})
    bar = known.get("info_bar")
    facts = {key: value for key, value in known.items() if key not in NOT_FACTS}
    if facts:
        metadata["facts"] = facts
    if kind == "labels":
        metadata["labels"] = True
    first = np.asarray(frame.data_to_world((0,) * frame.ndim))
    if first.any() and frame.units[-1] == frame.units[-2]:
        # without a pixel size in pixels, as files have no other
        first[-2:] /= 1.0 if spacing else frame.scale[-2:]
        first = first if first[:-2].any() else first[-2:]
        metadata["origin"] = [float(place) for place in first]
    return Micrograph(
        data[0] if about.get("multiscale") else data,
        spacing,
        unit,
        name=str(about.get("name", "image")),
        metadata=metadata,
        axes=_axes(frame),
        info_bar=None if bar is None else InfoBar(**bar),
    )


def frame_of(about: dict[str, Any]) -> Image:
    """Return a layer of one pixel in the place of a layer, without touching its data.

    napari normalises scale, affine, rotation, shear and units in the constructor of a layer, and
    differently from version to version: a layer is the only public way to its transform.
    """
    place = {key: about[key] for key in _PLACE if key in about}
    return Image(np.zeros((1,) * len(about["scale"])), **place)


def _axes(frame: Image) -> tuple[Axis, ...]:
    axes = []
    for number in range(frame.ndim - 2):
        before_y = frame.ndim - 2 - number
        name = frame.axis_labels[number]
        if name.lstrip("-").isdigit() or not name:
            name = _NAMES[-before_y] if before_y <= len(_NAMES) else f"axis {number}"
        unit = unit_name(frame.units[number]) or "px"
        axes.append(Axis(name, float(frame.scale[number]), unit))
    return tuple(axes)
