"""Evaluation of a model on images that it was not trained with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from ...core.dataset import Dataset, Example, printable
from ...core.progress import Progress, Steps, run
from ...core.result import Evaluation
from ..classification.calibration import expected_calibration_error
from ..classification.crops import open_plane, thumbnail
from ..classification.windows import Device, run_network
from .metrics import evaluation

if TYPE_CHECKING:
    from ...nets.checkpoint import Model


def evaluate(
    data: Dataset,
    *,
    model: Path | None = None,
    tta: bool = True,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
) -> Steps[Evaluation]:
    """Evaluate a model on labelled images that it was not trained with.

    Parameters
    ----------
    data : Dataset
        Labelled images of classes that the model knows; of a divided data set, such as the split
        that `train` writes, those of the part test.
    model : Path
        Model file (.safetensors); the shipped model by default.
    tta : bool
        Test-time augmentation: average over the eight rotated and mirrored views of a crop, as
        `classify` does.
    seed : int
        Seed of the bootstrap.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network.

    Returns
    -------
    Evaluation
        ``facts["unknown"]`` is the fraction of out-of-distribution images.

    Raises
    ------
    ValueError
        If the model does not know a class, or no image can be read.
    """
    from ...nets import checkpoint
    from ...nets import device as devices

    loaded = checkpoint.load_model(model, devices.choose(device))
    card = loaded.card
    for name in data.classes:
        if name not in card.classes:
            known = ", ".join(card.classes)
            raise ValueError(
                f"the model has no class {name!r} of {data.name}; its classes are {known}"
            )
    predictions = yield from _predict_all(data.held_out, loaded, tta)
    examples, skipped = predictions.examples, predictions.skipped
    if not examples:
        raise ValueError(f"{data.name}: no image could be read; {skipped[0][0]}: {skipped[0][1]}")
    targets = np.array([card.classes.index(one.label) for one in examples])
    facts: dict[str, Any] = {
        "temperature": card.temperature, "model": card.name, "model_hash": loaded.hash,
        "ece_before": expected_calibration_error(np.stack(predictions.uncalibrated), targets),
    }  # fmt: skip
    if predictions.unknown:
        facts["unknown"] = float(np.mean(predictions.unknown))
    result = evaluation(
        card.classes,
        np.stack(predictions.probabilities),
        targets,
        names=[one.name for one in examples],
        groups=[one.group for one in examples],
        seed=seed,
        thumbnails=predictions.thumbnails,
        facts=facts,
        notes=tuple(f"{name} was skipped: {why}" for name, why in skipped[:5]),
    )
    facts["ece_after"] = result.value("expected calibration error")
    return result


@dataclass
class _Predictions:
    """Predictions for all images that can be read."""

    skipped: list[tuple[str, str]]
    examples: list[Example] = field(default_factory=list)
    uncalibrated: list[np.ndarray] = field(default_factory=list)
    probabilities: list[np.ndarray] = field(default_factory=list)
    unknown: list[bool] = field(default_factory=list)
    thumbnails: dict[str, np.ndarray] = field(default_factory=dict)


def _predict_all(data: Dataset, model: Model, tta: bool) -> Steps[_Predictions]:
    found = _Predictions(list(data.skipped))
    for number, example in enumerate(data.examples):
        yield Progress(number, len(data.examples), "images")
        try:
            plane, size = open_plane(example.read())
        except (ValueError, OSError) as error:
            found.skipped.append((example.name, printable(str(error))))
            continue
        output = run(run_network(model, plane, size, tta))
        found.examples.append(example)
        found.uncalibrated.append(output.probabilities(1.0))
        found.probabilities.append(output.probabilities(model.card.temperature))
        found.thumbnails[example.name] = thumbnail(plane)
        outside = output.is_out_of_distribution(model)
        if outside is not None:
            found.unknown.append(bool(outside.mean() > 0.5))
    return found
