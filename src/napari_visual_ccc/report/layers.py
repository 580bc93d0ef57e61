"""How each kind of layer is drawn into a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.contrast import COLORMAPS, MARKED, contrast, opacity
from ..core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Layer,
    PointsLayer,
    ShapesLayer,
    Style,
)
from ..core.layers.palette import of_labels
from ..core.micrograph import plane_shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# longest side of a picture, in pixels
_LONGEST = 1200

_FEW_LABELS = 20


def draw_layer(axes: Axes, layer: Layer, *, over: bool) -> None:
    """Draw a layer into axes; over an image, which stays in view, or by itself."""
    DRAW[type(layer)](axes, layer, over)


def _draw_labels(axes: Axes, layer: LabelsLayer, over: bool) -> None:
    plane = _plane(layer)
    with _kept_view(axes, over):
        pixels = _coloured(thinned(plane), layer.palette, over)
        axes.imshow(pixels, extent=_extent(layer, plane), interpolation="nearest")
    _legend(axes, layer)


def _draw_image(axes: Axes, layer: ImageLayer, over: bool) -> None:
    plane = _plane(layer)
    low, high = layer.limits or contrast(plane, layer.style) or (0.0, 1.0)
    with _kept_view(axes, over):
        drawn = axes.imshow(
            thinned(plane), cmap=_colormap(layer.style, over), vmin=low, vmax=high,
            extent=_extent(layer, plane),
        )  # fmt: skip
    if layer.style != "grey":
        axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label=layer.quantity)


def _colormap(style: Style, over: bool) -> Any:
    """Colours of a style; over an image, low values are transparent as in the viewer."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    found = colormaps[COLORMAPS[style]]
    if not over:
        return found
    shares = np.linspace(0, 1, found.N)
    colours = found(shares)
    colours[:, 3] = opacity(shares, style)
    return ListedColormap(colours)


def _draw_channels(axes: Axes, layer: ChannelsLayer, over: bool) -> None:
    """Draw a contact sheet: every map on a scale of its own, with its name."""
    maps = layer.data.reshape(-1, *layer.data.shape[-3:])[0]
    height, width = (n * layer.placement.stride for n in layer.plane_shape)
    names = layer.channels or [str(number) for number in range(len(maps))]
    for number, (one, name) in enumerate(zip(maps, names, strict=True)):
        row, column = divmod(number, _columns(layer))
        left, top = column * (width + _gap(layer)), row * (height + _gap(layer))
        low, high = contrast(one, "heat") or (0.0, 1.0)
        extent = (left, left + width, top + height, top)
        axes.imshow(thinned(one), cmap=COLORMAPS["heat"], vmin=low, vmax=high, extent=extent)
        axes.text(
            left, top, name, va="bottom", fontsize=min(7.0, 42 / _columns(layer)), color="0.2",
        )  # fmt: skip
    wide, high = _sheet_size(layer)
    axes.axis((0, wide, high, -_gap(layer)))


def _columns(layer: ChannelsLayer) -> int:
    return min(8, max(1, math.ceil(math.sqrt(layer.data.shape[-3]))))


def _gap(layer: ChannelsLayer) -> float:
    """Pixels between the maps of a contact sheet: room for a name."""
    return 0.14 * min(layer.plane_shape) * layer.placement.stride


def _sheet_size(layer: ChannelsLayer) -> tuple[float, float]:
    height, width = (n * layer.placement.stride for n in layer.plane_shape)
    columns = _columns(layer)
    rows = math.ceil(layer.data.shape[-3] / columns)
    gap = _gap(layer)
    return columns * (width + gap) - gap, rows * (height + gap) - gap


def _draw_colour(axes: Axes, layer: ColourLayer, over: bool) -> None:
    picture = layer.data.reshape(-1, *layer.data.shape[-3:])[0]
    with _kept_view(axes, over):
        axes.imshow(picture, extent=_extent(layer, picture), interpolation="nearest")


def _draw_points(axes: Axes, layer: PointsLayer, over: bool) -> None:
    places = _in_first_slice(layer.placement.to_source(layer.data))
    x, y = _xy(places)
    with _kept_view(axes, over):
        axes.scatter(x, y, s=30, c=MARKED, edgecolors="black", linewidths=0.8)
    if not over:
        axes.axis(_around(places))


def _draw_shapes(axes: Axes, layer: ShapesLayer, over: bool) -> None:
    for shape, kind in zip(layer.data, layer.kind_of_each, strict=True):
        vertices = layer.placement.to_source(shape)
        if len(_in_first_slice(vertices)) == len(vertices):
            axes.add_patch(_patch(kind, *_xy(vertices)))
    if not over:
        axes.axis(_around(_vertices(layer)))


def _vertices(layer: ShapesLayer) -> np.ndarray:
    places = [layer.placement.to_source(one) for one in layer.data]
    return np.concatenate(places) if places else np.empty((0, 2))


