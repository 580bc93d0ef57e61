"""Camera, sliders, text and scale bar of a viewer; napari 0.9 moved most of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


def camera(viewer: Viewer) -> Any:
    """Camera of a viewer."""
    return getattr(viewer, "scene", viewer).camera


def show_slice(viewer: Viewer, layer: Layer, place: Sequence[float]) -> Sequence[float]:
    """Move the sliders to the slice of a pixel of a layer; return its world coordinates."""
    world: Sequence[float] = layer.data_to_world(place)
    for axis, value in enumerate(world[:-2]):
        viewer.dims.set_point(axis + viewer.dims.ndim - layer.ndim, value)
    return world


def scale_bar(viewer: Viewer) -> Any:
    """Scale bar of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar


def text_overlay(viewer: Viewer) -> Any:
    """Text over the canvas of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.text_overlay if canvas is None else canvas.overlays.text


def grid(viewer: Viewer) -> Any:
    """Grid of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.grid if canvas is None else canvas.grid


def side_by_side(viewer: Viewer, on: bool = True) -> None:
    """Show the visible layers in one row, in the order of the list; or over each other again."""
    found = grid(viewer)
    found.shape, found.stride = (1, -1) if on else (-1, -1), 1
    found.enabled = on
