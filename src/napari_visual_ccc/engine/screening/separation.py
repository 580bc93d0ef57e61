"""How likely it is that properties of images tell classes apart by chance: a permutation test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import factorial, prod

import numpy as np

# largest corrected p-value of a property that tells classes apart
ALPHA = 0.05

# values of a number beyond which they are grouped, by their ranks
_BINS = 64

# images of the smallest class from which on a rule may have two intervals for each class
_MANY = 8


def corrected_p(
    columns: Mapping[str, np.ndarray],
    targets: np.ndarray,
    member: np.ndarray,
    families: Sequence[Sequence[str]],
    seed: int,
) -> dict[str, float]:
    """P-values of properties, corrected for their number.

    The classes of the groups are permuted. What is compared is the share of images that the best
    rule from one property classifies correctly: a class for each text, or for each of a few
    intervals of a number. p is the share of permutations in which any property does as well as
    this one by its own distribution (Westfall and Young, 1993, min-p), so that properties that
    vary together, such as height and width, cost nothing.

    With three images in each of two classes no p-value is below 0.1. Where none can reach 0.05,
    the number of `families` that tell the classes apart without a fault is tested instead,
    as if families varied independently of each other.

    Parameters
    ----------
    columns : mapping
        Name of a property → (n,) array of its values, numbers or texts.
    targets, member : (n,) int arrays
        Class and group of each image.
    families : sequence of sequences of str
        Properties that are of one origin; the others are families of their own.
    seed : int
        Of the permutations.

    Returns
    -------
    dict
        Of each property.
    """
    unit, units, labels = _units(targets, member)
    weights = 1 / np.bincount(unit)[unit]
    labels = _permuted(labels, len(units), seed)
    classes = int(targets.max()) + 1
    scores = {
        name: _scores(_table(column, unit, weights, len(units)), labels, classes, is_text)
        for name, column in columns.items()
        for is_text in [column.dtype.kind not in "biuf"]
    }
    own = {name: _ranked(score) for name, score in scores.items()}
    least = np.min(list(own.values()), axis=0)
    found = {name: float((least <= p[0] + 1e-12).mean()) for name, p in own.items()}
    if _least_p(labels[0]) <= ALPHA:
        return found
    together = _together(scores, families)
    return {name: min(p, together) if scores[name][0] >= 1 else p for name, p in found.items()}


def _units(targets: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of the unit of each image: a group, or the part of it that is of one class."""
    pairs = np.stack([member, targets], axis=1)
    units, unit = np.unique(pairs, axis=0, return_inverse=True)
    return unit.ravel(), units, units[:, 1]


def _permuted(labels: np.ndarray, units: int, seed: int) -> np.ndarray:
    """(permutations, units) classes; the first row has those of the data set."""
    count = 1999 if units <= 2000 else 499
    random = np.random.default_rng(seed)
    return np.concatenate([labels[None], random.permuted(np.tile(labels, (count, 1)), axis=1)])


def _table(column: np.ndarray, unit: np.ndarray, weights: np.ndarray, units: int) -> np.ndarray:
    """(values, units) shares of the images of each unit that have a value, in their order."""
    values, place = np.unique(column, return_inverse=True)
    place = place.ravel()
    if column.dtype.kind in "biuf" and len(values) > _BINS:
        ranks = np.searchsorted(np.sort(column), values)
        place = (ranks * _BINS // len(column))[place]
        place = np.unique(place, return_inverse=True)[1]
    table = np.zeros((int(place.max()) + 1, units), np.float32)
    np.add.at(table, (place, unit), weights)
    return table


def _scores(table: np.ndarray, labels: np.ndarray, classes: int, is_text: bool) -> np.ndarray:
    """Share of units that the best rule classifies correctly, for each permutation."""
    fewest = int(np.unique(labels[0], return_counts=True)[1].min())
    intervals = (2 if fewest >= _MANY else 1) * classes
    by_value = is_text or len(table) <= intervals
    found = []
    for start in range(0, len(labels), 250):
        some = labels[start : start + 250]
        shown = (some.T[:, :, None] == np.arange(classes)).astype(np.float32)
        counts = np.tensordot(table, shown, 1)  # (values, permutations, classes)
        best = counts.max(-1).sum(0) if by_value else _in_intervals(counts, intervals)
        found.append(best / table.shape[1])
    return np.concatenate(found).round(6)


def _in_intervals(counts: np.ndarray, intervals: int) -> np.ndarray:
    """Largest number of units that as many intervals of the values classify correctly."""
    best = np.zeros((intervals, *counts.shape[1:]), np.float32)
    for row in counts:
        before = best.max(-1, keepdims=True)
        best[1:] = np.maximum(best[1:], before[:-1])
        best += row
    return np.asarray(best.max((0, -1)))


def _ranked(scores: np.ndarray) -> np.ndarray:
    """P-value of each permutation among all of them."""
    return 1 - np.searchsorted(np.sort(scores), scores, "left") / len(scores)


def _least_p(labels: np.ndarray) -> float:
    """Share of the permutations that divide the units as the classes do."""
    sizes = np.unique(labels, return_counts=True)[1].tolist()
    alike = prod(factorial(size) for size in sizes) * prod(
        factorial(times) for times in Counter(sizes).values()
    )
    return alike / factorial(sum(sizes))


def _together(scores: Mapping[str, np.ndarray], families: Sequence[Sequence[str]]) -> float:
    """P-value of the number of families that tell the classes apart without a fault."""
    named = {name for family in families for name in family}
    chances, there = [], 0
    for family in [*families, *([name] for name in scores if name not in named)]:
        perfect = [scores[name] >= 1 for name in family if name in scores]
        if not perfect:
            continue
        any_of = np.any(perfect, axis=0)
        chances.append(float(any_of.mean()))
        there += int(any_of[0])
    # probabilities of 0, 1, ... families
    known = np.ones(1)
    for chance in chances:
        known = np.convolve(known, [1 - chance, chance])
    return float(known[there:].sum())
