"""A tick that shows the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox

from .legend import KEY, legend_of

if TYPE_CHECKING:
    from napari.viewer import Viewer


class LegendTick(QCheckBox):
    """A tick that shows the legend of a viewer; ticks of all forms agree.

    Parameters
    ----------
    viewer : Viewer
        Whose layers the legend explains.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__("Legend")
        self.setToolTip(f"Name the colours on the canvas (key {KEY.upper()})")
        legend = legend_of(viewer)
        self.setChecked(legend is None or legend.on)
        if legend is not None:
            legend.switched.connect(self.setChecked)
            self.toggled.connect(legend.switch)
