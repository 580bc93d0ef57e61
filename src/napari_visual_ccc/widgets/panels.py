"""The dock widgets: each a form of one family, with a panel where a layer is not enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog, QPushButton

from .. import operations
from ..operations import Operation
from ..results import LabelsResult, Result
from .form import Form
from .sources import Source
from .tables import Table
from .viewers import show_slice

if TYPE_CHECKING:
    from napari.viewer import Viewer

PREDICTED = "the predicted class"


class _TableForm(Form):
    """A form that lists the result's table, with the colours of its labels."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.table = Table(self.family)
        self.table.hide()
        self.table.picked.connect(self._on_picked)
        self.native.layout().addWidget(self.table)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the first table."""
        frames = list(result.tables.values())
        self.table.setVisible(bool(frames))
        if frames:
            has_labels = isinstance(result, LabelsResult) and bool(self._last)
            self.table.show_frame(frames[0], self._color if has_labels else None)

    @property
    def labels_layer(self) -> Labels | None:
        """The layer the table speaks of."""
        layers = [s.layer for s in self._last if isinstance(s.layer, Labels)]
        return layers[0] if layers and layers[0] in self.viewer.layers else None

    def _color(self, label: int) -> Any:
        layer = self.labels_layer
        return None if layer is None else layer.get_color(label)

    def _on_picked(self, row: int) -> None:
        layer, frame = self.labels_layer, self.table.frame
        if layer is not None and frame is not None and "label" in frame:
            layer.selected_label = int(frame["label"].iloc[row])


class Quality(_TableForm):
    """Tell whether an image, or every image of a folder, is fit for analysis."""

    family = "quality"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._folder: Path | None = None
        self.folder_button = QPushButton("Check a folder…")
        self.folder_button.setToolTip(operations.summary("quality_folder"))
        self.folder_button.clicked.connect(lambda: self.check_folder())
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.table), self.folder_button)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the slices."""
        self._folder = None
        super().show_result(operation, source, result)

    def check_folder(self, folder: Path | None = None) -> None:
        """Judge all images of a folder into the table; ask for it, unless it is said."""
        chosen = folder or QFileDialog.getExistingDirectory(self.native, "Folder of images")
        if not chosen or self._job is not None:
            return
        self._folder = Path(chosen)
        self._start(
            operations.function("quality_folder")(self._folder, **self.parameters),
            f"Check {self._folder.name}",
            self._show_folder,
        )
        self._reveal()

    def _show_folder(self, result: Any) -> None:
        self._say(f"{result.notes[0]}. Click a row to open its image.")
        self.table.name = f"{self._folder.name} quality" if self._folder else "quality"
        self.table.show_frame(result.table)
        self.table.show()

    def _on_picked(self, row: int) -> None:
        frame = self.table.frame
        if frame is None:
            return
        if self._folder is None:
            # a slice of the stack that was judged
            places = [int(frame[c].iloc[row]) for c in frame if c.startswith("index_")]
            layer = self.inputs["image"]
            if places and layer is not None:
                show_slice(self.viewer, layer, (*places, 0, 0))
            return
        from .classify import open_image

        name = str(frame["name"].iloc[row])
        open_image(self.viewer, self._folder / name, name)


class Correct(_TableForm):
    """Undo what the microscope adds: uneven background, stripes, drift."""

    family = "correct"


class Denoise(Form):
    """Take noise away."""

    family = "denoise"


class Segment(_TableForm):
    """Separate objects from background, and from each other."""

    family = "segment"


class Texture(Form):
    """Map texture."""

    family = "texture"


class Cluster(_TableForm):
    """Group pixels into phases."""

    family = "cluster"
