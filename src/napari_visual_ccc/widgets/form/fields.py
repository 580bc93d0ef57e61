"""The fields of an operation, made from its signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    ComboBox,
    Container,
    FileEdit,
    Label,
    Widget,
    create_widget,
)
from napari.layers import Image, Labels, Layer, Points, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from ...workflow import signature
from ...workflow.operations import Kind, Operation
from ...workflow.signature import Parameter, Presets
from ..controls.rows import Rows, applying
from ..controls.timers import later
from ..layers.channels import with_channels
from ..layers.drawn import take_drawn
from ..layers.metadata import layers_of
from ..layers.newest import image_for, labels_for, map_for
from ..layers.source import Source, level_like, placed_on, take
from ..parts.scrolling import keep_narrow
from .number import Number

if TYPE_CHECKING:
    from napari.viewer import Viewer

# options of a parameter that its widget does not know
_NO_WIDGET = ("presets", "hub", "more", "applies", "stack", "unit", "label_in")


def fields_of(name: str, viewer: Viewer) -> Rows:
    """Make the fields of an operation: inputs first, then parameters."""
    optional = signature.optional_inputs(name)
    texts = signature.input_help(name)
    kinds = signature.input_kinds(name)
    boxes: list[Widget] = [
        ComboBox(
            name=field,
            label=field.capitalize(),
            choices=layers_of(viewer, layer_kind(kinds[field])),
            nullable=field in optional,
            tooltip=texts[field],
        )
        for field in signature.inputs(name)
    ]
    presets = signature.preset_of(name)
    first = presets.values_of(presets.default)
    choices = [field_of(p, first.get(key)) for key, p in signature.parameters(name).items()]
    fields = Rows(name, boxes + choices)
    follow_preset(fields, presets)
    keep_narrow(fields.native)
    later(fields.native, 0, fields.align)
    return fields


def layer_kind(kind: Kind) -> type[Layer] | tuple[type[Layer], ...]:
    """Layers that fit an input of this kind."""
    if kind == "prompts":
        return Points, Shapes, Labels
    return Labels if kind == "labels" else Image


def follow_preset(fields: Container, presets: Presets) -> None:
    """Begin the custom preset with the values of the preset that was chosen before."""
    if presets.parameter is None:
        return
    box = fields[presets.parameter]

    def show() -> None:
        if box.value != signature.CUSTOM:
            for key, value in presets.values_of(box.value).items():
                fields[key].value = value

    box.changed.connect(show)
    show()


def field_of(parameter: Parameter, value: Any = None) -> Widget:
    """Make the form field of a parameter: a slider where its range is short.

    Parameters
    ----------
    parameter : Parameter
        Of an operation.
    value : optional
        To begin with, where the default is None.
    """
    kind = parameter.plain_type
    options = {key: one for key, one in parameter.options.items() if key not in _NO_WIDGET}
    options.setdefault("label", parameter.name.replace("_", " ").capitalize())
    options["tooltip"] = parameter.help
    if {"min", "max"} <= options.keys() and options["max"] - options["min"] <= 1000:
        options.setdefault("widget_type", "FloatSlider" if kind is float else "Slider")
    if kind is float:
        options.setdefault("widget_type", Number)
    if parameter.type == (Path | None):
        options["nullable"] = True
        if options.get("mode") != "d":
            options["filter"] = "Models (*.safetensors *.pth *.pt)"
    field = create_widget(
        name=parameter.name,
        annotation=kind,
        value=parameter.default if value is None else value,
        options=options,
    )
    if isinstance(field, FileEdit):
        # room for the path
        field.choose_btn.text = "Choose…"
    return field


def values_of(name: str, fields: Rows) -> dict[str, Any]:
    """Values of the fields by parameter; defaults where they do not apply, None of empty paths."""
    values: dict[str, Any] = {}
    shown, typed = applying(name, fields), fields.values()
    presets = signature.preset_of(name)
    chosen = None if presets.parameter is None else fields[presets.parameter].value
    for key, parameter in signature.parameters(name).items():
        if chosen != signature.CUSTOM and key in presets.values_of(chosen):
            values[key] = None
            continue
        value = typed[key] if key in shown else parameter.default
        empty = isinstance(value, Path) and str(value) in ("", ".")
        values[key] = None if empty and parameter.default is None else value
    return values


def choose_layers(
    name: str,
    fields: Container,
    layer: Layer | None,
    layers: Iterable[Layer],
    *,
    is_first: bool = False,
) -> None:
    """Choose the inputs of an operation that a selected layer is, or belongs to.

    Inputs that may be left out are chosen by hand, but for prompts: those are drawn for it.

    Parameters
    ----------
    name : str
        Of the operation.
    fields : Container
        Of the operation.
    layer : Layer or None
        The selected one; None where none or several are.
    layers : iterable of Layer
        Of the viewer, the topmost last.
    is_first : bool
        Nothing was chosen yet: in the fields are the layers that are offered first. Where none is
        selected, the topmost visible layer is taken.
    """
    layers = list(layers)
    if layer is None and is_first:
        layer = next((one for one in reversed(layers) if one.visible), None)
    if layer is None:
        return
    optional, kinds = signature.optional_inputs(name), signature.input_kinds(name)
    for key in kinds:
        _renew(fields[key])
    for key, kind in kinds.items():
        if key in optional and kind != "prompts":
            continue
        box = fields[key]
        chosen = None if is_first else box.value
        found: Layer | None
        if kind == "prompts":
            # labels are mostly results: as prompts they are chosen by hand
            found = layer if isinstance(layer, Points | Shapes) else None
        elif kind == "labels":
            # regions are measured one by one, and phases as a whole
            found = labels_for(layer, layers, chosen, objects=name == "region_table")
        elif kind == "heatmap":
            found = map_for(layer, layers, chosen)
        else:
            found = image_for(layer, layers, chosen)
        if found is not None and box.value is not found:
            box.value = found


def _renew(box: ComboBox) -> None:
    """List the layers anew where they or their names have changed: slow with many of them."""
    layers, rows = _offered(box), box.native
    shown = {rows.itemText(k): rows.itemData(k) for k in range(rows.count())}
    # a box that may be left empty has one row more
    if len(shown) - len(layers) not in (0, 1) or any(
        shown.get(layer.name) is not layer for layer in layers
    ):
        box.reset_choices()


def _offered(box: ComboBox) -> list[Layer]:
    """Layers of the viewer that a box offers."""
    layers: list[Layer] = box.options["choices"](box)
    return layers


def take_inputs(
    operation: Operation,
    layers: Mapping[str, Layer | None],
    viewer: Viewer,
    *,
    preview: bool = False,
    level: int = 0,
    channels: Sequence[str] = (),
) -> dict[str, Source]:
    """Read the layers chosen for an operation.

    Parameters
    ----------
    layers : mapping
        By input; None where no layer is chosen.
    preview, level
        As `source.take`; further inputs are taken on the level that has the size of the first.
    channels : sequence of str
        Channels that the model takes of the first input.

    Raises
    ------
    ValueError
        If a layer that the operation needs is not chosen, or that of a channel is missing.
    """
    optional = signature.optional_inputs(operation.name)
    sources: dict[str, Source] = {}
    for name, kind in signature.input_kinds(operation.name).items():
        layer = layers[name]
        if layer is None and name not in optional:
            kinds = {"labels": "Labels", "prompts": "Points, Shapes or Labels"}
            wanted = kinds.get(kind, "Image")
            wanted = f"an {wanted}" if wanted[0] in "AEIOU" else f"a {wanted}"
            raise ValueError(f"{operation.title} needs {wanted} layer: open or choose one")
        if layer is None:
            continue
        if sources and isinstance(layer, Points | Shapes):
            sources[name] = take_drawn(layer, next(iter(sources.values())), viewer)
            continue
        if sources:
            level = level_like(layer, next(iter(sources.values())))
        planar = operation.planar
        taken = take(layer, viewer, planar=planar, preview=preview, level=level)
        sources[name] = placed_on(taken, next(iter(sources.values()), taken))
        if channels and len(sources) == 1:
            sources[name] = with_channels(sources[name], viewer, channels, level)
    return sources


def plain_label() -> QLabel:
    """Make a label that wraps, and shows names that look like HTML as they are."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def wrapped(*texts: Label) -> None:
    """Wrap texts to the width of the dock; names that look like HTML stay as they are."""
    for text in texts:
        text.native.setTextFormat(Qt.TextFormat.PlainText)
        text.native.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        text.native.setSizePolicy(policy)
