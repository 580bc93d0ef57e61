"""What the colours on the canvas mean: classes of labels, and the limits of a map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels, Layer

from ...core.contrast import COLORMAPS
from ...core.layers.palette import are_classes, hexadecimal
from ..layers.metadata import METADATA, QUANTITY

# rows of a legend; what there is more is counted
MOST = 12

# colours of a colour bar
_STEPS = 24

_HIDDEN = 0.05


class Entry(NamedTuple):
    """A row of a legend: its colours (one, or those of a bar from low to high) and its text."""

    colours: tuple[str, ...]
    text: str


class Block(NamedTuple):
    """The rows of a layer."""

    title: str
    entries: tuple[Entry, ...]


def blocks(layers: Iterable[Layer]) -> list[Block]:
    """Explain the colours of the topmost visible classes and of the topmost visible map.

    Particles have no names, and are left out.

    Parameters
    ----------
    layers : iterable of Layer
        From the bottom to the top.
    """
    visible = [one for one in reversed(list(layers)) if one.visible and one.opacity > 0]
    # colours of a result that hide all below them
    covers = [number for number, one in enumerate(visible) if _hides(one)]
    visible = visible[: covers[0]] if covers else visible
    found = []
    for explain in (_classes, _map):
        explained = (explain(one) for one in visible)
        found += [one for one in explained if one is not None][:1]
    return found


def _hides(layer: Layer) -> bool:
    is_colour = isinstance(layer, Image) and layer.rgb and METADATA in layer.metadata
    return is_colour and layer.opacity == 1 and layer.data.shape[-1] == 3


def _classes(layer: Layer) -> Block | None:
    table = layer.features if isinstance(layer, Labels) else None
    if table is None or not len(table):
        return None
    names = table.get("name")
    if names is None and len(table) == 1 and "cluster" in table:
        # one cluster of several, as a mask
        names = table["cluster"].map(lambda number: f"cluster {number}")
    elif not are_classes(table):
        return None
    entries = []
    labels = table.get("label", table["index"])
    for row, (label, name) in enumerate(zip(labels, names, strict=True)):
        colour = layer.get_color(int(label)) if int(label) else None
        # a phase may be shown alone
        if colour is not None and colour[3] > _HIDDEN:
            text = f"{name}{_share(layer, table.iloc[row])}"
            entries.append(Entry((hexadecimal(colour[:3]),), text))
    if not entries:
        return None
    more = len(entries) - MOST
    rest = [Entry((), f"and {more} more")] if more > 0 else []
    return Block(_title(layer), (*entries[:MOST], *rest))


def _share(layer: Layer, row: Any) -> str:
    """Share of a class in the image; empty where the labels were painted on since."""
    if dict(layer.metadata.get(METADATA) or {}).get("print") == "":
        return ""
    for column, factor, of in (("area_percent", 1, ""), ("share_of_windows", 100, " of windows")):
        if column in row and np.isfinite(row[column]):
            percent = factor * row[column]
            # little is not nothing
            return f", {percent:.{'1f' if percent >= 0.1 or not percent else '2g'}} %{of}"
    return ""


def _title(layer: Layer) -> str:
    leading = layer.data.shape[: layer.ndim - 2]
    return f"{layer.name} (all slices)" if np.prod(leading) > 1 else str(layer.name)


def _map(layer: Layer) -> Block | None:
    is_map = isinstance(layer, Image) and not layer.rgb and METADATA in layer.metadata
    if not is_map or layer.colormap.name == COLORMAPS["grey"]:
        return None
    colours = layer.colormap.map(np.linspace(0, 1, _STEPS))[:, :3]
    low, high = (f"{limit:.3g}" for limit in layer.contrast_limits)
    bar = Entry(tuple(hexadecimal(one) for one in colours), f"{low} to {high}")
    quantity = layer.metadata.get(QUANTITY)
    return Block(layer.name, (bar, *([Entry((), quantity)] if quantity else [])))
