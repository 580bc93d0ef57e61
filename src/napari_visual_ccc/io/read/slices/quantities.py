"""Quantities in names of slices: powers of ten, units, Roman numerals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

# powers that count, as the third slice of 1e: 1e-1 to 1e-12
_COUNTED = 9

# units of each kind, by powers of ten; of time in seconds
_UNITS: tuple[Mapping[str, str], ...] = (
    {"pm": "1e-12", "A": "1e-10", "nm": "1e-9", "um": "1e-6", "µm": "1e-6", "μm": "1e-6",
     "mm": "1e-3", "cm": "1e-2", "m": "1"},
    {"fs": "1e-15", "ps": "1e-12", "ns": "1e-9", "us": "1e-6", "µs": "1e-6", "μs": "1e-6",
     "ms": "1e-3", "s": "1", "sec": "1", "min": "60", "h": "3600", "hr": "3600", "hrs": "3600",
     "d": "86400"},
    {"mV": "1e-3", "V": "1", "kV": "1e3", "KV": "1e3", "kv": "1e3", "MV": "1e6"},
    {"eV": "1", "keV": "1e3", "KeV": "1e3", "MeV": "1e6"},
    {"fA": "1e-15", "pA": "1e-12", "nA": "1e-9", "uA": "1e-6", "µA": "1e-6", "mA": "1e-3"},
    {"Hz": "1", "kHz": "1e3", "MHz": "1e6"},
    {"Pa": "1", "hPa": "1e2", "kPa": "1e3", "MPa": "1e6", "GPa": "1e9", "mbar": "1e2",
     "bar": "1e5"},
    {"ug": "1e-6", "µg": "1e-6", "mg": "1e-3", "g": "1", "kg": "1e3"},
    {"x": "1", "X": "1", "kx": "1e3", "kX": "1e3", "Kx": "1e3", "KX": "1e3"},
)  # fmt: skip

_NAMES = sorted({name for kind in _UNITS for name in kind}, key=len, reverse=True)

# 1e-3, 2.5E+04; without a sign of its power and without decimals, as a word of its own
_POWER = re.compile(
    r"(?<![\d.,])(\d+[.,]\d+|\d+)[eE]([-+]\d{1,2})(?!\d)|"
    r"(?<![\d.,])(\d+[.,]\d+)[eE](\d{1,2})(?!\d)|"
    rf"(?<![^\W_])(\d+)[eE](\d{{1,2}})(?=(?:{'|'.join(_NAMES)})?(?![^\W_]))"
)

_MEASURED = re.compile(rf"(\d+(?:[.,]\d+)?)([ _]?)({'|'.join(_NAMES)})(?![^\W_])")

_ROMAN = re.compile(r"(?<![^\W_])([IVXL]+|[ivxl]+)(?![^\W_])")

_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50}

_NUMERAL = re.compile(r"(xl|l?x{0,3})(ix|iv|v?i{0,3})")


class Plain(NamedTuple):
    """Names with plain numbers in the place of quantities.

    Parameters
    ----------
    stems : dict
        Name → text to be sorted by.
    values : dict
        Name → the quantity as it is written; empty where the names have none.
    """

    stems: dict[str, str]
    values: dict[str, str]


def plain(stems: dict[str, str]) -> Plain:
    """Write quantities in names as plain numbers, where all names have one of a kind.

    ``1e-3`` becomes 0.001, ``1um`` beside ``500nm`` becomes 1000, ``IV`` becomes 4.

    Parameters
    ----------
    stems : dict
        Name → its text without ending.
    """
    values: dict[str, str] = {}
    for change in (_without_powers, _without_units, _without_romans):
        found = change(stems)
        if found is not None:
            stems, more = found
            values = {name: f"{values.get(name, '')} {one}".strip() for name, one in more.items()}
    return Plain(stems, values)


_Changed = tuple[dict[str, str], dict[str, str]] | None


def _without_powers(stems: dict[str, str]) -> _Changed:
    found = {name: match for name, one in stems.items() if (match := _POWER.search(one))}
    if not found or _is_counted(list(found.values())):
        return None
    changed = {name: _POWER.sub(_power, one) for name, one in stems.items()}
    if len(found) < len(stems) and len({re.sub(r"\d+(?:[.,]\d+)?", "#", one)
                                        for one in changed.values()}) > 1:  # fmt: skip
        return None
    return changed, {name: found[name][0] if name in found else stems[name] for name in stems}


def _power(match: re.Match[str]) -> str:
    mantissa, power = (one for one in match.groups() if one is not None)
    return _text(Decimal(mantissa.replace(",", ".")).scaleb(int(power)))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_counted(found: list[re.Match[str]]) -> bool:
    """Whether the powers are numbers of slices behind a hyphen: 1e-1, 1e-2, ..., 1e-12."""
    parts = [[one for one in match.groups() if one is not None] for match in found]
    powers = sorted(-int(power) for _, power in parts)
    one_by_one = all(after - before == 1 for before, after in pairwise(powers))
    return len({mantissa for mantissa, _ in parts}) == 1 and one_by_one and powers[-1] > _COUNTED


def _without_units(stems: dict[str, str]) -> _Changed:
    """Express the first quantity of each name in one unit, where their units differ."""
    found = {name: list(_MEASURED.finditer(one)) for name, one in stems.items()}
    count = min(map(len, found.values()), default=0)
    for place in range(count):
        here = {name: every[place] for name, every in found.items()}
        units = {match[3] for match in here.values()}
        kind = next((one for one in _UNITS if units <= one.keys()), None)
        if kind is None or len({kind[one] for one in units}) < 2:
            continue
        least = min(Decimal(kind[one]) for one in units)
        changed = {}
        for name, match in here.items():
            value = Decimal(match[1].replace(",", ".")) * Decimal(kind[match[3]]) / least
            start, end = match.span()
            changed[name] = f"{stems[name][:start]}{_text(value)} unit{stems[name][end:]}"
        return changed, {name: match[0] for name, match in here.items()}
    return None


def _without_romans(stems: dict[str, str]) -> _Changed:
    """Write Roman numerals as numbers, where each name has one, and they begin at 1 to 3."""
    found = {name: list(_ROMAN.finditer(one)) for name, one in stems.items()}
    if not found or any(len(every) != 1 for every in found.values()):
        return None
    values = {name: _roman(every[0][1]) for name, every in found.items()}
    numbers = sorted(values.values())
    rest = {
        f"{stems[name][: every[0].start()]}#{stems[name][every[0].end() :]}"
        for name, every in found.items()
    }
    if len(rest) > 1 or not 1 <= numbers[0] <= 3:
        return None
    if all(len(every[0][1]) == 1 for every in found.values()):
        return None
    changed = {name: _ROMAN.sub(str(values[name]), one) for name, one in stems.items()}
    return changed, {name: every[0][0] for name, every in found.items()}


def _roman(text: str) -> int:
    """Value of a numeral up to 89; 0 where it is none."""
    text = text.lower()
    if not _NUMERAL.fullmatch(text):
        return 0
    values = [_DIGITS[one] for one in text]
    return sum(-one if one < max(values[k:]) else one for k, one in enumerate(values))
