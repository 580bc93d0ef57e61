"""One label marked among the others: outlined, the rest dimmed, or shown alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from ..layers.build import MARK

# of a marked label; colour-blind people see it as well, on dark and on bright images
STRONG = "#ff2fa0"

_DIMMED, _HIDDEN = (0.7, 0.7, 0.7, 0.45), (0.0, 0.0, 0.0, 0.0)

# width of an outline on the screen; wider ones in pixels of the layer, and those of large layers,
# take long
_LINE_PX, _WIDEST, _MOST_PIXELS = 3.0, 4, 5_000_000

# how far the mouse moves in a click, in pixels of the screen
_STILL = 4


class _Look(NamedTuple):
    colormap: Any
    opacity: float
    contour: int


# of layers, before one of their labels was marked, and the width of the outline since
_own: dict[UUID, tuple[_Look, int]] = {}


def mark(layer: Labels, label: int, *, alone: bool = False, pixel: float = 1.0) -> None:
    """Mark a label of a layer by a strong colour.

    Parameters
    ----------
    layer : Labels
        Its display is changed until `unmark`; its data stay.
    label : int
        Is outlined, or filled where an outline would be too thin to be seen; all others are grey
        and fainter.
    alone : bool
        Hide the others instead, and fill the label.
    pixel : float
        Width of a pixel of the layer on the screen, for the width of the outline.
    """
    own, before = own_colormap(layer), _own.get(layer.unique_id)
    is_new = before is None or layer.colormap.name != MARK
    look = _Look(own, layer.opacity, layer.contour) if is_new or before is None else before[0]
    colours = {
        None: _HIDDEN if alone else _DIMMED,
        own.background_value: _HIDDEN,
        label: STRONG,
    }
    layer.colormap = DirectLabelColormap(
        color_dict=colours, background_value=own.background_value, name=MARK
    )
    line = 0 if alone else _outline(layer, pixel)
    if line:
        layer.contour, layer.opacity = line, 1.0
    layer.selected_label = label
    _own[layer.unique_id] = look, line


def _outline(layer: Labels, pixel: float) -> int:
    """Width of the outline in pixels of a layer; 0 for none."""
    wide = max(1, round(_LINE_PX / max(pixel, 1e-9)))
    plane = int(np.prod(layer.data.shape[-2:]))
    return wide if wide <= _WIDEST and plane <= _MOST_PIXELS else 0


def unmark(layer: Labels) -> None:
    """Show a layer as before the mark, but for what the user has chosen meanwhile."""
    before = _own.pop(layer.unique_id, None)
    if before is None:
        return
    look, line = before
    if layer.colormap.name == MARK:
        layer.colormap = look.colormap
    if line and layer.contour == line:
        layer.contour = look.contour
    if line and layer.opacity == 1:
        layer.opacity = look.opacity


def own_colormap(layer: Labels) -> Any:
    """Colours of a layer when no label is marked."""
    shown = layer.colormap
    before = _own.get(layer.unique_id)
    # the user may have chosen other colours meanwhile
    found = shown if before is None or shown.name != MARK else before[0].colormap
    # docks get layers and their colours behind a proxy
    return getattr(found, "__wrapped__", found)


def own_color(layer: Labels, label: int) -> Any:
    """Colour of a label, also while another one is marked."""
    return own_colormap(layer).map(label)


def at_click(function: Callable[[Any, Any], object]) -> Callable[[Any, Any], Iterator[None]]:
    """Make a callback of the mouse that calls a function at a click, and not while it drags."""

    def callback(layer: Any, event: Any) -> Iterator[None]:
        first = np.asarray(event.pos, float)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.asarray(event.pos, float) - first).max() < _STILL:
            function(layer, event)

    return callback


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
