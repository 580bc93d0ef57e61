"""Run an operation: the one way from inputs and parameters to a result and its record.

The viewer, the command line, scripts (`workflow.scripts.call`), recipes and the demo all call
`execute`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays.lazy import check_repeated
from ..core.layers import Layer, PointsLayer, ShapesLayer
from ..core.layers.frame import check_spacing, common_size, in_frame, sizes_of
from ..core.memory import in_words
from ..core.micrograph import InfoBar, Micrograph
from ..core.plain import shown
from ..core.progress import Progress, Steps
from ..core.result import Result
from ..core.settings.borrowed import given_back
from ..core.units import unit_of
from .choices import carried_record, ignored, inherited
from .operations import OPERATIONS, Operation, function
from .signature import (
    INFO_BAR,
    calibrated,
    checked,
    defaults,
    input_kinds,
    inputs,
    optional_inputs,
    resolved,
    takes_bar,
)
from .specimen import (
    as_input,
    bar_notes,
    folder_of,
    in_pixels,
    keeps_info_bar,
    layer_of,
    layers_of,
    model_channels,
    on_field,
    open_dataset,
    watched,
    with_channels,
)

if TYPE_CHECKING:
    from .record import Record

KEPT = "the model was trained with info bars: the image is shown to it with its own"

# layers of coordinates
Drawn = PointsLayer | ShapesLayer


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of an operation, with its record.

    Parameters
    ----------
    result : Result
        Its layers, tables, facts and notes.
    record : Record
        How it was made; ``record.of(layer name)`` is that of one layer.
    info_bar : InfoBar
        What was left out of the first input, in the frame of the layers; empty where the
        operation works on the whole image.
    ignored : tuple of str
        Those notes of the result that name a choice without an effect.
    """

    result: Any
    record: Record
    info_bar: InfoBar
    ignored: tuple[str, ...] = ()


def execute(
    name: str,
    given: Mapping[str, Any],
    choices: Mapping[str, Any] | None = None,
    *,
    spacing: Any = None,
    unit: str = "px",
    info_bar: InfoBar | Callable[[], InfoBar] | None = None,
    limits: bool = True,
    typed: bool = True,
) -> Steps[Outcome]:
    """Run an operation.

    Parameters
    ----------
    name : str
        In the catalogue.
    given : mapping
        Its inputs by name: a `Micrograph`, an array, a layer or a result with one where it takes
        an image, labels or a map; a layer of points or shapes, (n, 2) positions or labels where it
        takes prompts; a `Dataset`, or the path that `load_dataset` takes, or a folder where it
        takes those. Stacks are passed slice by slice to operations on one plane.
    choices : mapping, optional
        Its parameters by name; checked against their types and, with `limits`, their limits.
    spacing, unit : (y, x) or (z, y, x), and str, optional
        Pixel size; when absent that of the first input which has one, a Micrograph or a result,
        converted to `unit` where that is given. Inputs must then agree up to rounding (1 %).
    info_bar : InfoBar or callable, optional
        Info bar of the first input, which is left out and stays blank in the result; a callable is
        called for it when the work begins. When absent: the bar of a Micrograph, detected where
        its file does not state one; that of the image that a result was made of. Nothing of an
        array is left out: a bar that it seems to have is named in the notes.
    typed : bool
        Whether a person made the choices: those without an effect are named. A record has all.

    Returns
    -------
    Outcome
        The result and its record.

    Raises
    ------
    ValueError
        If an input is missing or a parameter is wrong, and as the operation does.
    """
    operation = _known(name)
    choices = checked(name, choices or {}, limits=limits)
    there = [key for key, one in given.items() if one is not None]
    idle = ignored(name, choices, there) if typed else ()
    choices = resolved(name, choices)
    _check_inputs(operation, given)
    given, of_inputs = _given(name, given, choices)
    given, doubts = watched(operation, given, choices)
    first = next(iter(given.values()))
    choices |= inherited(operation, first, choices)
    if spacing is None:
        spacing, unit = common_size(layers_of(given), unit)
    check_spacing(spacing, unit, _array(first))
    unit = unit_of(unit)
    from .record import make_record

    # nothing of the record may fail after the work
    previous, notes = carried_record(first)
    source = {
        "name": _name(first),
        "path": _path(first),
        "spacing": sizes_of(spacing, first, _array(first)),
        "unit": unit,
    }
    if operation.takes_arrays and not takes_bar(name) and keeps_info_bar(operation, choices):
        info_bar, notes = InfoBar(), (*notes, KEPT)
    bar = yield from _bar(operation, first, info_bar)
    looks = info_bar is None and operation.takes == "image" and not operation.whole
    notes = (*idle, *of_inputs, *notes, *bar_notes(bar, first if looks else None))
    with in_words(), given_back():
        result = yield from _steps(operation, given, choices, bar, spacing, unit)
    if isinstance(result, Result):
        kept = None if operation.whole else bar
        result = result.with_layers(in_frame(spacing, unit, kept, _array(first)))
    if operation.inherits and _is_of_another_model(first, previous, result):
        notes = (*notes, "the heatmap was made by another model than the one that classified here")
    if notes := (*notes, *doubts.notes):
        result = replace(result, notes=(*result.notes, *notes))
    record = make_record(
        name,
        {**defaults(name), **choices},
        {key: _name(value) for key, value in given.items()},
        source=source,
        previous=previous,
        result=result,
        drawn={key: one for key, one in given.items() if isinstance(one, Drawn)},
    )
    result = replace(result, record=record) if isinstance(result, Result) else result
    return Outcome(result, record, InfoBar() if operation.whole or bar is None else bar, idle)


