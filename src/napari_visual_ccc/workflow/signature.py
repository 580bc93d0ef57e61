"""Inputs and parameters of an operation, read from its signature and its docstring."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np

from ..core.plain import shown
from .operations import OPERATIONS, Kind, function

# positional parameters that are not inputs: they come with the layer or the file
CALIBRATION = ("spacing", "unit")

INFO_BAR = "info_bar"

# of a choice: what float32 holds, in which results are computed
_MOST = 1e38

_NO_NUMBER = f"is no number between -{_MOST:g} and {_MOST:g}"


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation: what a form field and a command-line flag need.

    Parameters
    ----------
    type : type or typing form
        ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal[...]`` or ``Path | None``;
        numbers and bool may be None where a preset has a value for them.
    options : dict
        Limits and hints given with ``Annotated``: ``min``, ``max``, ``step``, ...; ``presets`` of
        a choice: its value → values of other parameters that are None; ``hub`` of a model that may
        be fetched; ``more`` of a choice that a form shows on demand; ``stack`` and ``applies`` of
        one that means something for stacks, or beside others: name of a choice or an input → its
        values, or "given"; ``unit`` of its label; ``label_in`` of a number that is a label in an
        input.
    help : str
        The numpydoc text of the parameter.
    """

    name: str
    type: Any
    default: Any
    options: dict[str, Any]
    help: str

    @property
    def plain_type(self) -> Any:
        """The type without None; of paths as it is."""
        kinds = [one for one in get_args(self.type) if one is not NoneType]
        is_optional = isinstance(self.type, UnionType) and Path not in kinds
        return kinds[0] if is_optional else self.type

    def length_unit(self, choices: Mapping[str, Any]) -> str:
        """Unit of a length: ``"px"``, or ``"layer"`` for that of the pixel size; else empty.

        The option ``unit`` may name a parameter that chooses between both.
        """
        unit = self.options.get("unit", "")
        if unit in choices:
            return "px" if choices[unit] == "px" else "layer"
        return str(unit)


# the preset whose values a person sets
CUSTOM = "custom"


def inputs(name: str) -> list[str]:
    """Names of the inputs of an operation, in order."""
    return [
        p.name
        for p in _signature(name)
        if p.kind is not p.KEYWORD_ONLY and p.name not in (*CALIBRATION, INFO_BAR)
    ]


def input_kinds(name: str) -> dict[str, Kind]:
    """Kind of each input, as the catalogue declares it."""
    return dict(zip(inputs(name), OPERATIONS[name].kinds, strict=True))


def calibrated(name: str) -> bool:
    """Whether an operation takes ``spacing`` and ``unit``."""
    return any(p.name in CALIBRATION for p in _signature(name))


def takes_bar(name: str) -> bool:
    """Whether an operation is passed the info bar, instead of an image without it."""
    return any(p.name == INFO_BAR and p.kind is not p.KEYWORD_ONLY for p in _signature(name))


def optional_inputs(name: str) -> list[str]:
    """Those of `inputs` that may be left out."""
    values = {p.name: p.default for p in _signature(name)}
    return [i for i in inputs(name) if values[i] is not inspect.Parameter.empty]


def parameters(name: str) -> dict[str, Parameter]:
    """Parameters of an operation, read from the signature and the docstring."""
    return parameters_of(function(name))


def parameters_of(function: Callable[..., Any]) -> dict[str, Parameter]:
    """Parameters of a function that are keyword-only, as those of an operation."""
    return dict(_parameters(function))


def defaults(name: str) -> dict[str, Any]:
    """Default of each of `parameters`."""
    return {key: parameter.default for key, parameter in parameters(name).items()}


@functools.cache
def _parameters(operation: Callable[..., Any]) -> dict[str, Parameter]:
    hints = get_type_hints(operation, include_extras=True)
    texts = _parameter_texts(operation)
    result = {}
    for parameter in inspect.signature(operation).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        kind, options = hints[parameter.name], {}
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            # of a type that has limits itself, the further ones come last
            options = {key: value for one in extras for key, value in one.items()}
        result[parameter.name] = Parameter(
            parameter.name, kind, parameter.default, options, texts.get(parameter.name, "")
        )
    return result


def summary(name: str) -> str:
    """First line of the docstring."""
    return _docstring(function(name)).short_description or ""


def input_help(name: str) -> dict[str, str]:
    """Description of each input in the docstring."""
    texts = _parameter_texts(function(name))
    return {i: texts.get(i, "") for i in inputs(name)}


def _signature(name: str) -> tuple[inspect.Parameter, ...]:
    return _signature_of(function(name))


@functools.cache
def _signature_of(operation: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(operation).parameters.values())


@functools.cache
def _docstring(operation: Callable[..., Any]) -> Any:
    from docstring_parser import parse
    from docstring_parser.common import DocstringStyle

    return parse(inspect.getdoc(operation) or "", style=DocstringStyle.NUMPYDOC)


