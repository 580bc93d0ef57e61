"""Train an autoencoder on what is usual: images, choices, curves, reconstructions, model file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from magicgui.widgets import Container, PushButton
from qtpy.QtWidgets import QTabWidget
from superqt import QCollapsible

from ...core.progress import Progress, StopEarly
from ...report import plots
from ...workflow import signature
from ...workflow.cost import autoencoder, describe
from ...workflow.models import save_model
from ...workflow.run import Outcome, execute
from ..controls.keys import RUN_KEYS, RunKeys
from ..controls.progress import WorkBar
from ..form.fields import field_of, plain_label
from ..parts.jobs import EXPECTED, Job, report
from ..parts.report import Canvas
from ..parts.scrolling import reveal
from ..parts.training import NOTHING_LEARNT, ask_for_file, recorded, unsaved_file
from .usual_images import UsualImages

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

NAME = "train_autoencoder"

# always visible; the other parameters are behind "More parameters"
_FIRST = ("latent", "depth", "epochs")

# the dock sets these itself
_HIDDEN = ("state", "finish")

# seconds between two drawings of the curves
_REDRAW = 0.5

_CURVES, _EXAMPLES = range(2)


class AutoencoderTraining(Container):
    """Train an autoencoder, look at its reconstructions, and use it.

    Parameters
    ----------
    viewer : Viewer
        Source of layers.
    use : callable
        Takes the path of the trained model.
    """

    def __init__(self, viewer: Viewer, use: Callable[[Path], object]) -> None:
        self.viewer, self._use = viewer, use
        self.result: Any = None
        self.saved: Path | None = None
        self._job: Job | None = None
        self._rows: list[dict[str, float]] = []
        self._drawn, self._trained, self._stopping = 0.0, 0, False
        self._layers: tuple[Layer, ...] = ()
        self._temporary = tempfile.TemporaryDirectory(prefix="visual-ccc-")
        finalize(self, self._temporary.cleanup)
        self.images = UsualImages(viewer)
        self.fields: dict[str, Any] = {
            name: field_of(parameter)
            for name, parameter in signature.parameters(NAME).items()
            if name not in _HIDDEN
        }
        first = Container(widgets=[self.fields[name] for name in _FIRST])
        more = Container(widgets=[one for name, one in self.fields.items() if name not in _FIRST])
        self._make_widgets()
        super().__init__(widgets=[self.images, first], labels=False)
        for one in (self, first, more, self._buttons):
            one.margins = (0, 0, 0, 0)
        fold = QCollapsible("More parameters")
        fold.addWidget(more.native)
        fold.collapse(animate=False)
        for widget in (
            fold,
            self.forecast,
            self._buttons.native,
            self.work.native,
            self.message,
            self.tabs,
        ):
            self.native.layout().addWidget(widget)
        # Qt does not own the Python side of these
        self._kept = (first, more, fold)
        self.train_button.changed.connect(self._on_train_button)
        self.save_button.changed.connect(lambda: self.save())
        self.use_button.changed.connect(self.use)
        self.native.destroyed.connect(self._close)
        RunKeys(self.native, self._on_train_button)
        for field in self.fields.values():
            field.changed.connect(self._show_forecast)
        self._show_forecast()

    def _show_forecast(self) -> None:
        text = describe(autoencoder(self.choices))
        self.forecast.setText(f"{text[:1].upper()}{text[1:]}.")

    def _make_widgets(self) -> None:
        self.train_button = PushButton(
            text="Train", tooltip=f"{signature.summary(NAME)} ({RUN_KEYS})"
        )
        self.save_button = PushButton(
            text="Save…", enabled=False, tooltip="Save the model and its report"
        )
        self.use_button = PushButton(
            text="Use", enabled=False, tooltip="Make anomaly maps with this model"
        )
        self._buttons = Container(
            widgets=[self.train_button, self.save_button, self.use_button],
            layout="horizontal",
            labels=False,
        )
        self.work = WorkBar()
        self.forecast, self.message = plain_label(), plain_label()
        self.message.hide()
        self.curves, self.examples = Canvas(), Canvas()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.curves, "Training")
        self.tabs.addTab(self.examples, "Reconstructions")
        self.tabs.hide()

    @property
    def choices(self) -> dict[str, Any]:
        """Values of the fields."""
        return {name: field.value for name, field in self.fields.items()}

    @property
    def is_running(self) -> bool:
        """Whether a model is trained at the moment."""
        return self._job is not None

    @property
    def epochs(self) -> int:
        """Number of finished epochs of the present training."""
        return len(self._rows)

    def _close(self, *_: Any) -> None:
        # Qt has deleted the fields: nothing may touch them
        if self._job is not None:
            self._job.abandon()

    # training -------------------------------------------------------------------------------------

    def _on_train_button(self) -> None:
        if self._job is None:
            self.train()
        elif self._stopping:
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
            data = self.images.dataset()
            self._layers, self._rows = self.images.used, []
            steps = execute(NAME, {"data": data}, self.choices)
        except EXPECTED as error:
            report(error)
            return
        self._drawn = 0.0
        self._say("")
        self.work.begin()
        self.work.visible = True
        self.train_button.text = "Stop"
        self._job = Job(
            recorded(steps, self._rows), "Train", returned=self._show, failed=self._on_failed,
            finished=self._on_finished, progressed=self._on_progress,
        )  # fmt: skip
        self._job.need(self._layers, self.viewer, self._cancel)

    def stop(self) -> None:
        """Stop training; the best epoch so far is kept."""
        if self._job is None or self._job.stopping:
            return
        self._stopping = True
        self._job.stop_early()
        self.train_button.text = "Cancel"
        self._say("Stopping: the best epoch so far is tested.")

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, StopEarly):
            self._say(f"{NOTHING_LEARNT[:1].upper()}{NOTHING_LEARNT[1:]}.")
            return
        self._say("")
        report(error)

    def _on_finished(self) -> None:
        self._job, self._stopping = None, False
        self.work.end(self.train_button, "Train")

    def _on_progress(self, progress: Progress) -> None:
        self.work.show_progress(progress)
        if len(self._rows) > 1 and time.monotonic() - self._drawn > _REDRAW:
            self._drawn = time.monotonic()
            self._draw_curves(list(self._rows))
            self._show_tab(_CURVES)

    def _draw_curves(self, rows: Any) -> None:
        import pandas as pd

        history = pd.DataFrame(rows)
        self.curves.draw(lambda axes: plots.draw_history(axes, history, "psnr"))

    def _show(self, outcome: Outcome) -> None:
        from ...report.reconstruction.page import draw_examples, summary_text

        self.result, self.saved = outcome.result, None
        self._trained += 1
        self._draw_curves(self.result.history)
        self.examples.draw(lambda axes: draw_examples(axes, self.result))
        self.save_button.enabled = self.use_button.enabled = True
        notes = "; ".join(self.result.notes)
        self._say(f"{summary_text(self.result)}. {notes[:1].upper()}{notes[1:]}.")
        self._show_tab(_EXAMPLES)

    # result ---------------------------------------------------------------------------------------

    def save(self, path: Path | None = None) -> Path | None:
        """Save model and report; without a path a dialog asks for it."""
        if self.result is None:
            return None
        force = False
        if path is None:
            chosen = ask_for_file(self.native, "autoencoder")
            if chosen is None:
                return None
            path, force = chosen
        try:
            self.saved = save_model(self.result, path, force=force)[0]
        except EXPECTED as error:
            report(error)
            return None
        self._say(f"Saved {self.saved} with its report.")
        return self.saved

    def use(self) -> None:
        """Choose this model for anomaly maps; unsaved, it is gone when the dock is closed."""
        if self.result is None:
            return
        path = self.saved
        if path is None:
            path = unsaved_file(
                self.result, Path(self._temporary.name), self._trained, "autoencoder"
            )
        self._use(path)

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _show_tab(self, number: int) -> None:
        reveal(self.tabs)
        self.tabs.setCurrentIndex(number)