def _known(name: str) -> Operation:
    function(name)
    return OPERATIONS[name]


def _check_inputs(operation: Operation, given: Mapping[str, Any]) -> None:
    takes = inputs(operation.name)
    unknown = [key for key in given if key not in takes]
    if unknown:
        raise ValueError(
            f"{operation.name} takes no {shown(unknown[0])}; it takes {' and '.join(takes)}"
        )
    for key in takes:
        if given.get(key) is None and key not in optional_inputs(operation.name):
            raise ValueError(f"{operation.name} needs {key}")


def _given(
    name: str, given: Mapping[str, Any], choices: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Inputs as operations expect them: order of axes, pixels, pictures as labels, data sets."""
    there = {key: given[key] for key in inputs(name) if given.get(key) is not None}
    kinds = input_kinds(name)
    notes: list[str] = []
    for key, one in there.items():
        check_repeated(one.data if isinstance(one, Micrograph | Layer) else one)
        if kinds[key] in ("image", "labels", "heatmap"):
            there[key], more = as_input(one, kinds[key])
            notes += more
    shape = np.shape(_array(next(iter(there.values()), None)))
    for key, kind in kinds.items():
        if kind == "regions" and isinstance(there.get(key), Micrograph):
            there[key], more = as_input(there[key], "labels")
            notes += more
        if kind == "prompts" and key in there and len(shape) > 1:
            there[key] = in_pixels(there[key], shape)
        if kind == "dataset" and key in there:
            there[key] = open_dataset(name, there[key], choices)
    return there, tuple(notes)


def _bar(
    operation: Operation, first: Any, info_bar: InfoBar | Callable[[], InfoBar] | None
) -> Steps[InfoBar | None]:
    if not operation.takes_arrays or (operation.whole and not takes_bar(operation.name)):
        if info_bar:
            raise ValueError(f"{operation.name} takes no info_bar")
        return None
    if isinstance(info_bar, InfoBar):
        return info_bar
    if info_bar is None:
        if not isinstance(first, Micrograph):
            made = layer_of(first)
            return made.frame.info_bar or None if isinstance(made, Layer) else None
        if first.info_bar is not None or operation.takes != "image" or operation.whole:
            return first.info_bar
    elif not callable(info_bar):
        raise ValueError(f"info_bar is {shown(info_bar)}; give for example InfoBar(bottom=64)")
    yield Progress(0, 0, "info bar")
    if callable(info_bar):
        return info_bar()
    from ..engine.acquisition.bar_detector import find_info_bar

    return find_info_bar(first.data)


def _steps(
    operation: Operation,
    given: Mapping[str, Any],
    choices: Mapping[str, Any],
    bar: InfoBar | None,
    spacing: Any,
    unit: str,
) -> Steps[Result]:
    name = operation.name
    work = function(name)
    if operation.takes == "folder":
        return work(*map(folder_of, given.values()), **choices)
    channels = model_channels(operation, choices)
    if channels:
        first = next(iter(given))
        given = {**given, first: with_channels(given[first], channels)}
    arrays = {key: _array(one) for key, one in given.items()}
    scale = {"spacing": spacing, "unit": unit} if calibrated(name) else {}
    if operation.planar and not operation.stacks:
        from ..arrays.stacks import per_slice

        work = per_slice(work, channels=bool(channels))
    if takes_bar(name):
        return work(**arrays, **scale, **{INFO_BAR: bar}, **choices)
    if not bar or operation.whole:
        return work(**arrays, **scale, **choices)
    return on_field(lambda cut: work(**cut, **scale, **choices), arrays, bar, spacing, unit)


def _is_of_another_model(first: Any, previous: Mapping[str, Any] | None, result: Result) -> bool:
    from .record import model_of

    made = model_of(first) if isinstance(first, Result) else (previous or {}).get("model")
    was = (made or {}).get("hash")
    now = model_of(result).get("hash")
    return bool(was and now and was != now)


def _array(given: Any) -> Any:
    """Array of an input, a lazy one stays lazy; points and shapes as they are."""
    if isinstance(given, Drawn):
        return given
    if isinstance(given, Result):
        given = given.layer()
    return given.data if isinstance(given, Micrograph | Layer) else given


def _name(given: Any) -> str:
    return str(getattr(given, "name", "")) if not hasattr(given, "dtype") else ""


def _path(given: Any) -> str | None:
    path = given if isinstance(given, Path) else getattr(given, "path", None)
    return None if path is None else str(path)
