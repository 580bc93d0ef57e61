"""Performance of a classifier: metrics with intervals, and the mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.plain import printable
from ...core.result import Evaluation
from ..classification.calibration import prediction_set
from ..classification.windows import COVERAGE
from .intervals import calibration_error, interval, resampled, share

if TYPE_CHECKING:
    import pandas as pd


def evaluation(
    classes: Sequence[str],
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    seed: int = 0,
    **more: Any,
) -> Evaluation:
    """Compare predicted with true classes.

    Parameters
    ----------
    classes : sequence of str
        Names of the classes in the order of the outputs.
    probabilities : (n, classes) array
        Predicted probabilities of each image.
    targets : (n,) int array
        True class indices.
    names, groups : sequences of str, optional
        Name and group of each image. The bootstrap draws groups, since the images of a group are
        not independent.
    seed : int
        Seed of the bootstrap.
    **more
        Further fields of the result, such as ``facts`` and ``notes``.

    Returns
    -------
    Evaluation
        With 95 % intervals, from `intervals.interval`, and of the calibration error from
        `intervals.calibration_error`.
    """
    import pandas as pd

    classes, names, groups = ([printable(one) for one in some] for some in (classes, names, groups))
    n, count = len(targets), len(classes)
    names = names or [f"image {k + 1}" for k in range(n)]
    groups = groups or names
    predicted = probabilities.argmax(axis=1)
    # with a confusion matrix for each group, the bootstrap is a product of matrices
    _, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    by_group = np.zeros((member.max() + 1, count, count))
    np.add.at(by_group, (member, targets, predicted), 1)
    drawn = resampled(by_group, seed)
    summary, per_class = _metrics(by_group.sum(axis=0)), _per_class(by_group.sum(axis=0))
    drawn_summary, drawn_class = _metrics(drawn), _per_class(drawn)
    independent = len(by_group)
    rows = [
        (metric, float(value), *interval(float(value), drawn_summary[metric], independent, n))
        for metric, value in summary.items()
    ]
    error = calibration_error(probabilities, targets, member, seed)
    rows.append(("expected calibration error", *error))
    table = pd.DataFrame({"class": list(classes), "images": by_group.sum(axis=(0, 2)).astype(int)})
    for metric, values in per_class.items():
        limits = []
        for k, (v, d) in enumerate(zip(values, drawn_class[metric].T, strict=True)):
            of = {"recall": targets == k, "precision": predicted == k}
            mine = of.get(metric, (targets == k) | (predicted == k))
            if not (targets == k).any() and np.isfinite(v):
                # without an image of the class, mistakes say nothing of how often it is meant
                limits.append((0.0, 1.0))
                continue
            limits.append(interval(float(v), d, len(np.unique(member[mine])), mine.sum()))
        table[metric] = values
        table[f"{metric}_low"], table[f"{metric}_high"] = zip(*limits, strict=True)
    images = pd.DataFrame({"name": names, "group": groups})
    images["label"] = [classes[k] for k in targets]
    images["predicted"] = [classes[k] for k in predicted]
    images["probability"] = probabilities.max(axis=1)
    for k, name in enumerate(classes):
        images[f"p_{name}"] = probabilities[:, k]
    return Evaluation(
        classes=tuple(classes),
        images=images,
        summary=pd.DataFrame(rows, columns=["metric", "value", "low", "high"]),
        per_class=table,
        confusion=by_group.sum(axis=0).astype(int),
        independent=independent,
        **more,
    )


def chance_note(result: Evaluation) -> tuple[str, ...]:
    """Say whether the balanced accuracy may be that of chance."""
    row = result.summary.set_index("metric").loc["balanced accuracy"]
    chance = 1 / len(result.classes)
    if row["low"] > chance:
        return ()
    return (
        f"not shown to be better than chance: the balanced accuracy is {row['value']:.2f} "
        f"({row['low']:.2f} to {row['high']:.2f}), and {chance:.2f} for guesses",
    )


def with_prediction_sets(
    result: Evaluation,
    scores: Sequence[Any],
    member: np.ndarray | None = None,
    *,
    coverage: float = COVERAGE,
    seed: int = 0,
) -> Evaluation:
    """Add how often prediction sets contain the true class, for each class too.

    Parameters
    ----------
    result : Evaluation
        Of images that are classified as a whole.
    scores : sequence of sequences of float
        Nonconformity scores to make the sets with; in a cross-validation those for each fold.
    member : (n,) int array, optional
        Index of the scores for each image; by default the first.
    coverage : float
        Requested probability.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Evaluation
        With the column ``prediction_set`` of the images; ``coverage`` with its interval and
        ``set_size`` of the classes; a fact ``prediction_sets`` and a note. As it was, if there are
        too few scores.
    """
    member = np.zeros(len(result.images), int) if member is None else member
    inside = np.ones((len(result.images), len(result.classes)), bool)
    for k, some in enumerate(scores):
        mine = member == k
        inside[mine], enough = prediction_set(result.probabilities[mine], some, coverage)
        if not enough:
            return result
    targets = result.targets
    covered, sizes = inside[np.arange(len(targets)), targets], inside.sum(axis=1)
    groups = np.array(result.images["group"].astype(str).tolist())
    value, low, high = share(covered, groups.tolist(), seed=seed)
    table, rows = result.per_class.copy(), []
    for k in range(len(result.classes)):
        mine = targets == k
        found = (
            share(covered[mine], groups[mine].tolist(), seed=seed) if mine.any() else (np.nan,) * 3
        )
        rows.append((*found, sizes[mine].mean() if mine.any() else np.nan))
    table[["coverage", "coverage_low", "coverage_high", "set_size"]] = rows
    images = result.images.copy()
    images["prediction_set"] = [
        ", ".join(name for name, one in zip(result.classes, row, strict=True) if one)
        for row in inside
    ]
    size = float(sizes.mean())
    facts = {"coverage": coverage, "covered": value, "low": low, "high": high, "size": size}
    worst = table.iloc[int(np.nanargmin(table["coverage"].to_numpy()))]
    note = (
        f"prediction sets of {coverage:.0%} contain the true class of {value:.0%} of the images "
        f"({low:.0%} to {high:.0%}), least often of {worst['class']}: {worst['coverage']:.0%} "
        f"({worst['coverage_low']:.0%} to {worst['coverage_high']:.0%}); they have {size:.1f} "
        "classes on average"
    )
    return replace(
        result,
        images=images,
        per_class=table,
        facts={**result.facts, "prediction_sets": facts},
        notes=(*result.notes, note),
    )


def _metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, balanced accuracy and F1 of (..., classes, classes) confusion matrices."""
    parts = _per_class(confusion)
    support = confusion.sum(axis=-1)
    total = support.sum(axis=-1)
    correct = np.trace(confusion, axis1=-2, axis2=-1)
    present = support > 0
    weighted = np.nansum(np.nan_to_num(parts["f1"]) * support, axis=-1) / total
    with np.errstate(invalid="ignore"):
        balanced = np.nansum(parts["recall"], axis=-1) / present.sum(axis=-1)
        macro = np.nansum(np.where(present, parts["f1"], 0), axis=-1) / present.sum(axis=-1)
    return {
        "accuracy": correct / total,
        "balanced accuracy": balanced,
        "weighted F1": weighted,
        "mean F1": macro,
    }


def _per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    predicted, true = confusion.sum(axis=-2), confusion.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = correct / predicted, correct / true
        f1 = 2 * correct / (predicted + true)
    return {"precision": precision, "recall": recall, "f1": f1}


def confused_pairs(result: Evaluation) -> pd.DataFrame:
    """List pairs of confused classes, the most frequent first."""
    import pandas as pd

    support = result.confusion.sum(axis=1)
    rows = [
        (name, other, int(result.confusion[i, j]), 100 * result.confusion[i, j] / support[i])
        for i, name in enumerate(result.classes)
        for j, other in enumerate(result.classes)
        if i != j and result.confusion[i, j]
    ]
    table = pd.DataFrame(rows, columns=["class", "taken_for", "images", "percent_of_class"])
    return table.sort_values(
        ["images", "percent_of_class"], ascending=False, ignore_index=True, kind="stable"
    )


def worst_mistakes(result: Evaluation) -> pd.DataFrame:
    """List the misclassified images, the most confident first."""
    wrong = result.images[result.images["label"] != result.images["predicted"]]
    return wrong.sort_values("probability", ascending=False, ignore_index=True, kind="stable")
