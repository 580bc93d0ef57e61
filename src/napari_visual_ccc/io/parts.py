"""Which folders of a data set are its parts: train, validation and test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.dataset import part_named
from ..core.plain import printable
from .folders import is_class, is_fold, some_of
from .read import is_image

# words and numbers in a name: set_train, TrainSet, val2
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def part_in(name: str) -> str:
    """Part that a word of a name stands for, as in ``my_train`` or ``test2``; empty if none does.

    Only whole words count: ``tested`` is none.
    """
    found = {part_named(one) for one in _TOKENS.findall(name)} - {""}
    return part_named(name) or (found.pop() if len(found) == 1 else "")


def parts_of(places: Sequence[Path]) -> dict[Path, str]:
    """Part of each folder that is named like one; empty where the folders are classes.

    A class may be called train: folders are parts if there is another part beside it, or nothing
    else. Where the name of a part is one word of several (``my_train``), the folders must hold
    folders of classes, and either all be named so, or hold the same classes.

    Raises
    ------
    ValueError
        If all folders have the word of a part in their names, and hold images, or are several
        folds.
    """
    exact = {place: part_named(place.name) for place in places if part_named(place.name)}
    names = set(exact.values())
    if names and (len(exact) == len(places) or ("train" in names and len(names) > 1)):
        return exact
    words = _by_words(places)
    if not words:
        return {}
    inside = [_classes_in(place) for place in words]
    holding = [place for place in words if any(map(is_image, place.iterdir()))]
    if len(words) < len(places):
        if holding or len(set.intersection(*inside)) < 2:
            return {}
        _check_folds(words)
        return words
    if holding and not any(inside):
        given = some_of([printable(place.name) for place in places])
        raise ValueError(
            f"{places[0].parent}: {given} are named like parts of a data set, and hold images "
            "without a folder for each class: make folders such as train/cube and test/cube, or "
            "give a table with path, label and part; rename them if they are classes"
        )
    _check_folds(words)
    return words


def _check_folds(words: Mapping[Path, str]) -> None:
    """Insist on one training part, or one other part: an image of folds is in both."""
    several = [part for part, count in Counter(words.values()).items() if count > 1]
    if "train" in several and len(several) > 1:
        names = [printable(place.name) for place in words]
        raise ValueError(
            f"{next(iter(words)).parent}: {some_of(names)} are named like the parts of several "
            "folds, which share images: give a folder with the parts of one of them"
        )


def _by_words(places: Sequence[Path]) -> dict[Path, str]:
    """Folders with the word of a part in their names, if one is for training, one is not."""
    found = {place: part_in(place.name) for place in places if part_in(place.name)}
    names = set(found.values())
    return found if "train" in names and len(names) > 1 else {}


def _classes_in(place: Path) -> set[str]:
    return {one.name.casefold() for one in place.iterdir() if is_class(one)}


def doubtful(places: Sequence[Path]) -> tuple[str, ...]:
    """Say that folders that are taken for classes are named like parts; nothing if they are not."""
    found = [printable(place.name) for place in _by_words(places)]
    if not found:
        return ()
    others = [printable(one.name) for one in places if printable(one.name) not in found]
    return (
        f"{some_of(found)} are taken for classes like {some_of(others)}, though they are "
        "named like parts of a data set: give one folder for each part, with the folders "
        "of the classes in it, if they are parts",
    )


def inner_parts(places: Sequence[Path]) -> dict[Path, str]:
    """Part of each folder within those of the classes; empty unless all of them are parts.

    Raises
    ------
    ValueError
        If the outer folders are folds, each with parts and classes of its own.
    """
    parts: dict[Path, str] = {}
    for place in places:
        for one in place.iterdir():
            if is_image(one) or (is_class(one) and not part_in(one.name)):
                return {}
            if is_class(one):
                parts[one] = part_in(one.name)
    if not {"train"} < set(parts.values()):
        return {}
    classes = [_classes_in(part) for part in parts]
    if len(set.intersection(*classes)) > 1 and all(is_fold(place.name) for place in places):
        names = [printable(place.name) for place in places]
        raise ValueError(
            f"{places[0].parent}: {some_of(names)} each hold parts of the same data set "
            f"({some_of(sorted({one.name for one in parts}))}) with folders of classes: give one "
            f"of them, such as {places[0]}"
        )
    return parts
