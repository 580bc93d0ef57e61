"""The dialog of a run on many images: which images, what is done, and what is written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, Container, FileEdit
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)

from ....workflow import signature
from ....workflow.operations import OPERATIONS, Kind
from ...controls.rows import align_labels, more_button
from ...controls.timers import settled
from ...layers.metadata import calibration
from ...parts.jobs import Job, report
from ...parts.names import Accessible
from ...parts.scrolling import keep_narrow
from ..card_choices import model_path
from ..fields import plain_label
from . import fields as batch_fields
from . import session
from .plan import Plan, Wish, planned
from .remedy import in_dialog
from .steps import FILE, offered

if TYPE_CHECKING:
    from ..form import Form

# milliseconds after the last key before the images are looked at
_PAUSE = 300

# width of the dialog, in letters
_WIDTH = 78

_KINDS: dict[Kind, str] = {"labels": "Label images", "heatmap": "Heatmaps"}

_RECORDS = "Records (*.yaml *.yml *.tif *.tiff *.zarr);;All files (*)"

# where results go if nothing else is chosen
_BESIDE = "a new folder beside the images"

_TABLES = "Tables (*.csv *.tsv *.txt *.xlsx)"

# what cannot be given as a file, as it is drawn
_DRAWN = ("prompts", "regions")


class BatchDialog(QDialog):
    """Fields of a run on many images; what they would do is said below them as they change.

    Parameters
    ----------
    form : Form
        Whose operation and choices are taken.
    begin : callable
        Called with the `Plan` when *Run* was pressed.
    """

    def __init__(self, form: Form, begin: Callable[[Plan], object]) -> None:
        super().__init__(form.native.window())
        self.form, self._begin = form, begin
        self.setWindowTitle("Run on many images")
        self._last = session.recalled()
        self._job: Job | None = None
        # whether Run was pressed, and whether a field has changed since the last look
        self._is_wanted = self._is_stale = self._is_closed = False
        # whether Run had the focus when it was pressed
        self._had_focus = False
        self.main, self.folded = self._make_fields()
        self.more = more_button()
        self.note = plain_label()
        self.note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.buttons = self._make_buttons()
        layout = QVBoxLayout(self)
        for widget in (self.main.native, self.more, self.folded.native, self.note, self.buttons):
            layout.addWidget(widget)
        self._look_soon = settled(self, _PAUSE, self._look)
        self._connect()
        keep_narrow(self)
        self.setMinimumWidth(_WIDTH * self.fontMetrics().averageCharWidth())
        # two lines: the dialog does not grow when something is said
        self.note.setMinimumHeight(2 * self.note.fontMetrics().lineSpacing())
        Accessible(self)
        align_labels(self.main, self.folded)
        self._follow()
        self.images.line.native.setFocus()

    # fields ---------------------------------------------------------------------------------------

    def _make_fields(self) -> tuple[Container, Container]:
        operation = self.form.operation
        choices = offered(operation, self.form.viewer.layers)
        self.steps = ComboBox(
            label="Do", choices=choices, tooltip="What is done with each image: this operation, "
            "the steps that made a layer, or those of a record",
        )  # fmt: skip
        self.record = FileEdit(
            label="Record", filter=_RECORDS, visible=False, value=self._last.get("record", ""),
            tooltip="A record (.yaml), or a result that carries one",
        )  # fmt: skip
        self.images = self._place_of_images()
        self.output = batch_fields.Place(
            "output", "Results", "Folder for the results, or a table (.csv, .parquet)",
            _BESIDE, Choose=self._ask_for_output,
        )  # fmt: skip
        self.further = [self._field_of_input(key) for key in self._inputs_in_files]
        self.fields = batch_fields.fields_of_batch()
        late = batch_fields.are_more()
        shown = [field for name, field in self.fields.items() if name not in late]
        more = [field for name, field in self.fields.items() if name in late]
        for one in (self.record, *self.further):
            one.choose_btn.text = "Choose…"
            # Return runs
            one.choose_btn.native.setAutoDefault(False)
        main = Container(
            widgets=[self.steps, self.record, self.images, *self.further, self.output, *shown]
        )
        folded = Container(widgets=more, visible=False)
        for box in (main, folded):
            box.margins = (0, 0, 0, 0)
        return main, folded

    def _place_of_images(self) -> batch_fields.Place:
        kind = OPERATIONS[self.form.operation.name].takes
        field = batch_fields.Place(
            "images", _KINDS.get(kind, "Images"),
            "A folder, with the folders in it; a table (.csv) with the column path; a pattern such "
            "as session/*/*.tif, where ** is any folder",
            "a folder, a table (.csv) or a pattern: session/*/*.tif",
            Folder=self._ask_for_folder, Table=self._ask_for_table,
        )  # fmt: skip
        field.value = self._last.get("images", "") or _folder_of(self.form)
        return field

    @property
    def _inputs_in_files(self) -> list[str]:
        kinds = signature.input_kinds(self.form.operation.name)
        return [key for key, kind in list(kinds.items())[1:] if kind not in _DRAWN]

    def _field_of_input(self, name: str) -> FileEdit:
        return FileEdit(
            name=name, label=name.capitalize(), mode=FileDialogMode.EXISTING_DIRECTORY,
            nullable=True,
            tooltip=f"{signature.input_help(self.form.operation.name)[name]} A folder with files "
            "of the same names",
        )  # fmt: skip

    def _make_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        self.run_button, cancel = QPushButton("Run"), QPushButton("Cancel")
        box.addButton(self.run_button, QDialogButtonBox.ButtonRole.ActionRole)
        # a button of its own: that of Qt has an icon on some systems
        box.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        cancel.setAutoDefault(False)
        self.run_button.setDefault(True)
        box.rejected.connect(self.reject)
        return box

    def _connect(self) -> None:
        self.run_button.clicked.connect(self._on_run)
        self.more.toggled.connect(self._fold)
        for one in (self.main, self.folded):
            one.changed.connect(self._follow)
        self.finished.connect(self._close)
        # with the viewer: a method of what is deleted would not be called
        self.destroyed.connect(functools.partial(BatchDialog._abandon, self))

    def _fold(self, shown: bool) -> None:
        self.folded.visible = shown
        align_labels(self.main, self.folded)
        self.adjustSize()

    def _follow(self, *_: Any) -> None:
        """Show the fields that apply, and look at what they would do."""
        step = self.steps.value
        self.record.visible = step == FILE
        for field in self.further:
            field.visible = step is None
        self.fields["overlays"].visible = self._gives_labels(step)
        # a cluster has a number of its own
        self.fields["workers"].visible = self.fields["scheduler"].kind.value != batch_fields.CLUSTER
        self._is_stale = True
        self._look_soon()

    def _gives_labels(self, step: Any) -> bool:
        if step == FILE:
            return True
        name = self.form.operation.name if step is None else step.last.operation
        return OPERATIONS[name].gives_labels

    # dialogs of files -----------------------------------------------------------------------------

    def _ask_for_folder(self) -> str:
        return QFileDialog.getExistingDirectory(self, "Folder of images", self._there)

    def _ask_for_table(self) -> str:
        return QFileDialog.getOpenFileName(self, "Table of images", self._there, _TABLES)[0]

    def _ask_for_output(self) -> str:
        return QFileDialog.getExistingDirectory(self, "Folder of the results", self._there)

    @property
    def _there(self) -> str:
        """Folder in which dialogs open."""
        path = Path(self.images.value)
        return str(path.parent) if self.images.value and path.parent.is_dir() else ""

    # what they would do ---------------------------------------------------------------------------

    def wish(self) -> Wish:
        """What the fields choose.

        Raises
        ------
        ValueError
            If something is missing or is no number.
        """
        step, form = self.steps.value, self.form
        if not self.images.value:
            raise ValueError("choose images: a folder, a table or a pattern")
        chosen = batch_fields.values_of_batch(self.fields)
        if not self.fields["overlays"].visible:
            chosen["overlays"] = "none"
        common: dict[str, Any] = {"images": self.images.value, "output": self.output.value}
        if step is not None:
            record = step if step != FILE else model_path(self.record.value)
            if record is None:
                raise ValueError("choose a record, or a result that carries one")
            return Wish(**common, operation=record, choices=None, chosen=chosen)
        given = {one.name: model_path(one.value) for one in self.further}
        further = {key: path for key, path in given.items() if path is not None}
        layers = list(form.inputs.items())
        unused = (key for key, layer in layers[1:] if layer is not None and key not in further)
        first = layers[0][1]
        return Wish(
            **common, operation=form.operation.name, choices=form.parameters,
            chosen=chosen | {"further": further or None},
            lengths="" if first is None else calibration(first)[1], unused=tuple(unused),
        )  # fmt: skip

    def _look(self) -> None:
        """Find out on a thread what the choices would do."""
        # after a look that is under way comes another one; a field that loses the focus changes
        if self._job is not None or self._is_closed:
            return
        self._is_stale = False
        try:
            steps = planned(self.wish())
        except ValueError as error:
            self._say(error)
            return
        self.note.setText("Looking at the images…")
        self._job = Job(
            steps, "Look at the images", returned=self._on_plan, failed=self._say,
            finished=self._on_looked,
        )  # fmt: skip

    def _on_looked(self) -> None:
        self._job = None
        if self._is_stale:
            self._look()

    def _on_plan(self, plan: Plan) -> None:
        if self._is_stale:
            return
        self.note.setText(f"{plan.about[:1].upper()}{plan.about[1:]}.")
        self.output.line.native.setPlaceholderText(str(plan.output))
        if self._is_wanted:
            self._remember()
            self.accept()
            self._begin(plan)

    def _say(self, error: Exception) -> None:
        """Say what is wrong, and let it be changed."""
        self.run_button.setEnabled(True)
        # it went to Cancel, which Space would press
        if self._is_wanted and self._had_focus:
            self.run_button.setFocus()
        self._is_wanted = False
        if not isinstance(error, ValueError | OSError):
            report(error)
        self.output.line.native.setPlaceholderText(_BESIDE)
        text = str(in_dialog(error))
        self.note.setText(f"{text[:1].upper()}{text[1:]}.")

    def _on_run(self) -> None:
        """Run when it is known what is done: the last changes count."""
        self._is_wanted = True
        self._is_stale = True
        self._had_focus = self.run_button.hasFocus()
        self.run_button.setEnabled(False)
        self._look()

    def _remember(self) -> None:
        values = {name: field.value for name, field in self.fields.items()}
        unit = self.fields["spacing"].unit.value
        record = str(model_path(self.record.value) or "")
        session.remember(**values, unit=unit, images=self.images.value, record=record)

    def _close(self, *_: Any) -> None:
        self._abandon()
        self.deleteLater()

    def _abandon(self) -> None:
        self._is_closed = True
        if self._job is not None:
            self._job.abandon()


def _folder_of(form: Form) -> str:
    """Folder of the file of the image that is chosen in a form; empty where it has none."""
    layer = next(iter(form.inputs.values()), None)
    path = None if layer is None else layer.source.path
    if not path:
        return ""
    return str(path) if Path(path).is_dir() else str(Path(path).parent)