def _parameter_texts(operation: Callable[..., Any]) -> dict[str, str]:
    texts = {}
    for parameter in _docstring(operation).params:
        for one in parameter.arg_name.split(","):
            texts[one.strip()] = _without_marks(parameter.description or "")
    return texts


def has_hub(name: str) -> bool:
    """Whether the model of an operation may be fetched from the hub of Hugging Face."""
    return any("hub" in parameter.options for parameter in parameters(name).values())


class Presets(NamedTuple):
    """Presets of an operation: named values of several parameters.

    Parameters
    ----------
    parameter : str or None
        Name of the parameter that chooses one; None if the operation has no presets.
    default : str
        The one chosen by default.
    table : mapping
        Preset → parameter → value.
    """

    parameter: str | None = None
    default: str = ""
    table: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    def values_of(self, preset: Any) -> Mapping[str, Any]:
        """Values of one preset."""
        return self.table.get(preset, {})


def preset_of(name: str) -> Presets:
    """Presets of an operation."""
    for parameter in parameters(name).values():
        if "presets" in parameter.options:
            return Presets(parameter.name, parameter.default, parameter.options["presets"])
    return Presets()


def resolved(name: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the values of the preset for parameters that are not given."""
    presets = preset_of(name)
    chosen = presets.values_of(choices.get(presets.parameter or "", presets.default))
    given = {key: value for key, value in choices.items() if value is not None or key not in chosen}
    return {**chosen, **given}


def checked(operation: str, choices: Mapping[str, Any], *, limits: bool = True) -> dict[str, Any]:
    """Check parameters against the signature of an operation.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    choices : mapping
        By name. Where those are expected, text becomes a path, a whole number an int or a float,
        0 or 1 a bool, None an empty text and a numpy number a plain one.
    limits : bool
        Check numbers against the limits of the form. A script may exceed them where the function
        can.

    Returns
    -------
    dict
        The parameters, ready for the call.

    Raises
    ------
    ValueError
        If there is no such operation or parameter, or a value is of the wrong type or outside
        its limits.
    """
    known = parameters(operation)
    unknown = [name for name in choices if name not in known]
    if unknown:
        raise ValueError(
            f"{operation} has no parameter {shown(unknown[0])}; it has {', '.join(known) or 'none'}"
        )
    values = {name: _checked_type(known[name], value) for name, value in choices.items()}
    for name, value in values.items():
        if limits:
            _check_limits(known[name], value)
    return values


def _checked_type(parameter: Parameter, value: Any) -> Any:
    kind = parameter.plain_type
    if value is None and kind is not parameter.type:
        return None
    if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, int) and abs(value) > _MOST:
        raise ValueError(f"{parameter.name} {_NO_NUMBER}")
    if get_origin(kind) is Literal:
        if isinstance(value, bool) and {"on", "off"} <= set(get_args(kind)):
            # what was a flag in version 0.1.0
            value = "on" if value else "off"
        value = _spelled(value, get_args(kind))
        if value not in get_args(kind):
            *others, last = map(str, get_args(kind))
            raise ValueError(
                f"{parameter.name} is {shown(value)}; choose {', '.join(others)} or {last}"
            )
        return value
    if kind == Path | None or kind is Path:
        if value is not None and not isinstance(value, str | Path):
            raise ValueError(f"{parameter.name} is {shown(value)}; it must be a path")
        return None if value is None or value == "" else Path(value)
    value = _converted(parameter, value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{parameter.name} is {shown(value)}; it must be of type {kind.__name__}")
    return value


def _spelled(value: Any, known: tuple[Any, ...]) -> Any:
    """Find a choice that is given with hyphens for spaces, or as a number."""
    if value in known or isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if whole else str(value)
    return next((one for one in known if hyphened(str(one)) == hyphened(text)), value)


def hyphened(choice: str) -> str:
    """Spell a choice without spaces, as the command line lists it."""
    return choice.replace(" ", "-")


def _converted(parameter: Parameter, value: Any) -> Any:
    """Convert between kinds of numbers where nothing is lost, and None to empty text."""
    kind = parameter.plain_type
    if kind is float and type(value) in (int, float):
        if not abs(value) <= _MOST:
            raise ValueError(f"{parameter.name} {_NO_NUMBER}")
        return float(value)
    if kind is int and type(value) is float and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if kind is bool and type(value) in (int, float) and value in (0, 1):
        return bool(value)
    return "" if kind is str and value is None and parameter.default == "" else value


def _check_limits(parameter: Parameter, value: Any) -> None:
    if value is None:
        return
    low, high = parameter.options.get("min"), parameter.options.get("max")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        limits = f"at least {low}" if high is None else f"at most {high}"
        limits = limits if low is None or high is None else f"between {low} and {high}"
        raise ValueError(f"{parameter.name} is {shown(value)}; it must be {limits}")


def _without_marks(text: str) -> str:
    """Text on one line, without the marks of reStructuredText, which tooltips and help show."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?![\w*])", r"\1", re.sub(r"``?([^`]+)``?", r"\1", text))
