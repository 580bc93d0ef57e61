"""Pixel sizes as files state them: which one to use, and in which unit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.micrograph import Axis
from ...core.units import _CONVERTED, _KEPT, LENGTHS, METRES, converted, is_plausible, unit_of
from ..header import NO_UNIT

# must not match 1.#IND, which Windows writes for a missing number
_NUMBER = r"\s*([-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?)(?![\d.,#])\s*(K\b)?"

# relative difference that is no contradiction: vendors write three to four digits
_ROUNDING = 5e-3

# note about a negative step
BACKWARDS = "an axis runs backwards: the step is used without its sign, check it"


# metres of a pixel between which a resolution is one of paper and screens, not of a microscope
_PRINTED, _COARSE = 2.5e-6, 1e-3

# dots per inch that programs write by default; the first are no likely size of a pixel in any unit
_DOTS = (72, 75, 96, 150, 300, 600, 1200)

_MORE_DOTS = (100, 120, 144, 180, 200, 220, 240, 250, 350, 360, 400, 500, 720, 2400)

# 72 dots per inch are often written as 72.1
_NEAR = 3e-3

_INCH = 0.0254

# fact of a micrograph: a resolution that is no pixel size
PRINTED = "print_resolution"


@dataclass(frozen=True)
class PixelSizeClaim:
    """A pixel size that a file states.

    Parameters
    ----------
    source : str
        Field it comes from.
    spacing : (y, x)
        In `unit`.
    unit : str
        As written in the file.
    note : str
        Said where it is used; such a claim is only used without another one.
    """

    source: str
    spacing: tuple[Any, ...]
    unit: str
    note: str = ""


def of_resolution(source: str, sizes: Sequence[float | None], unit: str) -> PixelSizeClaim | None:
    """Claim of a resolution that a picture format has for paper and screens.

    Parameters
    ----------
    source : str
        Of the format.
    sizes : (y, x)
        Of a pixel.
    unit : str
        Of `sizes`: a length.

    Returns
    -------
    PixelSizeClaim or None
        None where nothing is stated, or pixels are as large as those of paper and screens.
    """
    metres = {"inch": _INCH, **LENGTHS}[unit]
    if any(one is None or not 0 < one * metres < _PRINTED for one in sizes):
        return None
    note = f"the pixel size is the resolution in the fields of {source}: check it"
    return PixelSizeClaim(f"{source} resolution", tuple(sizes), unit, note)


def of_print(sizes: Sequence[float | None], unit: str | None) -> dict[str, str]:
    """Say which resolution for paper and screens a file states: it is no pixel size.

    It is a fact, not a note: most programs write one without being asked.

    Parameters
    ----------
    sizes : (y, x)
        Of a pixel, in `unit`.
    unit : str or None
        A length; None where the file states numbers without one.

    Returns
    -------
    dict
        `PRINTED` and the resolution; empty for 1, which programs write in the place of none, and
        for one that `of_resolution` takes.
    """
    known = [one * {"inch": _INCH, **LENGTHS}[unit or "m"] for one in sizes if one and one > 0]
    if len(known) < 2 or (unit and all(one < _PRINTED for one in known)):
        return {}
    across, down = ((_INCH if unit else 1.0) / one for one in known[::-1])
    # a dot per inch or centimetre is a number in the place of none
    if across == down and across <= _INCH / 0.01 * (1 + _NEAR):
        return {}
    text = " x ".join(dict.fromkeys(f"{_whole(one):.5g}" for one in (across, down)))
    what = "dpi, for print" if unit else "without a unit"
    return {PRINTED: f"{text} {what}: not used as a pixel size"}


def _whole(dots: float) -> float:
    """Dots per inch, whole where a file rounds their inverse or states them per metre."""
    return round(dots) if abs(dots / max(round(dots), 1) - 1) <= 1e-3 else dots


def number(value: Any) -> float | None:
    """Read a number as microscopes write it: also with a decimal comma, a unit, a ``K``.

    Returns
    -------
    float or None
        None where there is none, or one that is not finite.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        found = re.match(_NUMBER, value)
        if not found:
            return None
        value = float(found.group(1).replace(",", ".")) * (1000 if found.group(2) else 1)
    try:
        plain = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return plain if math.isfinite(plain) else None


def in_unit(value: Any, unit: str) -> float | None:
    """Read a length in a unit; a text may state another one behind its number, as ``2.5 um``."""
    plain = number(value)
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if plain is None or not isinstance(text, str):
        return plain
    found = re.match(_NUMBER, text)
    own = unit_of(text[found.end() :].strip(" []()\0")) if found else unit
    if own == unit or not {own, unit} <= LENGTHS.keys():
        return plain
    # powers of ten as they are written
    return float(f"{plain * LENGTHS[own] / LENGTHS[unit]:.12g}")


def resolve_pixel_size(
    claims: Iterable[PixelSizeClaim],
) -> tuple[tuple[float, float] | None, str, str, tuple[str, ...]]:
    """Choose a pixel size among those that a file states.

    Parameters
    ----------
    claims : iterable of PixelSizeClaim
        The most trustworthy first.

    Returns
    -------
    spacing : (y, x) or None
        Of the first that can be one.
    unit : str
        ``"px"`` without a pixel size.
    source : str
        Field of the file that states it; empty without a pixel size.
    notes : tuple of str
        Claims that were not used and why; claims that contradict the one used.
    """
    notes: list[str] = []
    taken: tuple[PixelSizeClaim, tuple[float, float], str] | None = None
    for one in claims:
        unit = unit_of(one.unit)
        if unit == "px":
            notes += _without_unit(one)
            continue
        fault, size, unit = _checked(one, unit)
        if fault:
            notes.append(fault)
        elif taken is None:
            taken = (one, size, unit)
            notes += [one.note] if one.note else []
        elif not one.note and _differ(taken[1], taken[2], size, unit):
            notes.append(
                f"the file states two pixel sizes: {_text(taken[1], taken[2])} ({taken[0].source}) "
                f"and {_text(size, unit)} ({one.source}); the first one is used: check it"
            )
    if taken is None:
        return None, "px", "", tuple(notes)
    return taken[1], taken[2], taken[0].source, tuple(notes)


