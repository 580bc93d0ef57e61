"""How good a classifier is on images it has not seen, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...core.dataset import Dataset, printable
from ...core.progress import Progress, Steps, run
from ...core.result import Evaluation
from ..classification.calibration import (
    expected_calibration_error,
    fit_temperature,
    nonconformity_scores,
    softmax,
)
from ..classification.windows import Device, run_network

if TYPE_CHECKING:
    import pandas as pd

    from .learner import Fitted
    from .prepare import PreparedDataset
    from .split import Partition

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
    """Compare predictions with the truth.

    Parameters
    ----------
    classes : sequence of str
        In the model's order.
    probabilities : (n, classes) array
        Of every image.
    targets : (n,) int array
        Their true classes.
    names, groups : sequences of str, optional
        Of the images; images of one group are drawn together in the bootstrap, as they are no
        independent witnesses.
    seed : int
        Of the bootstrap.
    **more
        Further fields of the result, such as ``facts`` and ``notes``.

    Returns
    -------
    Evaluation
        With 95 % intervals: percentiles of a bootstrap over groups (Efron & Tibshirani 1993).
        Where nothing varies (all images right, say) the bootstrap is blind, and Wilson's interval
        (J. Am. Stat. Assoc. 22 (1927) 209) for that number of groups is given.
    """
    import pandas as pd

    n, count = len(targets), len(classes)
    names = list(names) or [f"image {k + 1}" for k in range(n)]
    groups = list(groups) or names
    predicted = probabilities.argmax(axis=1)
    # one confusion matrix a group: a bootstrap is then a product of matrices
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


@dataclass(frozen=True)
class Calibration:
    """Probabilities of the images, and what the model card keeps of those held out.

    Parameters
    ----------
    temperature : float
        What logits are divided by (Guo et al., ICML 2017); 1 without images to calibrate with.
    probabilities, uncalibrated : (n, classes) arrays
        Of every image, with and without the temperature.
    nonconformity : (m,) array
        Scores of the calibration images, for conformal prediction sets.
    features : (n samples, d) array
        Input of the last layer, for each sample that is classified at once.
    image_index : (n samples,) int array
        Image of each sample.
    """

    temperature: float
    probabilities: np.ndarray
    uncalibrated: np.ndarray
    nonconformity: np.ndarray
    features: np.ndarray
    image_index: np.ndarray

    def samples_of(self, images: np.ndarray) -> np.ndarray:
        """Indices of the samples of some images."""
        return np.flatnonzero(np.isin(self.image_index, images))


def calibrate(prepared: PreparedDataset, fitted: Fitted, parts: Partition) -> Calibration:
    """Fit the temperature on the calibration images.

    A model that classifies window by window is calibrated by crops; one that takes whole images
    by the mean over the crops of an image.
    """
    by_crop = prepared.network_input.view.kind != "whole"
    if by_crop:
        index, logits, features = prepared.image_index, fitted.logits, fitted.features
    else:
        index = np.arange(len(prepared.targets))
        logits = prepared.mean_by_image(fitted.logits)
        features = prepared.mean_by_image(fitted.features)
    targets = prepared.targets[index]
    held_out = np.flatnonzero(np.isin(index, parts.calibration))
    temperature = 1.0
    if len(held_out):
        temperature = fit_temperature(logits[held_out], targets[held_out])
    probabilities, uncalibrated = softmax(logits, temperature), softmax(logits)
    scores = nonconformity_scores(probabilities[held_out], targets[held_out])
    if by_crop:
        probabilities = prepared.mean_by_image(probabilities)
        uncalibrated = prepared.mean_by_image(uncalibrated)
    return Calibration(temperature, probabilities, uncalibrated, scores, features, index)


def evaluate(
    data: Dataset,
    *,
    model: Path | None = None,
    tta: bool = True,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
) -> Steps[Evaluation]:
    """Test a model on labelled images that it has not seen.

    Parameters
    ----------
    data : Dataset
        Labelled images; their classes must be among the model's.
    model : Path
        A model file (.safetensors); without it the shipped one.
    tta : bool
        Test-time augmentation: average over the eight rotated and mirrored views of a crop, as
        `classify` does.
    seed : int
        Of the bootstrap.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs.

    Returns
    -------
    Evaluation
        ``facts["unknown"]`` is the share of images that are unlike the training images.

    Raises
    ------
    ValueError
        If a class is not one of the model's, or no image can be read.
    """
    from ...nets import checkpoint
    from ...nets import device as devices
    from .prepare import open_plane, thumbnail

    loaded = checkpoint.load_model(model, devices.choose(device))
    card = loaded.card
    for name in data.classes:
        if name not in card.classes:
            known = ", ".join(card.classes)
            raise ValueError(f"the model knows no class {name!r} of {data.name}; it knows {known}")
    heat = card.temperature
    examples, before, after, unknown = [], [], [], []
    skipped, thumbnails = list(data.skipped), {}
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "images")
        try:
            plane, size = open_plane(example.read())
        except (ValueError, OSError) as error:
            skipped.append((example.name, printable(str(error))))
            continue
        output = run(run_network(loaded, plane, size, tta))
        examples.append(example)
        before.append(output.probabilities(1.0))
        after.append(output.probabilities(heat))
        thumbnails[example.name] = thumbnail(plane)
        odd = output.is_out_of_distribution(loaded)
        if odd is not None:
            unknown.append(odd.mean() > 0.5)
    if not examples:
        raise ValueError(f"{data.name}: no image could be read; {skipped[0][0]}: {skipped[0][1]}")
    targets = np.array([card.classes.index(one.label) for one in examples])
    facts: dict[str, Any] = {"temperature": heat, "model": card.name, "model_hash": loaded.hash}
    facts["ece_before"] = expected_calibration_error(np.stack(before), targets)
    notes = tuple(f"{name} was skipped: {why}" for name, why in skipped[:5])
    if unknown:
        facts["unknown"] = float(np.mean(unknown))
    found = evaluation(
        card.classes,
        np.stack(after),
        targets,
        names=[one.name for one in examples],
        groups=[one.group for one in examples],
        seed=seed,
        thumbnails=thumbnails,
        facts=facts,
        notes=notes,
    )
    facts["ece_after"] = found.value("expected calibration error")
    return found


def _draws(by_group: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    independent = len(by_group)
    times = rng.multinomial(independent, np.full(independent, 1 / independent), size=DRAWS)
    return np.tensordot(times, by_group, axes=1)


def _metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy and its kin of (..., classes, classes) confusion matrices."""
    parts = _per_class(confusion)
    support = confusion.sum(axis=-1)
    total = support.sum(axis=-1)
    right = np.trace(confusion, axis1=-2, axis2=-1)
    there = support > 0
    weighted = np.nansum(np.nan_to_num(parts["f1"]) * support, axis=-1) / total
    with np.errstate(invalid="ignore"):
        balanced = np.nansum(parts["recall"], axis=-1) / there.sum(axis=-1)
        macro = np.nansum(np.where(there, parts["f1"], 0), axis=-1) / there.sum(axis=-1)
    return {
        "accuracy": right / total,
        "balanced accuracy": balanced,
        "weighted F1": weighted,
        "mean F1": macro,
    }


