"""The canvas of a viewer as a widget, and its neighbours on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QWidget

from ..controls.timers import settled

if TYPE_CHECKING:
    from napari.viewer import Viewer

Part = TypeVar("Part", bound=QObject)

# from the border of the canvas
MARGIN = 10


def canvas_of(viewer: Viewer) -> QWidget | None:
    """The widget that a viewer draws on; None of a viewer without a window, or whose is closed."""
    menu = getattr(getattr(viewer, "window", None), "main_menu", None)
    # the menu bar is what napari makes public of its window; Qt deletes it when that is closed
    above = None if menu is None or not isalive(menu) else menu.window()
    middle = above.centralWidget() if isinstance(above, QMainWindow) else None
    inside = [] if middle is None else middle.findChildren(QWidget)
    # under each binding of Qt
    return next((one for one in inside if one.inherits("QOpenGLWidget")), None)


def on_canvas(viewer: Viewer, kind: type[Part]) -> Part | None:
    """Part of the canvas of a viewer of a kind, made at its first use; None without a window."""
    # docks get the viewer behind a proxy
    viewer = getattr(viewer, "__wrapped__", viewer)
    canvas = canvas_of(viewer)
    if canvas is None:
        return None
    found = canvas.findChild(kind)
    return kind(viewer, canvas) if found is None else found


class Follower(QObject):
    """Keeps a widget on the canvas up to date, and in its place.

    Parameters
    ----------
    widget : QWidget
        Lies on the canvas; the follower is part of it.
    viewer : Viewer
        Whose layers it is about.
    changed : callable
        Called with every event of the layers.
    refresh : callable
        Shows what is there now; called once after the last of many calls of `refresh_soon`.
    place : callable
        Moves the widget; called when the canvas changes its size.
    """

    def __init__(
        self,
        widget: QWidget,
        viewer: Viewer,
        changed: Callable[[Any], None],
        refresh: Callable[[], None],
        place: Callable[[], None],
    ) -> None:
        super().__init__(widget)
        self._place = place
        self.refresh_soon = settled(self, 0, refresh)
        events = viewer.layers.events
        events.connect(changed)
        # Qt has deleted the widget by then
        widget.destroyed.connect(lambda: events.disconnect(changed))
        canvas = widget.parentWidget()
        assert canvas is not None
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Place the widget when the canvas changes its size."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)
