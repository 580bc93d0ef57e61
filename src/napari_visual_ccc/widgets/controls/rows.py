"""The rows of a form: those that apply are shown, with units, and seldom choices on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from magicgui.widgets import Container, Widget
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from ...core.layers.frame import in_unit
from ...core.pixel_size import pixel_side
from ...core.units import ratio, suitable
from ...workflow import signature
from ...workflow.choices import without_effect
from ...workflow.signature import Parameter
from ...workflow.upgrade import lengths_of
from ..layers.metadata import calibration

# pixels up to which the largest label is looked for
_COUNTED = 16_000_000

# pixels of a length that is typed
_SEVERAL = 10

# largest number of a box
_MOST = 2**31 - 1


class Rows(Container):
    """Fields of an operation under each other, as its signature describes them.

    Hidden are: fields that do not apply to the layer or to the other choices, values of a preset,
    and what is behind the button *More*. Labels name the unit of lengths, and numbers that name a
    label end with the largest one of the layer.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    widgets : sequence of Widget
        Of its inputs and parameters, by their names.
    """

    def __init__(self, operation: str, widgets: Sequence[Widget]) -> None:
        self._operation = operation
        self._watched: Layer | None = None
        self._largest = LargestLabel()
        # in which lengths are typed
        self._unit = "px"
        super().__init__(widgets=widgets)
        self.margins = (0, 0, 0, 0)
        self._more = more_button()
        self._more.toggled.connect(self.refresh)
        self.arrange()
        self.changed.connect(self.refresh)
        self.native.destroyed.connect(self._watch_no_layer)
        self.native.destroyed.connect(self._largest.forget)

    # which fields are shown ---------------------------------------------------------------------

    def refresh(self, *_: Any) -> None:
        """Show what applies to the layers and the values that are chosen."""
        layer = self._layer
        self._watch(layer)
        self._use_unit(layer)
        shown, folded = applying(self._operation, self), self._more.isChecked()
        presets = signature.preset_of(self._operation)
        chosen = None if presets.parameter is None else self[presets.parameter].value
        has_more, typed = False, self._typed
        for key, parameter in signature.parameters(self._operation).items():
            applies = key in shown
            applies &= chosen == signature.CUSTOM or key not in presets.values_of(chosen)
            more = bool(parameter.options.get("more"))
            has_more |= more and applies
            field = self[key]
            field.visible = applies and (folded or not more)
            text = label_of(parameter, self._unit, typed)
            if field.label != text:
                field.label = text
                self.align()
            if "label_in" in parameter.options:
                most = self._largest.of(self[parameter.options["label_in"]].value)
                field.max = max(most or parameter.options.get("max", _MOST), field.min)
        self._more.setVisible(has_more)

    def _use_unit(self, layer: Layer | None) -> None:
        """Type lengths in a unit that suits the layer; those that were typed stay as long."""
        if layer is None or (unit := typed_unit(layer)) == self._unit:
            return
        before, self._unit = self._unit, unit
        factor = ratio(before, unit)
        if before == "px":
            factor = pixel_side(in_unit(*calibration(layer), unit)[0])
        for key in lengths_of(self._operation, self._typed):
            default = signature.defaults(self._operation)[key]
            self[key].value = default if factor is None else _rounded(self[key].value * factor, 4)

    @property
    def _typed(self) -> dict[str, Any]:
        known = signature.parameters(self._operation)
        return {field.name: field.value for field in self if field.name in known}

    def values(self) -> dict[str, Any]:
        """Values of the parameters; lengths in the unit of the layer."""
        found, layer = self._typed, self._layer
        factor = None if layer is None else ratio(self._unit, calibration(layer)[1])
        if factor is not None and factor != 1:
            for key in lengths_of(self._operation, found):
                found[key] = _rounded(found[key] * factor, 12)
        return found

    @property
    def _layer(self) -> Layer | None:
        """Layer of the first input."""
        return next((self[key].value for key in signature.inputs(self._operation)), None)

    def _watch(self, layer: Layer | None) -> None:
        """Follow the pixel size of a layer."""
        if layer is self._watched:
            return
        self._watch_no_layer()
        if layer is not None:
            for event in (layer.events.scale, layer.events.units):
                event.connect(self.refresh)
        self._watched = layer

    def _watch_no_layer(self, *_: Any) -> None:
        if self._watched is not None:
            for event in (self._watched.events.scale, self._watched.events.units):
                event.disconnect(self.refresh)
        self._watched = None

    # their places -------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Put the button *More*, and what is behind it, below the other fields."""
        known = signature.parameters(self._operation)
        names = [field.name for field in self]
        last = [name for name in names if name in known and known[name].options.get("more")]
        layout = self.native.layout()
        first = [self._row(name) for name in names if name not in last]
        for row in (*first, self._more, *(self._row(name) for name in last)):
            layout.removeWidget(row)
            layout.addWidget(row)
        self.refresh()

    def _row(self, name: str) -> QWidget:
        """The field with its label."""
        row: QWidget = self[name].native
        while (above := row.parentWidget()) is not None and above is not self.native:
            row = above
        return row

    def align(self) -> None:
        """Give all labels one width; magicgui measures them before the viewer sets its font."""
        align_labels(self)


