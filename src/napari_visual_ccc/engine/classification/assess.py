"""From the output of a network to a prediction with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Prediction
from .calibration import prediction_set
from .decision import decide, name_of
from .windows import model_facts

if TYPE_CHECKING:
    from ...nets.card import ModelCard
    from ...nets.checkpoint import Model


def assess(
    probabilities: np.ndarray,
    model: Model,
    coverage: float,
    features: np.ndarray | None,
    *,
    thresholds: np.ndarray | None = None,
    notes: tuple[str, ...] = (),
    **more: Any,
) -> Prediction:
    """Add the prediction set and the comparison with the training images.

    Parameters
    ----------
    probabilities : (classes,) array
        Calibrated probabilities.
    model : Model
        Model that gave them.
    coverage : float
        Of the prediction set.
    features : (n, d) array, optional
        Input of the last layer for the image, or for each of its windows.
    thresholds : (classes,) array, optional
        From `decision.thresholds_of`.
    notes : tuple of str
        Remarks on the image.
    **more
        Further fields of the prediction.
    """
    card = model.card
    classes: tuple[str, ...] = ()
    # nonconformity scores are of images or of single windows, not of a micrograph of many windows
    if card.conformal and features is not None and len(features) == 1:
        classes, warnings = _prediction_set(probabilities, card, coverage)
        notes = (*notes, *warnings)
    if not card.is_calibrated:
        notes = (*notes, "the probabilities of this model are not calibrated")
    compared = _Comparison() if features is None else _compare(features, model)
    facts = {**model_facts(model), **compared.facts}
    if classes:
        facts |= {"prediction_set": list(classes), "coverage": coverage}
    by_thresholds = decided(probabilities, thresholds, card.classes)
    facts |= by_thresholds
    return Prediction(
        classes=tuple(card.classes),
        probabilities=probabilities,
        prediction_set=classes,
        unknown=compared.unknown,
        similar=compared.nearest,
        model=model.identity,
        facts=facts,
        notes=(*compared.notes, *notes),
        **by_thresholds,
        **more,
    )


def decided(
    probabilities: np.ndarray, thresholds: np.ndarray | None, classes: Sequence[str]
) -> dict[str, Any]:
    """Fields of a prediction by thresholds; none where the most probable class decides."""
    if thresholds is None:
        return {}
    named = dict(zip(classes, thresholds.tolist(), strict=True))
    return {
        "thresholds": named,
        "decided": name_of(int(decide(probabilities, thresholds)), classes),
    }


def _prediction_set(
    probabilities: np.ndarray, card: ModelCard, coverage: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Classes in the prediction set, and a note if there are too few validation images."""
    inside, enough = prediction_set(probabilities, card.conformal, coverage)
    classes = tuple(name for name, one in zip(card.classes, inside, strict=True) if one)
    if enough:
        return classes, ()
    return classes, (
        f"{len(card.conformal)} validation images are too few for a coverage of {coverage:.0%}: "
        "the prediction set holds all classes",
    )


@dataclass(frozen=True)
class _Comparison:
    """An image beside the training images."""

    unknown: bool = False
    nearest: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _compare(features: np.ndarray, model: Model) -> _Comparison:
    """Compare an image, or its windows, with the training images of a model."""
    import torch

    from ...nets.neighbours import (
        distances_in,
        is_out_of_distribution,
        listed,
        mean_of_nearest,
    )

    mean = torch.from_numpy(features.mean(axis=0, dtype=np.float32))
    apart, ood = distances_in(model, mean[None]), model.card.ood
    near = tuple(listed(model, apart[0]))
    if ood is None or not near:
        return _Comparison(nearest=near)
    if len(features) > 1:
        outside = is_out_of_distribution(model, features)
        share = 0.0 if outside is None else float(outside.mean())
        unknown = share > 0.5
        note = f"unknown: {share:.0%} of the image is unlike the training images"
        return _Comparison(unknown, near, notes=(note,) if unknown else ())
    found = mean_of_nearest(apart)[0]
    distance, unknown = float(found), bool(found > ood.threshold)
    note = (
        f"unknown: unlike the training images (distance {distance:.2f}; of the validation images "
        f"{ood.share:.0%} are within {ood.threshold:.2f})"
    )
    facts = {
        "distance": round(distance, 4),
        "distance_threshold": ood.threshold,
        "unknown": unknown,
    }
    return _Comparison(unknown, near, facts, (note,) if unknown else ())
