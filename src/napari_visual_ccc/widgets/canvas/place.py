"""The canvas of a viewer as a widget, and its neighbours on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMainWindow, QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

# from the border of the canvas
MARGIN = 10


def canvas_of(viewer: Viewer) -> QWidget | None:
    """The widget that a viewer draws on; None of a viewer without a window."""
    menu = getattr(getattr(viewer, "window", None), "main_menu", None)
    # the menu bar is what napari makes public of its window
    above = None if menu is None else menu.window()
    middle = above.centralWidget() if isinstance(above, QMainWindow) else None
    inside = [] if middle is None else middle.findChildren(QWidget)
    # under each binding of Qt
    return next((one for one in inside if one.inherits("QOpenGLWidget")), None)
