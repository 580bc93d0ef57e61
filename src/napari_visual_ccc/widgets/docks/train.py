"""The Train classifier dock: images, a look at them, a model, training, its report, its use."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from magicgui.widgets import Container, ProgressBar, PushButton
from qtpy.QtWidgets import QFileDialog, QLabel, QTabWidget, QVBoxLayout, QWidget
from superqt import QCollapsible

from ...core.progress import Progress, Steps, map_progress
from ...core.result import TrainedModel
from ...report import plots
from ...workflow import signature
from ...workflow.models import SUFFIX, named, save_model
from ...workflow.run import Outcome, execute
from ..form.fields import field_of
from ..parts.jobs import EXPECTED, Job, report
from ..parts.open import open_image
from ..parts.report import Canvas, Mistakes, Report
from ..parts.tables import Table
from .labelled_images import LabelledImages

if TYPE_CHECKING:
    from napari.viewer import Viewer

# choices that everyone makes; the others wait behind "More choices"
_FIRST = ("model", "window", "window_unit", "split")

_OWN = ("state", "finish")

_OFTEN = 0.5


class Train(Container):
    """Train a classifier on your own images, see how good it is, and use it.

    Parameters
    ----------
    napari_viewer : Viewer
        Where layers are taken from, and mistakes opened.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self.viewer = napari_viewer
        self.result: TrainedModel | None = None
        self.saved: Path | None = None
        self._job: Job | None = None
        self._rows: list[dict[str, float]] = []
        self._trained = 0
        self._drawn = 0.0
        self._training = self._finishing = False
        self._started: dict[str, Any] = {}
        self._data: Any = None
        self._temporary = tempfile.TemporaryDirectory(prefix="visual-ccc-")
        self.images = LabelledImages(napari_viewer)
        self.parameters_of = {
            name: field_of(parameter)
            for name, parameter in signature.parameters("train").items()
            if name not in _OWN
        }
        first = Container(widgets=[self.parameters_of[name] for name in _FIRST])
        more = Container(
            widgets=[field for name, field in self.parameters_of.items() if name not in _FIRST]
        )
        self.look_button = PushButton(text="Look over", tooltip=signature.summary("audit_dataset"))
        self.train_button = PushButton(text="Train", tooltip=signature.summary("train"))
        self.save_button = PushButton(
            text="Save…", enabled=False, tooltip="Save the model, its split and its report"
        )
        self.use_button = PushButton(
            text="Use", enabled=False, tooltip="Classify and explain with this model"
        )
        buttons = Container(
            widgets=[self.look_button, self.train_button, self.save_button, self.use_button],
            layout="horizontal",
            labels=False,
        )
        self.bar = ProgressBar(min=0, max=100, visible=False)
        super().__init__(widgets=[self.images, first], labels=False)
        for one in (first, more, buttons):
            one.margins = (0, 0, 0, 0)
        self.margins = (6, 6, 6, 6)
        fold = QCollapsible("More choices")
        fold.addWidget(more.native)
        fold.collapse(animate=False)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.hide()
        self.tabs = QTabWidget()
        self.counts, self.doubles = Table("classes"), Table("duplicates")
        self.curves, self.report, self.mistakes = Canvas(), Report(), Mistakes()
        self.tabs.addTab(_stacked(self.counts, self.doubles), "Images")
        self.tabs.addTab(self.curves, "Training")
        self.tabs.addTab(self.report, "Report")
        self.tabs.addTab(self.mistakes, "Mistakes")
        self.tabs.hide()
        for widget in (fold, buttons.native, self.bar.native, self.message, self.tabs):
            self.native.layout().addWidget(widget)
        self._kept = (first, more, buttons)
        self.look_button.changed.connect(self.look_over)
        self.train_button.changed.connect(self._on_train)
        self.save_button.changed.connect(lambda: self.save())
        self.use_button.changed.connect(self.use)
        self.mistakes.chosen.connect(self._open)
        self.native.destroyed.connect(self._close)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the person chose."""
        values = {name: field.value for name, field in self.parameters_of.items()}
        return {
            name: None if isinstance(value, Path) and str(value) in ("", ".") else value
            for name, value in values.items()
        }

    def _close(self, *_: Any) -> None:
        # the fields are gone by now: nothing may touch them
        if self._job is not None:
            self._job.abandon()
        self._temporary.cleanup()

    # looking over ---------------------------------------------------------------------------------

    def look_over(self) -> None:
        """Count, compare and list the images, before anything is trained."""
        if self._job is not None:
            return
        try:
            steps = execute("audit_dataset", {"data": self.images.dataset()})
        except EXPECTED as error:
            report(error)
            return
        self._start(steps, "Look the images over", self._show_examined)
        self.train_button.text = "Cancel"

    def _show_examined(self, outcome: Outcome) -> None:
        result = outcome.result
        self.counts.show_frame(result.tables["classes"])
        columns = ["name", "other", "similarity", "leaks"]
        duplicates = result.tables["duplicates"]
        frame = duplicates[columns].assign(
            leaks=duplicates["leaks"].map({True: "yes", False: "no"})
        )
        self.doubles.setVisible(bool(len(frame)))
        self.doubles.show_frame(frame)
        self._tell(result.notes or ("Nothing stands in the way of training",))
        self._show_tab(0)

    # training -------------------------------------------------------------------------------------

    def _on_train(self) -> None:
        if self._job is None:
            self.train()
        elif self._finishing or not self._training:
            self._job.cancel()
            self._tell(("Cancelled",))
        else:
            self.stop()

    def train(self, *, finish: bool = False) -> None:
        """Train in the background."""
        state = Path(self._temporary.name) / "training.state"
        try:
            if not finish:
                self._data, self._started = self.images.dataset(), self.parameters
                for file in Path(self._temporary.name).glob(f"{state.name}*"):
                    file.unlink()
                self._rows = []
            choices = {**self._started, "state": state, "finish": finish}
            steps = execute("train", {"data": self._data}, choices)
        except EXPECTED as error:
            report(error)
            return
        self._training, self._finishing, self._drawn = True, finish, 0.0
        rows = self._rows
        self._start(
            map_progress(steps, lambda progress: _noted(progress, rows)),
            "Train",
            self._show_trained,
        )
        self.train_button.text = "Stop"

    def stop(self) -> None:
        """Stop; what has been learnt by then is kept, tested and reported."""
        if self._job is None or not self._training:
            return
        self._job.cancel()
        state = Path(self._temporary.name) / "training.state"
        if state.exists():
            self._tell(("Stopped; the best so far is being tested",))
            self.train(finish=True)
        else:
            self._tell(("Stopped before anything was learnt",))

    def _start(self, steps: Steps[Any], title: str, returned: Any) -> None:
        self.bar.max, self.bar.value, self.bar.visible = 0, 0, True
        self.look_button.enabled = False
        self._job = Job(
            steps, title, returned=returned, failed=self._on_failed, finished=self._on_finished,
            progressed=self._on_progress,
        )  # fmt: skip

    def _on_failed(self, error: Exception) -> None:
        self._tell(())
        report(error)

    def _on_finished(self) -> None:
        self._job = None
        self._training = False
        self.bar.visible = False
        self.look_button.enabled = True
        self.train_button.text = "Train"

    def _on_progress(self, progress: Progress) -> None:
        self.bar.max = progress.total
        self.bar.value = min(progress.done, progress.total)
        if progress.note:
            self.bar.label = progress.note
        if self._training and len(self._rows) > 1 and time.monotonic() - self._drawn > _OFTEN:
            if not self._drawn:
                self._show_tab(1)
            self._drawn = time.monotonic()
            self._draw_curves(pd.DataFrame(list(self._rows)))

    def _draw_curves(self, history: pd.DataFrame) -> None:
        self.curves.draw(lambda axes: plots.draw_history(axes, history))

    def _show_trained(self, outcome: Outcome) -> None:
        result = outcome.result
        assert isinstance(result, TrainedModel)
        self.result, self.saved, self._training = result, None, False
        self._trained += 1
        self._draw_curves(result.history)
        self.report.show_evaluation(result.evaluation)
        self.mistakes.show_mistakes(result.evaluation, result.thumbnails)
        self.save_button.enabled = self.use_button.enabled = True
        self._tell(result.notes)
        self._show_tab(2)

    # afterwards -----------------------------------------------------------------------------------

    def save(self, path: Path | None = None) -> Path | None:
        """Save model, split and report; ask where to, unless it is said."""
        if self.result is None:
            return None
        if path is None:
            name, _ = QFileDialog.getSaveFileName(
                self.native, "Save model", f"model{SUFFIX}", f"Models (*{SUFFIX})"
            )
            if not name:
                return None
            path = named(name)
            # the dialog has asked whether the file that was typed may be replaced
            force = path.exists() and path == Path(name)
        else:
            force = False
        try:
            self.saved = save_model(self.result, path, force=force)[0]
        except EXPECTED as error:
            report(error)
            return None
        self._tell((f"Saved {self.saved} with its split and its report",))
        return self.saved

    def use(self) -> None:
        """Open Classify & Explain with this model; unsaved, it lives as long as this dock."""
        if self.result is None:
            return
        path = self.saved
        if path is None:
            # a name of its own: the other dock keeps what it knows of a file by its name
            path = Path(self._temporary.name) / str(self._trained) / f"trained{SUFFIX}"
            save_model(self.result, path, force=True)
        holder, dock = self.viewer.window.add_plugin_dock_widget(
            "napari-visual-ccc", "Classify & Explain", tabify=True
        )
        holder.raise_()
        dock.use_model(path)

    def _open(self, name: str) -> None:
        """Open an image that was named wrongly."""
        example = next((one for one in self._data.examples if one.name == name), None)
        if example is None:
            return
        if name in self.viewer.layers:
            self.viewer.layers.selection.active = self.viewer.layers[name]
            return
        if example.path is not None:
            open_image(self.viewer, example.path, name)
        else:
            self.viewer.add_image(example.read().data, name=name)

    def _tell(self, notes: tuple[str, ...]) -> None:
        self.message.setText(" ".join(f"{note[:1].upper()}{note[1:]}." for note in notes))
        self.message.setVisible(bool(notes))

    def _show_tab(self, number: int) -> None:
        self.tabs.show()
        self.tabs.setCurrentIndex(number)


def _stacked(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 6, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return holder


def _noted(progress: Progress, rows: list[dict[str, float]]) -> Progress:
    """Keep every epoch's numbers: the job hands on no more progress than can be seen."""
    if "epoch" in progress.values:
        if rows and progress.values["epoch"] <= rows[-1]["epoch"]:
            # the next fold
            rows.clear()
        rows.append(dict(progress.values))
    return progress
