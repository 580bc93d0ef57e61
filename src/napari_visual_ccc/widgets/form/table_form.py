"""A form that shows the table of its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtWidgets import QWidget

from ...core.result import Result
from ...workflow.operations import Operation
from ..layers.metadata import current_slice
from ..layers.newest import Uncovered, origins
from ..layers.source import Source
from ..layers.viewers import bring_into_view, pixel_on_screen
from ..parts.marks import at_click, clicked_label, mark, own_color, unmark
from ..parts.tables import Table
from .form import Form

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer


class TableForm(Form):
    """A form that lists the result's table, with the colours of its labels.

    A click on a row marks its label in the image, a click on a label selects its row; a second
    click on the row ends it.
    """

    # whether a marked label is shown alone, in a strong colour
    marks_alone = False

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.table = Table(self.family)
        self.table.hide()
        self.table.picked.connect(self._on_picked)
        self.table.cleared.connect(self._on_cleared)
        self._clickable: Labels | None = None
        # operation and layer that the table and the message are of, and the table
        self._words_of: tuple[str, Layer, Any] | None = None
        self.is_stale = self._has_table = False
        # what stands beside the table, and which of it is shown for the last result
        self.details: Sequence[QWidget] = ()
        self._seen: list[QWidget] = []
        self._uncovered = Uncovered(napari_viewer)
        # the labels, and the images that they were made of
        self._clicked: list[Layer] = []
        self._label_clicked = at_click(self._on_click)
        self.native.layout().addWidget(self.table)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the first table, as long as what it was made of is chosen."""
        super().show_result(operation, source, result)
        self.keep_words(operation.name, source.layer)

    def keep_words(self, name: str, layer: Layer) -> None:
        """Keep what is said for as long as a method and a layer are chosen; "" is any method."""
        self._words_of = name, layer, self.table.frame
        self._seen = [one for one in self.details if not one.isHidden()]

    def on_changed(self) -> None:
        """Hide the table and the message under another choice; they come back with the first."""
        super().on_changed()
        words_of = getattr(self, "_words_of", None)
        # the table of a folder is of no choice
        if words_of is None or self.table.frame is not words_of[2]:
            return
        name, layer, _ = words_of
        first = next(iter(self.inputs.values()), None)
        is_of_result = any(one.layer == first for one in self.results.shown)
        is_other = bool(name) and name != self.operation.name
        is_stale = not is_of_result and (is_other or layer != first)
        if is_stale != self.is_stale:
            self.is_stale = is_stale
            self.show_words(not is_stale)

    def show_words(self, on: bool) -> None:
        """Show or hide what is said of the last result."""
        self.table.setVisible(on and self._has_table)
        self.message.visible = on and bool(self.message.value)
        for one in self._seen:
            one.setVisible(on)

    def hide_details(self) -> None:
        """Hide what stands beside the table."""
        for one in self.details:
            one.hide()

    def show_tables(self, result: Result) -> None:
        """List the first table."""
        self._words_of, self.is_stale, self._seen = None, False, []
        frame = next(iter(result.tables.values()), None)
        self._has_table = frame is not None
        self.table.setVisible(self._has_table)
        self.end_mark()
        layer = self.labels_layer
        self._listen_to(layer)
        if frame is not None:
            has_labels = layer is not None and str(frame.columns[0]) == "label"
            self.table.show_frame(frame, self._color if has_labels else None)
            self.table.set_title(self._title(frame))

    def _title(self, frame: pd.DataFrame) -> str:
        """Name of the layer in the table, and whether the table is of all its slices."""
        layer = self.labels_layer or next((one.layer for one in self.results.shown), None)
        first = next(iter(self.inputs.values()))
        if layer is None:
            return "" if first is None else first.name
        # classes of a stack are counted in all its slices
        in_all = "area_percent" in frame and not any(str(c).startswith("index_") for c in frame)
        count = int(np.prod(layer.data.shape[: layer.ndim - 2])) if in_all else 1
        return f"{layer.name} (sum of {count} slices)" if count > 1 else layer.name

    def undo(self) -> None:
        """Undo the last run; its labels have their own colours again."""
        self.end_mark()
        super().undo()

    def redo(self) -> None:
        """Repeat the run that was undone last; labels have their own colours again."""
        self.end_mark()
        super().redo()

    def _show(self, *result: Any) -> list[Layer]:
        """Show a result; a mark ends before, so that nothing comes back over it."""
        self.end_mark()
        return super()._show(*result)

    def _listen_to(self, layer: Labels | None) -> None:
        """Select rows by clicks on a layer, and no longer on that of an earlier result."""
        for one in self._clicked:
            if self._label_clicked in one.mouse_drag_callbacks:
                one.mouse_drag_callbacks.remove(self._label_clicked)
        self._clickable = layer
        self._clicked = [] if layer is None else origins(layer, self.viewer.layers)
        for one in self._clicked:
            one.mouse_drag_callbacks.append(self._label_clicked)

    def _on_click(self, layer: Layer, event: Any) -> None:
        """Select the row of the label under the mouse, also while its image is the active layer."""
        labels, frame = self._clickable, self.table.frame
        if labels is None or not labels.visible or str(layer.mode) != "pan_zoom":
            return
        label = clicked_label(labels, event)
        if label and frame is not None and "label" in frame:
            rows = np.flatnonzero(frame["label"].to_numpy() == label)
            if len(rows):
                self.table.select(int(rows[0]))

    @property
    def labels_layer(self) -> Labels | None:
        """Layer of the labels in the table, a result or an input; None once it was removed."""
        layers = [s.layer for s in self.results.shown if isinstance(s.layer, Labels)]
        layers += [one for one in self.results.inputs if isinstance(one, Labels)]
        return layers[0] if layers and layers[0] in self.viewer.layers else None

    def _color(self, label: int) -> Any:
        layer = self.labels_layer
        return None if layer is None else own_color(layer, label)

    def _on_picked(self, row: int) -> None:
        layer, frame = self._clickable, self.table.frame
        if layer is None or layer not in self.viewer.layers:
            return
        if frame is not None and "label" in frame:
            self._uncovered.show(layer)
            self.show_mark(layer, frame.iloc[row])

    def _on_cleared(self, row: int) -> None:
        """End the mark; where another run has hidden the labels, show them again instead."""
        if self._uncovered.is_covered(self._clickable):
            self.table.select(row)
        else:
            self.end_mark()

    def show_mark(self, layer: Labels, row: pd.Series) -> None:
        """Mark the label of a row, and bring it into view."""
        label = int(row["label"])
        pixel = pixel_on_screen(self.viewer, layer)
        mark(layer, label, alone=self.marks_alone, pixel=pixel)
        place = _middle(layer, label, current_slice(layer, self.viewer))
        if place is not None:
            bring_into_view(self.viewer, layer, place)

    def on_closed(self, *args: Any) -> None:
        """Stop the job, and follow the viewer and the labels no longer."""
        self._listen_to(None)
        super().on_closed(*args)

    def end_mark(self) -> None:
        """Show all labels in their own colours."""
        if self._clickable is not None:
            unmark(self._clickable)
        self._uncovered.end()


def _middle(layer: Labels, label: int, leading: tuple[int, ...]) -> tuple[float, ...] | None:
    """Pixel in the middle of a label in a slice; None where it is not, or not in memory."""
    if not isinstance(layer.data, np.ndarray):
        return None
    rows, columns = np.nonzero(layer.data[leading] == label)
    if not len(rows):
        return None
    return (*leading, float(np.median(rows)), float(np.median(columns)))
