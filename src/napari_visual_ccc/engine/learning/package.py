"""What a training makes: evaluations of its parts, and models with their cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Evaluation
from ..classification.calibration import (
    expected_calibration_error,
    nonconformity_scores,
    thin_scores,
)
from ..evaluation.metrics import chance_note, evaluation, with_prediction_sets
from ..evaluation.operating_point import at, rates_of, youden_thresholds
from .learner import Calibration, Fitted

if TYPE_CHECKING:
    from ...core.dataset import Dataset
    from ...nets.checkpoint import Model
    from ...nets.models.network import Network
    from ...nets.training.recipe import TrainingRecipe
    from ...nets.training.selection import KeptEpoch
    from .prepare import PreparedDataset
    from .split import Partition

# what the images that a model is calibrated with are called
VALIDATION, CROSS_VALIDATION = "validation part", "cross-validation"


@dataclass(frozen=True)
class Training:
    """What all models of a training share.

    Parameters
    ----------
    data, prepared : Dataset and PreparedDataset
        Labelled images, and their crops.
    network : Network
        Before the training.
    parts : Partition
        Which images are trained with, calibrated with and tested with.
    recipe : TrainingRecipe
        Choices of the training.
    telling : mapping
        Property of the images that tells the classes apart by itself → its accuracy.
    """

    data: Dataset
    prepared: PreparedDataset
    network: Network
    parts: Partition
    recipe: TrainingRecipe
    telling: Mapping[str, float] = field(default_factory=dict)


def evaluate_parts(
    training: Training, calibrated: Calibration, notes: tuple[str, ...] = ()
) -> tuple[Evaluation, Evaluation | None]:
    """Evaluate the test part, and the images that the model was calibrated with.

    Thresholds are chosen on the latter, and both evaluations report what they give. The second
    evaluation is None where no image was held out for calibration, or those are the images of the
    test. In a cross-validation the rates of each fold are then those of thresholds that are chosen
    on the other folds; without folds they are optimistic, as the facts and the card say.
    """
    parts = training.parts
    tested = _evaluate(training, calibrated, parts.test, parts.tested_by, notes)
    tested = replace(tested, notes=(*chance_note(tested), *notes))
    tested = _with_sets(training, calibrated, tested)
    if not len(parts.calibration):
        return tested, None
    chosen_on = CROSS_VALIDATION if parts.folds else VALIDATION
    if np.array_equal(parts.calibration, parts.test):
        held_out = [np.isin(parts.test, images) for _, images in parts.folds]
        thresholds = youden_thresholds(tested)
        return at(tested, thresholds, chosen_on, here=True, held_out=held_out), None
    validated = _evaluate(training, calibrated, parts.calibration, chosen_on)
    thresholds = youden_thresholds(validated)
    return at(tested, thresholds, chosen_on), at(validated, thresholds, chosen_on, here=True)


def _evaluate(
    training: Training,
    calibrated: Calibration,
    images: np.ndarray,
    part: str,
    notes: tuple[str, ...] = (),
) -> Evaluation:
    prepared, parts = training.prepared, training.parts
    targets, probabilities = prepared.targets[images], calibrated.probabilities[images]
    return evaluation(
        prepared.classes,
        probabilities,
        targets,
        names=prepared.table["name"].to_numpy()[images].tolist(),
        groups=parts.groups[images].tolist(),
        seed=training.recipe.seed,
        facts={
            "temperature": calibrated.temperature,
            "ece_before": expected_calibration_error(calibrated.uncalibrated[images], targets),
            "ece_after": expected_calibration_error(probabilities, targets),
            "part": part,
        },
        notes=notes,
    )


def _with_sets(training: Training, calibrated: Calibration, tested: Evaluation) -> Evaluation:
    """Add the coverage of prediction sets; in a cross-validation with scores of other folds."""
    prepared, parts = training.prepared, training.parts
    seed, several = training.recipe.seed, len(prepared.image_index) > len(prepared.targets)
    if not len(parts.calibration) or (several and prepared.network_input.view.kind != "whole"):
        return tested

    def scores(images: np.ndarray) -> np.ndarray:
        return nonconformity_scores(calibrated.probabilities[images], prepared.targets[images])

    if not np.array_equal(parts.calibration, parts.test):
        return with_prediction_sets(tested, [scores(parts.calibration)], seed=seed)
    if not parts.folds:
        return tested
    fold = np.zeros(len(prepared.targets), int)
    for k, (_, held_out) in enumerate(parts.folds):
        fold[held_out] = k
    of_others = [scores(parts.test[fold[parts.test] != k]) for k in range(len(parts.folds))]
    return with_prediction_sets(tested, of_others, fold[parts.test], seed=seed)


def package(
    training: Training,
    fitted: Fitted,
    calibrated: Calibration,
    evaluations: tuple[Evaluation, Evaluation | None],
    epoch: KeptEpoch | None = None,
) -> Model:
    """Put a network, its card and its reference images into a model.

    Parameters
    ----------
    training, fitted, calibrated
        The training; its network; the probabilities of this network.
    evaluations : (Evaluation, Evaluation or None)
        From `evaluate_parts`.
    epoch : KeptEpoch, optional
        Epoch of a checkpoint.
    """
    from ...nets.card import make_card
    from ...nets.checkpoint import Model, on_cpu
    from ...nets.layers import layers_of
    from ...nets.neighbours import choose_references, knn_threshold

    data, prepared, network = training.data, training.prepared, training.network
    parts, recipe = training.parts, training.recipe
    tested = evaluations[0]
    image_index, features = calibrated.image_index, calibrated.features
    names = prepared.table["name"].tolist()
    trained = calibrated.samples_of(parts.train)
    held_out = calibrated.samples_of(parts.calibration)
    kept, kept_names, chosen = choose_references(
        features[trained], prepared.targets[image_index[trained]],
        prepared.thumbnails[image_index[trained]],
        [names[k] for k in image_index[trained]], recipe.seed,
    )  # fmt: skip
    card = {
        **prepared.network_input.as_dict(),
        "name": data.name,
        "architecture": network.name,
        "classes": list(prepared.classes),
        "use": f"images like those of {data.name}",
        "recipe": fitted.recipe,
        **({"temperature": round(calibrated.temperature, 4)} if len(held_out) else {}),
        "conformal": thin_scores(calibrated.nonconformity),
        "references": kept_names,
        "training_data": _training_data(training),
        "metrics": _metrics(tested, parts),
        "layers": layers_of(fitted.net, prepared.network_input.input_px),
        "trained": network.architecture.trained,
        "backbone": dict(network.origin),
        "licence": recipe.licence,
        "version": version("napari-visual-ccc"),
        **_selected(tested, epoch),
    }
    threshold = knn_threshold(features, trained[chosen], held_out, parts.groups[image_index])
    if threshold is not None:
        card["familiar"] = threshold
    # what a GPU has trained is read and passed on as what a processor has
    return on_cpu(Model(fitted.net, make_card(card), {**kept, **fitted.extras}))


def _selected(tested: Evaluation, epoch: KeptEpoch | None) -> dict[str, Any]:
    """Operating point and epoch, for the card."""
    found: dict[str, Any] = {} if epoch is None else {"checkpoint": epoch.as_dict()}
    table = tested.operating_point
    if table is not None and len(table):
        thresholds = dict(zip(table["class"], table["threshold"].tolist(), strict=True))
        facts = tested.facts["operating_point"]
        found["operating_point"] = {
            "thresholds": thresholds,
            "chosen_on": facts["chosen_on"],
            "rates_of": rates_of(facts),
        }
    return found


def _training_data(training: Training) -> dict[str, Any]:
    data, prepared, parts = training.data, training.prepared, training.parts
    counts = np.bincount(prepared.targets[parts.train], minlength=len(prepared.classes))
    return {
        "name": data.name,
        "images": len(parts.train),
        "by_class": dict(zip(prepared.classes, counts.tolist(), strict=True)),
        "groups": len(np.unique(parts.groups[parts.train])),
        "sha256": prepared.digest,
        # what tells classes apart without the specimen
        **({"tells_apart": dict(training.telling)} if training.telling else {}),
    }


def _metrics(tested: Evaluation, parts: Partition) -> dict[str, Any]:
    return {
        "tested_by": parts.tested_by,
        "images": len(parts.test),
        "groups": tested.independent,
        **{
            name.replace(" ", "_"): [round(float(v), 4) for v in numbers]
            for name, *numbers in tested.summary.itertuples(index=False, name=None)
        },
    }
