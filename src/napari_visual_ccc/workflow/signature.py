"""What the signature and the docstring of an operation say: its inputs and choices."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from .operations import function

# positional parameters that are not arrays: they come with the layer or the file
CALIBRATION = ("spacing", "unit")


KNOWN_BAR = "info_bar"


@dataclass(frozen=True)
class Parameter:
    """One choice that a person can make: what a form field and a command-line flag need.

    Parameters
    ----------
    type : type or typing form
        ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal[...]`` or ``Path | None``.
    options : dict
        Limits and hints given with ``Annotated``: ``min``, ``max``, ``step``, ...
    help : str
        The numpydoc text of the parameter.
    """

    name: str
    type: Any
    default: Any
    options: dict[str, Any]
    help: str


def inputs(name: str) -> list[str]:
    """Names of the arrays an operation takes; the first is the one it must have."""
    return [
        p.name
        for p in _signature(name)
        if p.kind is not p.KEYWORD_ONLY and p.name not in (*CALIBRATION, KNOWN_BAR)
    ]


def calibrated(name: str) -> bool:
    """Whether an operation takes ``spacing`` and ``unit``."""
    return any(p.name in CALIBRATION for p in _signature(name))


def optional_inputs(name: str) -> list[str]:
    """Those of `inputs` that may be left out."""
    defaults = {p.name: p.default for p in _signature(name)}
    return [i for i in inputs(name) if defaults[i] is not inspect.Parameter.empty]


def parameters(name: str) -> dict[str, Parameter]:
    """The choices a person has, read from the signature and the docstring."""
    hints = get_type_hints(function(name), include_extras=True)
    texts = _parameter_texts(name)
    found = {}
    for parameter in _signature(name):
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        kind, options = hints[parameter.name], {}
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            options = dict(extras[0])
        found[parameter.name] = Parameter(
            parameter.name, kind, parameter.default, options, texts.get(parameter.name, "")
        )
    return found


def summary(name: str) -> str:
    """First line of the docstring."""
    return _docstring(name).short_description or ""


def input_help(name: str) -> dict[str, str]:
    """What the docstring says of the arrays."""
    texts = _parameter_texts(name)
    return {i: texts.get(i, "") for i in inputs(name)}


def _signature(name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(function(name)).parameters.values())


def _docstring(name: str) -> Any:
    from docstring_parser import parse
    from docstring_parser.common import DocstringStyle

    return parse(inspect.getdoc(function(name)) or "", style=DocstringStyle.NUMPYDOC)


def _parameter_texts(name: str) -> dict[str, str]:
    texts = {}
    for parameter in _docstring(name).params:
        for one in parameter.arg_name.split(","):
            texts[one.strip()] = re.sub(r"\s+", " ", parameter.description or "").strip()
    return texts


def checked(operation: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Check a person's choices against the signature of an operation.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    choices : mapping
        By name; text is taken for a path where a path is due.

    Returns
    -------
    dict
        The choices, ready for the call.

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
            f"{operation} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return {name: _checked_value(known[name], value) for name, value in choices.items()}


def _checked_value(parameter: Parameter, value: Any) -> Any:
    kind = parameter.type
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            allowed = ", ".join(map(str, get_args(kind)))
            raise ValueError(f"{parameter.name} is {value!r}; it must be one of {allowed}")
        return value
    if kind == Path | None or kind is Path:
        return None if value is None or value == "" else Path(value)
    if kind is float and type(value) is int:
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{parameter.name} is {value!r}; it must be of type {kind.__name__}")
    low, high = parameter.options.get("min"), parameter.options.get("max")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        limits = f"at least {low}" if high is None else f"at most {high}"
        limits = limits if low is None or high is None else f"between {low} and {high}"
        raise ValueError(f"{parameter.name} is {value}; it must be {limits}")
    return value
