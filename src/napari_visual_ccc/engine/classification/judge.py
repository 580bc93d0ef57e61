"""From the outputs of a network to a prediction with its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.result import Prediction
from .calibration import prediction_set
from .windows import model_facts

if TYPE_CHECKING:
    from ...nets.checkpoint import Model


def assess(
    probabilities: np.ndarray,
    model: Model,
    coverage: float,
    features: np.ndarray | None,
    *,
    notes: tuple[str, ...] = (),
    **more: Any,
) -> Prediction:
    """Put a prediction beside what the model knows of itself and of its training images.

    Parameters
    ----------
    probabilities : (classes,) array
        Calibrated.
    model : Model
        Loaded.
    coverage : float
        Of the prediction set.
    features : (n, d) array, optional
        What the last layer sees of the image, or of each window of it.
    notes : tuple of str
        For people.
    **more
        Further fields of the result.
    """
    import torch

    from ...nets.neighbours import is_out_of_distribution, knn_distance, nearest

    card = model.card
    likely: tuple[str, ...] = ()
    # the scores are of images, or of windows one by one: not of a micrograph of many
    single = features is not None and len(features) == 1
    if card.conformal and single:
        inside, enough = prediction_set(probabilities, card.conformal, coverage)
        likely = tuple(name for name, one in zip(card.classes, inside, strict=True) if one)
        if not enough:
            notes = (
                *notes,
                f"{len(card.conformal)} validation images are too few to be {coverage:.0%} "
                "sure of anything: no class can be ruled out",
            )
    if not card.is_calibrated:
        notes = (*notes, "the probabilities of this model are not calibrated")
    near, odd, middle = [], None, None
    if features is not None:
        middle = torch.from_numpy(features.mean(axis=0, dtype=np.float32)).to(model.device)
        near, odd = nearest(model, middle), is_out_of_distribution(model, features)
    distance = None
    share = 0.0 if odd is None else float(odd.mean())
    unknown = share > 0.5
    if odd is not None and middle is not None and single:
        distance = float(knn_distance(middle[None], model.extras["reference.features"])[0])
    if unknown and distance is None:
        notes = (f"unknown: {share:.0%} of the image is unlike the training images", *notes)
    elif unknown and card.ood:
        notes = (
            f"unknown: unlike the training images (distance {distance:.2f}; of the validation "
            f"images {card.ood.share:.0%} are within {card.ood.threshold:.2f})",
            *notes,
        )
    facts: dict[str, Any] = model_facts(model)
    if distance is not None and card.ood:
        facts |= {
            "distance": round(distance, 4),
            "distance_threshold": card.ood.threshold,
            "unknown": unknown,
        }
    if likely:
<<<<<<< HEAD
        facts |= {"likely": list(likely), "confidence": confidence}
    return Prediction(
        classes=tuple(card.classes),
        probabilities=probabilities,
=======
        facts |= {"prediction_set": list(likely), "coverage": coverage}
    return PredictionResult(
        tuple(card.classes),
        probabilities,
>>>>>>> 7e49126 (Call the share of prediction sets that hold the truth coverage, and turned views test-time augmentation)
        likely=likely,
        unknown=unknown,
        similar=tuple(near),
        model=model.identity,
        facts=facts,
        notes=notes,
        **more,
    )
