"""Layers of results as layers of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Shapes
from napari.utils import Colormap
from napari.utils.colormaps import CyclicLabelColormap, ensure_colormap
from napari.utils.transforms import Affine

from ...arrays.lazy import is_lazy
from ...core.contrast import COLORMAPS, MARKED, contrast, opacity, sample
from ...core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    PointsLayer,
    ShapesLayer,
    Style,
)
from ...core.layers import Layer as Part
from ...core.layers.palette import are_classes
from ...core.micrograph import InfoBar
from ...core.result import Result
from ...workflow.record import Record, fingerprint
from .metadata import METADATA, MICROGRAPH, NOT_FACTS, QUANTITY, plane_shape

if TYPE_CHECKING:
    from .source import Source


# colours of a colormap, enough for eight bits
_COLOURS = 256

# name of the colours that mark a label
MARK = "one label"


def placement(source: Source, part: Part) -> dict[str, Any]:
    """Keyword arguments that place the layer of a result on its source.

    A layer of napari begins at the centre of its first pixel: for a coarse map, the centre of the
    first cell, which covers `stride` pixels.
    """
    layer = source.layer
    ratio = source.steps.copy()
    first = np.array(source.corner, float)
    first[-2:] += np.multiply(part.placement.first_centre, ratio[-2:])
    ratio[-2:] *= part.placement.stride
    inner = Affine(
        scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear
    )
    return {
        "scale": layer.scale * ratio,
        "translate": inner(first),
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def build(source: Source, part: Part, metadata: dict[str, Any]) -> Layer:
    """Make the viewer's layer of a layer of a result."""
    kept = {METADATA: metadata}
    known = dict(source.layer.metadata.get(MICROGRAPH) or {})
    if known:
        kept[MICROGRAPH] = {key: known[key] for key in known if key not in NOT_FACTS}
        same = part.plane_shape == plane_shape(source.layer)
        kept[MICROGRAPH]["info_bar"] = known.get("info_bar") if same else InfoBar().pixels
    common = {
        **placement(source, part),
        "name": f"{source.layer.name} {part.name}".strip(),
        "metadata": kept,
    }
    return MAKE[type(part)](source, part, common)


def build_alone(result: Result, name: str, record: Record) -> Image:
    """Make the layer of a result that lies on no image, such as a sheet of patches."""
    part = result.layer()
    assert isinstance(part, ImageLayer)
    kept = {**record.of(part.name).plain(), "print": fingerprint(part.data)}
    return Image(
        part.data, name=name, colormap=COLORMAPS[part.style], contrast_limits=part.limits,
        metadata={METADATA: kept, MICROGRAPH: {"info_bar": InfoBar().pixels}},
    )  # fmt: skip


def _image(source: Source, part: ImageLayer, common: dict[str, Any]) -> Layer:
    data = _with_leading_axes(part.data, source.layer.ndim)
    look = display_of(source, part)
    if part.quantity:
        common = {**common, "metadata": {**common["metadata"], QUANTITY: part.quantity}}
    colours = COLORMAPS[part.style] if part.beside else colormap_of(part.style)
    layer = Image(data, rgb=False, colormap=colours, **look, **common)
    return layer if part.style == "grey" else _with_colour_bar(layer)


def _channels(source: Source, part: ChannelsLayer, common: dict[str, Any]) -> Layer:
    """Put the channels first: a slider beside those of the source."""
    ndim = source.layer.ndim
    maps = np.asarray(part.data)
    maps = maps.reshape(len(maps), *(1,) * (ndim - 2), *maps.shape[1:])
    rotate = np.eye(ndim + 1)
    rotate[1:, 1:] = common["rotate"]
    common = {**common, "metadata": {**common["metadata"], QUANTITY: "activation"}}
    # napari's own Affine.expand_dims gives too few elements of shear where nothing is rotated
    first = {
        "scale": (1, *common["scale"]),
        "translate": (0, *common["translate"]),
        "rotate": rotate,
        "shear": (*(0,) * ndim, *common["shear"]),
    }
    layer = Image(
        maps, rgb=False, colormap=colormap_of("heat"), blending="translucent",
        contrast_limits=contrast(maps[0], "heat"),
        **common | first | {
            "affine": common["affine"].expand_dims([0]),
            "units": ("pixel", *common["units"]),
            "axis_labels": ("channel", *common["axis_labels"]),
        },
    )  # fmt: skip
    return _with_colour_bar(layer)


