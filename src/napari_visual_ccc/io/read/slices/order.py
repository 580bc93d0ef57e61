"""The order of slices: numbers, signs and angles in their names, and those of SerialEM's .mdoc."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ....core.files import stem
from .quantities import plain

# text before a number, its sign, and its digits
_NUMBER = re.compile(r"([-+\u2212\u2013]?)(\d+(?:[.,]\d+(?![.,]?\d))?)")

_LOW = ("-", "\u2212", "\u2013")

# where a letter or a word may be a sign
_PLACE = r"(?:(?<![^\W\d_])(?<!\d)|(?<=tilt)|(?<=angle)|(?<=alpha))"

# signs in letters and words: below zero, above zero
_WORDS = (
    (
        rf"{_PLACE}(?:neg(?:ative)?|minus)[ _.-]?(?=\d)",
        rf"{_PLACE}(?:pos(?:itive)?|plus)[ _.-]?(?=\d)",
    ),
    (rf"{_PLACE}[mn](?=\d)", rf"{_PLACE}p(?=\d)"),
)  # fmt: skip

# angles of a tilt series, in degrees
_STEEPEST = 90

# of .mdoc files; a tilt series has about a kilobyte a slice
_LONGEST = 4 << 20

# so many gaps are named
_NAMED = 3


class _Parsed(NamedTuple):
    """Names cut at their numbers: text, sign, digits, text, ...; places of numbers with signs."""

    split: dict[str, list[str]]
    mixed: set[int]
    counts: bool
    values: dict[str, str]


def natural(name: str) -> list[Any]:
    """Sort ``slice2`` before ``slice10``."""
    return [(0, int(one), "") if one.isdecimal() else (1, 0, one.lower())
            for one in re.split(r"(\d+)", name) if one]  # fmt: skip


def by_number(names: Sequence[str]) -> list[str]:
    """Put names into the order of the numbers in them; see `ordered`."""
    return ordered(names)[0]


def ordered(names: Sequence[str]) -> tuple[list[str], str]:
    """Put names into the order of the numbers in them, which may have a sign and decimals.

    A hyphen is a sign where it follows another separator (``tilt_-30``), or where some names have
    none or a plus in its place (``tilt-30``, ``tilt+30``). Letters and words are signs where others
    take their place (``m30`` and ``p30``, ``neg2`` and ``2``). Digits after a point are decimals
    (``z_1.25`` before ``z_1.5``), unless they count: ``1.9``, ``1.10``. Where each name has another
    angle, some below zero, these decide, not the number of the exposure before them. Powers of ten
    (``1e-3``), units that differ (``500nm``, ``1um``), hexadecimal numbers (``0A``) and Roman
    numerals count as what they mean.

    Returns
    -------
    names : list of str
        In their order.
    by : str
        What decided, for the user.
    """
    parsed = _parsed(names)
    place = _tilt_place(parsed)
    keys = {name: (_key(parsed, name), natural(name)) for name in parsed.split}
    there = sorted(names, key=keys.__getitem__)
    if place is None:
        return there, _by(parsed, there)
    angle = {name: _at(parsed, name, place)[0] for name in parsed.split}
    steep = sorted(there, key=angle.__getitem__)
    if steep == there:
        return there, "their numbers"
    return steep, f"the angles in their names, {angle[steep[0]]:g} to {angle[steep[-1]]:g}"


def _by(parsed: _Parsed, names: Sequence[str]) -> str:
    """What decides the order of names without angles."""
    if parsed.values:
        first, last = parsed.values[names[0]], parsed.values[names[-1]]
        return f"the values in their names, {first} to {last}"
    numbers = {tuple(parts[2::3]) for parts in parsed.split.values()}
    if len(numbers) == 1 and len(names) > 1:
        return f"their names, as no number in them differs ({names[0]} to {names[-1]})"
    return "their numbers"


def _parsed(names: Iterable[str]) -> _Parsed:
    found = plain({name: stem(Path(name)) for name in names})
    stems = _with_signs(found.stems)
    split = {name: _NUMBER.split(one) for name, one in stems.items()}
    return _Parsed(split, _mixed_places(split), _counts(stems.values()), found.values)


def _with_signs(stems: dict[str, str]) -> dict[str, str]:
    """Write signs in letters and words as signs, where names are more alike with them."""
    for below, above in _WORDS:
        signed = {
            name: re.sub(above, "+", re.sub(below, "-", one, flags=re.I), flags=re.I)
            for name, one in stems.items()
        }
        lower = [signed[name] != one and re.search(below, one, re.I) for name, one in stems.items()]
        if any(lower) and _unlike(signed) < _unlike(stems):
            stems = signed
    if any(re.search(r"(?<!\d)[-\u2212\u2013]\d+p\d", one, re.I) for one in stems.values()):
        # the point of a decimal, in names that may have none
        return {
            name: re.sub(r"(?<=\d)p(?=\d)", ".", one, flags=re.I) for name, one in stems.items()
        }
    return stems


def _unlike(stems: Mapping[str, str]) -> int:
    return len({_NUMBER.sub("#", one).lower() for one in stems.values()})


def _mixed_places(split: Mapping[str, list[str]]) -> set[int]:
    """Which numbers have other signs in some names than in others."""
    signs: dict[int, set[str]] = {}
    for parts in split.values():
        for place in range(1, len(parts), 3):
            signs.setdefault(place, set()).add("-" if parts[place] in _LOW else parts[place])
    return {place for place, found in signs.items() if len(found) > 1}


def _counts(stems: Iterable[str]) -> bool:
    """Whether digits after a point count, as in 1.9 and 1.10, instead of being decimals."""
    pattern = r"([-\u2212\u2013]?)(?<!\d)\d+[.,](\d+)(?![.,]?\d)"
    found = [one for text in stems for one in re.findall(pattern, text)]
    ends = [end for _, end in found]
    uneven = len({len(end) for end in ends}) > 1
    # what counts has no sign
    signed = any(sign for sign, _ in found)
    return uneven and not signed and any(len(end) > 1 and end.endswith("0") for end in ends)


def _key(parsed: _Parsed, name: str) -> list[Any]:
    parts = parsed.split[name]
    key: list[Any] = []
    for place in range(1, len(parts), 3):
        before, sign = parts[place - 1 : place + 1]
        text = before.lower() + ("" if _is_sign(parsed, parts, place) else sign)
        # a hyphen that is a sign must not tell its name from those without
        key.append((1, text.rstrip("-") if place in parsed.mixed else text, ()))
        key.append((0, "", _at(parsed, name, place)))
    return [*key, (1, parts[-1].lower(), ())]


def _is_sign(parsed: _Parsed, parts: Sequence[str], place: int) -> bool:
    before, sign = parts[place - 1 : place + 1]
    # between digits a hyphen is that of a date
    if not sign or (place > 1 and not before):
        return False
    return place in parsed.mixed or before[-1:] in ("_", " ", "-", "=", "(", "")


def _at(parsed: _Parsed, name: str, place: int) -> tuple[float, ...]:
    """Number at a place of a name."""
    parts = parsed.split[name]
    low = _is_sign(parsed, parts, place) and parts[place] in _LOW
    whole, sign = parts[place + 1].replace(",", "."), -1 if low else 1
    if parsed.counts or "." not in whole:
        return tuple(sign * int(one) for one in whole.split("."))
    return (sign * float(whole),)


def _values(parsed: _Parsed, place: int) -> list[float]:
    """Numbers at a place, one for each name; empty where some have none, or two are equal."""
    if any(len(parts) <= place for parts in parsed.split.values()):
        return []
    found = [_at(parsed, name, place) for name in parsed.split]
    alone = all(len(one) == 1 for one in found) and len(set(found)) == len(found)
    return [one[0] for one in found] if alone else []


def _places(parsed: _Parsed) -> range:
    return range(1, max(map(len, parsed.split.values()), default=0), 3)


def _tilt_place(parsed: _Parsed) -> int | None:
    """Place of the angle of a tilt series; None if the names have none."""
    for place in _places(parsed):
        angles = _values(parsed, place) if place in parsed.mixed else []
        if angles and -_STEEPEST <= min(angles) < 0 <= max(angles) <= _STEEPEST:
            return place
    return None


def gaps(names: Sequence[str]) -> tuple[str, ...]:
    """Say which numbers are missing from names that are in order; nothing if none is.

    The numbers are those that differ in all names and grow by one step in most of them.
    """
    parsed = _parsed(names)
    for place in _places(parsed):
        values = _values(parsed, place)
        steps = [round(after - before, 6) for before, after in pairwise(values)]
        if len(steps) < 2 or min(steps) <= 0:
            continue
        step, times = Counter(steps).most_common(1)[0]
        share = [one / step for one in steps]
        wide = [k for k, one in enumerate(share) if round(one) > 1]
        count = sum(round(one) - 1 for one in share)
        # of few steps half are enough, if not more is missing than there is
        usual = 2 * times > len(steps) or (2 * times == len(steps) and count <= len(values))
        if not usual or any(abs(one - round(one)) > 0.01 for one in share):
            continue
        if not wide:
            return ()
        where = ", ".join(f"between {names[k]} and {names[k + 1]}" for k in wide[:_NAMED])
        more = f" and at {len(wide) - _NAMED} more places" if len(wide) > _NAMED else ""
        many = "1 number is" if count == 1 else f"{count} numbers are"
        return (
            f"{many} missing from the names of the slices ({where}{more}): the slices are stacked "
            "as neighbours, check that none is lost",
        )
    return ()


# numbers of channels in names
_CHANNEL = re.compile(r"(?<![^\W_\d])(ch|channel|c|w)[-_ ]?$", re.I)


def series(names: Sequence[str]) -> tuple[str, ...]:
    """Say that names in order are those of several images of each slice; nothing if they are not.

    These are names that are alike but for a word, or for the number of a channel, and each word or
    channel has the same numbers of slices.
    """
    found: dict[tuple[str, ...], dict[str, set[tuple[str, ...]]]] = {}
    for parts in _parsed(names).split.values():
        texts = [one.lower() for one in parts[::3]]
        digits = [sign + number for sign, number in zip(parts[1::3], parts[2::3], strict=True)]
        channels = [k for k, text in enumerate(texts[:-1]) if _CHANNEL.search(text)]
        place = channels[0] if len(channels) == 1 else None
        rest = tuple(one for k, one in enumerate(digits) if k != place)
        which = "" if place is None else digits[place]
        found.setdefault(tuple(texts), {}).setdefault(which, set()).add(rest)
    sets = {
        (texts, which): _varying(rest) for texts, every in found.items()
        for which, rest in every.items()
    }  # fmt: skip
    first = next(iter(sets.values()), set())
    if not 2 <= len(sets) <= len(names) // 2 or len(first) < 2:
        return ()
    if any(one != first for one in sets.values()):
        return ()
    return (
        f"{len(sets)} series of names have the same numbers ({names[0]}, {names[1]}): they are "
        "stacked as slices of one; put each series into a folder of its own",
    )


def _varying(numbers: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Numbers without those that are the same in all."""
    columns = [one for one in zip(*numbers, strict=True) if len(set(one)) > 1]
    return set(zip(*columns, strict=True))


