"""Operations that the page offers, and the choices that a client may make for them."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..workflow import signature
from ..workflow.operations import OPERATIONS
from ..workflow.signature import Parameter
from .settings import Refused, Settings

# of the catalogue, in the order of the page
OFFERED = ("classify", "explain", "threshold", "kmeans", "activations")

# what a server does beside them: show an image, and repeat its recipe
PREVIEW, RECIPE = "preview", "recipe"

# choices of the person who runs the server
_OF_THE_SERVER = ("model", "device")

# names of classes
CLASSES = ("target", "against")

# name of a layer of the network
LAYER = "layer"

# values of choices that need what a request does not have: painted labels, or more than one slice
_LEFT_OUT = {
    ("activations", "rank_by"): ("class AUC", "mask correlation"),
    ("threshold", "dimensions"): ("3D",),
}

# value of a choice that only vision transformers have
_ATTENTION = ("activations", "show", "attention")

# characters of a choice that is a text
TEXT_LENGTH = 200

_A_TYPE = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def names(settings: Settings) -> list[str]:
    """Names of everything that a job can do on this server."""
    return [PREVIEW, *OFFERED, *([RECIPE] if settings.recipe else [])]


def parameters(name: str) -> dict[str, Parameter]:
    """Choices of an operation that a client may make: no files, no device."""
    if name not in OPERATIONS:
        return {}
    return {
        key: parameter
        for key, parameter in signature.parameters(name).items()
        if key not in _OF_THE_SERVER and not is_path(parameter)
    }


def is_path(parameter: Parameter) -> bool:
    """Whether the value of a parameter is a file or a folder."""
    return Path in (parameter.type, *get_args(parameter.type))


def values_of(name: str, parameter: Parameter, settings: Settings) -> list[Any]:
    """Values that a client may choose from; empty where a choice is no list."""
    if get_origin(parameter.plain_type) is not Literal:
        return []
    left_out = _LEFT_OUT.get((name, parameter.name), ())
    if (name, parameter.name) == _ATTENTION[:2] and not _has_attention(settings.model):
        left_out = (*left_out, _ATTENTION[2])
    return [one for one in get_args(parameter.plain_type) if one not in left_out]


@functools.cache
def _has_attention(model: Path | None) -> bool:
    from ..nets.checkpoint import load_model
    from ..nets.device import choose
    from ..nets.lens.attention import attention_blocks

    return bool(attention_blocks(load_model(model, choose("auto"))))


def schema(name: str, settings: Settings) -> dict[str, Any]:
    """JSON schema of the choices of an operation, from its signature and its docstring."""
    known = parameters(name)
    return {
        "type": "object",
        "properties": {key: _property(name, one, settings) for key, one in known.items()},
    }


def _property(name: str, parameter: Parameter, settings: Settings) -> dict[str, Any]:
    kind, options = parameter.plain_type, parameter.options
    result: dict[str, Any] = {"description": parameter.help, "default": parameter.default}
    result["title"] = options.get("label") or parameter.name.replace("_", " ").capitalize()
    values = values_of(name, parameter, settings)
    if values:
        return result | {"type": _TYPES[type(values[0])], "enum": values}
    result["type"] = _TYPES[kind]
    if kind is str:
        result["maxLength"] = TEXT_LENGTH
        # what the page offers to choose from: classes and layers of the model
        result |= {"x-class": True} if parameter.name in CLASSES else {}
        result |= {"x-layer": True} if parameter.name == LAYER else {}
    for key, word in (("min", "minimum"), ("max", "maximum")):
        if key in options:
            result[word] = options[key]
    return result


def chosen(
    name: str, given: Mapping[str, Any], settings: Settings, *, texts: bool = True
) -> dict[str, Any]:
    """Check the choices of a client, and add those of the server.

    Parameters
    ----------
    name : str
        Of an operation that is offered.
    given : mapping
        By name.
    settings : Settings
        Of the server.
    texts : bool
        Whether numbers and truth values are texts, as a form sends them.

    Raises
    ------
    Refused
        If a choice is unknown, of a wrong type, or beyond its limits.
    """
    known = parameters(name)
    unknown = [key for key in given if key not in known]
    if unknown:
        there = ", ".join(known) or "none"
        raise Refused(422, f"{name} has no choice {unknown[0][:40]!r}; it has {there}")
    values = {key: _value(known[key], value, texts) for key, value in given.items()}
    for key, value in values.items():
        offered = values_of(name, known[key], settings)
        if offered and value not in offered:
            there = " or ".join(map(str, offered))
            raise Refused(422, f"{key} is {str(value)[:40]!r}; on this page choose {there}")
    if name not in OPERATIONS:
        return {}
    if settings.model is not None and "model" in signature.parameters(name):
        values["model"] = settings.model
    try:
        return signature.checked(name, values)
    except ValueError as error:
        raise Refused(422, str(error)) from None


def _value(parameter: Parameter, value: Any, texts: bool) -> Any:
    """The value of a choice, in the type that the schema states."""
    kind = parameter.plain_type
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if texts and kind is not str:
        value = _read(value)
    # a bool is an int for Python, and a whole number a float for JSON
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number if kind in (int, float) else isinstance(value, kind)):
        raise Refused(422, f"{parameter.name} must be {_A_TYPE[kind]}")
    if is_number and not abs(value) < math.inf:
        raise Refused(422, f"{parameter.name} must be a finite number")
    if isinstance(value, str) and len(value) > TEXT_LENGTH:
        raise Refused(422, f"{parameter.name} is longer than {TEXT_LENGTH} characters")
    return value


def _read(text: str) -> Any:
    """Number or truth value that the text of a form says; the text where it says none."""
    try:
        return json.loads(text.strip().lower())
    except (ValueError, RecursionError):
        return text
