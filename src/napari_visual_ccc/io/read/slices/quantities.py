"""Quantities in names of slices: powers of ten, units, hexadecimal and Roman numerals."""

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
    {"fA": "1e-15", "pA": "1e-12", "nA": "1e-9", "uA": "1e-6", "µA": "1e-6", "mA": "1e-3",
     "A": "1", "kA": "1e3"},
    {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"},
    {"Pa": "1", "hPa": "1e2", "kPa": "1e3", "MPa": "1e6", "GPa": "1e9", "mbar": "1e2",
     "bar": "1e5"},
    {"ug": "1e-6", "µg": "1e-6", "mg": "1e-3", "g": "1", "kg": "1e3"},
    {"x": "1", "X": "1", "kx": "1e3", "kX": "1e3", "Kx": "1e3", "KX": "1e3",
     "Mx": "1e6", "MX": "1e6"},
    {"pL": "1e-12", "nL": "1e-9", "uL": "1e-6", "µL": "1e-6", "μL": "1e-6", "ul": "1e-6",
     "µl": "1e-6", "μl": "1e-6", "mL": "1e-3", "ml": "1e-3", "L": "1", "l": "1"},
    {"pM": "1e-12", "nM": "1e-9", "uM": "1e-6", "µM": "1e-6", "μM": "1e-6", "mM": "1e-3",
     "M": "1"},
    {"nW": "1e-9", "uW": "1e-6", "µW": "1e-6", "μW": "1e-6", "mW": "1e-3", "W": "1", "kW": "1e3"},
    {"nN": "1e-9", "uN": "1e-6", "µN": "1e-6", "μN": "1e-6", "mN": "1e-3", "N": "1", "kN": "1e3"},
    {"nJ": "1e-9", "uJ": "1e-6", "µJ": "1e-6", "μJ": "1e-6", "mJ": "1e-3", "J": "1", "kJ": "1e3"},
    {"mT": "1e-3", "T": "1"},
    {"mK": "1e-3", "K": "1"},
    {"mGy": "1e-3", "Gy": "1", "kGy": "1e3", "MGy": "1e6"},
    {"ppb": "1e-9", "ppm": "1e-6", "pct": "1e-2"},
    {"k": "1e3", "K": "1e3", "M": "1e6"},
)  # fmt: skip

_NAMES = sorted({name for kind in _UNITS for name in kind}, key=len, reverse=True)

_UNIT = "|".join(_NAMES)

# 10^-3, 5x10^-4, 1x10-3, which has a sign; 1e-3, 2.5E+04
_CLEAR = (
    r"(?<![\d.,])(?:(\d+[.,]\d+|\d+) ?[x×*·] ?)?10\^([-+]?\d{1,2})(?!\d)|"
    r"(?<![\d.,])(\d+[.,]\d+|\d+) ?[x×*·] ?10([-+]\d{1,2})(?!\d)|"
    r"(?<![\d.,])(\d+[.,]\d+|\d+)[eE]([-+]\d{1,2})(?!\d)|"
    r"(?<![\d.,])(\d+[.,]\d+)[eE](\d{1,2})(?!\d)"
)

# without a sign of its power and without decimals, as a word of its own
_POWER = re.compile(rf"{_CLEAR}|(?<![^\W_])(\d+)[eE](\d{{1,2}})(?=(?:{_UNIT})?(?![^\W_]))")

# behind a word as well: dose1e17
_GLUED = re.compile(rf"{_CLEAR}|(?<![\d.,])(\d+)[eE](\d{{1,2}})(?=(?:{_UNIT})?(?![^\W_]))")

# powers that are no numbers of slices: one digit, and a power of two
_HIGH = re.compile(r"\d[eE][1-9]\d")

_SUPERSCRIPT = re.compile("(?<=10)[⁻⁺]?[⁰¹²³⁴-⁹]{1,2}")

_AS_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

_HEX = re.compile(r"(?<![^\W_])(?:0x)?([0-9A-F]{2,8}|[0-9a-f]{2,8})(?![^\W_])")

_MEASURED = re.compile(rf"(\d+(?:[.,]\d+)?)([ _]?)({_UNIT})(?![^\W_])")

_ROMAN = re.compile(r"(?<![^\W_])([IVXL]+|[ivxl]+)(?![^\W_])")

_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50}

_NUMERAL = re.compile(r"(xl|l?x{0,3})(ix|iv|v?i{0,3})")


