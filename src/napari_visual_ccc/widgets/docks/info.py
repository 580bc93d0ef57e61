"""The Micrograph info dock: what is known of an image, its pixel size, its label bar."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox, Container, LineEdit, PushButton
from napari.layers import Labels, Layer, Shapes
from qtpy.QtWidgets import QLabel

from ...core.micrograph import InfoBar
from ...core.result import Result
from ...core.units import is_plausible
from ...engine.measure.region_table import rescaled_table
from ...workflow.operations import Operation
from ..form.fields import later
from ..form.form import Form
from ..layers.metadata import (
    METADATA,
    MICROGRAPH,
    NOT_FACTS,
    calibration,
    keep_bar,
    known_bar,
    plane_shape,
    unit_name,
)
from ..layers.source import Source
from ..layers.viewers import scale_bar
from ..parts.jobs import report

if TYPE_CHECKING:
    from napari.viewer import Viewer

UNITS = ("nm", "µm", "mm", "Å", "pm", "1/nm")

LINE = "line over the scale bar"

# keys of a micrograph's facts, in the words and the order people are told them
_FACTS = {
    "instrument": "Instrument", "detector": "Detector", "voltage_kv": "Voltage (kV)",
    "beam_current_na": "Beam current (nA)", "magnification": "Magnification",
    "working_distance_mm": "Working distance (mm)", "tilt_deg": "Tilt (°)",
    "dwell_time_us": "Dwell time (µs)", "camera_length_mm": "Camera length (mm)",
    "date": "Date",
}  # fmt: skip


class Length(LineEdit):
    """A length as text: told with six digits, and exact until a person types another."""

    def __init__(self, tooltip: str, length: float) -> None:
        super().__init__(tooltip=tooltip)
        self.tell(length)

    def tell(self, length: float) -> None:
        """Show a length that is known."""
        self._known = f"{length:.6g}", length
        self.value = self._known[0]

    @property
    def length(self) -> float:
        """What was told or typed; not a number where the text is none."""
        text, length = self._known
        if self.value == text:
            return length
        try:
            return float(self.value.replace(",", "."))
        except ValueError:
            return math.nan


class MicrographInfo(Form):
    """See and correct what is known of a micrograph: pixel size, microscope, label bar."""

    family = "micrograph"

    def __init__(self, napari_viewer: Viewer) -> None:
        self.told = QLabel()
        self.told.setWordWrap(True)
        super().__init__(napari_viewer)
        self.size = Length("How large a pixel is", 1.0)
        self.line_length = Length("How long the line is: the number at the scale bar", 100.0)
        self.unit, self.line_unit = (ComboBox(choices=UNITS, value="nm") for _ in range(2))
        self.set_button = PushButton(text="Set", tooltip="Give the image this pixel size")
        self.draw_button = PushButton(
            text="Draw line", tooltip="Draw a line over the scale bar, from end to end"
        )
        self.line_button = PushButton(
            text="Set", tooltip="The line is that long: calibrate the image by it"
        )
        self.step, self.step_unit = (
            Length("From one slice to the next", 1.0),
            ComboBox(choices=UNITS[:-1], value="nm"),
        )
        self.step_button = PushButton(text="Set", tooltip="Give the stack this slice step")
        self.step_row = _row("Slice step", self.step, self.step_unit, self.step_button)
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
        layout.insertWidget(0, self.told)
        layout.insertWidget(1, rows.native)
        self._rows = rows
        self.set_button.changed.connect(lambda: self.set_pixel_size())
        self.draw_button.changed.connect(lambda: self.draw_line())
        self.line_button.changed.connect(lambda: self.set_by_line())
        self.step_button.changed.connect(lambda: self.set_step())
        # another form may have found the bar, or made a result
        self.viewer.layers.events.inserted.connect(self._later)
        self.viewer.layers.selection.events.active.connect(self._later)
        self.refresh()

    @property
    def layer(self) -> Layer | None:
        """The image that is told of."""
        return self.inputs["image"]

    def _changed(self) -> None:
        super()._changed()
        self.refresh()

    def _make_fields(self, name: str) -> Container:
        fields = super()._make_fields(name)
        self.viewer.layers.events.inserted.connect(lambda _: fields.reset_choices())
        return fields

    # what is known --------------------------------------------------------------------------------

    def _later(self, event: Any = None) -> None:
        later(self.native, 0, self.refresh)

    def _disconnect(self, *given: Any) -> None:
        self.viewer.layers.events.inserted.disconnect(self._later)
        self.viewer.layers.selection.events.active.disconnect(self._later)
        super()._disconnect(*given)

    def refresh(self) -> None:
        """Tell what is known of the layer by now."""
        layer = self.layer if self._fields else None
        if layer is None:
            self.told.setText("Open a micrograph, and what is known of it stands here.")
            return
        self.told.setText(_told(layer))
        if hasattr(self, "step_row"):
            self.step_row.visible = layer.ndim > 2
            unit = unit_name(layer.units[-3]) if layer.ndim > 2 else ""
            if unit in self.step_unit.choices:
                self.step_unit.value = unit
                self.step.tell(float(layer.scale[-3]))
        spacing, unit = calibration(layer)
        if spacing is not None and hasattr(self, "size"):
            # also one that nobody would type
            self.unit.choices = UNITS if unit in UNITS else (*UNITS, unit)
            self.unit.value = unit
            self.size.tell(spacing[-1])

    # pixel size -----------------------------------------------------------------------------------

    def set_pixel_size(self) -> None:
        """Give the image the pixel size that was typed."""
        if self.layer is not None:
            spacing, _ = calibration(self.layer)
            # pixels that are not square stay so
            shape = (1.0, 1.0) if spacing is None else (spacing[-2] / spacing[-1], 1.0)
            self._calibrate([self.size.length * side for side in shape], str(self.unit.value))

    def set_step(self) -> None:
        """Give a stack the step between its slices."""
        layer, step, unit = self.layer, self.step.length, str(self.step_unit.value)
        if layer is None or layer.ndim < 3:
            return
        if not is_plausible(step, unit):
            report(ValueError(f"A step of {self.step.value} {unit} cannot be: type one above 0"))
            return
        before, layers = calibration(layer, voxel=True), [layer, *_made_of(layer, self.viewer)]
        for one in layers:
            if one.ndim == layer.ndim:
                place = one.translate[-3] / one.scale[-3] * step
                one.translate = (*one.translate[:-3], place, *one.translate[-2:])
                one.scale = (*one.scale[:-3], step, *one.scale[-2:])
                one.units = (*one.units[:-3], unit, *one.units[-2:])
        after = calibration(layer, voxel=True)
        if after[0] is not None:
            _record_size(layers, *after)
        missing = _rescale_tables(layers, before, after)
        self.refresh()
        self._say(f"{layer.name}: slices are {step:.4g} {unit} apart.{missing}")

    def draw_line(self) -> None:
        """Give the person a line to draw over the scale bar."""
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
        """Calibrate by the line that was drawn last."""
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
        factor = self.line_length.length / drawn
        self._calibrate([side * factor for side in _sides(layer)], str(self.line_unit.value))

    def _lines(self) -> Shapes | None:
        return next((one for one in self.viewer.layers if one.name == LINE), None)

    def _calibrate(self, size: list[float], unit: str) -> None:
        """Rescale the image, and with it what was made of it and lies on it."""
        layer = self.layer
        assert layer is not None
        if not all(is_plausible(side, unit) for side in size):
            report(ValueError(f"A pixel of {size[-1]:g} {unit} cannot be: type one above 0"))
            return
        before, layers = calibration(layer, voxel=True), [layer, *_made_of(layer, self.viewer)]
        ratio = np.ones(layer.ndim)
        ratio[-2:] = np.asarray(size) / _sides(layer)
        lines = self._lines()
        if lines is not None:
            # it was drawn at the old size
            self.viewer.layers.remove(lines)
        for one in layers:
            one.scale = one.scale * ratio[-one.ndim :]
            one.translate = one.translate * ratio[-one.ndim :]
            one.units = (*one.units[:-2], unit, unit)
        after = calibration(layer, voxel=True)
        _record_size(layers, (*after[0][:-2], *size), unit)
        missing = _rescale_tables(layers, before, after)
        known = {**(layer.metadata.get(MICROGRAPH) or {}), "spacing": tuple(size), "unit": unit}
        layer.metadata[MICROGRAPH] = {**known, "calibrated": "by hand"}
        scale_bar(self.viewer).visible = True
        self.viewer.fit_to_view()
        self.refresh()
        self._say(f"{layer.name}: a pixel is {size[-1]:.4g} {unit} wide.{missing}")

    # label bar ------------------------------------------------------------------------------------

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Keep the bar that was found or typed: every operation leaves it out from now on."""
        if operation.name == "detect_info_bar":
            keep_bar(source.layer, InfoBar(**result.facts["info_bar"]))
            self.refresh()


