"""A tick that shows the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox

from .legend import KEY, Legend, legend_of

if TYPE_CHECKING:
    from napari.viewer import Viewer


class LegendTick(QCheckBox):
    """A tick that shows the legend of the window it is in; ticks of all forms agree.

    Parameters
    ----------
    viewer : Viewer
        Whose layers the legend explains.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__("Legend")
        self.setToolTip(f"Name the colours on the canvas (key {KEY.upper()})")
        self.setChecked(True)
        self._viewer = viewer
        self._legend: Legend | None = None
        self.toggled.connect(self._switch)
        # results of before may be open
        soon = QTimer(self)
        soon.setSingleShot(True)
        soon.timeout.connect(self.follow)
        soon.start(0)

    def follow(self) -> None:
        """Make the legend, as soon as the form is in a window."""
        if self._legend is None:
            self._legend = legend_of(self._viewer, self)
            if self._legend is not None:
                self.setChecked(self._legend.on)
                self._legend.switched.connect(self.setChecked)

    def _switch(self, on: bool) -> None:
        if self._legend is not None:
            self._legend.switch(on)
