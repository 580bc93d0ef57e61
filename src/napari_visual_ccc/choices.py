"""A person's choices, checked against a signature: for recipes and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from . import operations


def checked(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check a person's choices against the signature of an operation.

    Parameters
    ----------
    operation : str
        Name in the catalogue.
    parameters : mapping
        Choices by name; text is taken for a path where a path is due.

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
    known = operations.parameters(operation)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise ValueError(
            f"{operation} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return {name: _checked_value(known[name], value) for name, value in parameters.items()}


def _checked_value(parameter: operations.Parameter, value: Any) -> Any:
    kind = parameter.type
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            choices = ", ".join(map(str, get_args(kind)))
            raise ValueError(f"{parameter.name} is {value!r}; it must be one of {choices}")
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
