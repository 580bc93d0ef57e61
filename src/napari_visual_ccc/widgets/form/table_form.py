"""A form that shows the table of its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from ...core.result import Result
from ..parts.tables import Table
from .form import Form

if TYPE_CHECKING:
    from napari.viewer import Viewer


class TableForm(Form):
    """A form that lists the result's table, with the colours of its labels."""

    offers_folders = True

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.table = Table(self.family)
        self.table.hide()
        self.table.picked.connect(self._on_picked)
        self.native.layout().addWidget(self.table)

    def show_tables(self, result: Result) -> None:
        """List the first table."""
        frames = list(result.tables.values())
        self.table.setVisible(bool(frames))
        if frames:
            has_labels = self.labels_layer is not None
            self.table.show_frame(frames[0], self._color if has_labels else None)

    @property
    def labels_layer(self) -> Labels | None:
        """Layer of the labels in the table; None once it was removed."""
        layers = [s.layer for s in self.last if isinstance(s.layer, Labels)]
        return layers[0] if layers and layers[0] in self.viewer.layers else None

    def _color(self, label: int) -> Any:
        layer = self.labels_layer
        return None if layer is None else layer.get_color(label)

    def _on_picked(self, row: int) -> None:
        layer, frame = self.labels_layer, self.table.frame
        if layer is not None and frame is not None and "label" in frame:
            layer.selected_label = int(frame["label"].iloc[row])
