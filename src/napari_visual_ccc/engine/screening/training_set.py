"""The cheap part of an audit, which every training runs: leaks, contradictions, shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.progress import Steps
from ...core.units import are, counted
from ..classification.crops import is_crop, window_side
from .duplicates import near_duplicates
from .properties import BAR, DATE, FILE, GEOMETRY, PIXEL_SIZE, property_notes, telling_properties
from .specimens import facts_of, like_named, micrographs_of

if TYPE_CHECKING:
    from ..learning.prepare import PreparedDataset
    from ..learning.split import Partition

# pairs of images with similar hashes that are compared: a few seconds
_COMPARED = 1000

# pairs that a note lists, and images with the same pixels
_LISTED, _SAME = 3, 10


@dataclass(frozen=True)
class Screening:
    """What a training should know of its images.

    Parameters
    ----------
    notes : tuple of str
        Messages to the user.
    telling : dict
        Property that tells the classes apart by itself → its accuracy, for the model card.
    facts : dict
        Groups that names propose, where none are given.
    """

    notes: tuple[str, ...] = ()
    telling: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def screen(prepared: PreparedDataset, parts: Partition, seed: int) -> Steps[Screening]:
    """Look for what makes the test of a classifier optimistic, or its classes no classes.

    Parameters
    ----------
    prepared : PreparedDataset
        Images, as the network is shown them.
    parts : Partition
        Which images are trained with, and tested with.
    seed : int
        Seed of the cross-validation of the properties.
    """
    names, labels, groups = (
        [str(one) for one in prepared.table[column]] for column in ("name", "label", "group")
    )
    pairs = yield from _pairs(prepared, parts)
    table = telling_properties(
        prepared.properties, labels, groups, seed=seed, among=_visible(prepared)
    )
    found = table[table["tells_apart"].astype(bool)] if len(table) else table
    notes = (
        *like_named(labels),
        *property_notes(table, bar_is_shown=prepared.network_input.keeps_info_bar),
        *_pair_notes(pairs, names, labels),
    )
    hint = None
    if len(set(groups)) == len(groups):
        hint = micrographs_of([PurePath(name).stem for name in names], labels)
        notes = (*notes, *([hint.note] if hint else []))
    telling = dict(zip(found["property"], found["accuracy"].round(4).tolist(), strict=True))
    return Screening(notes, telling, facts_of(hint))


def _visible(prepared: PreparedDataset) -> list[str]:
    """Properties that reach the network, or leave traces in what it is shown."""
    card = prepared.network_input
    found = [PIXEL_SIZE, *FILE, DATE]
    if card.keeps_info_bar:
        found.append(BAR)
    shapes = [(one.height, one.width) for one in prepared.properties]
    sides = [window_side(card, shape, None) for shape in shapes]
    if any(is_crop(card, shape, side) for shape, side in zip(shapes, sides, strict=True)):
        found += GEOMETRY
    return found


def _places(prepared: PreparedDataset, parts: Partition) -> np.ndarray:
    """Part or, in a cross-validation, fold of each image."""
    places = parts.parts.astype(object)
    if parts.tested_by != "holdout":
        for number, (_, held_out) in enumerate(parts.folds, start=1):
            places[held_out] = f"fold {number}"
    return places


def _pairs(
    prepared: PreparedDataset, parts: Partition
) -> Steps[dict[str, list[tuple[int, int, float]]]]:
    """Near-duplicates of different parts, and those of different classes."""
    places, targets = _places(prepared, parts), prepared.targets
    pixels = prepared.pixels

    def matters(i: int, j: int) -> bool:
        return bool(places[i] != places[j] or targets[i] != targets[j])

    pairs = yield from near_duplicates(prepared.pictures, matters=matters, compared=_COMPARED)
    return {
        "contradictory": [pair for pair in pairs if targets[pair[0]] != targets[pair[1]]],
        # images with the same pixels have a note of their own
        "leaks": [
            (i, j, similar)
            for i, j, similar in pairs
            if places[i] != places[j] and pixels[i] != pixels[j]
        ],
    }


def _pair_notes(
    pairs: dict[str, list[tuple[int, int, float]]], names: list[str], labels: list[str]
) -> list[str]:
    notes = []
    leaks, contradictory = pairs["leaks"], pairs["contradictory"]
    if leaks:
        listed = "; ".join(f"{names[i]} and {names[j]}" for i, j, _ in leaks[:_LISTED])
        notes.append(
            f"{_near(leaks)} in different "
            f"parts, such as {listed}: the test is optimistic; put each pair into one group, or "
            "remove one of them"
        )
    if contradictory:
        listed = "; ".join(
            f"{names[i]} ({labels[i]}) and {names[j]} ({labels[j]})"
            for i, j, _ in contradictory[:_LISTED]
        )
        notes.append(
            f"{_near(contradictory)} in "
            f"different classes, such as {listed}: one of the labels is wrong"
        )
    return notes


def _near(found: Sequence[object]) -> str:
    pairs = f"{counted(len(found), 'pair')} of near-duplicates (also mirrored or turned)"
    return f"{pairs} {are(len(found))}"


def same_pixels(
    prepared: PreparedDataset, parts: np.ndarray, folds: Sequence[np.ndarray] = ()
) -> list[str]:
    """Say which images with the same pixels are in different parts or folds."""
    parts = parts.astype(object)
    for number, held_out in enumerate(folds, start=1):
        parts[held_out] = f"fold {number}"
    alike: dict[bytes, list[int]] = {}
    for number, one in enumerate(prepared.pixels):
        alike.setdefault(one, []).append(number)
    divided = [mine for mine in alike.values() if len({str(parts[k]) for k in mine}) > 1]
    if not divided:
        return []
    names = prepared.table["name"].tolist()
    listed = "; ".join(
        " = ".join(f"{names[k]} ({parts[k]})" for k in mine[:_SAME])
        + (f" = {len(mine) - _SAME} more" if len(mine) > _SAME else "")
        for mine in divided[:_SAME]
    )
    more = f"; and {len(divided) - _SAME} more" if len(divided) > _SAME else ""
    return [
        f"images with the same pixels are in different parts: {listed}{more}. The numbers are "
        "optimistic; put them into one part or one group"
    ]
