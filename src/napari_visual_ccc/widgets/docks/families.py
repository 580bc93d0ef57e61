"""The dock widgets: a form for each family, with a table where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtWidgets import QLabel

from ...core.result import Result
from ..form.form import Form
from ..form.table_form import TableForm
from ..parts.marks import STRONG, mark

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer


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

    def show_tables(self, result: Result) -> None:
        """List the phases; one that was selected is shown alone."""
        super().show_tables(result)
        if self.operation.name == "select_cluster" and self.labels_layer is not None:
            self.show_mark(self.labels_layer, result.table.iloc[0])

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