def more_button() -> QToolButton:
    """A button that shows and hides what is seldom needed; its arrow says which."""
    button = QToolButton()
    button.setText("More")
    button.setToolTip("Show or hide choices that are seldom needed")
    button.setCheckable(True)
    button.setAutoRaise(True)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def point(shown: bool) -> None:
        button.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)

    button.toggled.connect(point)
    point(False)
    return button


def align_labels(*containers: Container) -> None:
    """Give the labels of all fields in some containers one width."""
    rows = [row for one in containers for row in one.native.children() if row.isWidgetType()]
    labels = [label for row in rows if (label := row.findChild(QLabel)) is not None]
    widest = max((label.sizeHint().width() for label in labels), default=0)
    for label in labels:
        label.setMinimumWidth(widest)


def applying(operation: str, fields: Container) -> set[str]:
    """Parameters that mean something for the layers and the other choices."""
    given = {key: fields[key].value for key in signature.inputs(operation)}
    layer = next(iter(given.values()), None)
    is_stack, known = layer is not None and layer.ndim > 2, signature.parameters(operation)
    values = {key: None if one is None else True for key, one in given.items()}
    idle = without_effect(operation, values | {key: fields[key].value for key in known})
    return {
        key
        for key, parameter in known.items()
        if key not in idle and (is_stack or not parameter.options.get("stack"))
    }


def label_of(parameter: Parameter, unit: str, choices: Mapping[str, Any]) -> str:
    """Label of a field, with the unit of lengths: px, or that in which they are typed."""
    text = parameter.options.get("label") or parameter.name.replace("_", " ").capitalize()
    kind = parameter.length_unit(choices)
    shown = unit if kind == "layer" else kind
    return f"{text} ({shown})" if shown else str(text)


def typed_unit(layer: Layer) -> str:
    """Unit in which lengths on an image are typed: nm, µm or mm by its pixels; px without a size.

    A length of several pixels is a short number in it.
    """
    spacing, unit = calibration(layer)
    return unit if spacing is None else suitable(_SEVERAL * pixel_side(spacing), unit)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


class LargestLabel:
    """The largest label of a layer, looked for again only after a change of its data."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._data: Any = None
        self._found: int | None = None

    def of(self, layer: Layer | None) -> int | None:
        """Largest label; None where it takes long to find."""
        if not isinstance(layer, Labels) or layer.multiscale:
            self.forget()
            return None
        data = layer.data
        # a dock gets layers behind a proxy: `is` does not hold
        if self._layer is None or layer != self._layer or data is not self._data:
            self.forget()
            for event in _changes(layer):
                event.connect(self._on_change)
            self._layer, self._data = layer, data
            is_small = isinstance(data, np.ndarray) and 0 < data.size <= _COUNTED
            self._found = int(data.max()) if is_small else None
        return self._found

    def _on_change(self, event: Any = None) -> None:
        self._data = None

    def forget(self, *_: Any) -> None:
        """Follow no layer any longer."""
        if self._layer is not None:
            for event in _changes(self._layer):
                event.disconnect(self._on_change)
        self._layer = self._data = self._found = None


def _changes(layer: Labels) -> tuple[Any, ...]:
    """Events after which the same array may hold other labels, such as strokes of the brush."""
    return layer.events.paint, layer.events.labels_update, layer.events.data