def _without_unit(one: PixelSizeClaim) -> list[str]:
    """Note on a size that is stated without a unit, which cannot be used."""
    height, width = (number(value) for value in one.spacing)
    if str(one.unit or "").strip() or None in (height, width) or (height, width) == (1, 1):
        return []
    return [f"{one.source} states pixels of {width:g} x {height:g} {NO_UNIT}"]


def combined_claim(source: str, sizes: Iterable[Any], units: Iterable[Any]) -> PixelSizeClaim:
    """Express the sizes of rows and columns, which a file gives with a unit each, in one unit.

    Units that cannot be converted into each other are both named: `resolve_pixel_size` does not
    use such a size and notes it.
    """
    height, width = sizes
    units = tuple(units)
    first, unit = (unit_of(one) for one in units)
    if first == unit:
        stated = any(str(one or "").strip() for one in units)
        return PixelSizeClaim(source, (height, width), unit if stated else "")
    (factor, first), (own, unit) = (converted(1.0, one) for one in (first, unit))
    if not {first, unit} <= METRES.keys():
        return PixelSizeClaim(source, (height, width), f"{first} and {unit}")
    # powers of ten as they are written, so that square pixels stay square
    factor = float(f"{factor * METRES[first] / METRES[unit]:.12g}")
    sizes = [(number(height), factor), (number(width), own)]
    return PixelSizeClaim(
        source, tuple(None if one is None else one * by for one, by in sizes), unit
    )


def axis(name: str, step: Any, unit: Any) -> tuple[Axis, tuple[str, ...]]:
    """Make a leading axis, with notes about a step that could not be used as it is.

    Without a usable step it is one pixel.
    """
    size, unit = number(step), unit_of(unit)
    if size is None or unit == "px":
        return Axis(name), ()
    if size == 0:
        return Axis(name), (f"the step of {name} is 0 {unit}: not used",)
    fault, (taken, _), known = _checked(
        PixelSizeClaim(f"the axis {name}", (abs(size),) * 2, unit), unit
    )
    if fault:
        return Axis(name), (fault,)
    notes = (f"{BACKWARDS} (the step of {name} is {size:g} {unit})",) if size < 0 else ()
    return Axis(name, taken, known), notes


def _checked(one: PixelSizeClaim, unit: str) -> tuple[str, tuple[float, float], str]:
    """Convert a claimed size; the first value is an error message or empty."""
    sizes = [in_unit(value, unit) for value in one.spacing]
    nothing = (0.0, 0.0)
    if unit not in _KEPT and unit not in _CONVERTED:
        return f"the unit {unit!r} of {one.source} is not known: no pixel size", nothing, "px"
    if any(size is None or size <= 0 for size in sizes):
        # in the usual order: width x height
        text = " x ".join("?" if value is None else str(value) for value in one.spacing[::-1])
        return f"{one.source} states a pixel size of {text} {unit}: not used", nothing, "px"
    (height, name), (width, _) = (converted(float(size or 0), unit) for size in sizes)
    dots = _dots_per_inch(width, name, unit)
    if dots:
        text = f"{one.source} states {dots} dots per inch, a resolution for paper and screens"
        return f"{text}: no pixel size", nothing, "px"
    if not (is_plausible(height, name) and is_plausible(width, name)):
        text = _text((height, width), name)
        return f"{one.source} states a pixel size of {text}: not used", nothing, "px"
    return "", (height, width), name


def _dots_per_inch(size: float, unit: str, stated: str) -> int:
    """Dots per inch that a pixel size stands for, where it is one for paper and screens; else 0."""
    metres = size * METRES.get(unit, 0.0)
    if not _PRINTED <= metres <= _COARSE:
        return 0
    dots = _INCH / metres
    known = _DOTS + (_MORE_DOTS if stated in ("inch", "cm") else ())
    if stated == "inch" or any(abs(dots / one - 1) <= _NEAR for one in known):
        return round(dots)
    return 0


def _differ(a: tuple[float, float], a_unit: str, b: tuple[float, float], b_unit: str) -> bool:
    factors = METRES.get(a_unit), METRES.get(b_unit)
    if None in factors:
        return a_unit != b_unit or not np.allclose(a, b, rtol=_ROUNDING)
    metres = np.array(a) * factors[0], np.array(b) * factors[1]
    return not np.allclose(*metres, rtol=_ROUNDING, atol=0)


def _text(size: tuple[float, float], unit: str) -> str:
    height, width = (f"{one:.5g}" for one in size)
    return f"{width} {unit}" if height == width else f"{width} x {height} {unit}"


def plain(value: Any, depth: int = 0) -> Any:
    """Turn a file's own dictionary into plain values; long arrays become a short description."""
    if depth > 12:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), depth) if value.size <= 64 else f"array of {value.shape}"
    if isinstance(value, np.generic):
        return plain(value.item(), depth)
    if isinstance(value, bytes):
        return value[:4096].decode("utf-8", "replace")
    if isinstance(value, list | tuple | set):
        if len(value) > 1024:
            return f"{len(value)} values"
        return [plain(one, depth + 1) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
