"""Evaluate a model file on labelled images: a folded part of the Train classifier dock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import Container, PushButton
from qtpy.QtWidgets import QFileDialog
from superqt import QCollapsible

from ...core.dataset import Dataset
from ...core.result import Evaluation
from ...report.classifier import write_report
from ...workflow import signature
from ...workflow.run import Outcome, execute
from ..controls.keys import RUN_KEYS, RunKeys
from ..controls.progress import WorkBar
from ..form.fields import field_of
from ..parts.jobs import EXPECTED, Job, report


class EvaluateModel(QCollapsible):
    """The choices of `evaluate`, its button, and a button for its report.

    Parameters
    ----------
    images : callable
        Gives the labelled images.
    show : callable
        Called with these and the evaluation.
    watch : callable
        Called with every job, which it may cancel.
    say : callable
        Shows a message.
    """

    def __init__(
        self,
        images: Callable[[], Dataset],
        show: Callable[[Dataset, Evaluation], object],
        watch: Callable[[Job], object],
        say: Callable[[str], object],
    ) -> None:
        super().__init__("Evaluate a model")
        self._images, self._show, self._watch, self._say = images, show, watch, say
        self._job: Job | None = None
        self.result: Evaluation | None = None
        self.fields: dict[str, Any] = {
            name: field_of(parameter)
            for name, parameter in signature.parameters("evaluate").items()
        }
        self.button = PushButton(
            text="Evaluate", tooltip=f"{signature.summary('evaluate')} ({RUN_KEYS})"
        )
        self.save_button = PushButton(
            text="Save report…", enabled=False, tooltip="Save the page, and its figures as SVG"
        )
        self.work = WorkBar()
        buttons = Container(
            widgets=[self.button, self.save_button], layout="horizontal", labels=False
        )
        fields = Container(widgets=list(self.fields.values()))
        for one in (fields, buttons):
            one.margins = (0, 0, 0, 0)
        # Qt does not own the Python side of these
        self._kept = (fields, buttons)
        for widget in (fields.native, buttons.native, self.work.native):
            self.addWidget(widget)
        self.collapse(animate=False)
        self.button.changed.connect(self._on_button)
        self.save_button.changed.connect(lambda: self.save())
        RunKeys(self, self._on_button)

    @property
    def choices(self) -> dict[str, Any]:
        """Values of the fields."""
        values = {name: field.value for name, field in self.fields.items()}
        empty = str(values["model"]) in ("", ".", "None")
        return values | {"model": None if empty else values["model"]}

    @property
    def is_running(self) -> bool:
        """Whether a model is evaluated at the moment."""
        return self._job is not None

    def use_model(self, path: Path) -> None:
        """Choose a model file."""
        self.fields["model"].value = path

    def abandon(self) -> None:
        """Stop without any call: Qt has deleted the fields."""
        if self._job is not None:
            self._job.abandon()

    def _on_button(self) -> None:
        if self._job is not None:
            self.cancel()
        else:
            self.evaluate()

    def cancel(self, reason: str = "Cancelled.") -> None:
        """Stop; say so when the thread computes no more."""
        if self._job is not None:
            self.work.stop(self.button)
            self._job.cancel(reason, self._say)

    def evaluate(self) -> None:
        """Evaluate in the background, one model at a time."""
        if self.is_running:
            return
        try:
            data = self._images()
            steps = execute("evaluate", {"data": data}, self.choices)
        except EXPECTED as error:
            report(error)
            return
        self.work.begin()
        self.work.visible = True
        self.button.text = "Cancel"
        self._job = Job(
            steps, "Evaluate", returned=lambda outcome: self._on_returned(data, outcome),
            finished=self._on_finished, progressed=self.work.show_progress,
        )  # fmt: skip
        self._watch(self._job)

    def _on_returned(self, data: Dataset, outcome: Outcome) -> None:
        assert isinstance(outcome.result, Evaluation)
        self.result = outcome.result
        self.save_button.enabled = True
        self._show(data, self.result)

    def _on_finished(self) -> None:
        self._job = None
        self.work.end(self.button, "Evaluate")

    def save(self, path: Path | None = None) -> Path | None:
        """Save the report and its figures; without a path a dialog asks for it."""
        if self.result is None:
            return None
        asked = path is None
        if path is None:
            name, _ = QFileDialog.getSaveFileName(
                self, "Save report", "report.html", "Pages (*.html)"
            )
            if not name:
                return None
            path = Path(name)
        try:
            # the dialog has asked whether to replace the file
            figures = path.with_name(f"{path.stem}_figures")
            write_report(self.result, path, figures=figures, force=asked)
        except EXPECTED as error:
            report(error)
            return None
        return path
