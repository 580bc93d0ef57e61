"""Keeps an image fitted to the canvas when a dock makes it narrower or wider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget

from ..layers.viewers import camera, fit_to, sides
from ..layers.world import in_viewer
from .place import on_canvas

if TYPE_CHECKING:
    from napari.viewer import Viewer

# of the canvas that napari leaves free, and the difference up to which a view is a fitted one
_MARGIN, _ALIKE = 0.05, 0.02


class Refit(QObject):
    """Fits the view again when the canvas changes its size, where it was fitted before.

    Parameters
    ----------
    viewer : Viewer
        Whose view is fitted.
    canvas : QWidget
        Whose size is followed; this is part of it.
    """

    def __init__(self, viewer: Viewer, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._viewer = viewer
        # what the view was fitted to; a dock may change the size in several steps
        self._fitted: list[Layer] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._fit)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look at the view before napari does."""
        if isinstance(event, QResizeEvent):
            if not self._soon.isActive():
                self._fitted = fitted(self._viewer, event.oldSize())
            if self._fitted:
                self._soon.start(0)
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        layers = [one for one in self._fitted if one in self._viewer.layers]
        if len(layers) == 1:
            fit_to(self._viewer, layers[0])
        elif layers:
            self._viewer.fit_to_view()


def fitted(viewer: Viewer, size: QSize) -> list[Layer]:
    """Layers that a canvas of a size was fitted to: all, the one that is chosen, or none."""
    everything, active = list(viewer.layers), viewer.layers.selection.active
    if viewer.dims.ndisplay != 2 or not everything or min(size.width(), size.height()) <= 0:
        return []
    for layers in (everything, [] if active is None else [active]):
        if layers and _is_fitted(viewer, layers, size):
            return layers
    return []


def _is_fitted(viewer: Viewer, layers: list[Layer], size: QSize) -> bool:
    lengths = np.maximum(sides(viewer, layers), 1e-12)
    zoom = (1 - _MARGIN) * min(size.height() / lengths[0], size.width() / lengths[1])
    view = camera(viewer)
    ends = [in_viewer(viewer, one, end)[-2:] for one in layers for end in one.extent.world]
    far = np.abs(np.mean([np.min(ends, axis=0), np.max(ends, axis=0)], axis=0) - view.center[-2:])
    return bool(abs(view.zoom / zoom - 1) < _ALIKE and (far < _ALIKE * lengths).all())


def keep_fitted(viewer: Viewer) -> Refit | None:
    """Let a viewer keep what is fitted from now on; None without a window."""
    return on_canvas(viewer, Refit)
