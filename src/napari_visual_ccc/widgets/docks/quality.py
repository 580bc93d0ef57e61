"""The dock of image quality."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QPushButton

from ...core.result import Result
from ...workflow import signature
from ...workflow.operations import Operation
from ...workflow.run import execute
from ..form.table_form import TableForm
from ..layers.source import Source
from ..layers.viewers import show_slice

if TYPE_CHECKING:
    from napari.viewer import Viewer


class Quality(TableForm):
    """Check whether an image, or every image of a folder, is fit for analysis."""

    family = "quality"
    # it has one table for a whole folder
    offers_folders = False

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._folder: Path | None = None
        self.folder_button = QPushButton("Check a folder…")
        self.folder_button.setToolTip(signature.summary("image_quality_folder"))
        self.folder_button.clicked.connect(lambda: self.check_folder())
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.table), self.folder_button)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the slices."""
        self._folder = None
        super().show_result(operation, source, result)

    def check_folder(self, folder: Path | None = None) -> None:
        """List the quality of all images of a folder; ask for the folder when none is given."""
        chosen = folder or QFileDialog.getExistingDirectory(self.native, "Folder of images")
        if not chosen or self.job is not None:
            return
        self._folder = Path(chosen)
        self.start(
            execute("image_quality_folder", {"folder": self._folder}, self.parameters),
            f"Check {self._folder.name}",
            lambda outcome: self._show_folder(outcome.result),
        )
        self.reveal()

    def _show_folder(self, result: Any) -> None:
        self.say(" ".join(f"{note}." for note in (*result.notes, "Click a row to open its image")))
        self.table.name = f"{self._folder.name} quality" if self._folder else "quality"
        self.table.show_frame(result.table)
        self.table.show()

    def _on_picked(self, row: int) -> None:
        frame = self.table.frame
        if frame is None:
            return
        if self._folder is None:
            # a slice of the stack
            places = [int(frame[c].iloc[row]) for c in frame if str(c).startswith("index_")]
            layer = self.inputs["image"]
            if places and layer is not None:
                show_slice(self.viewer, layer, (*places, 0, 0))
            return
        from ..parts.open import open_image

        name = str(frame["name"].iloc[row])
        open_image(self.viewer, self._folder / name, name)
