"""Where a viewer keeps its camera and scale bar: napari 0.9 moved both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer


def camera(viewer: Viewer) -> Any:
    """Give the camera of a viewer."""
    return getattr(viewer, "scene", viewer).camera


def scale_bar(viewer: Viewer) -> Any:
    """Give the scale bar of a viewer."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar
