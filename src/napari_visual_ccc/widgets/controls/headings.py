"""How tables are shown: short heads with units that suit the values, the definitions as tooltips.

The frames stay as they are: files and the clipboard have their names and units.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.units import METRES, suitable
from ...workflow.columns import Column, described

if TYPE_CHECKING:
    import pandas as pd

_POWERS = {"": "", "2": "²", "3": "³"}

_UNITS = {"deg": "°", "percent": "%"}

# heads of columns whose names are longer than their values
_SHORT = {
    "equivalent_diameter": "diameter",
    "nearest_neighbour": "neighbour",
    "axis_major": "major axis",
    "axis_middle": "middle axis",
    "axis_minor": "minor axis",
    "mean_intensity": "mean grey",
    "intensity_mean": "mean grey",
    "intensity_std": "grey SD",
    "intensity_min": "min grey",
    "intensity_max": "max grey",
}


@dataclass(frozen=True)
class Heading:
    """How a column is shown.

    Parameters
    ----------
    text : str
        Head of the column, with the unit of its values.
    tooltip : str
        What the column means, and its name in files.
    factor : float
        What its numbers are multiplied by.
    unit : str
        Of the numbers that are shown; empty if they have none.
    """

    text: str
    tooltip: str
    factor: float = 1.0
    unit: str = ""


def headings(frame: pd.DataFrame) -> list[Heading]:
    """Headings of the columns of a table; lengths of a table have one unit, areas another.

    Parameters
    ----------
    frame : DataFrame
        A table of a result.
    """
    columns = [str(column) for column in frame.columns]
    lengths = {
        at: one
        for at, name in enumerate(columns)
        if frame.dtypes.iloc[at].kind in "iuf" and (one := _length(name)) is not None
    }
    alike: dict[tuple[str, str], list[int]] = {}
    for at, (_, unit, power) in lengths.items():
        alike.setdefault((unit, power), []).append(at)
    chosen = {kind: _suitable(frame.iloc[:, where], *kind) for kind, where in alike.items()}
    found = []
    for at, name in enumerate(columns):
        if at not in lengths:
            found.append(_plain(name))
            continue
        stem, unit, power = lengths[at]
        shown = chosen[unit, power]
        exponent = int(power or 1)
        factor = (METRES[unit] / METRES[shown]) ** exponent if shown != unit else 1.0
        label = shown + _POWERS[power]
        found.append(Heading(f"{_words(stem)} ({label})", _tooltip(name), factor, label))
    return found


def in_words(name: str, value: float) -> str:
    """One measure in words, with the unit that suits it: "area: 0.1553 µm²".

    Parameters
    ----------
    name : str
        Of the column, such as ``"area_nm2"``.
    value : float
        In its unit.
    """
    length = _length(name)
    if length is None:
        heading = _plain(name)
        stem = heading.text.removesuffix(f" ({heading.unit})")
        return f"{stem}: {format_value(value)} {heading.unit}".rstrip()
    stem, unit, power = length
    shown = suitable(abs(value), unit, int(power or 1))
    value *= (METRES[unit] / METRES[shown]) ** int(power or 1)
    return f"{_words(stem)}: {format_value(value)} {shown}{_POWERS[power]}"


@functools.cache
def _length(name: str) -> tuple[str, str, str] | None:
    """Stem, unit and power of a column in the unit of the image; None for any other."""
    definition = described(name)
    if definition is None or "<unit>" not in definition.name:
        return None
    found = re.fullmatch(rf"(.+)_({'|'.join(METRES)})([23]?)", name)
    return None if found is None else (found[1], found[2], found[3])


def _suitable(values: Any, unit: str, power: str) -> str:
    """Largest unit in which the typical value is not small."""
    numbers = np.abs(values.to_numpy(float))
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if not len(numbers):
        return unit
    return suitable(float(np.median(numbers)), unit, int(power or 1))


def _plain(name: str) -> Heading:
    definition = described(name)
    stem, _, last = name.rpartition("_")
    # the name of a class may end like a unit
    is_own = definition is not None and (definition.name == name or "<unit>" in definition.name)
    if not is_own or not stem or last not in {*_UNITS, "px", "px2", "px3"}:
        return Heading(_words(name), _tooltip(name))
    unit = _UNITS.get(last, last.replace("2", "²").replace("3", "³"))
    return Heading(f"{_words(stem)} ({unit})", _tooltip(name), unit=unit)


def _words(stem: str) -> str:
    return _SHORT.get(stem, stem.replace("_", " "))


def _tooltip(name: str) -> str:
    definition = described(name)
    return name if definition is None else f"{_sentence(definition)}\nIn files: {name}"


def _sentence(definition: Column) -> str:
    source = f" ({definition.source.replace('*', '')})" if definition.source else ""
    return f"{definition.definition}{source}"


def format_value(value: Any) -> str:
    """Format a number with four significant digits; leave other values as they are."""
    if isinstance(value, str):
        return value
    number = float(value)
    if math.isnan(number):
        return "–"
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if 1e-6 <= abs(number) < 1e15:
        return np.format_float_positional(number, precision=4, fractional=False, trim="-")
    return f"{number:.4g}"
