"""One label marked among the others: the rest is dimmed, or hidden."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from ..layers.build import MARK

# what is shown alone; colour-blind people see it as well, on dark and on bright images
STRONG = "#ff2fa0"

_DIMMED, _HIDDEN = (0.6, 0.6, 0.6, 0.35), (0.0, 0.0, 0.0, 0.0)

# colours of layers in whose place others mark a label
_own: dict[UUID, Any] = {}


def mark(layer: Labels, label: int, *, alone: bool = False) -> None:
    """Mark a label of a layer.

    Parameters
    ----------
    layer : Labels
        Its colours are replaced until `unmark`; its data and opacity stay.
    label : int
        Keeps its colour, while all others are grey and fainter.
    alone : bool
        Hide the others instead, and show the label in one strong colour.
    """
    own = own_colormap(layer)
    colours = {
        None: _HIDDEN if alone else _DIMMED,
        own.background_value: _HIDDEN,
        label: STRONG if alone else own.map(label),
    }
    layer.colormap = DirectLabelColormap(
        color_dict=colours, background_value=own.background_value, name=MARK
    )
    layer.selected_label = label
    _own[layer.unique_id] = own


def unmark(layer: Labels) -> None:
    """Give a layer its own colours back."""
    if layer.colormap.name == MARK:
        layer.colormap = own_colormap(layer)
    _own.pop(layer.unique_id, None)


def own_colormap(layer: Labels) -> Any:
    """Colours of a layer when no label is marked."""
    shown = layer.colormap
    # the user may have chosen other colours meanwhile
    found = _own.get(layer.unique_id, shown) if shown.name == MARK else shown
    # docks get layers and their colours behind a proxy
    return getattr(found, "__wrapped__", found)


def own_color(layer: Labels, label: int) -> Any:
    """Colour of a label, also while another one is marked."""
    return own_colormap(layer).map(label)


def clicked_label(layer: Labels, event: Any) -> int:
    """Label under the mouse while no tool of the layer is active; 0 for none."""
    if str(layer.mode) != "pan_zoom":
        return 0
    value = layer.get_value(
        event.position,
        view_direction=event.view_direction,
        dims_displayed=event.dims_displayed,
        world=True,
    )
    # of a pyramid, with the level
    return int((value[1] if isinstance(value, tuple) else value) or 0)
