"""One form for every family of operations, made from their signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, Label, PushButton, Widget
from napari.layers import Layer

from ...core.progress import Progress, Steps, run
from ...core.result import Result
from ...workflow import operations, signature
from ...workflow.operations import Kind, Operation
from ...workflow.run import Outcome
from ...workflow.specimen import model_channels
from ..canvas.shown import ShownResults
from ..checks.watcher import watch
from ..controls.history import History
from ..controls.keys import RUN_KEYS, RunKeys
from ..controls.progress import WorkBar
from ..controls.rows import Rows
from ..controls.unseen import Unseen
from ..layers.channels import layers_of_sources
from ..layers.lazy import PreparedLayer, compute_lazy, prepare_for_display
from ..layers.source import Source, on_specimen
from ..parts.jobs import EXPECTED, Job, report
from ..parts.scrolling import scroll_in_dock
from .batch.button import ManyImages
from .fields import choose_layers, fields_of, take_inputs, values_of, wrapped
from .forecast import Forecast
from .lazy_results import LazyResults
from .live import LiveRuns
from .model_fetcher import ModelFetcher
from .prompt_points import PromptPoints
from .result_layers import ResultLayers

if TYPE_CHECKING:
    from napari.viewer import Viewer


class Form(Container):
    """Choose layers and parameters, run, see the result as a layer.

    Subclasses name a family of the catalogue; fields, limits, tooltips and buttons follow from it.

    Parameters
    ----------
    napari_viewer : Viewer
        Where layers are taken from and added to.
    """

    family = ""

    def __init__(self, napari_viewer: Viewer) -> None:
        self.viewer = napari_viewer
        self.operations = {o.title: o for o in operations.families()[self.family]}
        self.results = ResultLayers(napari_viewer)
        self.job: Job | None = None
        self._lazy, self._forecast = LazyResults(self), Forecast()
        self._fields: dict[str, Rows] = {}
        self._can_cancel = False
        # visible parts of lazy images, read once for all moves of a slider
        self._on_screen: dict[str, np.ndarray] = {}
        super().__init__(widgets=self._make_widgets(), labels=False)
        self.margins = (6, 6, 6, 6)
        self._unseen = Unseen(self.native, self._follow_selection)
        self._live = LiveRuns(self)
        self._build_method()
        self._connect()

    def _make_widgets(self) -> list[Widget]:
        self.method = ComboBox(
            choices=list(self.operations), label="Method", visible=len(self.operations) > 1
        )
        self.method.native.setAccessibleName("Method")
        self.place: Container = Container(labels=False, layout="vertical")
        self.level, self.forecast = self._forecast.level, self._forecast.label
        self.live = CheckBox(text="Live", tooltip="Follow every change of the fields", value=False)
        self.purpose, self.run_button = Label(), PushButton(text="Run")
        self.history = History(self)
        self.undo_button = self.history.undo_button
        self.work = WorkBar()
        self.bar = self.work.bar
        self.message = Label(value="", visible=False)
        self.store_button = self._lazy.button
        self.compare = ShownResults(self.viewer, lambda: self.results.compared)
        buttons = self.history.row(self.run_button, self.compare.button)
        for box in (self.place, buttons):
            box.margins = (0, 0, 0, 0)
        self.prompt_points, self.fetcher = PromptPoints(self), ModelFetcher(self)
        self.many = ManyImages(self)
        wrapped(self.purpose, self.message, self.forecast)
        return [
            self.method, self.purpose, self.place, self.prompt_points, self.fetcher, self.level,
            self.live, self.forecast, buttons, self.compare.row, self.many.button, self.work,
            self.message, self.store_button,
        ]  # fmt: skip

    def _connect(self) -> None:
        self.method.changed.connect(self._build_method)
        self.live.changed.connect(self._live.fields_changed)
        self.run_button.changed.connect(self._on_button)
        self.store_button.changed.connect(lambda: self.store())
        self.viewer.layers.selection.events.active.connect(self._follow_selection)
        self.viewer.layers.events.removed.connect(self._lazy.stop_if_closed)
        self.native.destroyed.connect(self.on_closed)
        # images that a script adds are checked as soon as a dock is open
        watch(self.viewer)
        RunKeys(self.native, self._on_button)
        scroll_in_dock(self.native)

    @property
    def operation(self) -> Operation:
        """The operation chosen."""
        return self.operations[self.method.value]

    @property
    def fields(self) -> Rows:
        """Its fields: layers first, then parameters."""
        self._unseen.catch_up()
        return self._fields[self.operation.name]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Kind of each input."""
        return signature.input_kinds(self.operation.name)

    @property
    def is_idle(self) -> bool:
        """Whether no job runs, and none is about to follow."""
        return self.job is None and not self._live.is_waiting

    @property
    def last(self) -> list[Any]:
        """Changes of the last run: each has a layer and can be undone."""
        return self.results.last

    def _build_method(self) -> None:
        name = self.operation.name
        if is_new := name not in self._fields:
            self._fields[name] = self.make_fields(name)
            self._fields[name].arrange()
            self.place.append(self._fields[name])
        for other, fields in self._fields.items():
            fields.visible = other == name
        self.purpose.value = self.method.tooltip = signature.summary(name)
        self.run_button.tooltip = f"{self.purpose.value} ({RUN_KEYS})"
        self.live.visible = self.operation.live
        self.many.offer()
        self.prompt_points.visible = "prompts" in self.kinds.values()
        self.fetcher.visible = signature.has_hub(name)
        self._follow_selection(is_first=is_new)
        self.on_changed()

    def make_fields(self, name: str) -> Rows:
        """Make the fields of an operation; a subclass may replace some."""
        fields = fields_of(name, self.viewer)
        fields.changed.connect(self.on_changed)
        return fields

    @property
    def parameters(self) -> dict[str, Any]:
        """Values of the parameter fields."""
        return values_of(self.operation.name, self.fields)

    @property
    def inputs(self) -> dict[str, Layer | None]:
        """Layers chosen as inputs."""
        return {name: self.fields[name].value for name in signature.inputs(self.operation.name)}

    def _follow_selection(self, event: Any = None, *, is_first: bool = False) -> None:
        if self.results.is_adding or not self._fields:
            return
        if event is None or not self._unseen.waits():
            name, layers = self.operation.name, self.viewer.layers
            choose_layers(name, self.fields, layers.selection.active, layers, is_first=is_first)

    def _on_button(self) -> None:
        if self.job is None:
            self.run()
        elif self._can_cancel:
            self.cancel()

    def run(self, *, preview: bool = False) -> None:
        """Start the operation in the background, after a cancelled job has stopped."""
        if self._live.waits(preview):
            return
        try:
            sources, steps = self._begin(preview)
        except EXPECTED as error:
            report(error)
            return
        operation = self.operation
        self._live.note_start(preview)
        self.start(
            prepare_for_display(steps, at_once=preview),
            f"{operation.title}: {next(iter(sources.values())).layer.name}",
            lambda prepared: self._show(operation, sources, *prepared),
            failed=lambda error: self._on_failed(error, preview),
            needs=layers_of_sources(sources.values(), self.viewer),
        )
        self._live.reveal()

    def start(
        self,
        steps: Steps[Any],
        title: str,
        returned: Callable[[Any], object],
        *,
        failed: Callable[[Exception], object] | None = None,
        progressed: Callable[[Progress], object] | None = None,
        needs: Iterable[Layer] = (),
    ) -> None:
        """Start the job of this form, which ends with the layers that it needs; one at a time."""
        self.work.begin()
        self.job = Job(
            steps, title, returned=returned, failed=failed, finished=self.on_finished,
            progressed=progressed or self.work.show_progress,
        )  # fmt: skip
        self.job.need(needs, self.viewer, self.cancel)

    def reveal(self) -> None:
        """Show the progress bar and offer Cancel."""
        if self.job is not None and not self.job.stopping:
            self._can_cancel = True
            self.run_button.text = "Cancel"
            self.work.visible = True
            self.many.allow(False)

    def __call__(self, **values: Any) -> list[Layer]:
        """Set fields by name, run to the end and return the layers of the result (for scripts)."""
        if "method" in values:
            self.method.value = values.pop("method")
        for name, value in values.items():
            self.fields[name].value = value
        sources, steps = self._begin()
        outcome, prepared = run(prepare_for_display(steps))
        layers = self._show(self.operation, sources, outcome, prepared)
        run(compute_lazy(prepared))
        self.results.waiting = []
        self.results.finish()
        return layers

    def cancel(self, reason: str = "") -> None:
        """Stop the running job; earlier results stay."""
        self._live.forget()
        if self.job is not None:
            if self.results.has_preview:
                self.undo()
            partly = "Cancelled: only a part was computed."
            self.stop(reason or (partly if self.results.is_computing else "Cancelled."))

    def stop(self, reason: str = "") -> None:
        """Stop the job; a reason is said when its thread computes no more."""
        if self.job is not None:
            self._can_cancel = False
            self.work.stop(self.run_button)
            self.job.cancel(reason, self.say if reason else None)

    def undo(self) -> None:
        """Remove or restore what the last run changed, unless it was edited since."""
        if self.results.is_computing:
            self.stop()
        self.compare.end()
        self.history.undo()

    def redo(self) -> None:
        """Repeat the run that was undone last; nothing is computed."""
        self.compare.end()
        self.history.redo()

    def _begin(self, preview: bool = False) -> tuple[dict[str, Source], Steps[Outcome]]:
        level = self.level.value or 0
        channels = model_channels(self.operation, self.parameters)
        sources = take_inputs(
            self.operation, self.inputs, self.viewer, preview=preview, level=level,
            channels=channels,
        )  # fmt: skip
        return sources, on_specimen(self.operation, sources, self.parameters, self._on_screen)

    def _on_failed(self, error: Exception, preview: bool) -> None:
        if preview:
            # the visible part may be all background: the whole image decides
            self._live.retry_whole_soon()
            return
        if self.results.has_preview:
            self.undo()
        self._live.tell(error)

    def on_finished(self) -> None:
        """Offer Run again, or go on with what has waited for the end of the job."""
        self.job, self._can_cancel = None, False
        self.work.end(self.run_button, "Run")
        self.many.allow(True)
        if not self._live.go_on() and self.results.waiting:
            self._lazy.fill()

    def on_changed(self) -> None:
        """Update the forecast, and a live result, after a change of a field."""
        first = next(iter(self.inputs.values()), None)
        self._forecast.update(self.operation, first, {**self.inputs, **self.parameters})
        self._live.fields_changed()

    def _show(
        self,
        operation: Operation,
        sources: Mapping[str, Source],
        outcome: Outcome,
        prepared: list[PreparedLayer],
    ) -> list[Layer]:
        result, source = outcome.result, next(iter(sources.values()))
        with self.prompt_points.kept_in_hand():
            inputs = {name: one.layer for name, one in sources.items()}
            self.results.show(operation, source, outcome.record, prepared, inputs)
        self.compare.begin()
        self.store_button.visible = self.results.too_large is not None
        notes = ["visible part, the whole image follows"] if source.preview else []
        self.say(" ".join(f"{note[:1].upper()}{note[1:]}." for note in (*notes, *result.notes)))
        self.show_result(operation, source, result)
        self.history.note(result)
        if source.preview:
            self._live.run_whole_soon()
        return [one.layer for one in self.last]

    def store(self, path: Path | None = None) -> None:
        """Compute what is too large for memory into a file; ask for the file if none is given."""
        self._lazy.store(path)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Show tables and facts of a result; a subclass with a panel for them overrides this."""
        self.show_tables(result)

    def show_tables(self, result: Result) -> None:
        """Show the tables of a result; a subclass with a table overrides this."""

    def say(self, text: str) -> None:
        """Show a message; an empty one hides it."""
        self.message.value = text
        self.message.visible = bool(text)

    def on_closed(self, *_: Any) -> None:
        """Stop the job and follow the viewer no longer."""
        self.viewer.layers.selection.events.active.disconnect(self._follow_selection)
        self.viewer.layers.events.removed.disconnect(self._lazy.stop_if_closed)
        # Qt has deleted the fields: nothing may touch them
        if self.job is not None:
            self.job.abandon()
