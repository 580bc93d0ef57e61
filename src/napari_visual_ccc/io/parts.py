"""Which folders of a data set are its parts: train, validation and test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..core.dataset import part_named
from ..core.plain import printable
from .folders import is_class, is_fold, some_of
from .read import is_image

# words and numbers in a name: set_train, TrainSet, val2
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# a fold of a cross-validation: fold_1, cv2, split-a, fold 1 of 5, 2nd fold
_FOLD = re.compile(
    r"(k?folds?|cv|xval|cross[\W_]*validation|splits?)([\W_]*\d+([\W_]*of[\W_]*\d+)?|[\W_]+[a-z])|"
    r"\d+(st|nd|rd|th)?[\W_]*(fold|split)"
)

# names of what is held back, and of what is not, that may be classes as well
_HELD_BACK = re.compile(
    r"calib(ration)?|(un)?seen|h[eo]ld[\W_]*out|held[\W_]*back|learn(ing)?|fit(ting)?|query|"
    r"gallery|support|public|private|out[\W_]*of[\W_]*sample|in[\W_]*sample|ood|iid"
)


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
        If all folders are named like parts or have the word of one in their names, and hold
        images, or are several folds.
    """
    exact = {place: part_named(place.name) for place in places if part_named(place.name)}
    names = set(exact.values())
    if names and (len(exact) == len(places) or ("train" in names and len(names) > 1)):
        _check_classes(exact)
        return exact
    words = _by_words(places)
    if not words:
        return {}
    if len(words) == len(places):
        _check_classes(words)
    elif _holds_images(words) or len(set.intersection(*map(_classes_in, words))) < 2:
        return {}
    _check_folds(words)
    return words


def _check_classes(parts: Mapping[Path, str]) -> None:
    """Insist on folders of classes in those of the parts, if they hold images."""
    if _holds_images(parts) and not any(map(_classes_in, parts)):
        given = some_of([printable(place.name) for place in parts])
        raise ValueError(
            f"{next(iter(parts)).parent}: {given} are named like parts of a data set, and hold "
            "images without a folder for each class: make folders such as train/cube and "
            "test/cube, or give a table with path, label and part; rename them if they are classes"
        )


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


def _holds_images(places: Iterable[Path]) -> bool:
    return any(is_image(one) for place in places for one in place.iterdir())


def _classes_in(place: Path) -> set[str]:
    return {one.name.casefold() for one in place.iterdir() if is_class(one)}


def check_no_folds(places: Sequence[Path]) -> None:
    """Insist on folders of classes that are not named like the folds of a cross-validation.

    Raises
    ------
    ValueError
        If several are named so, and the others, if any, like parts.
    """
    folds = [place for place in places if _FOLD.fullmatch(place.name.lower())]
    if len(folds) > 1 and all(place in folds or part_in(place.name) for place in places):
        given = some_of([printable(place.name) for place in folds])
        raise ValueError(
            f"{folds[0].parent}: {given} are named like folds of a cross-validation, not like "
            "classes: make a folder for each class, or the same folders of classes in each fold, "
            "or give a table with path and label; rename them if they are classes"
        )


def doubtful(places: Sequence[Path]) -> tuple[str, ...]:
    """Say that folders that are taken for classes are named like parts; nothing if they are not.

    So are those that are all named like sets, days or what is held back.
    """
    found = [printable(place.name) for place in _by_words(places)]
    if not found:
        return _of_repetitions([printable(place.name) for place in places])
    others = [printable(one.name) for one in places if printable(one.name) not in found]
    return (
        f"{some_of(found)} are taken for classes like {some_of(others)}, though they are "
        "named like parts of a data set: give one folder for each part, with the folders "
        "of the classes in it, if they are parts",
    )


def _of_repetitions(names: Sequence[str]) -> tuple[str, ...]:
    held = [one for one in names if _HELD_BACK.fullmatch(one.lower())]
    like = ""
    if len(names) > 1 and all(_FOLD.fullmatch(one.lower()) or is_fold(one) for one in names):
        like = "sets, days or repetitions of an experiment"
    elif len(names) > 1 and held and all(one in held or part_in(one) for one in names):
        like = "parts of a data set"
    if not like:
        return ()
    return (
        f"{some_of(names)} are taken for classes, though they are named like {like}: give a folder "
        "for each class, or a table with path and label, if they are not classes",
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