def _patch(kind: str, x: np.ndarray, y: np.ndarray) -> Any:
    from matplotlib.patches import Ellipse, Polygon

    style: dict[str, Any] = {"edgecolor": MARKED, "fill": False, "linewidth": 1.5}
    if kind == "ellipse":
        # of the rectangle around it, which may be turned
        (wide, down), (right, tall) = (np.array([x[n + 1] - x[n], y[n + 1] - y[n]]) for n in (0, 1))
        width, height = math.hypot(wide, down), math.hypot(right, tall)
        angle = math.degrees(math.atan2(down, wide))
        return Ellipse((x.mean(), y.mean()), width, height, angle=angle, **style)
    return Polygon(np.stack([x, y], axis=1), closed=kind not in ("path", "line"), **style)


# how each kind of layer is drawn: axes, layer, whether it lies over another
DRAW: dict[type[Layer], Callable[[Axes, Any, bool], None]] = {
    ImageLayer: _draw_image,
    ChannelsLayer: _draw_channels,
    ColourLayer: _draw_colour,
    LabelsLayer: _draw_labels,
    PointsLayer: _draw_points,
    ShapesLayer: _draw_shapes,
}


@contextmanager
def _kept_view(axes: Axes, over: bool) -> Iterator[None]:
    """Keep the limits of axes that show an image already."""
    limits = axes.axis()
    yield
    if over:
        axes.axis(limits)


def _extent(layer: Layer, plane: np.ndarray) -> tuple[float, float, float, float]:
    stride = layer.placement.stride
    top, left = (centre - (stride - 1) / 2 for centre in layer.placement.first_centre)
    return left, left + plane.shape[1] * stride, top + plane.shape[0] * stride, top


def _xy(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of source pixels in the axes, where a pixel reaches from n to n + 1."""
    return places[:, -1] + 0.5, places[:, -2] + 0.5


def _around(places: np.ndarray) -> tuple[float, float, float, float]:
    """Limits of axes that show all places, with half a pixel around them."""
    if not len(places):
        return 0.0, 1.0, 1.0, 0.0
    (top, left), (bottom, right) = places[:, -2:].min(axis=0), places[:, -2:].max(axis=0) + 1
    return float(left), float(right), float(bottom), float(top)


def _in_first_slice(places: np.ndarray) -> np.ndarray:
    places = places if places.ndim == 2 else places.reshape(0, 2)
    return places[(np.round(places[:, :-2]) == 0).all(axis=1)]


def _plane(layer: Layer) -> np.ndarray:
    return np.asarray(layer.data[(0,) * (layer.data.ndim - 2)])


def thinned(plane: np.ndarray) -> np.ndarray:
    """Return every n-th row and column, as many as a figure can show."""
    step = max(1, -(-max(plane.shape) // _LONGEST))
    return plane[::step, ::step]


def _coloured(plane: np.ndarray, palette: np.ndarray, over: bool) -> np.ndarray:
    colours = np.empty((*plane.shape, 4))
    colours[..., :3] = of_labels(palette, plane)
    colours[..., 3] = np.where(plane > 0, 0.5 if over else 1.0, 0.0)
    return colours


def _legend(axes: Axes, layer: LabelsLayer) -> None:
    from matplotlib.patches import Patch

    table = layer.table
    if table is None or "name" not in table:
        return
    named = table[table["label"] > 0]
    shown = named
    if len(named) > _FEW_LABELS and "area_percent" in named:
        shown = named.nlargest(_FEW_LABELS - 1, "area_percent").sort_index()
    patches = []
    for _, row in shown.iterrows():
        share = row.get("area_percent", None)
        text = row["name"] if share is None else f"{row['name']}: {share:.1f} %"
        colour = of_labels(layer.palette, row["label"]).tolist()
        patches.append(Patch(color=colour, label=text))
    if len(shown) < len(named):
        rest = named.drop(shown.index)["area_percent"].sum()
        text = f"{len(named) - len(shown)} more: {rest:.1f} %"
        patches.append(Patch(color="none", label=text))
    if patches:
        axes.legend(handles=patches, loc="upper right", fontsize=7, framealpha=0.8)


def size_of(layer: Layer, image: Any = None) -> tuple[float, float]:
    """Rows and columns of the source image that a figure of a layer shows.

    Parameters
    ----------
    layer : Layer
        Pixels set the size themselves.
    image : array, optional
        What lies under points and shapes; without it they are framed closely.
    """
    if isinstance(layer, ChannelsLayer):
        return _sheet_size(layer)[::-1]
    if layer.plane_shape is not None:
        height, width = (n * layer.placement.stride for n in layer.plane_shape)
        return height, width
    if image is not None:
        return plane_shape(image)
    if isinstance(layer, ShapesLayer):
        places = _vertices(layer)
    else:
        places = _in_first_slice(layer.placement.to_source(layer.data))
    left, right, bottom, top = _around(places)
    return bottom - top, right - left
