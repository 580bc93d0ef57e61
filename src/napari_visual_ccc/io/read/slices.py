"""A folder of slices as one stack."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Axis, Micrograph
from .lazy import Planes, UnreadableFileError, from_file

# endings of one picture in several formats: the first of them keeps it best
_BEST = (".tif", ".tiff", ".png", ".bmp", ".pgm", ".ppm", ".pnm", ".pbm", ".pfm", ".jp2", ".j2k")


def natural(name: str) -> list[Any]:
    """Sort ``slice2`` before ``slice10``."""
    return [(0, int(one), "") if one.isdigit() else (1, 0, one.lower())
            for one in re.split(r"(\d+)", name) if one]  # fmt: skip


def by_number(names: Sequence[str]) -> list[str]:
    """Put names into the order of the numbers in them, which may have a sign and decimals.

    A hyphen is a sign where it follows another separator (``tilt_-30``), or where some names have
    none in its place (``tilt-30``, ``tilt30``). Digits after a point are decimals (``z_1.25``
    before ``z_1.5``), unless they count: ``1.9``, ``1.10``.
    """
    stems = {name: stem(Path(name)) for name in names}
    split = {name: _NUMBER.split(one) for name, one in stems.items()}
    mixed = _mixed_places(split)
    counts = _counts(stems.values())
    return sorted(names, key=lambda name: (_key(split[name], mixed, counts), natural(name)))


# text before a number, its sign, and its digits
_NUMBER = re.compile(r"([-+\u2212]?)(\d+(?:[.,]\d+(?![.,]?\d))?)")


def _mixed_places(split: dict[str, list[str]]) -> set[int]:
    """Which numbers have a sign in some names and none in others."""
    signs: dict[int, set[bool]] = {}
    for parts in split.values():
        for place in range(1, len(parts), 3):
            signs.setdefault(place, set()).add(bool(parts[place]))
    return {place for place, found in signs.items() if len(found) > 1}


def _counts(stems: Iterable[str]) -> bool:
    """Whether digits after a point count, as in 1.9 and 1.10, instead of being decimals."""
    ends = [end for one in stems for end in re.findall(r"(?<!\d)\d+[.,](\d+)(?![.,]?\d)", one)]
    uneven = len({len(end) for end in ends}) > 1
    return uneven and any(len(end) > 1 and end.endswith("0") for end in ends)


def _key(parts: list[str], mixed: set[int], counts: bool) -> list[Any]:
    key: list[Any] = []
    for place in range(0, len(parts) - 1, 3):
        before, sign, digits = parts[place : place + 3]
        # between digits a hyphen is that of a date
        is_sign = sign != "" and not (place and not before)
        is_sign = is_sign and (place + 1 in mixed or before[-1:] in ("_", " ", "-", "=", "(", ""))
        low = is_sign and sign != "+"
        text = before.lower() + ("" if is_sign else sign)
        # a hyphen that is a sign must not tell its name from those without
        key.append((1, text.rstrip("-") if place + 1 in mixed else text, ()))
        key.append((0, "", _value(digits, counts, -1 if low else 1)))
    return [*key, (1, parts[-1].lower(), ())]


def _value(digits: str, counts: bool, sign: int) -> tuple[float, ...]:
    whole = digits.replace(",", ".")
    if counts or "." not in whole:
        return tuple(sign * int(one) for one in whole.split("."))
    return (sign * float(whole),)


def chosen(paths: Iterable[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Slices in the order of their numbers, each once, and a note about those left out.

    Microscopes save an image in two formats: of files of one name, the one in the format that
    keeps most is taken.
    """
    kept: dict[Path, Path] = {}
    twice = []
    for path in sorted(paths, key=_preference):
        first = kept.setdefault(path.with_name(stem(path).casefold()), path)
        if first is not path:
            twice.append((first, path))
    ranks = {name: rank for rank, name in enumerate(by_number([one.name for one in kept.values()]))}
    order = sorted(kept.values(), key=lambda one: (ranks[one.name], str(one)))
    if not twice:
        return order, ()
    first, other = twice[0]
    note = (
        f"{len(twice)} slices are there in two formats: {first.name} is used, and "
        f"{other.name} is left out"
    )
    return order, (note,)


def _preference(path: Path) -> tuple[int, str]:
    ending = path.suffix.lower()
    return (_BEST.index(ending) if ending in _BEST else len(_BEST), path.name)


def read_slices(paths: Sequence[Path], name: str, path: Path, read: Any) -> Micrograph:
    """Make one stack of images of one size; each is read when it is indexed.

    Parameters
    ----------
    paths : sequence of Path
        One image each; they are put in the order of the numbers in their names.
    name : str
        Of the stack.
    path : Path
        Of the folder.
    read : callable
        Opens one of them.
    """
    paths, twice = chosen(paths)
    first = read(paths[0])
    data = first.data
    # what has three axes is a stack or has colours; a slice of either is read as a whole
    source = Planes(
        functools.partial(_slice, list(paths), read, data.shape, data.dtype),
        (len(paths), *data.shape), data.dtype, data.ndim,
    )  # fmt: skip
    chunks = (1, *data.shape)
    notes = (*first.notes, *twice)
    for other in {paths[len(paths) // 2], paths[-1]} - {paths[0]}:
        one = read(other)
        unlike = _unlike(one.data, data.shape, data.dtype)
        if unlike:
            raise UnreadableFileError(
                f"is no stack: {other.name} {unlike}; open its images one by one"
            )
        if (one.spacing, one.unit) != (first.spacing, first.unit):
            notes = (
                *notes,
                f"{other.name} has another pixel size than the first slice, which is used: "
                "check it",
            )
    if len(paths) > 1:
        notes = (*notes, f"{len(paths)} files are its slices, in the order of their numbers")
    return Micrograph(
        from_file(source, path, " ".join(one.name for one in paths), chunks),
        first.spacing, first.unit, name, path, first.metadata,
        (Axis("z"), *first.axes), first.info_bar, (), notes,
    )  # fmt: skip


def _slice(
    paths: Sequence[Path], read: Any, shape: tuple[int, ...], dtype: Any, index: int,
    part: tuple[slice, ...],
) -> np.ndarray:  # fmt: skip
    data = read(paths[index]).data
    unlike = _unlike(data, shape, dtype)
    if unlike:
        raise ValueError(f"{paths[index]} {unlike}")
    return np.asarray(data[part])


def _unlike(data: Any, shape: tuple[int, ...], dtype: Any) -> str:
    """How an image differs from the first slice; empty if it does not."""
    if data.shape == shape and data.dtype == dtype:
        return ""
    return f"is {data.shape} of {data.dtype}, the first slice is {shape} of {dtype}"
