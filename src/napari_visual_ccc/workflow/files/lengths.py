"""Lengths that are given with their unit: ``"50 nm"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...core.plain import shown
from ...core.units import LENGTHS, SIZES, ratio, unit_of
from ..signature import defaults, parameters

_GIVEN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d].*?)\s*")


def takes_unit(name: str) -> list[str]:
    """Choices of an operation that may be given with a unit: lengths in that of the pixel size."""
    known = parameters(name)
    units = {key: one.options.get("unit", "") for key, one in known.items()}
    return [key for key, unit in units.items() if unit == "layer" or unit in known]


def lengths_given(name: str, choices: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Take numbers out of lengths that are given with a unit.

    Parameters
    ----------
    name : str
        Of the operation.
    choices : mapping
        Its lengths are numbers, or text such as ``"50 nm"``, ``"0.05um"``, ``"12 px"``.

    Returns
    -------
    choices : dict
        With numbers.
    unit : str
        Of all of them; empty where no unit was given: that of each image.

    Raises
    ------
    ValueError
        If a text is no length, or one of several lengths has no unit.
    """
    numbers, units = dict(choices), {}
    for key in takes_unit(name):
        value = choices.get(key)
        if isinstance(value, str):
            numbers[key], units[key] = _number(key, value)
    units = {key: unit for key, unit in units.items() if numbers[key]}
    if not units:
        return numbers, ""
    first, unit = next(iter(units.items()))
    known = parameters(name)
    for key in takes_unit(name):
        if known[key].length_unit({**defaults(name), **numbers}) != "layer":
            if key in units:
                chooses = known[key].options["unit"]
                raise ValueError(f"{key} has a unit: choose {chooses} 'unit' with it")
        elif numbers.get(key):
            own = units.get(key)
            if own is None:
                raise ValueError(f"{first} has a unit, {unit}: give one with {key}, too")
            factor = ratio(own, unit)
            if factor is None:
                raise ValueError(f"{first} is in {unit} and {key} in {own}: give both in one unit")
            numbers[key] *= factor
    return numbers, unit


def _number(key: str, text: str) -> tuple[float, str]:
    found = _GIVEN.fullmatch(text)
    if found is None:
        try:
            return float(text), ""
        except ValueError:
            raise ValueError(f"{key} is {shown(text)}; write a length, as 50 or '50 nm'") from None
    unit = unit_of(found[2])
    if unit not in (*SIZES, *LENGTHS, "px"):
        raise ValueError(f"{key} is {shown(text)}; its unit must be a length: nm, µm, mm or px")
    return float(found[1]), unit