def is_unit(text: str) -> bool:
    """Whether a text is a unit that is known."""
    return text in _NAMES


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

    ``1e-3`` and ``10^-3`` become 0.001, ``1um`` beside ``500nm`` becomes 1000, ``0A`` beside ``09``
    becomes 10, ``IV`` becomes 4.

    Parameters
    ----------
    stems : dict
        Name → its text without ending.
    """
    values: dict[str, str] = {}
    for change in (_without_hex, _without_powers, _without_units, _without_romans):
        found = change(stems)
        if found is not None:
            stems, more = found
            values = {name: f"{values.get(name, '')} {one}".strip() for name, one in more.items()}
    return Plain(stems, values)


_Changed = tuple[dict[str, str], dict[str, str]] | None


def _without_hex(stems: dict[str, str]) -> _Changed:
    """Write hexadecimal numbers as decimal ones, where they count across 9 or F: 09, 0A."""
    values = hexadecimal(stems)
    there = set(values.values())
    lettered = {value for name, value in values.items() if not _hex_in(stems[name])[1].isdecimal()}
    if not any(value - 1 in there - lettered for value in lettered):
        return None
    changed = {name: _HEX.sub(str(value), stems[name]) for name, value in values.items()}
    return changed, {name: _hex_in(stems[name])[0] for name in stems}


def hexadecimal(stems: Mapping[str, str]) -> dict[str, int]:
    """Values of numbers of one length that may be hexadecimal, as only some have letters.

    Parameters
    ----------
    stems : dict
        Name → its text; but for the number all are alike, or the result is empty.
    """
    found = {name: list(_HEX.finditer(one)) for name, one in stems.items()}
    if not found or any(len(every) != 1 for every in found.values()):
        return {}
    digits = {name: every[0][1] for name, every in found.items()}
    rest = {_HEX.sub("#", one) for one in stems.values()}
    cases = {one.isupper() for one in digits.values() if not one.isdecimal()}
    some = 0 < sum(one.isdecimal() for one in digits.values()) < len(digits)
    if (
        not some
        or len(rest) > 1
        or len(cases) > 1
        or len({len(one) for one in digits.values()}) > 1
    ):
        return {}
    values = {name: int(one, 16) for name, one in digits.items()}
    return values if len(set(values.values())) == len(values) else {}


def _hex_in(text: str) -> tuple[str, str]:
    """A hexadecimal number as it is written, and its digits."""
    match = _HEX.search(text)
    return (match[0], match[1]) if match else ("", "")


def _without_powers(stems: dict[str, str]) -> _Changed:
    stems = {name: _SUPERSCRIPT.sub(lambda one: f"^{one[0].translate(_AS_DIGITS)}", text)
             for name, text in stems.items()}  # fmt: skip
    pattern = _GLUED if any(map(re.compile(_CLEAR).search, stems.values())) else _POWER
    found = {name: match for name, one in stems.items() if (match := pattern.search(one))}
    if not found:
        glued = glued_powers(stems)
        pattern, found = _GLUED, glued if all(_HIGH.fullmatch(m[0]) for m in glued.values()) else {}
    if not found or _is_counted(list(found.values())):
        return None
    changed = {name: pattern.sub(_power, one) for name, one in stems.items()}
    if len(found) < len(stems) and len({re.sub(r"\d+(?:[.,]\d+)?", "#", one)
                                        for one in changed.values()}) > 1:  # fmt: skip
        return None
    return changed, {name: found[name][0] if name in found else stems[name] for name in stems}


def glued_powers(stems: Mapping[str, str]) -> dict[str, re.Match[str]]:
    """Powers of ten behind a word that may be numbers of slices, too; empty unless all have one.

    Parameters
    ----------
    stems : dict
        Name → its text; but for the power all are alike, or the result is empty.
    """
    found = {name: match for name, one in stems.items() if (match := _GLUED.search(one))}
    alike = len({_GLUED.sub("#", one) for one in stems.values()}) == 1
    return found if alike and len(found) == len(stems) else {}


def value_of(power: re.Match[str]) -> Decimal:
    """Value of a power of ten, which may have a mantissa."""
    *mantissa, exponent = (one for one in power.groups() if one is not None)
    return Decimal(mantissa[0].replace(",", ".") if mantissa else 1).scaleb(int(exponent))


def _power(match: re.Match[str]) -> str:
    return _text(value_of(match))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_counted(found: list[re.Match[str]]) -> bool:
    """Whether the powers are numbers of slices behind a hyphen: 1e-1, 1e-2, ..., 1e-12."""
    parts = [[one for one in match.groups() if one is not None] for match in found]
    powers = sorted(-int(part[-1]) for part in parts)
    one_by_one = all(after - before == 1 for before, after in pairwise(powers))
    alike = len({tuple(part[:-1]) for part in parts}) == 1
    return alike and one_by_one and powers[-1] > _COUNTED and "^" not in found[0][0]


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
