"""Run the operation of a form on every image of a folder."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from magicgui.widgets import ComboBox, Container, PushButton
from qtpy.QtWidgets import QFileDialog

from ...core.result import Result
from ...report.overlay import Overlay
from ...workflow import signature
from ...workflow.upgrade import lengths_of
from ..layers.metadata import calibration

if TYPE_CHECKING:
    from .form import Form


class FolderRuns:
    """A button that runs the operation on a folder, and writes the results beside it.

    Parameters
    ----------
    form : Form
        Whose operation and choices are taken.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.button = PushButton(
            text="Run on a folder…", visible=False,
            tooltip="Run on every image of a folder with these choices; results are written into "
            "a new folder beside it",
        )  # fmt: skip
        self.overlays = ComboBox(
            label="Overlays", value="filled", choices=get_args(Overlay),
            tooltip="Transparent PNG files of labels to lay over the images, with white outlines "
            "or without",
        )  # fmt: skip
        # a form has no labels of its own
        self.row = Container(widgets=[self.overlays], visible=False)
        self.row.margins = (0, 0, 0, 0)
        self.button.changed.connect(self.choose)

    @property
    def is_possible(self) -> bool:
        """Whether an image is all that the operation needs."""
        name = self.form.operation.name
        _, *further = signature.inputs(name)
        needed = set(further) - set(signature.optional_inputs(name))
        return self.form.operation.takes == "image" and not needed

    def offer(self, offered: bool) -> None:
        """Show or hide the button, and its choice where labels come out."""
        shown = offered and self.is_possible
        self.button.visible = shown
        self.row.visible = shown and self.form.operation.gives_labels

    def choose(self) -> None:
        """Ask for the folder."""
        if self.form.job is None:
            chosen = QFileDialog.getExistingDirectory(self.form.native, "Folder of images")
            if chosen:
                self.run(Path(chosen))

    def run(self, folder: Path) -> Path:
        """Start the run, and return the folder that the results are written into."""
        from ...workflow.batch.job import key_of, make_job
        from ...workflow.batch.run import Settings, batching
        from ...workflow.save import Formats

        operation = self.form.operation
        output = folder.with_name(f"{folder.name}_{operation.name}")
        formats = Formats(tables="none", overlays=self.overlays.value)
        job = make_job(operation.name, self.form.parameters, output, formats=formats)
        # files may have another unit than the layer that lengths were typed for
        layer = next(iter(self.form.inputs.values()), None)
        if layer is not None and lengths_of(job.name, job.parameters):
            job = replace(job, lengths=calibration(layer)[1])
        output = _free(output, key_of(job))
        job = replace(job, output=output)
        steps = batching(folder, job, Settings())
        unused = [name for name, layer in list(self.form.inputs.items())[1:] if layer is not None]
        show = functools.partial(self._show, unused)
        self.form.start(steps, f"{operation.title}: {folder.name}", show)
        self.form.reveal()
        return output

    def _show(self, unused: list[str], result: Result) -> None:
        self.form.results.clear()
        self.form.history.refresh()
        notes = (*result.notes, *(f"{name} are of the open image: not used" for name in unused))
        self.form.say(" ".join(f"{note[:1].upper()}{note[1:]}." for note in notes))
        self.form.show_tables(result)


def _free(path: Path, key: str) -> Path:
    """A path that does not exist yet, or that of the same run which was stopped."""
    from ...workflow.batch.ledger import NAME, is_unfinished

    number, found = 1, path
    while found.exists() and not is_unfinished(found / NAME, key):
        number += 1
        found = path.with_name(f"{path.name}_{number}")
    return found
