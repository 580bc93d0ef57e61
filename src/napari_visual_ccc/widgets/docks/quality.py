"""The dock of image quality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton

from ...core.result import Result
from ...workflow import signature
from ...workflow.operations import Operation
from ...workflow.run import execute
from ..checks.verdict import BAD, DOUBTFUL, GOOD, NO_NOISE, SIGNS, capital, heading
from ..form.table_form import TableForm
from ..layers.source import Source

if TYPE_CHECKING:
    from napari.viewer import Viewer

# title, columns of the table, unit, limit, and how flags of it begin
_MEASURES = (
    ("Finest detail", ("detail_px",), " px", "blurred", ("blurred", "enlarged")),
    ("Signal-to-noise ratio", ("snr",), "", "noisy", ("noisy",)),
    ("Black or white pixels", ("black_percent", "white_percent"), " %", "saturated",
     ("saturated",)),
    ("Stripes", ("row_stripes_percent", "column_stripes_percent"), " %", "striped", ("striped",)),
)  # fmt: skip


class Quality(TableForm):
    """Check whether an image, or every image of a folder, is fit for analysis."""

    family = "quality"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._folder: Path | None = None
        self.folder_button = QPushButton("Check a folder…")
        self.folder_button.setToolTip(signature.summary("image_quality_folder"))
        self.folder_button.clicked.connect(lambda: self.check_folder())
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.table), self.folder_button)
        self.verdict = QLabel()
        self.verdict.hide()
        layout.insertWidget(layout.indexOf(self.table), self.verdict)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the slices."""
        self._folder = None
        super().show_result(operation, source, result)
        rows = result.table.to_dict("records")
        self.verdict.setText(judged(rows[0], self.parameters) if len(rows) == 1 else "")
        self.verdict.setMinimumHeight(self.verdict.sizeHint().height())
        self.verdict.setVisible(len(rows) == 1)
        layout = self.native.layout()
        layout.invalidate()
        layout.activate()

    def show_words(self, on: bool) -> None:
        """Show or hide the verdict, too."""
        super().show_words(on)
        self.verdict.setVisible(on and bool(self.verdict.text()))

    def check_folder(self, folder: Path | None = None) -> None:
        """List the quality of all images of a folder; ask for the folder when none is given."""
        chosen = folder or QFileDialog.getExistingDirectory(self.native, "Folder of images")
        if not chosen or self.job is not None:
            return
        self._folder = Path(chosen)
        self.verdict.hide()
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
        self.table.set_title(self._folder.name if self._folder else "")
        self.table.show()

    def _on_picked(self, row: int) -> None:
        frame = self.table.frame
        if frame is None:
            return
        from ..parts.open import open_row, show_slice_of

        if self._folder is None:
            show_slice_of(self.viewer, self.inputs["image"], frame.iloc[row])
            return
        open_row(self.viewer, self._folder, frame, row)


def judged(row: Mapping[Any, Any], limits: Mapping[str, Any]) -> str:
    """Verdict on an image as rich text: a sign, what was found, each measure with its limit.

    Parameters
    ----------
    row : mapping
        Row of the table of `image_quality`.
    limits : mapping
        Its parameters.
    """
    flags = [one for one in str(row["flags"]).split("; ") if one]
    unsure = not flags and math.isnan(row["snr"])
    sign = SIGNS[BAD if flags else DOUBTFUL if unsure else GOOD]
    lines = []
    for title, columns, unit, limit, words in _MEASURES:
        value = max((row[one] for one in columns if not math.isnan(row[one])), default=math.nan)
        failed = any(one.startswith(words) for one in flags)
        ok = "✖" if failed else "–" if math.isnan(value) else "✔"
        shown = "not judged" if math.isnan(value) else f"{value:.3g}{unit}"
        bound = "at least" if limit == "noisy" else "at most"
        cells = (title, shown, f"{bound} {limits[limit]:g}{unit}", ok)
        lines.append("".join(f"<td style='padding-right:10px'>{one}</td>" for one in cells))
    table = "".join(f"<tr>{one}</tr>" for one in lines)
    head = heading(sign, capital(NO_NOISE) if unsure else "")
    titles = "<tr><th align='left'>Measure</th><th>Value</th><th>Limit</th><th></th></tr>"
    return f"{head}<table>{titles}{table}</table>"