def _sides(layer: Layer) -> tuple[float, ...]:
    """Height and width of a pixel in the world, by whatever transform it has them."""
    spacing, _ = calibration(layer)
    return tuple(layer.scale[-2:]) if spacing is None else spacing[-2:]


def _told(layer: Layer) -> str:
    """Give facts of a layer as rich text; what is missing is said first."""
    known = dict(layer.metadata.get(MICROGRAPH) or {})
    spacing, unit = calibration(layer)
    height, width = plane_shape(layer)
    rows = [("Image", layer.name), ("Pixels", f"{width} × {height}, {layer.dtype}")]
    warning = ""
    if spacing is None:
        warning = (
            "<p><b style='color:#e0a000'>No pixel size.</b> Lengths are in pixels. Type it, or "
            "draw a line over the scale bar.</p>"
        )
    else:
        sides = [f"{side:.5g}" for side in dict.fromkeys(reversed(spacing[-2:]))]
        hand = " (by hand)" if known.get("calibrated") else ""
        rows.append(("Pixel size", f"{' × '.join(sides)} {unit}{hand}"))
        rows.append(("Field", _field(width * spacing[-1], height * spacing[-2], unit)))
    if layer.ndim > 2:
        step = f"{layer.scale[-3]:.5g} {unit_name(layer.units[-3])}"
        rows.append(("Slices", f"{layer.data.shape[-3]}, {step} apart"))
    bar = known_bar(layer)
    rows.append(("Label bar", "not looked for yet" if bar is None else str(bar)))
    more = [key for key in known if key not in (*_FACTS, *NOT_FACTS, "calibrated")]
    titles = {**_FACTS, **{key: key.replace("_", " ").capitalize() for key in more}}
    rows += [(title, _text(known[key])) for key, title in titles.items() if key in known]
    cells = "".join(
        f"<tr><td style='padding-right:8px'>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    notes = "".join(f"<p>{escape(str(note))}</p>" for note in known.get("notes") or ())
    return f"{warning}<table>{cells}</table>{notes}"


def _field(width: float, height: float, unit: str) -> str:
    """Width and height in a unit that suits them."""
    names = ("pm", "nm", "µm", "mm")
    while unit in names[:-1] and width >= 1000:
        width, height, unit = width / 1000, height / 1000, names[names.index(unit) + 1]
    return f"{width:.4g} × {height:.4g} {unit}"


def _text(value: Any) -> str:
    # adding zero makes -0 a 0
    return f"{value + 0.0:.5g}" if isinstance(value, float) else str(value)


def _made_of(layer: Layer, viewer: Viewer) -> list[Layer]:
    """Results of a layer, and results of these."""
    known, found = {str(layer.unique_id)}, []
    # results lie after what they were made of, unless a person has moved them
    for _ in range(2):
        for one in viewer.layers:
            record = one.metadata.get(METADATA) or {}
            if record.get("layer") in known and str(one.unique_id) not in known:
                known.add(str(one.unique_id))
                found.append(one)
    return found


def _record_size(layers: list[Layer], size: tuple[float, ...], unit: str) -> None:
    """Tell a new pixel size to the records of results; that of a volume has three sides."""
    for one in layers:
        record = one.metadata.get(METADATA)
        if isinstance(record, dict) and isinstance(record.get("source"), dict):
            sides = max(len(record["source"].get("spacing") or ()), 2)
            spacing = [float(side) for side in size[-sides:]]
            record["source"] |= {"spacing": spacing, "unit": unit}


def _rescale_tables(layers: list[Layer], before: Any, after: Any) -> str:
    """Bring tables of labels to another calibration; say which are to be measured again."""
    short = []
    for one in layers:
        if before == after or not isinstance(one, Labels) or not len(one.features.columns):
            continue
        table = rescaled_table(one.features, before, after)
        if len(table.columns) < len(one.features.columns):
            short.append(one.name)
        one.features = table
    if not short:
        return ""
    return f" Measure {', '.join(short)} again: what its new voxels do not tell was left out."


def _row(label: str, *widgets: Any) -> Container:
    row = Container(widgets=list(widgets), layout="horizontal", labels=False, label=label)
    row.margins = (0, 0, 0, 0)
    return row
