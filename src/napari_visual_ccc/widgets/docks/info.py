"""The Micrograph info dock: facts of an image, its pixel size and its info bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox, Container, LineEdit, PushButton
from napari.layers import Layer, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from ...core.micrograph import InfoBar
from ...core.result import Result
from ...core.units import is_plausible
from ...workflow.operations import Operation
from ..checks.watcher import watch
from ..controls.timers import later
from ..controls.unseen import Unseen
from ..form.form import Form
from ..layers.metadata import (
    MICROGRAPH,
    calibration,
    keep_bar,
    plane_shape,
    unit_name,
)
from ..layers.recalibrate import (
    left_in_pixels,
    lying_with,
    pixel_sides,
    record_pixel_size,
    rescale_tables,
    results_of,
)
from ..layers.source import Source
from ..layers.viewers import scale_bar
from ..parts.info_text import describe
from ..parts.jobs import report

if TYPE_CHECKING:
    from napari.viewer import Viewer

UNITS = ("nm", "µm", "mm", "Å", "pm", "1/nm")

LINE = "line over the scale bar"


class Length(LineEdit):
    """A length as text: displayed with six digits, exact until the user types another."""

    def __init__(self, tooltip: str, hint: str = "not known") -> None:
        super().__init__(tooltip=tooltip)
        self.native.setPlaceholderText(hint)
        self.display(None)

    def display(self, length: float | None) -> None:
        """Display a known length, or nothing."""
        self._known = ("", math.nan) if length is None else (f"{length:.6g}", length)
        self.value = self._known[0]

    def enables(self, button: PushButton) -> None:
        """Switch a button off while nothing is typed."""

        def follow(*_: Any) -> None:
            button.enabled = bool(self.value.strip())

        self.changed.connect(follow)
        follow()

    @property
    def length(self) -> float:
        """The length displayed or typed; NaN where the text is not a number."""
        text, length = self._known
        if self.value == text:
            return length
        try:
            return float(self.value.replace(",", "."))
        except ValueError:
            return math.nan


class MicrographInfo(Form):
    """View and correct the facts of a micrograph: pixel size, microscope, info bar."""

    family = "micrograph"

    def __init__(self, napari_viewer: Viewer) -> None:
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setWordWrap(True)
        self._watcher = watch(napari_viewer)
        # layer and sizes that the fields show
        self._shown: tuple[Any, ...] = (None,)
        super().__init__(napari_viewer)
        self.size = Length("Width of a pixel")
        self.line_length = Length("Length of the line: the number at the scale bar", "length")
        self.unit, self.line_unit = (ComboBox(choices=UNITS, value="nm") for _ in range(2))
        self.set_button = PushButton(text="Set", tooltip="Set the pixel size of the image")
        self.draw_button = PushButton(
            text="Draw line", tooltip="Draw a line over the scale bar, from end to end"
        )
        self.line_button = PushButton(
            text="Set", tooltip="Calibrate the image by the length of the line"
        )
        self.step, self.step_unit = (
            Length("Distance between slices"),
            ComboBox(choices=UNITS[:-1], value="nm"),
        )
        self.step_button = PushButton(text="Set", tooltip="Set the step between the slices")
        self.step_row = _row("Slice step", self.step, self.step_unit, self.step_button)
        self.size.enables(self.set_button)
        self.step.enables(self.step_button)
        rows = Container(
            widgets=[
                _row("Pixel size", self.size, self.unit, self.set_button),
                _row("Scale bar", self.draw_button, self.line_length, self.line_unit,
                     self.line_button),
                self.step_row,
            ],
        )  # fmt: skip
        rows.margins = (0, 0, 0, 0)
        layout = self.native.layout()
        layout.insertWidget(0, self.facts)
        layout.insertWidget(1, rows.native)
        self._rows = rows
        self._unseen_facts = Unseen(self.native, self.refresh)
        self.set_button.changed.connect(lambda: self.set_pixel_size())
        self.draw_button.changed.connect(lambda: self.draw_line())
        self.line_button.changed.connect(lambda: self.set_by_line())
        self.step_button.changed.connect(lambda: self.set_step())
        # another form may have detected the bar, or made a result
        self.viewer.layers.events.inserted.connect(self._later)
        self.viewer.layers.events.inserted.connect(self._list_layers)
        # a pixel size may be set in another dock
        self.viewer.layers.events.connect(self._on_event)
        self.viewer.layers.selection.events.active.connect(self._later)
        self._watcher.changed.connect(self._later)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The image whose facts are displayed."""
        return self.inputs["image"]

    def on_changed(self) -> None:
        """Display the facts of the layer chosen."""
        super().on_changed()
        self.refresh()

    def _list_layers(self, event: Any = None) -> None:
        for fields in self._fields.values():
            fields.reset_choices()

    # facts ----------------------------------------------------------------------------------------

    def _later(self, event: Any = None) -> None:
        if not self._unseen_facts.waits():
            later(self.native, 0, self.refresh)

    def _on_event(self, event: Any) -> None:
        if event.type in ("scale", "units", "affine"):
            self._later()

    def on_closed(self, *_: Any) -> None:
        """Follow the viewer no longer."""
        self.viewer.layers.events.disconnect(self._on_event)
        for follow in (self._later, self._list_layers):
            self.viewer.layers.events.inserted.disconnect(follow)
        self.viewer.layers.selection.events.active.disconnect(self._later)
        self._watcher.let_go(self._later)
        super().on_closed()

    def refresh(self) -> None:
        """Display the current facts of the layer."""
        layer = self.layer
        if layer is None:
            self.facts.setText("Open a micrograph to see its facts here.")
            return
        verdict = self._watcher.verdict(layer)
        facts = {} if verdict is None else dict(verdict.facts)
        head = verdict.rich([("Quality", facts["Quality"])]) if verdict else ""
        self.facts.setText(describe(layer, head, facts.get("Info bar", "not detected yet")))
        if hasattr(self, "step_row"):
            self._show_sizes(layer)

    def _show_sizes(self, layer: Layer) -> None:
        """Display the sizes of the layer; what another image had would be set by one click."""
        self.step_row.visible = layer.ndim > 2
        step, step_unit = None, "nm"
        if layer.ndim > 2 and unit_name(layer.units[-3]) in self.step_unit.choices:
            step, step_unit = float(layer.scale[-3]), unit_name(layer.units[-3])
        spacing, unit = calibration(layer)
        size, unit = (None, "nm") if spacing is None else (spacing[-1], unit)
        before, self._shown = self._shown, (layer.unique_id, size, unit, step, step_unit)
        # what is being typed stays while nothing else has changed
        if before == self._shown:
            return
        if before[0] != layer.unique_id:
            self.line_length.display(None)
        # also a unit that is not offered
        self.unit.choices = UNITS if unit in UNITS else (*UNITS, unit)
        self.unit.value, self.step_unit.value = unit, step_unit
        self.size.display(size)
        self.step.display(step)

    # pixel size -----------------------------------------------------------------------------------

    def set_pixel_size(self) -> None:
        """Set the pixel size that was typed."""
        if self.layer is not None:
            # keep the aspect of pixels that are not square
            height, width = pixel_sides(self.layer)
            size = self.size.length
            self._calibrate([size * (height / width), size], str(self.unit.value))

    def set_step(self) -> None:
        """Set the step between the slices of a stack."""
        layer, step, unit = self.layer, self.step.length, str(self.step_unit.value)
        if layer is None or layer.ndim < 3:
            return
        if not is_plausible(step, unit):
            report(
                ValueError(f"A step of {self.step.value} {unit} is not possible: type one above 0")
            )
            return
        before, (with_it, _) = calibration(layer, voxel=True), lying_with(layer, self.viewer)
        layers = [layer, *results_of(layer, self.viewer), *with_it]
        for one in layers:
            if one.ndim == layer.ndim:
                place = one.translate[-3] / one.scale[-3] * step
                one.translate = (*one.translate[:-3], place, *one.translate[-2:])
                one.scale = (*one.scale[:-3], step, *one.scale[-2:])
                one.units = (*one.units[:-3], unit, *one.units[-2:])
        after = calibration(layer, voxel=True)
        if after[0] is not None:
            record_pixel_size(layers, after[0], after[1])
        missing = rescale_tables(layers, before, after)
        self.refresh()
        self.say(f"{layer.name}: slices are {step:.4g} {unit} apart.{missing}")

    def draw_line(self) -> None:
        """Start drawing a line over the scale bar."""
        layer = self.layer
        if layer is None:
            report(ValueError("Draw line needs an Image layer: open or choose one"))
            return
        lines = self._lines()
        if lines is None:
            lines = self.viewer.add_shapes(
                name=LINE, ndim=2, scale=layer.scale[-2:], translate=layer.translate[-2:],
                rotate=layer.rotate[-2:, -2:], units=layer.units[-2:], edge_color="#ffcc00",
                edge_width=max(1, round(min(plane_shape(layer)) / 200)),
            )  # fmt: skip
        self.viewer.layers.selection.active = lines
        lines.mode = "add_line"

    def set_by_line(self) -> None:
        """Calibrate by the last line drawn."""
        layer, lines = self.layer, self._lines()
        if layer is None or lines is None or not len(lines.data):
            report(ValueError("Draw a line over the scale bar first"))
            return
        ends = np.asarray(lines.data[-1])[[0, -1]]
        world = np.array([lines.data_to_world(end)[-2:] for end in ends])
        drawn = float(np.linalg.norm(world[1] - world[0]))
        if drawn <= 0:
            report(ValueError("The line has no length: draw it from end to end of the scale bar"))
            return
        if math.isnan(self.line_length.length):
            report(ValueError("Type the length of the line: the number at the scale bar"))
            return
        factor = self.line_length.length / drawn
        self._calibrate([side * factor for side in pixel_sides(layer)], str(self.line_unit.value))

    def _lines(self) -> Shapes | None:
        return next((one for one in self.viewer.layers if one.name == LINE), None)

    def _calibrate(self, size: list[float], unit: str) -> None:
        """Rescale the image and the results that lie on it."""
        layer = self.layer
        assert layer is not None
        if not all(is_plausible(side, unit) for side in size):
            report(ValueError(f"A pixel of {size[-1]:g} {unit} is not possible: type one above 0"))
            return
        lines = self._lines()
        if lines is not None:
            # it was drawn at the old size
            self.viewer.layers.remove(lines)
        with_it, unsure = lying_with(layer, self.viewer)
        before = calibration(layer, voxel=True)
        layers = [layer, *results_of(layer, self.viewer), *with_it]
        sides = np.asarray(size) / pixel_sides(layer, as_shown=True)
        for one in layers:
            ratio = np.append(np.ones(one.ndim - 2), sides)
            one.scale, one.translate = one.scale * ratio, one.translate * ratio
            one.units = (*one.units[:-2], unit, unit)
        after = calibration(layer, voxel=True)
        steps = () if after[0] is None else after[0][:-2]
        record_pixel_size(layers, (*steps, *size), unit)
        missing = rescale_tables(layers, before, after)
        known = {**(layer.metadata.get(MICROGRAPH) or {}), "spacing": tuple(size), "unit": unit}
        layer.metadata[MICROGRAPH] = {**known, "calibrated": "by hand"}
        scale_bar(self.viewer).visible = True
        self.viewer.fit_to_view()
        self.refresh()
        kept = [*unsure, *(one for one in left_in_pixels(self.viewer) if one not in unsure)]
        names = ", ".join(one.name for one in kept)
        left = f" {names} kept the old size: choose and set it there, if needed." if kept else ""
        self.say(f"{layer.name}: a pixel is {size[-1]:.4g} {unit} wide.{missing}{left}")

    # info bar -------------------------------------------------------------------------------------

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Keep the info bar that was detected or typed: operations leave it out from now on."""
        if operation.name == "detect_info_bar":
            doubtful = InfoBar(**result.facts.get("doubtful_info_bar", {}))
            keep_bar(source.layer, InfoBar(**result.facts["info_bar"], doubtful=doubtful))
            self.refresh()


def _row(label: str, *widgets: Any) -> Container:
    for one in widgets:
        # beside the number, which has the label's name
        if not isinstance(one, LineEdit):
            part = "unit" if isinstance(one, ComboBox) else one.text
            one.native.setAccessibleName(f"{label}: {part}")
    row = Container(widgets=list(widgets), layout="horizontal", labels=False, label=label)
    row.margins = (0, 0, 0, 0)
    return row
