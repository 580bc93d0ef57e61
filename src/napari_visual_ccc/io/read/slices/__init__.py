"""A folder of slices as one stack."""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ....core.files import stem
from ....core.micrograph import Axis, Micrograph
from ....core.units import are, counted
from ..checks import UnreadableFileError
from ..lazy import Planes, from_file
from .doubts import doubts
from .order import gaps, ordered, series, tilts

# so many files are named in a note
_NAMED = 5

# endings of one picture in several formats: the first of them keeps it best
_BEST = (".tif", ".tiff", ".png", ".bmp", ".pgm", ".ppm", ".pnm", ".pbm", ".pfm", ".jp2", ".j2k")


class Chosen(NamedTuple):
    """Slices in their order, each once, with notes on those left out, and what decided."""

    paths: list[Path]
    notes: tuple[str, ...]
    by: str


def chosen(paths: Iterable[Path]) -> Chosen:
    """Choose the slices among files, and put them in order.

    Microscopes save an image in two formats: of files of one name, the one in the format that
    keeps most is taken. Copies, as file managers name them, are left out. Angles that SerialEM
    wrote beside the files decide the order, or the numbers in the names.
    """
    kept, twice = in_best_format(paths)
    notes = []
    if twice:
        other, first = next(iter(twice.items()))
        notes.append(
            f"{counted(len(twice), 'slice')} {are(len(twice))} there in two formats: "
            f"{first.name} is used, and {other.name} is left out"
        )
    copies = copies_in(kept)
    if copies:
        some = [f"{one.name} (of {of.name})" for one, of in list(copies.items())[:_NAMED]]
        some += [f"{len(copies) - _NAMED} more"] if len(copies) > _NAMED else []
        notes.append(
            f"left out as copies by their names: {', '.join(some)}; rename what is another slice"
        )
        kept = [one for one in kept if one not in copies]
    names = {one: _plain_name(one) for one in kept}
    order, by = ordered(list(dict.fromkeys(names.values())))
    ranks = {name: rank for rank, name in enumerate(order)}
    there = sorted(kept, key=lambda one: (ranks[names[one]], str(one)))
    notes += series([one.name for one in there])
    angles = tilts(there)
    if angles:
        return Chosen(sorted(there, key=angles.__getitem__), tuple(notes),
                      "the angles in the .mdoc beside them")  # fmt: skip
    names_there = [one.name for one in there]
    return Chosen(there, (*notes, *doubts(names_there), *gaps(names_there)), by)


def in_best_format(paths: Iterable[Path]) -> tuple[list[Path], dict[Path, Path]]:
    """Files without those that have the image of another one in a format that keeps less.

    Returns
    -------
    kept : list of Path
        One of each name.
    twice : dict
        File that is left out → the file that is used instead of it.
    """
    kept: dict[Path, Path] = {}
    twice = {}
    for path in sorted(paths, key=_preference):
        first = kept.setdefault(path.with_name(stem(path).casefold()), path)
        if first is not path:
            twice[path] = first
    return list(kept.values()), twice


# names of copies by Windows, macOS and Linux: s3 - Copy (2), s3 copy, s3 (3rd copy), Copy of s3
_WORD = (
    r"(?:copy|kopie|copie|copia|c\u00f3pia|kopia|kopi|\u526f\u672c|\u30b3\u30d4\u30fc"
    r"|\u043a\u043e\u043f\u0438\u044f)"
)

_BEFORE = re.compile(rf"{_WORD}(?: ?\(\d+\))? (?:of|von|de|di|van|av|af) (.+)", re.I)

_BEHIND = re.compile(
    rf"(.+?)(?:[ _-]+{_WORD}(?: ?\(\d+\)| \d+)?| ?\((?:another |\d+\w\w )?{_WORD}(?: \d+)?\))", re.I
)

# of a file that was downloaded or moved to where its name was taken: s3 (1), s3 2
_AGAIN = re.compile(r"(.*\d)(?: ?\(\d+\)| [2-9])")


def copies_in(paths: Sequence[Path]) -> dict[Path, Path]:
    """Files that are copies of others by their names: copy → the file it is a copy of.

    A number behind a name makes a copy only where there are further numbered files: of one name
    with numbers behind it, all are slices.
    """
    there = {stem(path).casefold(): path for path in paths}
    by_word, again = {}, {}
    for path in paths:
        of = there.get(_original(stem(path), there))
        match = _AGAIN.fullmatch(stem(path))
        same = there.get(match[1].casefold()) if match else None
        if of is not None and of is not path:
            by_word[path] = of
        elif same is not None:
            again[path] = same
    several = len(paths) - len(by_word) - len(again) > 1
    every = {**by_word, **(again if several else {})}
    return {path: every[path] for path in paths if path in every}


def _original(name: str, there: Container[str]) -> str:
    """Name without the words that make it one of a copy, as far as there is such a file."""
    while match := _BEFORE.fullmatch(name) or _BEHIND.fullmatch(name):
        name = match[1]
        if name.casefold() in there:
            break
    return name.casefold()


def _plain_name(path: Path) -> str:
    """Name that decides the order; a copy without its original is in the place of that."""
    match = _BEFORE.fullmatch(path.name)
    return match[1] if match else path.name


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
    paths, left_out, by = chosen(paths)
    first = read(paths[0])
    data = first.data
    # what has three axes is a stack or has colours; a slice of either is read as a whole
    source = Planes(
        functools.partial(_slice, list(paths), read, data.shape, data.dtype),
        (len(paths), *data.shape), data.dtype, data.ndim,
    )  # fmt: skip
    chunks = (1, *data.shape)
    notes = (*first.notes, *left_out)
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
        notes = (*notes, f"{len(paths)} files are its slices, in the order of {by}")
    return Micrograph(
        from_file(source, path, " ".join(one.name for one in paths), chunks),
        first.spacing, first.unit, name, path, first.metadata,
        (Axis("z"), *first.axes), first.info_bar, (), notes,
        first.pixel_size_from,
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
