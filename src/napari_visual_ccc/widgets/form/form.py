"""One form for every family of operations, made from their signatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, Container, Label, ProgressBar, PushButton
from napari.layers import Layer
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QSizePolicy
from superqt.utils import qdebounced

from ...core.layers import Layer as Part
from ...core.progress import Progress, Steps, run
from ...core.result import Result
from ...workflow import operations, signature
from ...workflow.operations import Operation
from ...workflow.run import Outcome
from ..layers.build import build
from ..layers.lazy import PreparedLayer, compute_lazy, prepare_for_display
from ..layers.metadata import keep_bar, plane_shape
from ..layers.result_layer import ResultLayer
from ..layers.source import Source, level_like, on_specimen, recorded, take
from ..parts.jobs import EXPECTED, Job, report
from .fields import fields_of, later, layer_kind
from .large import Large, is_stored_later

if TYPE_CHECKING:
    from napari.viewer import Viewer

# above this many pixels a live form shows the visible part first
PREVIEW_PIXELS = 4_000_000


class Form(Large):
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
        self._fields: dict[str, Container] = {}
        self._shown: dict[tuple[Any, ...], ResultLayer] = {}
        self._last: list[Any] = []
        self._job: Job | None = None
        self._can_cancel = False
        self._previewed: tuple[Any, ...] = ()
        self._seen: dict[str, np.ndarray] = {}
        self._again = False
        self._whole = True
        self._adding = False
        self.method = ComboBox(
            choices=list(self.operations), label="Method", visible=len(self.operations) > 1
        )
        self.place = Container(labels=False, layout="vertical")
        self.live = CheckBox(text="Live", tooltip="Follow every change of the fields", value=False)
        self.run_button = PushButton(text="Run", tooltip="Run on the chosen layer")
        self.undo_button = PushButton(
            text="Undo last run",
            enabled=False,
            tooltip="Remove or restore what the last run changed",
        )
        self._make_large()
        self.bar = ProgressBar(min=0, max=100, visible=False)
        self.message = Label(value="", visible=False)
        buttons = Container(
            widgets=[self.run_button, self.undo_button], layout="horizontal", labels=False
        )
        super().__init__(
            widgets=[
                self.method,
                self.place,
                self.level,
                self.live,
                self.forecast,
                buttons,
                self.bar,
                self.message,
                self.store_button,
            ],
            labels=False,
        )
        for margin in (self, self.place, buttons):
            margin.margins = (0, 0, 0, 0)
        self.margins = (6, 6, 6, 6)
        for text in (self.message, self.forecast):
            text.native.setWordWrap(True)
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            # as many lines as the width of the dock asks for
            policy.setHeightForWidth(True)
            text.native.setSizePolicy(policy)
        self._rerun = qdebounced(self._follow, timeout=25, leading=False)
        self._build_method()
        self.method.changed.connect(self._build_method)
        self.live.changed.connect(self._on_live)
        self.run_button.changed.connect(self._on_button)
        self.undo_button.changed.connect(self.undo)
        self.viewer.layers.selection.events.active.connect(self._follow_selection)
        self.viewer.layers.events.removed.connect(self._on_removed)
        self.native.destroyed.connect(self._disconnect)

    # fields -------------------------------------------------------------------------------------

    @property
    def operation(self) -> Operation:
        """The operation chosen."""
        return self.operations[self.method.value]

    @property
    def fields(self) -> Container:
        """Its fields: layers first, then parameters."""
        return self._fields[self.operation.name]

    def _build_method(self) -> None:
        name = self.operation.name
        if name not in self._fields:
            self._fields[name] = self._make_fields(name)
            self.place.append(self._fields[name])
        for other, fields in self._fields.items():
            fields.visible = other == name
        self.method.tooltip = signature.summary(name)
        self.run_button.tooltip = signature.summary(name)
        self.live.visible = self.operation.live
        self._follow_selection()
        self._changed()

    def _make_fields(self, name: str) -> Container:
        fields = fields_of(name, self.viewer)
        fields.changed.connect(self._changed)
        return fields

    @property
    def parameters(self) -> dict[str, Any]:
        """What the person chose."""
        values = {}
        for name, parameter in signature.parameters(self.operation.name).items():
            value = self.fields[name].value
            empty = isinstance(value, Path) and str(value) in ("", ".")
            values[name] = None if empty and parameter.default is None else value
        return values

    @property
    def inputs(self) -> dict[str, Layer | None]:
        """The layers the person chose."""
        return {name: self.fields[name].value for name in signature.inputs(self.operation.name)}

    def _follow_selection(self, event: Any = None) -> None:
        active = self.viewer.layers.selection.active
        if active is None or self._adding or not self._fields:
            return
        for name, kind in signature.input_kinds(self.operation.name).items():
            if isinstance(active, layer_kind(kind)):
                self.fields.reset_choices()
                self.fields[name].value = active
                return

    # running ------------------------------------------------------------------------------------

    def _on_button(self) -> None:
        if self._job is None:
            self.run()
        elif self._can_cancel:
            self.cancel()

    def run(self, *, preview: bool = False) -> None:
        """Start the operation in the background."""
        try:
            sources = self._take(preview)
            steps = self._steps(sources)
        except EXPECTED as error:
            report(error)
            return
        operation = self.operation
        if preview:
            self._previewed = self._choices
        self.bar.max, self.bar.value = 0, 0
        self._whole = not preview
        self._start(
            prepare_for_display(steps, at_once=preview),
            f"{operation.title}: {next(iter(sources.values())).layer.name}",
            lambda prepared: self._show(operation, sources, *prepared),
            failed=lambda error: self._on_failed(error, preview),
        )
        # a live form would flicker: it offers Cancel only where there is something to wait for
        if self._is_live:
            later(self.native, 400, self._reveal)
        else:
            self._reveal()

    def _start(
        self,
        steps: Steps[Any],
        title: str,
        returned: Callable[[Any], object],
        *,
        failed: Callable[[Exception], object] | None = None,
        progressed: Callable[[Progress], object] | None = None,
    ) -> None:
        """Start the job of this form; a form has one at a time."""
        self._job = Job(
            steps, title, returned=returned, failed=failed, finished=self._on_finished,
            progressed=progressed or self._on_progress,
        )  # fmt: skip

    def _reveal(self) -> None:
        if self._job is not None:
            self._can_cancel = True
            self.run_button.text = "Cancel"
            self.bar.visible = True

    def __call__(self, **values: Any) -> list[Layer]:
        """Set fields by name, run to the end, and give the layers of the result (for scripts)."""
        if "method" in values:
            self.method.value = values.pop("method")
        for name, value in values.items():
            self.fields[name].value = value
        sources = self._take(preview=False)
        outcome, prepared = run(prepare_for_display(self._steps(sources)))
        layers = self._show(self.operation, sources, outcome, prepared)
        run(compute_lazy(prepared))
        self._waiting = []
        self._on_filled()
        return layers

    def cancel(self) -> None:
        """Stop the running job; what was there before stays."""
        self._again = False
        if self._job is not None:
            self._job.cancel()
            if any(shown.preview for shown in self._last):
                self.undo()
            partly = "Cancelled: only a part was computed."
            self._say(partly if self._is_filling else "Cancelled.")

    def undo(self) -> None:
        """Take back what the last run added or changed, unless a person has worked on it since."""
        if self._is_filling and self._job is not None:
            self._job.cancel()
        there = [shown for shown in reversed(self._last) if shown.layer in self.viewer.layers]
        kept = [shown.layer.name for shown in there if not shown.undo()]
        self._last = []
        self.undo_button.enabled = False
        if kept:
            show_info(f"kept {', '.join(kept)}: edited or renamed since the run")

    def _take(self, preview: bool) -> dict[str, Source]:
        chosen = self.inputs
        optional = signature.optional_inputs(self.operation.name)
        for name, wanted in signature.input_kinds(self.operation.name).items():
            if chosen[name] is None and name not in optional:
                kind = layer_kind(wanted).__name__
                kind = f"an {kind}" if kind[0] in "AEIOU" else f"a {kind}"
                raise ValueError(f"{self.operation.title} needs {kind} layer: open or choose one")
        sources: dict[str, Source] = {}
        for name, layer in chosen.items():
            if layer is None:
                continue
            level = int(self.level.value or 0)
            if sources:
                level = level_like(layer, next(iter(sources.values())))
            sources[name] = take(
                layer, self.viewer, planar=self.operation.planar, preview=preview, level=level
            )
        return sources

    def _steps(self, sources: Mapping[str, Source]) -> Steps[Outcome]:
        return on_specimen(self.operation, sources, self.parameters, self._seen)

    @property
    def _choices(self) -> tuple[Any, ...]:
        return self.operation.name, self.parameters, self.inputs

    def _on_failed(self, error: Exception, preview: bool) -> None:
        if preview:
            # the visible part may be all background: the whole image decides
            later(self.native, 0, lambda: self._job is None and self.run())
            return
        if any(shown.preview for shown in self._last):
            self.undo()
        self._say("")
        report(error)

    def _on_progress(self, progress: Progress) -> None:
        self.bar.max = progress.total
        # work of unknown length runs to and fro
        self.bar.value = min(progress.done, progress.total)

    def _on_finished(self) -> None:
        self._job = None
        self._can_cancel = False
        self.run_button.text = "Run"
        self.bar.visible = False
        if self._waiting and not self._again:
            self._fill()
        elif self._again:
            self._again = False
            self._follow()

    # live ---------------------------------------------------------------------------------------

    @property
    def _is_live(self) -> bool:
        return self.operation.live and bool(self.live.value)

    def _on_live(self, on: bool) -> None:
        if on:
            self._rerun()

    def _changed(self) -> None:
        self._show_forecast()
        if self._is_live:
            self._rerun()

    def _follow(self) -> None:
        """Run again with what the fields say now; a large image shows its visible part first."""
        if not self._is_live:
            return
        first = next(iter(self.inputs.values()))
        large = first is not None and math.prod(plane_shape(first)) > PREVIEW_PIXELS
        if self._job is not None:
            self._again = True
            if (large and self._whole) or self._is_filling:
                self._job.cancel()
        elif first is not None:
            self.run(preview=large)

    # results ------------------------------------------------------------------------------------

    def _show(
        self,
        operation: Operation,
        sources: Mapping[str, Source],
        outcome: Outcome,
        prepared: list[PreparedLayer],
    ) -> list[Layer]:
        result = outcome.result
        source = next(iter(sources.values()))
        self._last = []
        self._adding = True
        try:
            if source.found:
                keep_bar(source.layer, source.found[0])
            for index, one in enumerate(prepared):
                metadata = recorded(operation, source, outcome.record, one.layer.name)
                metadata |= {"print": one.print, "preview": source.preview}
                metadata |= {"unfinished": True} if one.lazy is not None else {}
                key = (operation.name, source.layer.unique_id, index)
                shown = self._show_part(key, source, one.layer, metadata)
                shown.computing = False
                if one.lazy is not None:
                    shown.start_computing(one.layer)
                self._last.append(shown)
            self._waiting = [one for one in prepared if one.lazy is not None]
            if len(self._last) > 1:
                self.viewer.layers.selection.active = self._last[0].layer
        finally:
            self._adding = False
        self.undo_button.enabled = bool(self._last)
        self.store_button.visible = any(is_stored_later(one) for one in self._last)
        notes = ["visible part, the whole image follows"] if source.preview else []
        self._say(" ".join(f"{note[:1].upper()}{note[1:]}." for note in (*notes, *result.notes)))
        self.show_result(operation, source, result)
        layers = [shown.layer for shown in self._last]
        if source.preview:
            later(self.native, 150, self._run_whole)
        return layers

    def _run_whole(self) -> None:
        """After a preview: the whole image, unless the person has moved on."""
        if self._job is not None or not any(shown.preview for shown in self._last):
            return
        closed = next(iter(self.inputs.values())) is None
        if not closed and (self._is_live or self._choices == self._previewed):
            self.run()
        else:
            self.undo()
            self._say("")

    def _show_part(
        self,
        key: tuple[Any, ...],
        source: Source,
        part: Part,
        metadata: dict[str, Any],
    ) -> ResultLayer:
        shown = self._shown.get(key)
        new = build(source, part, metadata)
        if shown is not None and shown.layer.ndim == new.ndim and shown.untouched:
            shown.update(source, part, new)
            return shown
        # of several maps one is looked at: on top of each other they show nothing
        new.visible = not self._last
        layer = self.viewer.add_layer(new)
        style = getattr(part, "style", "")
        shown = ResultLayer(self.viewer, layer, style, preview=source.preview)
        self._shown[key] = shown
        return shown

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Show what is not a layer; a panel for it is the subclass's matter."""

    def _say(self, text: str) -> None:
        self.message.value = text
        self.message.visible = bool(text)

    def _disconnect(self, *_: Any) -> None:
        self.viewer.layers.selection.events.active.disconnect(self._follow_selection)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        if self._job is not None:
            self._job.cancel()
