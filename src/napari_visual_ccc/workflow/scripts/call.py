"""Operations as plain functions."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ...core.layers.frame import coarse, typed_scale
from ...core.process.interrupts import second_ends_at_once
from ...core.progress import reporter, run
from ...core.result import Result
from ..operations import OPERATIONS, function
from ..run import execute
from ..signature import CALIBRATION, INFO_BAR, calibrated, input_kinds, inputs, takes_bar
from ..specimen import as_micrograph, layers_of

if TYPE_CHECKING:
    from ..record import Record

REPORT = "report"

# what every function takes beside the parameters of its operation
_MORE = """

Notes
-----
Every operation also takes ``report``: ``True`` prints the progress, a function is called with
each `Progress`. A choice that has no effect beside the others is named in a warning and in the
notes. A choice of a model takes a file, a model of `load_model` or the result of a
training."""


def call(name: str) -> Callable[..., Any]:
    """Wrap an operation as a plain function that returns its result (for scripts).

    Each input may be a `Micrograph`, a file, a result or a layer of one: the pixel size of the
    first that has one is used, in its unit or in that of ``unit="µm"``, and the info bar of the
    first input is left out. An array has neither: give ``spacing=2.5, unit="nm"`` and
    ``info_bar=InfoBar(bottom=64)``; a bar that it seems to have is named in the notes and not left
    out. ``report=True`` prints the progress, a function gets each `Progress`.
    """
    engine_function = function(name)
    signature = inspect.signature(engine_function)
    is_option = leaves_out_bar(name)

    @functools.wraps(engine_function)
    def finished(*args: Any, **kwargs: Any) -> Any:
        from .models import kept_as_files

        bar = kwargs.pop(INFO_BAR, None) if is_option else None
        report = reporter(kwargs.pop(REPORT, None), name)
        try:
            bound = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        known = bound.pop(INFO_BAR, None) if takes_bar(name) else None
        scale = {key: bound.pop(key) for key in CALIBRATION if key in bound}
        given = {key: _opened(name, key, bound.pop(key)) for key in inputs(name) if key in bound}
        scale = typed_scale(scale, layers_of(given))
        bar = known if bar is None else bar
        choices, unsaved = kept_as_files(bound)
        # a training beyond the limits of the form makes no sense: no epochs, no images
        limits = not OPERATIONS[name].takes_arrays
        steps = execute(name, given, choices, info_bar=bar, limits=limits, **scale)
        # a signal that ends the process would leave the temporary folder of one without a state
        is_folder = OPERATIONS[name].takes == "folder"
        with second_ends_at_once() if is_folder else nullcontext():
            outcome = run(steps, report)
        for note in outcome.ignored:
            warnings.warn(f"{name}: {note}", stacklevel=2)
        result, record = outcome.result, _after(next(iter(given.values()), None), outcome.record)
        if unsaved is not None:
            record = unsaved.in_record(record)
            result = replace(result, notes=(*result.notes, unsaved.note))
        if calibrated(name) and "spacing" not in scale:
            result = replace(result, notes=(*result.notes, *coarse(layers_of(given))))
        return replace(result, record=record)

    shown: Any = finished
    shown.__signature__ = signature_of(name)
    shown.__doc__ = inspect.cleandoc(engine_function.__doc__ or "") + _MORE
    return finished


def _opened(name: str, key: str, given: Any) -> Any:
    """Read an input that is the path of a file; data sets have paths that operations open."""
    if not isinstance(given, str | Path) or not OPERATIONS[name].takes_arrays:
        return given
    if input_kinds(name)[key] != "prompts":
        return as_micrograph(given)
    from ...io.read.coordinates import read_prompts

    # points and shapes hold no path: they are recorded by the file that they are read from
    return replace(read_prompts(Path(given)), name=str(given))


def _after(first: Any, record: Record) -> Record:
    """Continue the record of the result that was the first input."""
    earlier = first.record if isinstance(first, Result) else None
    if earlier is None:
        return record
    steps = [*earlier.of(first.layers[0].name if first.layers else "").steps, *record.steps]
    return record.model_copy(update={"source": earlier.source, "steps": steps})


def leaves_out_bar(name: str) -> bool:
    """Whether the function takes ``info_bar`` as a keyword that its operation has not."""
    operation = OPERATIONS[name]
    return operation.takes_arrays and not operation.whole and not takes_bar(name)


def signature_of(name: str) -> inspect.Signature:
    """Signature of the function of an operation: with what scripts add, and what it returns."""
    made, hints = inspect.signature(function(name)), get_type_hints(function(name))
    more = [INFO_BAR, REPORT] if leaves_out_bar(name) else [REPORT]
    kind = inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter(one, kind, default=None) for one in more]
    # without the limits of forms, and without the generator around the result: Steps[Result]
    parameters = [one.replace(annotation=hints[key]) for key, one in made.parameters.items()]
    (*_, returned) = get_args(hints["return"]) or (hints["return"],)
    return made.replace(parameters=[*parameters, *given], return_annotation=returned)