def _per_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    said, there = confusion.sum(axis=-2), confusion.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = right / said, right / there
        f1 = 2 * right / (said + there)
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
    """95 % score interval of a share seen in n cases."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _calibration_row(
    probabilities: np.ndarray, targets: np.ndarray, member: np.ndarray, seed: int
) -> tuple[str, float, float, float]:
    rng = np.random.default_rng(seed)
    of = [np.flatnonzero(member == g) for g in range(member.max() + 1)]
    found = []
    for _ in range(200):
        drawn = np.concatenate([of[g] for g in rng.integers(0, len(of), len(of))])
        found.append(expected_calibration_error(probabilities[drawn], targets[drawn]))
    low, high = (float(v) for v in np.percentile(found, (2.5, 97.5)))
    value = expected_calibration_error(probabilities, targets)
    # drawing with repeats makes the error look larger: the interval is reflected about the value
    low, high = max(0.0, 2 * value - high), min(1.0, max(value, 2 * value - low))
    return "expected calibration error", value, low, high


def confused_pairs(result: Evaluation) -> pd.DataFrame:
    """List which class is taken for which other, the most frequent first."""
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
    """List the images that were named wrongly, the surest first."""
    wrong = result.images[result.images["label"] != result.images["predicted"]]
    return wrong.sort_values("probability", ascending=False, ignore_index=True, kind="stable")