def tilts(paths: Sequence[Path]) -> dict[Path, float]:
    """Angles in degrees that SerialEM wrote beside files, in .mdoc; empty unless all have one."""
    angles: dict[str, float] = {}
    for folder in {path.parent for path in paths}:
        for file in sorted(folder.glob("*.mdoc")):
            if file.is_file() and file.stat().st_size <= _LONGEST:
                angles |= _angles_in(file)
    found = {}
    for path in paths:
        # movies may have been summed into files of another ending
        angle = angles.get(path.name.lower(), angles.get(stem(path).lower()))
        if angle is None:
            return {}
        found[path] = angle
    return found if len(set(found.values())) > 1 else {}


def _angles_in(file: Path) -> dict[str, float]:
    """Angles by the names of files, with and without their endings."""
    found: dict[str, float] = {}
    for section in re.split(r"^\[", file.read_text("utf-8", "replace"), flags=re.M):
        angle = re.search(r"^TiltAngle\s*=\s*([-+]?[\d.]+)\s*$", section, re.M)
        frames = re.search(r"^SubFramePath\s*=\s*(.+?)\s*$", section, re.M)
        if angle is None:
            continue
        # of a movie the file is frames.tif.mdoc
        name = re.split(r"[\\/]", frames[1])[-1] if frames else file.stem
        found[name.lower()] = found[stem(Path(name)).lower()] = float(angle[1])
    return found
