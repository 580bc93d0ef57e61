"""Train classifier: labelled images, a check of them, training, its report and its model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from magicgui.widgets import Container, Label, PushButton
from qtpy.QtWidgets import QTabWidget
from superqt import QCollapsible

from ...core.progress import Progress, Steps, StopEarly
from ...core.result import Audit, Evaluation, TrainedModel
from ...report import plots
from ...workflow import signature
from ...workflow.models import save_model
from ...workflow.run import Outcome, execute
from ..controls.keys import RunKeys
from ..controls.progress import WorkBar
from ..controls.rows import align_labels
from ..form.fields import field_of, plain_label, wrapped
from ..parts.audit import AuditView
from ..parts.jobs import EXPECTED, Job, report
from ..parts.open import add_micrograph, open_image
from ..parts.report import Canvas, Mistakes, Report
from ..parts.scrolling import reveal, scroll_in_dock
from ..parts.training import NOTHING_LEARNT, ask_for_file, recorded, unsaved_file
from .evaluate import EvaluateModel
from .labelled_images import LabelledImages

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Layer
    from napari.viewer import Viewer

# always visible; the other parameters are behind "More parameters"
_FIRST = ("model", "window", "window_unit", "split")

# the dock sets these itself
_HIDDEN = ("state", "finish")

# seconds between two drawings of the curves
_REDRAW = 0.5

_IMAGES, _TRAINING, _REPORT = range(3)


class Train(Container):
    """Train a classifier on labelled images, report its accuracy, and use it.

    Parameters
    ----------
    napari_viewer : Viewer
        Source of layers; misclassified images open in it.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self.viewer = napari_viewer
        self.result: TrainedModel | None = None
        self.saved: Path | None = None
        # another place of the form that classifies may be set here
        self.open_classifier: Callable[[], Any] = self._open_classifier_dock
        self._job: Job | None = None
        self._rows: list[dict[str, float]] = []
        self._trained, self._drawn = 0, 0.0
        self._training = self._stopping = False
        self._data: Any = None
        self._layers: tuple[Layer, ...] = ()
        self._temporary = tempfile.TemporaryDirectory(prefix="visual-ccc-")
        finalize(self, self._temporary.cleanup)
        self.images = LabelledImages(napari_viewer)
        self.fields: dict[str, Any] = {
            name: field_of(parameter)
            for name, parameter in signature.parameters("train").items()
            if name not in _HIDDEN
        }
        first = Container(widgets=[self.fields[name] for name in _FIRST])
        purpose = Label(value=signature.summary("train"))
        wrapped(purpose)
        super().__init__(widgets=[purpose, self.images, first], labels=False)
        self.margins = (6, 6, 6, 6)
        more = Container(widgets=[one for name, one in self.fields.items() if name not in _FIRST])
        self._make_widgets()
        for one in (first, more, self._buttons):
            one.margins = (0, 0, 0, 0)
        self._fold = QCollapsible("More parameters")
        self._fold.addWidget(more.native)
        self._fold.collapse(animate=False)
        for widget in (
            self._fold, self._buttons.native, self.work.native, self.evaluation, self.message,
            self.tabs,
        ):  # fmt: skip
            self.native.layout().addWidget(widget)
        # Qt does not own the Python side of these
        self._kept = (first, more)
        self._connect()
        align_labels(self.images, first, more)
        scroll_in_dock(self.native)

    def _make_widgets(self) -> None:
        self.check_button = PushButton(
            text="Check images", tooltip=signature.summary("audit_dataset")
        )
        self.train_button = PushButton(text="Train", tooltip=signature.summary("train"))
        self.save_button = PushButton(
            text="Save…", enabled=False, tooltip="Save the model, its report and its checkpoints"
        )
        self.use_button = PushButton(
            text="Use", enabled=False, tooltip="Classify and explain with this model"
        )
        self._buttons = Container(
            widgets=[self.check_button, self.train_button, self.save_button, self.use_button],
            layout="horizontal",
            labels=False,
        )
        self.work = WorkBar()
        self.message = plain_label()
        self.message.hide()
        self.audit = AuditView()
        self.curves, self.report, self.mistakes = Canvas(), Report(), Mistakes()
        self.evaluation = EvaluateModel(
            lambda: self.images.dataset(1), self._show_evaluated,
            lambda job: job.need(self.images.used, self.viewer, self.evaluation.cancel), self._say,
        )  # fmt: skip
        self.tabs = QTabWidget()
        shown = (self.audit, self.curves, self.report, self.mistakes)
        for one, title in zip(shown, ("Images", "Training", "Report", "Mistakes"), strict=True):
            self.tabs.addTab(one, title)
        self.tabs.hide()

    def _connect(self) -> None:
        self.check_button.changed.connect(self.check_images)
        self.train_button.changed.connect(self._on_train_button)
        self.save_button.changed.connect(lambda: self.save())
        self.use_button.changed.connect(self.use)
        self.mistakes.chosen.connect(self._open)
        self.native.destroyed.connect(self._close)
        RunKeys(self.native, self._on_train_button)

    @property
    def choices(self) -> dict[str, Any]:
        """Values of the fields."""
        values = {name: field.value for name, field in self.fields.items()}
        return {
            name: None if isinstance(value, Path) and str(value) in ("", ".") else value
            for name, value in values.items()
        }

    @property
    def is_running(self) -> bool:
        """Whether images are checked or a model is trained at the moment."""
        return self._job is not None

    @property
    def epochs(self) -> int:
        """Number of finished epochs of the present training."""
        return len(self._rows)

    def _close(self, *_: Any) -> None:
        # Qt has deleted the fields: nothing may touch them
        self.evaluation.abandon()
        if self._job is not None:
            self._job.abandon()

    # check ----------------------------------------------------------------------------------------

    def check_images(self) -> None:
        """Count the images and list near-duplicates, before anything is trained."""
        if self.is_running:
            return
        try:
            steps = execute("audit_dataset", {"data": self.images.dataset()})
            self._layers = self.images.used
        except EXPECTED as error:
            report(error)
            return
        self._start(steps, "Check images", self._show_audit)
        self.train_button.text = "Cancel"

    def _show_audit(self, outcome: Outcome) -> None:
        result = outcome.result
        assert isinstance(result, Audit)
        self.audit.show_audit(result)
        self.images.propose_groups(result.facts.get("proposed_groups"))
        self._show_notes(self.images.in_words(result.notes) or ("No problems",))
        self._show_tab(_IMAGES)

    # training -------------------------------------------------------------------------------------

    def _on_train_button(self) -> None:
        if self._job is None:
            self.train()
        elif self._stopping or not self._training:
            self._cancel()
        else:
            self.stop()

    def _cancel(self, reason: str = "Cancelled.") -> None:
        """Stop without a model; say so when the thread computes no more."""
        if self._job is not None:
            self.work.stop(self.train_button)
            self._job.cancel(reason, self._say)

    def train(self) -> None:
        """Train in the background, one model at a time."""
        if self.is_running:
            return
        try:
            self._data = self.images.dataset()
            self._layers, self._rows = self.images.used, []
            steps = execute("train", {"data": self._data}, self.choices)
        except EXPECTED as error:
            report(error)
            return
        self._training, self._drawn = True, 0.0
        self._show_notes(())
        self._start(recorded(steps, self._rows), "Train", self._show_trained)
        self.train_button.text = "Stop"

    def stop(self) -> None:
        """Stop training; the best network so far is kept, tested and reported."""
        if self._job is None or self._job.stopping or not self._training:
            return
        self._stopping = True
        self._job.stop_early()
        self.train_button.text = "Cancel"
        self._show_notes(("Stopping: the best network so far is tested",))

    def _start(self, steps: Steps[Any], title: str, returned: Any) -> None:
        self.work.begin()
        self.work.visible = True
        self.check_button.enabled = False
        self._job = Job(
            steps, title, returned=returned, failed=self._on_failed, finished=self._on_finished,
            progressed=self._on_progress,
        )  # fmt: skip
        self._job.need(self._layers, self.viewer, self._cancel)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, StopEarly):
            self._show_notes((NOTHING_LEARNT,))
            return
        self._show_notes(())
        report(error)

    def _on_finished(self) -> None:
        self._job, self._training, self._stopping = None, False, False
        self.check_button.enabled = True
        self.work.end(self.train_button, "Train")

    def _on_progress(self, progress: Progress) -> None:
        import pandas as pd

        self.work.show_progress(progress)
        if self._training and len(self._rows) > 1 and time.monotonic() - self._drawn > _REDRAW:
            if not self._drawn:
                self._show_tab(_TRAINING)
            self._drawn = time.monotonic()
            self._draw_curves(pd.DataFrame(list(self._rows)))

    def _draw_curves(self, history: pd.DataFrame) -> None:
        self.curves.draw(lambda axes: plots.draw_history(axes, history))

    def _show_trained(self, outcome: Outcome) -> None:
        result = outcome.result
        assert isinstance(result, TrainedModel)
        self.result, self.saved, self._training = result, None, False
        self.images.propose_groups(result.facts.get("proposed_groups"))
        self._trained += 1
        self._draw_curves(result.history)
        self.report.show_evaluation(result.evaluation, result.validation, result.architecture)
        self.mistakes.show_mistakes(result.evaluation, result.thumbnails)
        self.save_button.enabled = self.use_button.enabled = True
        self._show_notes(self.images.in_words(result.notes))
        self._show_tab(_REPORT)

    def _show_evaluated(self, data: Any, evaluation: Evaluation) -> None:
        self._data = data
        self.report.show_evaluation(evaluation)
        self.mistakes.show_mistakes(evaluation, evaluation.thumbnails)
        self._show_notes(evaluation.notes)
        self._show_tab(_REPORT)

    # result --------------------------------------------------------------------------------------

    def save(self, path: Path | None = None) -> Path | None:
        """Save model, split and report; without a path a dialog asks for it."""
        if self.result is None:
            return None
        force = False
        if path is None:
            chosen = ask_for_file(self.native, "model")
            if chosen is None:
                return None
            path, force = chosen
        try:
            self.saved = save_model(self.result, path, force=force)[0]
        except EXPECTED as error:
            report(error)
            return None
        self.evaluation.use_model(self.saved)
        count = len(self.result.checkpoints)
        more = f", figures and {count} checkpoints" if count else " and figures"
        self._show_notes((f"Saved {self.saved} with its split, report{more}",))
        return self.saved

    def use(self) -> None:
        """Open Classify & Explain with this model; unsaved, it is gone when this dock is closed."""
        if self.result is None:
            return
        path = self.saved
        if path is None:
            path = unsaved_file(self.result, Path(self._temporary.name), self._trained, "trained")
        self.open_classifier().use_model(path)

    def _open_classifier_dock(self) -> Any:
        holder, dock = self.viewer.window.add_plugin_dock_widget(
            "napari-visual-ccc", "Classify & Explain", tabify=True
        )
        holder.raise_()
        return dock

    def _open(self, name: str) -> None:
        """Open a misclassified image."""
        example = next((one for one in self._data.examples if one.name == name), None)
        if example is None:
            return
        if name in self.viewer.layers:
            self.viewer.layers.selection.active = self.viewer.layers[name]
            return
        if example.path is not None:
            open_image(self.viewer, example.path, name)
        else:
            add_micrograph(self.viewer, example.read(), name)

    def _show_notes(self, notes: tuple[str, ...]) -> None:
        self._say(" ".join(f"{note[:1].upper()}{note[1:]}." for note in notes))

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _show_tab(self, number: int) -> None:
        reveal(self.tabs)
        self.tabs.setCurrentIndex(number)
