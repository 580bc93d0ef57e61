"""Evaluation of a model on images that it was not trained with."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...core.dataset import CROSS_VALIDATED, Dataset, Example
from ...core.plain import reason_of
from ...core.progress import Progress, Steps, map_progress
from ...core.result import Evaluation
from ..classification.calibration import expected_calibration_error
from ..classification.crops import in_range_of, open_plane, thumbnail
from ..classification.windows import Device, run_network
from .metrics import chance_note, evaluation, with_prediction_sets
from .operating_point import at
from .robustness import (
    NOT_DEGRADED,
    Degradation,
    degradations,
    degrade,
    noise_source,
    robustness_table,
)

if TYPE_CHECKING:
    from ...nets.card import ModelCard
    from ...nets.checkpoint import Model

_ROBUST = {"applies": {"robustness": (True,)}}


def evaluate(  # noqa: PLR0913
    data: Dataset,
    *,
    model: Path | None = None,
    checkpoint: Literal["best", "current"] = "best",
    tta: Annotated[bool, {"label": "Average 8 rotations"}] = True,
    robustness: Annotated[bool, {"label": "Robustness to noise and blur"}] = False,
    noise: Annotated[str, {**_ROBUST, "label": "Noise (of contrast)"}] = "0.05, 0.1, 0.2, 0.4",
    counts: Annotated[str, {**_ROBUST, "label": "Noise (counts)"}] = "100, 30, 10, 3",
    blur: Annotated[str, {**_ROBUST, "label": "Blur (sigma)"}] = "1, 2, 4",
    blur_unit: Annotated[Literal["px", "nm"], _ROBUST] = "px",
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
        Model file (.safetensors), or one of the checkpoints of its training; the shipped model by
        default.
    checkpoint : {'best', 'current'}
        The model itself, whose epoch was the best, or the last epoch of its training, from the
        folder of checkpoints beside it.
    tta : bool
        Test-time augmentation: average over the eight rotated and mirrored views of a crop, as
        `classify` does.
    robustness : bool
        Measure the accuracy with added noise and blur too: every image is classified once more at
        each level. They are added to the grey levels of the image, before its normalisation.
    noise : str
        Levels of Gaussian noise: standard deviation as a fraction of the contrast of each image,
        from its 0.5 to its 99.5 percentile.
    counts : str
        Levels of Poisson noise: mean counts (electrons) of a pixel at the 99.5 percentile of the
        image; few counts are much noise.
    blur : str
        Levels of Gaussian blur: standard deviation in `blur_unit`.
    blur_unit : {'px', 'nm'}
        Unit of the blur: pixels of the image, or nm.
    seed : int
        Seed of the bootstrap and of the noise.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.

    Returns
    -------
    Evaluation
        ``facts["unknown"]`` is the fraction of out-of-distribution images. ``operating_point`` if
        the model has thresholds, ``robustness`` if it was asked for.

    Raises
    ------
    ValueError
        If the model does not know a class, no image can be read, there is no such checkpoint, or
        a level is not a positive number.
    """
    from ...nets import checkpoint as models
    from ...nets import device as devices
    from ...nets.training.checkpoints import current_of

    levels = degradations(noise, counts, blur, blur_unit) if robustness else ()
    if checkpoint == "current":
        model = current_of(model)
    loaded = models.load_model(model, devices.choose(device))
    _check_classes(data, loaded)
    found = yield from _predict_all(data.held_out, loaded, tta, (NOT_DEGRADED, *levels), seed)
    examples, skipped = found.examples, found.skipped
    if not examples:
        raise ValueError(f"{data.name}: no image could be read; {skipped[0][0]}: {skipped[0][1]}")
    tested = _evaluated(found, loaded, (NOT_DEGRADED, *levels), seed)
    return replace(tested, notes=(*data.notes, *tested.notes))


def _check_classes(data: Dataset, model: Model) -> None:
    for name in data.classes:
        if name not in model.card.classes:
            known = ", ".join(model.card.classes)
            raise ValueError(
                f"the model has no class {name!r} of {data.name}; its classes are {known}"
            )


