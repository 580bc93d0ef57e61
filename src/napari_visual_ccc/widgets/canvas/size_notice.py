"""Says of an image beside calibrated ones that it has no pixel size, and offers to set it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from ..layers.metadata import METADATA, calibration
from ..layers.viewers import PLUGIN, WORKSPACE, fit_to, short, sides
from .place import MARGIN, Follower, on_canvas

if TYPE_CHECKING:
    from napari.viewer import Viewer

_STYLE = (
    "QFrame {background-color: rgba(60, 42, 0, 230); border: 1px solid #e0a000;"
    " border-radius: 4px;} QLabel {background: transparent; border: none; color: #ffffff;}"
)

# of the sides of two layers: beyond, one is a dot beside the other
_UNLIKE = 2.0

# width that the sentence keeps at least, and that of the margins and gaps beside it
_LEAST, _GAPS = 40, 36

_CHANGES = {"inserted", "removed", "visible", "scale", "units", "affine", "name"}


class SizeNotice(QFrame):
    """A sentence and a button at the top of the canvas, while an image lacks a pixel size.

    A new image that is much smaller or larger than the others is fitted into the view.

    Parameters
    ----------
    viewer : Viewer
        Whose layers are watched.
    canvas : QWidget
        What it lies on.
    """

    def __init__(self, viewer: Viewer, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._viewer, self._canvas = viewer, canvas
        self._closed: set[UUID] = set()
        self._new: Layer | None = None
        self.layer: Layer | None = None
        self.text = QLabel()
        self.button = QPushButton("Set pixel size…")
        self.close_button = QToolButton()
        self._make()
        self._follower = Follower(self, viewer, self._on_event, self.refresh, self._place)
        self.refresh()

    def _make(self) -> None:
        self.setStyleSheet(_STYLE)
        self.setAccessibleName("Pixel size is missing")
        self.button.setToolTip("Open Micrograph info with this image")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.close_button.setText("✕")
        self.close_button.setToolTip("Say it no more of this image")
        self.close_button.setAccessibleName("Close")
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        for button in (self.button, self.close_button):
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        # a long name does not push the buttons off the canvas
        self.text.setMinimumWidth(_LEAST)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        for one in (self.text, self.button, self.close_button):
            layout.addWidget(one)
        self.button.clicked.connect(self.set_size)
        self.close_button.clicked.connect(self.dismiss)
        self.hide()

    def _on_event(self, event: Any) -> None:
        if event.type in _CHANGES:
            if event.type == "inserted" and isinstance(event.value, Image):
                self._new = event.value
            self._follower.refresh_soon()

    def refresh(self) -> None:
        """Name the newest image that has no pixel size, and fit a new one into the view."""
        new, self._new = self._new, None
        found = without_size(self._viewer.layers)
        if found and new is not None and new in self._viewer.layers and self._is_unlike(new):
            fit_to(self._viewer, new)
        found = [one for one in found if one.unique_id not in self._closed]
        self.layer = found[-1] if found else None
        if self.layer is not None:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            self.text.setText(
                f"{short(self.layer.name)}{more} has no pixel size, but other images have one."
            )
        self.setVisible(self.layer is not None)
        self._place()

    def _is_unlike(self, layer: Layer) -> bool:
        """Whether a layer and the largest of the other images would not be seen together."""
        others = [one for one in _images(self._viewer.layers) if one.unique_id != layer.unique_id]
        if not others or METADATA in layer.metadata:
            return False
        own = sides(self._viewer, [layer]).max()
        ratios = [sides(self._viewer, [one]).max() / max(own, 1e-12) for one in others]
        return bool(max(ratios) > _UNLIKE or max(ratios) < 1 / _UNLIKE)

    def dismiss(self) -> None:
        """Say it no more of the images that lack a size now."""
        self._closed |= {one.unique_id for one in without_size(self._viewer.layers)}
        self.refresh()

    def set_size(self) -> None:
        """Open Micrograph info with the image."""
        layer = self.layer
        if layer is None:
            return
        form = self._info()
        self._viewer.layers.selection.active = layer
        form.reset_choices()
        form.fields["image"].value = layer
        form.size.native.setFocus()

    def _info(self) -> Any:
        """The form of the pixel size: in the workspace where that is open, else its own dock."""
        window = self._viewer.window
        docks = getattr(window, "dock_widgets", ())
        is_open = any(name.startswith(f"{WORKSPACE} (") for name in docks)
        dock, form = window.add_plugin_dock_widget(
            PLUGIN, WORKSPACE if is_open else "Micrograph info"
        )
        # it may lie behind others as a tab
        dock.show()
        dock.raise_()
        return form.open_info() if is_open else form

    def _place(self) -> None:
        room = self._canvas.width() - 2 * MARGIN
        parts = (self.button, self.close_button)
        wide = self.text.fontMetrics().horizontalAdvance(self.text.text()) + _GAPS
        width = min(room, wide + sum(one.sizeHint().width() for one in parts))
        layout = self.layout()
        assert layout is not None
        # the sentence takes more lines on a narrow canvas
        self.resize(
            width, max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        )
        self.move(max(MARGIN, (self._canvas.width() - width) // 2), MARGIN)
        self.raise_()


def without_size(layers: Iterable[Layer]) -> list[Layer]:
    """Visible images without a pixel size, where another visible image has one.

    Results are not named: their images are.
    """
    images = _images(layers)
    lacking = [one for one in images if calibration(one)[0] is None]
    return lacking if len(lacking) < len(images) else []


def _images(layers: Iterable[Layer]) -> list[Layer]:
    return [
        one
        for one in layers
        if isinstance(one, Image) and one.visible and METADATA not in one.metadata
        and np.prod(one.level_shapes[0] if one.multiscale else one.data.shape) > 0
    ]  # fmt: skip


def watch(viewer: Viewer) -> SizeNotice | None:
    """Notice of a viewer, which watches its layers from now on; None without a window."""
    return on_canvas(viewer, SizeNotice)
