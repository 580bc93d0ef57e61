"""One line about the image that is chosen: whether it is fit for analysis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QSizePolicy

from .watcher import watch

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


class VerdictLine(QPushButton):
    """A button with the verdict on the image that is chosen; hidden where there is none.

    Parameters
    ----------
    viewer : Viewer
        Whose images it follows.
    open_info : callable
        Called at a click.
    """

    def __init__(self, viewer: Viewer, open_info: Callable[[], object]) -> None:
        super().__init__()
        self._viewer, self._watcher = viewer, watch(viewer)
        self._text = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda: open_info())
        self._watcher.changed.connect(self.refresh)
        viewer.layers.selection.events.active.connect(self.refresh)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The image that the line is about: the one chosen, or the next under a mask or result."""
        layers: list[Layer] = list(self._viewer.layers)
        active = self._viewer.layers.selection.active
        under = layers[: layers.index(active) + 1] if active in layers else layers
        return next((one for one in reversed(under) if self._watcher.knows(one)), None)

    def refresh(self, event: Any = None) -> None:
        """Say what is known of the image that is chosen now."""
        verdict = self._watcher.verdict(self.layer)
        if verdict is None:
            self._text = "Checking the image…" if self._watcher.is_waiting(self.layer) else ""
            style, tooltip = "", ""
        else:
            self._text = verdict.line
            style = f"; border-left: 4px solid {verdict.sign.colour}"
            tooltip = f"{verdict.html}<p>Click to open Micrograph info.</p>"
        style = f"text-align: left; padding: 4px 8px{style}"
        # to set a style lays out the dock anew
        if style != self.styleSheet():
            self.setStyleSheet(style)
        self.setToolTip(tooltip)
        name = "" if self.layer is None else self.layer.name
        self.setAccessibleName(f"Verdict on {name}: {self._text}" if self._text else "Verdict")
        self.setVisible(bool(self._text))
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Shorten the text to the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = max(self.width() - 24, 60)
        self.setText(self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room))

    def unfollow(self) -> None:
        """Follow the viewer no longer."""
        self._watcher.let_go(self.refresh)
        self._viewer.layers.selection.events.active.disconnect(self.refresh)
