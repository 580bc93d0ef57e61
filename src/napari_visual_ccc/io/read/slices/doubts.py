"""Names of slices that may be read in two ways, so that their order is doubtful."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ....core.files import stem
from .quantities import glued_powers, hexadecimal, is_unit, plain, value_of

# a number with the letters behind it
_QUANTITY = re.compile(r"(\d+(?:[.,]\d+)?)([ _]?[^\W\d_]{0,4})(?![^\W_])")

_PREFIXES = "pnuµμmkKMG"


def doubts(names: Sequence[str]) -> tuple[str, ...]:
    """Say where the order of names is doubtful, as their numbers may be read in two ways.

    Numbers with a unit beside numbers without one or with an unknown one, what may be powers of ten
    or hexadecimal, and hyphens that may be signs of powers.

    Parameters
    ----------
    names : sequence of str
        In their order.
    """
    stems = {name: stem(Path(name)) for name in names}
    reasons = (_units, _powers, _hyphens, _hexadecimal)
    found = next((said for one in reasons if (said := one(stems))), "")
    return (f"the order of the slices is doubtful: {found}; check the order",) if found else ()


def _units(stems: Mapping[str, str]) -> str:
    """Whether some numbers have a unit and others none, or one with another unknown prefix."""
    if plain(dict(stems)).values:
        return ""
    every = {name: list(_QUANTITY.finditer(one)) for name, one in stems.items()}
    for place in range(min(map(len, every.values()), default=0)):
        here = {name: found[place] for name, found in every.items()}
        alike = len({f"{one[: here[name].start()]}#{one[here[name].end() :]}"
                     for name, one in stems.items()}) == 1  # fmt: skip
        by_unit = {match[2].strip(" _"): name for name, match in here.items()}
        if alike and _are_mixed(set(by_unit)):
            first, second = list(by_unit.values())[:2]
            return f"the units of {first} and {second} are not known to be alike"
    return ""


def _are_mixed(units: set[str]) -> bool:
    # one letter is that of a slice: 2, 2A
    known = {one for one in units if is_unit(one) and (len(one) > 1 or one == "k")}
    others = units - known
    prefixed = {prefix + one for prefix in _PREFIXES for one in others if len(one) > 1}
    return (len(units) > 1 and bool(known) and others <= {""}) or bool(units & prefixed)


def _powers(stems: Mapping[str, str]) -> str:
    if plain(dict(stems)).values:
        return ""
    values = {name: value_of(one) for name, one in glued_powers(stems).items()}
    return _other_order(values.__getitem__, values, "a power of ten or two numbers")


def _hyphens(stems: Mapping[str, str]) -> str:
    first = next((one for one in stems if re.search(r"\d ?[x×*·] ?10-\d", one)), "")
    return f"{first} is taken for a power of ten" if first else ""


def _hexadecimal(stems: Mapping[str, str]) -> str:
    if plain(dict(stems)).values:
        return ""
    values = hexadecimal(stems)
    return _other_order(values.__getitem__, values, "hexadecimal, or a number and a letter")


def _other_order(key: Callable[[str], object], names: Mapping[str, object], may_be: str) -> str:
    """What the names may have, if it would bring them into another order."""
    there = list(names)
    other = sorted(there, key=key)  # type: ignore[arg-type]
    first = next((one for one, two in zip(there, other, strict=True) if one != two), "")
    return f"{first} may have {may_be}" if first else ""
