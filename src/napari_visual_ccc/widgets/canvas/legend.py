"""A legend over the canvas, in its lower left corner."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QWidget

from ..layers.viewers import short
from .entries import Block, Entry, blocks
from .place import MARGIN, Follower, canvas_of

if TYPE_CHECKING:
    from napari.viewer import Viewer

# toggles the legend; no layer of napari has it
KEY = "k"

# letters of a row
_LONGEST = 40

# readable over dark and over bright images
_STYLE = (
    "QLabel {background-color: rgba(24, 24, 24, 200); color: #f4f4f4; padding: 5px;"
    " border: 1px solid rgba(255, 255, 255, 90); border-radius: 4px;}"
)

# events of the list of layers, and of layers, that change a legend
_CHANGES = {
    "inserted", "removed", "reordered", "visible", "name", "features", "colormap", "paint",
    "contrast_limits", "show_selected_label", "opacity", "labels_update",
}  # fmt: skip


class Legend(QLabel):
    """Names the classes of the newest visible labels, and the limits of the newest map.

    The mouse passes through it.

    Parameters
    ----------
    viewer : Viewer
        Whose layers it explains.
    canvas : QWidget
        What it lies on.
    """

    switched = Signal(bool)

    def __init__(self, viewer: Viewer, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.on = True
        self._layers, self._canvas = viewer.layers, canvas
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setStyleSheet(_STYLE)
        self.setAccessibleName("Legend")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        self._follower = Follower(self, viewer, self._on_event, self.refresh, self._place)
        self.refresh()

    def switch(self, on: bool | None = None) -> None:
        """Show the legend or not; without a choice, the other of both."""
        on = not self.on if on is None else on
        if on != self.on:
            self.on = on
            self.refresh()
            self.switched.emit(on)

    def _on_event(self, event: Any) -> None:
        if event.type in _CHANGES:
            self._follower.refresh_soon()

    def refresh(self) -> None:
        """Explain what is visible now."""
        found = blocks(self._layers) if self.on else []
        text = rich_text(found)
        if text != self.text():
            self.setText(text)
            self.setAccessibleDescription(plain_text(found))
        self.setVisible(bool(found))
        self._place()

    def _place(self) -> None:
        self.adjustSize()
        self.move(MARGIN, max(0, self._canvas.height() - self.height() - MARGIN))
        self.raise_()


def legend_of(viewer: Viewer) -> Legend | None:
    """Legend of a viewer, made at its first use; None without a window."""
    canvas = canvas_of(viewer)
    if canvas is None:
        return None
    found = canvas.findChild(Legend)
    if found is None:
        found = Legend(viewer, canvas)
        _bind_key(viewer, found)
    return found


def _bind_key(viewer: Viewer, legend: Legend) -> None:
    """Let a key of the viewer switch, unless the user has given it another meaning."""

    def switch_legend(_: Any) -> None:
        """Show or hide the legend on the canvas."""
        legend.switch()

    if KEY not in {str(key).lower() for key in viewer.keymap}:
        viewer.bind_key(KEY, switch_legend)


def rich_text(found: Sequence[Block]) -> str:
    """Write a legend with its colours; empty for none."""
    tables = [
        f"<b>{escape(short(block.title, _LONGEST))}</b>"
        f"<table cellspacing='2'>{''.join(map(_row, block.entries))}</table>"
        for block in found
    ]
    return "".join(tables)


def _row(entry: Entry) -> str:
    many = len(entry.colours) > 1
    cells = "".join(
        f"<td bgcolor='{colour}'>{'' if many else '&nbsp;' * 4}</td>" for colour in entry.colours
    )
    if many:
        # cells of a table in a cell, without gaps: a colour bar
        narrow = cells.replace("<td ", "<td width='4' ")
        cells = f"<td><table cellspacing='0' cellpadding='0'><tr>{narrow}</tr></table></td>"
    return f"<tr>{cells or '<td></td>'}<td>&nbsp;{escape(short(entry.text, _LONGEST))}</td></tr>"


def plain_text(found: Sequence[Block]) -> str:
    """Write a legend for readers of the screen."""
    return "; ".join(
        f"{block.title}: {', '.join(entry.text for entry in block.entries)}" for block in found
    )