def _colour(source: Source, part: ColourLayer, common: dict[str, Any]) -> Layer:
    data = np.asarray(part.data)
    data = data.reshape(*(1,) * (source.layer.ndim - data.ndim + 1), *data.shape)
    return Image(data, rgb=True, **common)


def _labels(source: Source, part: LabelsLayer, common: dict[str, Any]) -> Layer:
    labels = _with_leading_axes(part.data, source.layer.ndim)
    colours = labels_colormap(part.palette)
    return Labels(labels, features=features(part), opacity=0.5, colormap=colours, **common)


def _points(source: Source, part: PointsLayer, common: dict[str, Any]) -> Layer:
    ndim = source.layer.ndim
    size = max(1.0, min(plane_shape(source.layer)) / 100)
    return Points(
        _in_axes(part.data, ndim), ndim=ndim, features=part.features, size=size,
        face_color=MARKED, **common,
    )  # fmt: skip


def _shapes(source: Source, part: ShapesLayer, common: dict[str, Any]) -> Layer:
    ndim = source.layer.ndim
    return Shapes(
        [_in_axes(vertices, ndim) for vertices in part.data] or None, ndim=ndim,
        shape_type=list(part.kind_of_each) or "polygon", features=part.features,
        edge_color=MARKED, face_color="transparent",
        edge_width=max(0.5, min(plane_shape(source.layer)) / 200), **common,
    )  # fmt: skip


# how each kind of layer becomes one of the viewer
MAKE: dict[type[Part], Callable[[Source, Any, dict[str, Any]], Layer]] = {
    ImageLayer: _image,
    ChannelsLayer: _channels,
    ColourLayer: _colour,
    LabelsLayer: _labels,
    PointsLayer: _points,
    ShapesLayer: _shapes,
}


def _in_axes(places: Any, ndim: int) -> np.ndarray:
    """Put zeros before coordinates of fewer axes than the layer."""
    places = np.asarray(places, float)
    places = places if places.ndim == 2 else places.reshape(0, ndim)
    return np.pad(places, ((0, 0), (ndim - places.shape[1], 0)))


def display_of(source: Source, part: ImageLayer) -> dict[str, Any]:
    """Contrast limits and blending of an image."""
    limits = part.limits or _limits(source, part)
    style = {"contrast_limits": limits} if limits is not None else {}
    return {**style, "blending": "translucent"}


def colormap_of(style: Style) -> str | Colormap:
    """Colours of a style of images; those of maps are transparent where the map is low."""
    name = COLORMAPS[style]
    if style == "grey":
        return name
    shares = np.linspace(0, 1, _COLOURS)
    colours = ensure_colormap(name).map(shares)
    colours[:, 3] = opacity(shares, style)
    return Colormap(colours, name=f"{name}, transparent")


def labels_colormap(palette: np.ndarray) -> CyclicLabelColormap:
    """Colours of labels, which repeat."""
    colours = np.ones((len(palette) + 1, 4), np.float32)
    colours[0], colours[1:, :3] = 0, palette
    return CyclicLabelColormap(colors=colours)


def _with_colour_bar(layer: Image) -> Image:
    """Show the colour bar of a layer, which napari has since 0.6.5."""
    bar = getattr(layer, "colorbar", None)
    if bar is not None:
        bar.visible = True
    return layer


def _limits(source: Source, part: ImageLayer) -> tuple[float, float] | None:
    if is_lazy(part.data):
        return None
    if part.style == "grey" and isinstance(source.layer, Image) and not source.layer.rgb:
        low, high = source.layer.contrast_limits
        return float(low), float(high)
    return contrast(sample(part.data), part.style)


def features(part: LabelsLayer) -> Any:
    """Table of a labels layer for napari, which ties rows to labels by the column ``index``."""
    # napari takes one row per label; a table by slice has more: all of a class have one name
    if part.table is None:
        return None
    if not part.table["label"].duplicated().any():
        return part.table.assign(index=part.table["label"])
    if not are_classes(part.table):
        return None
    named = part.table[["label", "name"]].drop_duplicates("label").reset_index(drop=True)
    return named.assign(index=named["label"])


def _with_leading_axes(data: Any, ndim: int) -> Any:
    return data[(np.newaxis,) * (ndim - data.ndim) + (...,)]
