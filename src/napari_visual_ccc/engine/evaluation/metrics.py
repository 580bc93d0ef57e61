"""Performance of a classifier: metrics with intervals, and the mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.plain import printable
from ...core.result import Evaluation
from ..classification.calibration import (
    expected_calibration_error,
    prediction_set,
    reliability,
)
from ..classification.windows import COVERAGE

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 2000


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
        With 95 % intervals: percentiles of a bootstrap over groups (Efron & Tibshirani 1993).
        Where all draws are equal (no error, for example), Wilson's score interval for that number
        of groups (J. Am. Stat. Assoc. 22 (1927) 209).
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
    drawn = _draws(by_group, seed)
    summary, per_class = _metrics(by_group.sum(axis=0)), _per_class(by_group.sum(axis=0))
    drawn_summary, drawn_class = _metrics(drawn), _per_class(drawn)
    independent = len(by_group)
    rows = [
        (metric, float(value), *_interval(float(value), drawn_summary[metric], independent))
        for metric, value in summary.items()
    ]
    rows.append(_calibration_row(probabilities, targets, member, seed))
    table = pd.DataFrame({"class": list(classes), "images": by_group.sum(axis=(0, 2)).astype(int)})
    for metric, values in per_class.items():
        limits = [
            _interval(float(v), d, len(np.unique(member[targets == k])))
            for k, (v, d) in enumerate(zip(values, drawn_class[metric].T, strict=True))
        ]
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
    value, low, high = accuracy(covered, groups.tolist(), seed=seed)
    table, rows = result.per_class.copy(), []
    for k in range(len(result.classes)):
        mine = targets == k
        found = (
            accuracy(covered[mine], groups[mine].tolist(), seed=seed)
            if mine.any()
            else (np.nan,) * 3
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


def accuracy(
    right: np.ndarray, groups: Sequence[str], *, seed: int = 0
) -> tuple[float, float, float]:
    """Fraction of correct predictions, and its 95 % interval as in `evaluation`.

    Parameters
    ----------
    right : (n,) bool array
        Whether each prediction is correct.
    groups : sequence of str
        Group of each image.
    seed : int
        Seed of the bootstrap; equal seeds draw the same groups.
    """
    _, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    by_group = np.stack([np.bincount(member, right), np.bincount(member)], axis=1).astype(float)
    drawn = _draws(by_group, seed)
    value = float(right.mean())
    return value, *_interval(value, drawn[:, 0] / drawn[:, 1], len(by_group))


def _draws(by_group: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    independent = len(by_group)
    times = rng.multinomial(independent, np.full(independent, 1 / independent), size=DRAWS)
    return np.tensordot(times, by_group, axes=1)


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


def _interval(value: float, drawn: np.ndarray, independent: int) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size == 0 or independent == 0 or not np.isfinite(value):
        return float("nan"), float("nan")
    low, high = (float(v) for v in np.percentile(drawn, (2.5, 97.5)))
    if high - low > 1e-12:
        return low, high
    return wilson(value, independent)


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a fraction of n cases."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


# with fewer independent images, the interval of the calibration error is that of the worst case
_FEW = 30


def _calibration_row(
    probabilities: np.ndarray, targets: np.ndarray, member: np.ndarray, seed: int
) -> tuple[str, float, float, float]:
    """Expected calibration error with a 95 % interval.

    The error is positive by chance alone. Below, the interval reaches what is left of it beyond
    chance: the 97.5th percentile with outcomes drawn from the probabilities (one draw a group).
    Above, it is the reflected bootstrap over groups or, if larger, the posterior of the accuracy in
    the bins (Jeffreys prior; as many images as there are groups): a bin of two right images says
    little. Simulated intervals contain the error of new images in 93 to 100 % (11 to 400 images),
    the bootstrap alone in 47 to 100 %.
    """
    from scipy.stats import beta

    rng = np.random.default_rng(seed)
    of = [np.flatnonzero(member == g) for g in range(member.max() + 1)]
    found = []
    for _ in range(200):
        drawn = np.concatenate([of[g] for g in rng.integers(0, len(of), len(of))])
        found.append(expected_calibration_error(probabilities[drawn], targets[drawn]))
    low, high = (float(v) for v in np.percentile(found, (2.5, 97.5)))
    value = expected_calibration_error(probabilities, targets)
    # drawing with replacement increases the error: reflect the interval about the value
    low, high = max(0.0, 2 * value - high), min(1.0, max(value, 2 * value - low))
    confidence, accurate, count = reliability(probabilities, targets)
    sure, bins = probabilities.max(axis=1), len(count)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    expected = np.bincount(place, sure, bins)
    by_chance = [
        np.abs(np.bincount(place, rng.random(len(of))[member] < sure, bins) - expected).sum()
        for _ in range(200)
    ]
    low = min(low, max(0.0, value - float(np.percentile(by_chance, 97.5)) / len(sure)))
    there = count > 0
    trials = count[there] * len(of) / len(sure)
    right = accurate[there] * trials
    posterior = right + 0.5, trials - right + 0.5
    gaps = np.abs(rng.beta(*posterior, (1000, len(trials))) - confidence[there])
    errors = (rng.dirichlet(trials, 1000) * gaps).sum(axis=1)
    high = max(high, float(np.percentile(errors, 97.5)))
    if len(of) < _FEW:
        ends = np.abs(
            np.stack([beta.ppf(q, *posterior) for q in (0.025, 0.975)]) - confidence[there]
        )
        high = max(high, float((ends.max(axis=0) * count[there]).sum() / len(sure)))
    return "expected calibration error", value, low, min(1.0, high)


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