def _evaluated(
    found: _Predictions, model: Model, levels: tuple[Degradation, ...], seed: int
) -> Evaluation:
    card, examples = model.card, found.examples
    targets = np.array([card.classes.index(one.label) for one in examples])
    groups = [one.group for one in examples]
    probabilities = np.stack(found.probabilities)
    facts: dict[str, Any] = {
        "temperature": card.temperature, "model": card.name, "model_hash": model.hash,
        "ece_before": expected_calibration_error(np.stack(found.uncalibrated), targets),
    }  # fmt: skip
    unknown = np.array(found.unknown) if found.unknown else None
    if unknown is not None:
        facts["unknown"] = float(unknown[:, 0].mean())
    notes = []
    if all(one.part == CROSS_VALIDATED for one in examples):
        notes.append(
            "the images are of a cross-validation: a model of that training has learnt all of "
            "them, and for it these numbers are too good"
        )
    notes += [f"{name} was skipped: {why}" for name, why in found.skipped[:5]]
    if not card.is_calibrated:
        notes.append("the probabilities of this model are not calibrated")
    if card.checkpoint is not None:
        facts["checkpoint"] = card.checkpoint.as_dict()
    result = evaluation(
        card.classes,
        probabilities[:, 0],
        targets,
        names=[one.name for one in examples],
        groups=groups,
        seed=seed,
        thumbnails=found.thumbnails,
        facts=facts,
        notes=tuple(notes),
        robustness=robustness_table(levels, probabilities, unknown, targets, groups, seed=seed)
        if len(levels) > 1
        else None,
    )
    facts["ece_after"] = result.value("expected calibration error")
    result = replace(result, notes=(*chance_note(result), *result.notes))
    if card.conformal and not found.by_window:
        # as `classify`, which gives no sets to micrographs of many windows
        result = with_prediction_sets(result, [card.conformal], seed=seed)
    point = card.operating_point
    return result if point is None else at(result, point.thresholds, point.chosen_on)


@dataclass
class _Predictions:
    """Predictions for all images that can be read, each at every level of degradation."""

    skipped: list[tuple[str, str]]
    examples: list[Example] = field(default_factory=list)
    uncalibrated: list[np.ndarray] = field(default_factory=list)
    probabilities: list[np.ndarray] = field(default_factory=list)
    unknown: list[list[bool]] = field(default_factory=list)
    by_window: bool = False
    thumbnails: dict[str, np.ndarray] = field(default_factory=dict)


def _predict_all(
    data: Dataset, model: Model, tta: bool, levels: tuple[Degradation, ...], seed: int
) -> Steps[_Predictions]:
    found = _Predictions(list(data.skipped))
    ranges: dict[Any, ModelCard] = {}
    temperature = model.card.temperature
    for number, example in enumerate(data.examples):
        here = Progress(number, len(data.examples), "images")
        yield here
        try:
            plane, size = open_plane(example.read(), model.card.keeps_info_bar, model.card.channels)
        except (ValueError, OSError) as error:
            found.skipped.append((example.name, reason_of(error, example.path)))
            continue
        card = in_range_of(example, model.card, ranges)
        ranged, limits = model, None
        if card is not model.card:
            ranged, limits = replace(model, card=card), card.normalisation.limits
        outputs = []
        for k, level in enumerate(levels):
            try:
                changed = degrade(plane, level, noise_source(seed, number, k), size, limits)
            except ValueError as error:
                raise ValueError(f"{example.name}: {error}") from None
            steps = run_network(ranged, changed, size, tta)
            outputs.append((yield from map_progress(steps, functools.partial(_same, here))))
        found.by_window |= outputs[0].windows is not None
        found.examples.append(example)
        found.uncalibrated.append(outputs[0].probabilities(1.0))
        found.probabilities.append(np.stack([one.probabilities(temperature) for one in outputs]))
        found.thumbnails[example.name] = thumbnail(plane)
        outside = [one.is_out_of_distribution(model) for one in outputs]
        if all(one is not None for one in outside):
            found.unknown.append([bool(one.mean() > 0.5) for one in outside if one is not None])
    return found


def _same(progress: Progress, _: Progress) -> Progress:
    """The bar counts images, however many steps one of them takes."""
    return progress
