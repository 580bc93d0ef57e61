"""What of the results is shown: all or the newest alone, faded, and with a legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton, Slider
from napari.layers import Layer
from napari.utils.notifications import show_info

from ..layers.newest import KEY, bind_key, switch
from .legend_tick import LegendTick
from .refit import keep_fitted
from .size_notice import watch
from .status import write_status

if TYPE_CHECKING:
    from napari.viewer import Viewer


class ShownResults:
    """A button that shows all results, a slider that fades the newest, a tick of the legend.

    Parameters
    ----------
    viewer : Viewer
        Of the results.
    layers : callable
        Returns the visible layers of the last run, and those that it has hidden.
    """

    def __init__(
        self, viewer: Viewer, layers: Callable[[], tuple[Sequence[Layer], Sequence[Layer]]]
    ) -> None:
        self._viewer, self._layers = viewer, layers
        self._faded: list[tuple[Layer, float]] = []
        self.button = PushButton(
            text="Show all",
            tooltip=f"Show all results that runs have hidden, or the newest alone (key "
            f"{KEY.upper()})",
        )
        self.slider = Slider(
            label="Compare", min=0, max=100, value=100,
            tooltip="Fade between what was visible before the run (left) and its result (right)",
        )  # fmt: skip
        self.legend = LegendTick(viewer)
        # a form has no labels of its own
        self.row = Container(widgets=[self.slider], visible=False)
        self.row.native.layout().addWidget(self.legend)
        self.row.margins = (0, 0, 0, 0)
        self.button.changed.connect(self.switch)
        self.slider.changed.connect(self._fade)
        bind_key(viewer)
        watch(viewer)
        keep_fitted(viewer)
        write_status(viewer)

    def switch(self) -> None:
        """Show all results, or the newest alone; say so where there is only one."""
        if not switch(self._viewer):
            show_info("No run has hidden an earlier result.")

    def begin(self) -> None:
        """Show a new result as it is, and offer to compare it."""
        self.end()
        self.row.visible = bool(self._layers()[0])

    def end(self) -> None:
        """Give faded layers their opacity back, and offer no comparison."""
        for one, opacity in self._faded:
            one.opacity = opacity
        self._faded = []
        with self.slider.changed.blocked():
            self.slider.value = 100
        self.row.visible = False

    def _fade(self, percent: int) -> None:
        newest, earlier = self._layers()
        if not self._faded:
            self._faded = [(one, one.opacity) for one in (*newest, *earlier)]
        for one, opacity in self._faded:
            share = 100 - percent if one in earlier else percent
            one.opacity = opacity * share / 100
        for one in earlier:
            one.visible = percent < 100
        if percent == 100:
            self._faded = []
