"""Thresholds on the probabilities of classes: how they are chosen, and what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..classification.decision import decide
from .intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

    from ...core.result import Evaluation


def youden_thresholds(evaluation: Evaluation) -> dict[str, float]:
    """Choose the threshold of each class against the rest by Youden's J.

    Youden, Cancer 3 (1950) 32: the threshold with the largest true positive rate minus false
    positive rate; of equal ones the highest. It lies halfway between the probabilities of two
    neighbouring images. With two classes it is chosen for the second class, and that of the first
    one is one minus it.

    Parameters
    ----------
    evaluation : Evaluation
        Of images that were not trained with, or of a cross-validation.

    Returns
    -------
    dict
        Class → threshold; without classes that all or none of the images belong to.
    """
    return _youden_thresholds(evaluation.probabilities, evaluation.targets, evaluation.classes)


def _youden_thresholds(
    chances: np.ndarray, targets: np.ndarray, classes: tuple[str, ...]
) -> dict[str, float]:
    found = {}
    for k in range(len(classes)):
        threshold = youden(chances[:, k], targets == k)
        if threshold is not None:
            found[classes[k]] = threshold
    if len(classes) == 2 and classes[1] in found:
        found[classes[0]] = 1 - found[classes[1]]
    return {name: found[name] for name in classes if name in found}


def youden(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Threshold with the largest Youden's J; None where there are no positives or no negatives.

    Parameters
    ----------
    scores : (n,) array
        0 to 1, higher for positives.
    positive : (n,) bool array
        The truth.
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return None
    levels, place = np.unique(scores, return_inverse=True)
    # numbers of images at each level and above; whole numbers, so that equal J are equal
    true = np.bincount(place, positive, len(levels))[::-1].cumsum().astype(np.int64)
    false = np.bincount(place, ~positive, len(levels))[::-1].cumsum().astype(np.int64)
    best = len(levels) - 1 - int(np.argmax(true * others - false * count))
    below = levels[best - 1] if best else 0.0
    return float((levels[best] + below) / 2)


def nested_limits(evaluation: Evaluation, held_out: Sequence[np.ndarray]) -> np.ndarray:
    """Thresholds of every image by Youden's J, chosen without the images of its fold.

    Parameters
    ----------
    evaluation : Evaluation
        Of a cross-validation.
    held_out : sequence of (n,) bool arrays
        Images of each fold.

    Returns
    -------
    (n, classes) array
        Infinite where no other fold has images of the class, which is then never assigned.
    """
    chances, targets, classes = evaluation.probabilities, evaluation.targets, evaluation.classes
    limits = np.full(chances.shape, np.inf)
    for fold in held_out:
        found = _youden_thresholds(chances[~fold], targets[~fold], classes)
        limits[fold] = [found.get(name, np.inf) for name in classes]
    return limits


def rates(
    evaluation: Evaluation, thresholds: Mapping[str, float], limits: np.ndarray | None = None
) -> pd.DataFrame:
    """True and false positive rates of each class against the rest, at its threshold.

    Parameters
    ----------
    evaluation : Evaluation
        Of the images to report on.
    thresholds : mapping
        Class → threshold.
    limits : (n, classes) array, optional
        Thresholds that each image is judged by, from `nested_limits`; the same by default.

    Returns
    -------
    DataFrame
        ``class``, ``threshold``, ``tpr``, ``fpr`` and ``j`` (their difference); ``_low`` and
        ``_high`` are 95 % score intervals (Wilson 1927) for the number of groups, since the
        images of a group are not independent.
    """
    import pandas as pd

    groups = evaluation.images["group"].to_numpy().astype(str)
    chances, targets = evaluation.probabilities, evaluation.targets
    rows = []
    for k, name in enumerate(evaluation.classes):
        if name not in thresholds:
            continue
        above = chances[:, k] >= (thresholds[name] if limits is None else limits[:, k])
        row: dict[str, Any] = {"class": name, "threshold": thresholds[name]}
        for rate, of in (("tpr", targets == k), ("fpr", targets != k)):
            value = float(above[of].mean()) if of.any() else np.nan
            independent = len(np.unique(groups[of]))
            ends = wilson(value, independent) if independent else (np.nan, np.nan)
            row |= {rate: value, f"{rate}_low": ends[0], f"{rate}_high": ends[1]}
        rows.append(row | {"j": row["tpr"] - row["fpr"]})
    return pd.DataFrame(rows)


def decided(
    evaluation: Evaluation, thresholds: Mapping[str, float], limits: np.ndarray | None = None
) -> dict[str, int]:
    """Count the images that thresholds assign to the right class, and to none.

    Returns
    -------
    dict
        ``correct``, ``none`` and ``images``; empty where a class has no threshold.
    """
    if set(evaluation.classes) - set(thresholds):
        return {}
    if limits is None:
        limits = np.array([thresholds[name] for name in evaluation.classes])
    found = decide(evaluation.probabilities, limits)
    right, none = int((found == evaluation.targets).sum()), int((found < 0).sum())
    return {"correct": right, "none": none, "images": len(found)}


def at(
    evaluation: Evaluation,
    thresholds: Mapping[str, float],
    chosen_on: str,
    *,
    here: bool = False,
    held_out: Sequence[np.ndarray] = (),
) -> Evaluation:
    """Add the operating point to an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        Of the images to report on.
    thresholds : mapping
        Class → threshold.
    chosen_on : str
        Images that they were chosen on.
    here : bool
        Whether these are the images of the evaluation: the rates are then optimistic, unless
        `held_out` is given.
    held_out : sequence of (n,) bool arrays
        Images of each fold of a cross-validation. Each fold is judged by thresholds that are
        chosen on the others; the table states those of all folds.
    """
    if not thresholds:
        return evaluation
    limits = nested_limits(evaluation, held_out) if held_out else None
    facts: dict[str, Any] = {"chosen_on": chosen_on, "here": here}
    if held_out:
        facts["nested"] = True
    facts |= decided(evaluation, thresholds, limits)
    return replace(
        evaluation,
        operating_point=rates(evaluation, thresholds, limits),
        facts={**evaluation.facts, "operating_point": facts},
    )


def rates_of(facts: Mapping[str, Any]) -> str:
    """Say which images the rates at an operating point are of, from its facts."""
    if facts.get("nested"):
        return "every fold, at thresholds that were chosen on the other folds"
    return "the same images, so the rates are optimistic" if facts["here"] else "other images"
