"""The dock widgets: a form for each family, with a table where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps.standardize_color import transform_color
from qtpy.QtWidgets import QLabel, QPushButton

from ...core.result import Result
from ...workflow.operations import Operation
from ..canvas.threshold_levels import ThresholdLevels
from ..form.form import Form
from ..form.table_form import TableForm
from ..layers.source import Source
from ..parts.marks import STRONG, mark

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer

_OTHER_SIDE = {"bright": "dark", "dark": "bright"}


class ImageAnalysis(Form):
    """See the grey image, its mask and its texture side by side."""

    family = "analysis"


class Correct(TableForm):
    """Correct artefacts of the acquisition: uneven background, stripes, drift."""

    family = "correct"


class Denoise(Form):
    """Remove noise."""

    family = "denoise"


class Segment(TableForm):
    """Separate objects from background, and from each other."""

    family = "segment"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        # by operation: the side of the threshold that the last run took for objects
        self._sides: dict[str, str] = {}
        self.invert_button = QPushButton("Invert")
        self.invert_button.setToolTip("Take the other side of the threshold for objects, and run")
        self.invert_button.clicked.connect(self.invert)
        self.invert_button.hide()
        layout = self.native.layout()
        # beside the choices and not below the message, which a small window scrolls out of sight
        layout.insertWidget(layout.indexOf(self.place.native) + 1, self.invert_button)
        self.levels = ThresholdLevels(self)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the objects; say the threshold, and offer its other side."""
        super().show_result(operation, source, result)
        if text := threshold_text(result.facts):
            self.say(f"{text} {self.message.value}".strip())
        # slices may have one side each: no single one is opposite
        side = result.facts.get("objects")
        self._sides[operation.name] = side if isinstance(side, str) and side in _OTHER_SIDE else ""
        self._offer_invert()
        if operation.name == "threshold":
            self.levels.show_found(result.facts)

    def on_changed(self) -> None:
        """Offer *Invert* only for operations that have taken one side, and show grey levels."""
        super().on_changed()
        if hasattr(self, "levels"):
            self._offer_invert()
            self.levels.refresh()

    def on_closed(self, *args: Any) -> None:
        """Stop the job, and count no longer."""
        self.levels.close()
        super().on_closed(*args)

    def _offer_invert(self) -> None:
        self.invert_button.setText(f"Invert (objects are {self._side} now)")
        self.invert_button.setVisible(bool(self._side))

    @property
    def _side(self) -> str:
        return self._sides.get(self.operation.name, "")

    def undo(self) -> None:
        """Undo the last run; there is no side to invert any more."""
        super().undo()
        self._sides.pop(self.operation.name, None)
        self._offer_invert()

    def invert(self) -> None:
        """Take the other side of the threshold for objects, and run again."""
        if self.job is not None or not self._side:
            return
        self.fields["objects"].value = _OTHER_SIDE[self._side]
        # a live form follows the field
        if self.is_idle:
            self.run()


def threshold_text(facts: Mapping[str, Any]) -> str:
    """Say the thresholds of a result; their range if slices have their own; empty for none."""
    found = facts.get("thresholds") or []
    values = np.array(found, float) if isinstance(found, list) else np.zeros(0)
    if values.ndim == 2 and len(values) > 1:
        ranges = [
            f"{low:.6g} to {high:.6g}"
            for low, high in zip(values.min(0), values.max(0), strict=True)
        ]
        return f"Grey thresholds of the slices: {', '.join(ranges)}."
    if not values.size:
        return ""
    text = ", ".join(f"{value:.6g}" for value in values.ravel())
    return f"Grey threshold: {text}." if values.size == 1 else f"Grey thresholds: {text}."


class Texture(Form):
    """Map texture."""

    family = "texture"


class Cluster(TableForm):
    """Group pixels into phases; a row or a pixel that is clicked shows its phase alone."""

    family = "cluster"
    marks_alone = True

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.share = QLabel()
        self.share.setStyleSheet(f"font-size: 22pt; color: {STRONG}")
        self.share.hide()
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.table), self.share)

    def _color(self, label: int) -> Any:
        frame = self.table.frame
        # one that was selected is always marked
        is_marked = frame is not None and "cluster" in frame
        return transform_color(STRONG)[0] if is_marked else super()._color(label)

    def show_tables(self, result: Result) -> None:
        """List the phases; one that was selected is shown alone."""
        super().show_tables(result)
        frame = next(iter(result.tables.values()), None)
        # only the table of a selected cluster names the cluster beside the label of its mask
        if frame is not None and "cluster" in frame and self.labels_layer is not None:
            self.show_mark(self.labels_layer, frame.iloc[0])

    def show_mark(self, layer: Labels, row: pd.Series) -> None:
        """Show a phase alone, with its share in large figures."""
        mark(layer, int(row["label"]), alone=True)
        share = "" if "area_percent" not in row else f": {row['area_percent']:.1f} %"
        # of a selected cluster, the mask has the label 1
        self.share.setText(f"Cluster {int(row.get('cluster', row['label']))}{share}")
        self.share.show()

    def end_mark(self) -> None:
        """Show all phases."""
        super().end_mark()
        self.share.hide()
