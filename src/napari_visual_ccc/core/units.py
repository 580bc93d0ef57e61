"""Units of length and time, and numbers with a noun."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from .plain import shown

# the only table of lengths: powers of ten, so that a factor in any other unit is exact as well
_POWERS = {"pm": -12, "Å": -10, "nm": -9, "µm": -6, "mm": -3, "cm": -2, "m": 0}

# metres in each unit that OME has a name for
LENGTHS = {unit: float(f"1e{power}") for unit, power in _POWERS.items()}

NANOMETRES = {unit: float(f"1e{power + 9}") for unit, power in _POWERS.items()}

# metres in each unit that a micrograph is given in
METRES = {unit: LENGTHS[unit] for unit in ("pm", "Å", "nm", "µm", "mm")}

# whole numbers, so that their ratios are exact
_PICOMETRES = {unit: 10.0 ** (power + 12) for unit, power in _POWERS.items()}

_ANGLES = {"rad": 1.0, "mrad": 1e-3, "deg": math.pi / 180}

TIMES = {"ns", "µs", "ms", "s", "min", "h", "d"}

# that are chosen among for people; others stay only where a value is in them already
_SHOWN = ("nm", "µm", "mm")

# units that micrographs are not given in: the one used instead, and the factor
_CONVERTED = {
    "fm": ("pm", 1e-3), "cm": ("nm", 1e7), "m": ("nm", 1e9), "inch": ("nm", 2.54e7),
    "mil": ("nm", 25400.0), "dm": ("nm", 1e8),
    "1/m": ("1/nm", 1e-9), "1/mm": ("1/nm", 1e-6),
}  # fmt: skip

_RECIPROCAL = {f"1/{name}" for name in METRES}

# what a pixel size is given in
SIZES = {*METRES, *_RECIPROCAL, *_ANGLES}

_KEPT = {*SIZES, *TIMES}

_NAMES = {
    "": "px", "px": "px", "pixel": "px", "pixels": "px", "none": "px",
    "picometer": "pm", "picometre": "pm", "picometers": "pm",
    "a": "Å", "angstrom": "Å", "ångström": "Å", "angstroms": "Å", "ang": "Å",
    "nm": "nm", "nanometer": "nm", "nanometre": "nm", "nanometers": "nm",
    "um": "µm", "micron": "µm", "microns": "µm", "micrometer": "µm", "micrometre": "µm",
    "micrometers": "µm",
    "millimeter": "mm", "millimetre": "mm", "centimeter": "cm", "centimetre": "cm",
    "meter": "m", "metre": "m", "meters": "m", "in": "inch", "inches": "inch",
    "thou": "mil", "mils": "mil", "decimeter": "dm", "decimetre": "dm",
    "us": "µs", "minute": "min", "minutes": "min", "hour": "h", "hours": "h", "day": "d",
    "days": "d", "microsecond": "µs", "nanosecond": "ns",
    "second": "s", "sec": "s", "seconds": "s", "millisecond": "ms", "msec": "ms",
    "usec": "µs", "degree": "deg", "°": "deg",
}  # fmt: skip

# no microscope has smaller or larger pixels
_PLAUSIBLE_METRES = (1e-15, 1.0)


def unit_of(text: Any) -> str:
    """Normalise the name of a unit: ``"nm"``, ``"µm"``, ``"1/nm"``, ``"px"`` for none.

    Parameters
    ----------
    text : str or None
        As written in the file.

    Returns
    -------
    str
        The text itself if it is not a known unit.
    """
    # ImageJ escapes letters beyond ASCII as Java does
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda one: chr(int(one[1], 16)), str(text or ""))
    plain = plain.strip().replace("\u03bc", "µ").replace("\u212b", "Å")
    reciprocal = re.fullmatch(r"1\s*/\s*(\S+)|(\S+?)\s*\^?-1", plain)
    if reciprocal:
        return f"1/{unit_of(reciprocal.group(1) or reciprocal.group(2))}"
    return plain if plain in _KEPT else _NAMES.get(plain.lower(), plain)


def usable(text: Any) -> str:
    """Normalise the name of a unit; ``"px"`` if it is not known."""
    unit = unit_of(text)
    return unit if unit in _KEPT or unit in _CONVERTED else "px"


def is_known(text: Any) -> bool:
    """Whether a name is that of a unit of a pixel size."""
    unit = unit_of(text)
    return unit in _KEPT or unit in _CONVERTED


def converted(size: float, unit: str) -> tuple[float, str]:
    """Convert metres, centimetres and inches to nm; keep the units of micrographs."""
    name, factor = _CONVERTED.get(unit, (unit, 1.0))
    return size * factor, name


def ratio(unit: str, wanted: str) -> float | None:
    """How many of a wanted unit one of a unit is; None where they measure different things."""
    own, other = unit_of(unit), unit_of(wanted)
    for table in (_PICOMETRES, _ANGLES):
        if own in table and other in table:
            return table[own] / table[other]
    if own.startswith("1/") and other.startswith("1/"):
        return ratio(other[2:], own[2:])
    return 1.0 if own == other else None


def length(size: float, unit: str) -> tuple[float, str]:
    """Validate a size entered by the user and normalise its unit.

    Raises
    ------
    ValueError
        If the unit is not one of length, reciprocal length or angle, or the size is not plausible.
    """
    name = unit_of(unit)
    if name in TIMES or (name not in _KEPT and name not in _CONVERTED):
        known = ", ".join(METRES)
        raise ValueError(
            f"{shown(unit)} is not a unit of a pixel size; write {known}, 1/nm or mrad"
        )
    result = converted(size, name)
    if not is_plausible(*result):
        raise ValueError(f"a pixel of {size:g} {unit} is not plausible; check the pixel size")
    return result


def suitable(value: float, unit: str, power: int = 1) -> str:
    """Unit in which a length, an area or a volume has short numbers.

    The largest of nm, µm and mm, and the unit itself, in which it is not small: 1000 nm are 1 µm,
    100 000 nm² are 0.1 µm².

    Parameters
    ----------
    value : float
        In the unit, to the power.
    unit : str
        One of length; any other is returned itself.
    power : {1, 2, 3}
        Length, area or volume.
    """
    if unit not in METRES or not value > 0:
        return unit
    offered = sorted({*_SHOWN, unit}, key=METRES.__getitem__, reverse=True)
    least = 10.0 ** (1 - power) * 0.9999
    found = (one for one in offered if value * (METRES[unit] / METRES[one]) ** power >= least)
    return next(found, offered[-1])


def in_short(width: float, height: float, unit: str) -> str:
    """Width and height in the unit that keeps the numbers short."""
    names = ("pm", "nm", "µm", "mm")
    while unit in names[:-1] and width >= 1000:
        width, height, unit = width / 1000, height / 1000, names[names.index(unit) + 1]
    return f"{width:.4g} × {height:.4g} {unit}"


def sides_in_short(sides: Sequence[float], unit: str) -> str:
    """Sides of a pixel, once where they are equal, in the unit that keeps the numbers short."""
    if not len(sides):
        return ""
    shown = suitable(min(sides), unit)
    factor = METRES[unit] / METRES[shown] if shown != unit else 1.0
    return " × ".join(dict.fromkeys(f"{side * factor:.5g}" for side in sides)) + f" {shown}"


def is_plausible(size: float, unit: str) -> bool:
    """Whether a pixel can have a length; for other units, whether the size is positive."""
    low, high = _PLAUSIBLE_METRES
    metres = METRES.get(unit)
    return low <= size * metres <= high if metres else 0 < size < math.inf


def counted(count: int, noun: str) -> str:
    """Write a number with its noun: ``1 particle``, ``2 particles``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """Give the verb of a number: ``1 is``, ``2 are``."""
    return "is" if count == 1 else "are"
