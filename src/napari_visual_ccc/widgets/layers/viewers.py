"""Camera, sliders, text and scale bar of a viewer; napari 0.9 moved most of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .world import in_viewer, visible_corners

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


# what napari calls this package
PLUGIN = "napari-visual-ccc"

# the dock that has every form as a step
WORKSPACE = "Visual-CCC"

# side of a patch on the screen
_PATCH_PX = 200


def camera(viewer: Viewer) -> Any:
    """Camera of a viewer."""
    return getattr(viewer, "scene", viewer).camera


def show_slice(viewer: Viewer, layer: Layer, place: Sequence[float]) -> Sequence[float]:
    """Move the sliders of axes that are not displayed to a pixel; return its place in the world."""
    world = in_viewer(viewer, layer, layer.data_to_world(place))
    before = viewer.dims.ndim - layer.ndim
    shown = viewer.dims.displayed
    for axis, value in enumerate(world):
        if axis + before not in shown:
            viewer.dims.set_point(axis + before, value)
    return list(world)


def bring_into_view(viewer: Viewer, layer: Layer, place: Sequence[float]) -> None:
    """Move sliders to a pixel of a layer, and the camera only where the pixel is not in view.

    A pixel of another slice is not, nor is one in space: it may lie behind others.
    """
    before = viewer.dims.current_step
    show_slice(viewer, layer, place)
    if viewer.dims.ndisplay == 3 or viewer.dims.current_step != before:
        centre_on(viewer, layer, place)
        return
    low, high = visible_corners(layer)
    shown = [axis - viewer.dims.ndim + layer.ndim for axis in viewer.dims.displayed]
    if any(not low[axis] <= place[axis] <= high[axis] for axis in shown if axis >= 0):
        centre_on(viewer, layer, place)


def centre_on(viewer: Viewer, layer: Layer, place: Sequence[float]) -> None:
    """Move sliders and camera to a pixel of a layer, whichever axes are displayed."""
    _look_at(viewer, layer, show_slice(viewer, layer, place))


def _look_at(viewer: Viewer, layer: Layer, world: Sequence[float]) -> None:
    """Move the camera to a place in the world, in the axes of a layer."""
    before = viewer.dims.ndim - layer.ndim
    view = camera(viewer)
    centre = list(view.center)
    shown = viewer.dims.displayed
    for number, axis in enumerate(shown):
        if axis >= before:
            centre[number - len(shown)] = world[axis - before]
    view.center = tuple(centre)


def show_patch(viewer: Viewer, layer: Layer, centre: Sequence[float], side: float) -> None:
    """Move the view to a patch of a layer, so that it fills a third of the canvas.

    Parameters
    ----------
    centre : (y, x)
        In pixels of the layer.
    side : float
        Of the patch, in pixels of the layer.
    """
    leading = (0,) * (layer.ndim - 2)
    centre_on(viewer, layer, (*leading, *centre))
    places = [(*leading, *(one + far for one in centre)) for far in (0, side)]
    world, corner = (in_viewer(viewer, layer, layer.data_to_world(one)) for one in places)
    wide = max(abs(b - a) for a, b in zip(world[-2:], corner[-2:], strict=True))
    view = camera(viewer)
    view.zoom = _PATCH_PX / max(wide, 1e-12)


def pixel_on_screen(viewer: Viewer, layer: Layer) -> float:
    """Width of a pixel of a layer on the screen, of a pyramid of the level that is displayed.

    In 3D there is no such width: 0.
    """
    if viewer.dims.ndisplay == 3:
        return 0.0
    leading = (0,) * (layer.ndim - 2)
    here, beside = (
        np.asarray(in_viewer(viewer, layer, layer.data_to_world((*leading, 0, x)))) for x in (0, 1)
    )
    level = getattr(layer, "data_level", 0) if getattr(layer, "multiscale", False) else 0
    coarse = layer.downsample_factors[level][-1] if level else 1.0
    return float(camera(viewer).zoom * np.linalg.norm(beside - here) * coarse)


def show_only(viewer: Viewer, layer: Layer) -> None:
    """Hide all other layers, and fit the view to the middle of this one."""
    for one in viewer.layers:
        one.visible = one.unique_id == layer.unique_id
    viewer.layers.selection.active = layer
    if viewer.dims.ndisplay == 2:
        show_slice(viewer, layer, layer.world_to_data(layer.extent.world.mean(axis=0)))
    fit_to(viewer, layer)


def fit_to(viewer: Viewer, layer: Layer) -> None:
    """Fit the view to a layer, however large the pixels of others are; sliders stay."""
    viewer.fit_to_view()
    if viewer.dims.ndisplay == 2:
        # napari fits all layers, also those that are hidden
        widest = sides(viewer, list(viewer.layers)) / np.maximum(sides(viewer, [layer]), 1e-12)
        _look_at(viewer, layer, list(in_viewer(viewer, layer, layer.extent.world.mean(axis=0))))
        camera(viewer).zoom *= float(widest.min())


def sides(viewer: Viewer, layers: Sequence[Layer]) -> np.ndarray:
    """Height and width of the box around layers, in the units of the viewer."""
    ends = [in_viewer(viewer, one, end)[-2:] for one in layers for end in one.extent.world]
    return np.ptp(ends, axis=0)


def scale_bar(viewer: Viewer) -> Any:
    """Scale bar of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar


def text_overlay(viewer: Viewer) -> Any:
    """Text over the canvas of a viewer; the legend and the scale bar lie at the bottom."""
    canvas = getattr(viewer, "canvas", None)
    found = viewer.text_overlay if canvas is None else canvas.overlays.text
    found.position = "top_left"
    return found


def short(text: str, most: int = 25) -> str:
    """Shorten a text for the canvas in its middle: napari cuts off what is wider."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def grid(viewer: Viewer) -> Any:
    """Grid of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.grid if canvas is None else canvas.grid


def side_by_side(viewer: Viewer, on: bool = True) -> None:
    """Show the visible layers in one row, in the order of the list; or over each other again."""
    found = grid(viewer)
    found.shape, found.stride = (1, -1) if on else (-1, -1), 1
    found.enabled = on


@contextmanager
def pointer_away(viewer: Viewer) -> Iterator[None]:
    """Write no status while layers are added or removed.

    In 3D, napari 0.9 asks the layer below a pointer that has not moved yet in a direction that is
    None: labels with features of a stack raise a ``TypeError`` while they are added.
    """
    was_over, viewer.mouse_over_canvas = viewer.mouse_over_canvas, False
    try:
        yield
    finally:
        viewer.mouse_over_canvas = was_over
