"""Train a classifier on labelled images, and learn how far to trust it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ...core.dataset import Dataset
from ...core.progress import Progress, Steps
from ...core.result import Evaluation, TrainedModel
from ...nets.training.recipe import Augmentation, FitOptions, Schedule, TrainingRecipe
from ..classification.windows import Device
from .evaluate import Calibration, calibrate, evaluation
from .prepare import PreparedDataset, prepare
from .split import Partition, partition

if TYPE_CHECKING:
    import torch

    from ...nets.checkpoint import Model
    from ...nets.models.network import Network
    from .learner import Fitted, Learner

Architecture = Literal[
    "lite0-linear", "lite0-finetune", "visualcnn", "alexnet-1ch", "simple-cnn", "xception", "other"
]

Share = Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}]


def train(
    data: Dataset,
    *,
    model: Architecture = "lite0-linear",
    other: str = "",
    weights: Literal["installed", "download", "random"] = "installed",
    window: Annotated[float, {"min": 0, "max": 65_536, "label": "Window (0: automatic)"}] = 0.0,
    window_unit: Literal["px", "nm"] = "px",
    input_px: Annotated[int, {"min": 0, "max": 1024, "label": "Input (px, 0: automatic)"}] = 0,
    use_pixel_size: bool = False,
    info_bar: Literal["leave out", "keep"] = "leave out",
    split: Literal["auto", "holdout", "k-fold", "leave-one-group-out"] = "auto",
    validation: Share = 0.15,
    test: Share = 0.15,
    class_weights: bool = True,
    flips: bool = Augmentation.flips,
    brightness: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = Augmentation.brightness,
    noise: Annotated[float, {"min": 0, "max": 0.2, "step": 0.01}] = Augmentation.noise,
    scale: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = Augmentation.scale,
    epochs: Annotated[int, {"min": 1, "max": 1000}] = FitOptions.epochs,
    batch_size: Annotated[int, {"min": 1, "max": 512}] = FitOptions.batch_size,
    learning_rate: Annotated[
        float, {"min": 0, "max": 1, "step": 0.0001, "label": "Learning rate (0: automatic)"}
    ] = 0.0,
    schedule: Schedule = FitOptions.schedule,
    patience: Annotated[int, {"min": 1, "max": 100}] = FitOptions.patience,
    accumulate_grad_batches: Annotated[
        int, {"min": 1, "max": 64}
    ] = FitOptions.accumulate_grad_batches,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
    state: Path | None = None,
    finish: bool = False,
    log: Annotated[Path | None, {"mode": "d"}] = None,
    licence: str = "not stated",
) -> Steps[TrainedModel]:
    """Train a classifier on folders of images, test it, and calibrate it.

    Images of one group (specimen, parent micrograph) are never in two parts. Probabilities are
    calibrated on the validation part (Guo et al., ICML 2017), which also gives the scores of
    conformal sets and the distance beyond which an image counts as unknown.

    Parameters
    ----------
    data : Dataset
        Labelled images, as `dataset.load` or `dataset.from_arrays` give them.
    model : str
        lite0-linear: a linear layer on EfficientNet-Lite0, seconds on a laptop, and the best with
        few images. The others train all or some layers, which wants a graphics processor.
    other : str
        Where the model is 'other': any image model, as timm:NAME, hf-hub:OWNER/NAME or
        local-dir:FOLDER.
    weights : {'installed', 'download', 'random'}
        Of 'other' and xception: only weights that are on this machine; fetch them if they are not;
        or start from random ones.
    window : float
        Side of the square that the network is shown at once, in `window_unit`; larger images are
        cut into such windows. 0: small crops of one size are taken as windows, other images as a
        whole.
    window_unit : {'px', 'nm'}
        With nm every image is brought to one scale by its pixel size.
    input_px : int
        Side of the network's input; 0 chooses.
    use_pixel_size : bool
        Give the network the logarithm of the pixel size as well: for classes that differ by it.
    info_bar : {'leave out', 'keep'}
        The label bar of the microscope is no evidence: it is cut off, unless you want to see what
        a network makes of it.
    split : {'auto', 'holdout', 'k-fold', 'leave-one-group-out'}
        How it is tested: on images put aside, or by cross-validation. auto cross-validates when a
        class has fewer than 30 images.
    validation, test : float
        Shares put aside; of a holdout. lite0-linear trains on the validation part as well.
    class_weights : bool
        Let every class count the same, however many images it has.
    flips : bool
        Show images mirrored and turned by right angles too: a micrograph has no up.
    brightness : float
        Vary brightness, contrast and gamma by up to this share.
    noise : float
        Add Poisson and Gaussian noise up to this share of the range of grey; with light and noise
        only networks are varied that are trained as a whole.
    scale : float
        Vary the scale by up to this share; leave it 0 where size tells classes apart.
    epochs : int
        How often all images are shown at most; lite0-linear does not need it.
    batch_size : int
        Images at once.
    learning_rate : float
        Learning rate; 0 takes the architecture's.
    schedule : {'cosine', 'plateau'}
        How the rate falls: along a cosine, or halved when the validation loss stays.
    patience : int
        Epochs without progress on the validation part after which training ends.
    accumulate_grad_batches : int
        Batches added up before a step: a larger batch than memory holds.
    seed : int
        Of the split, the weights and all variations.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.
    state : Path
        File that training is kept in after every epoch; if it is there, training goes on from it.
    finish : bool
        Train no further: take the best so far from `state`.
    log : Path
        Folder for TensorBoard, where the network's layers are trained.
    licence : str
        Of the model, for its card: what others may do with it.

    Returns
    -------
    TrainedModel
        ``model`` (`nets.checkpoint.save` writes it), ``evaluation``, ``split``, ``history``,
        ``skipped``.

    Raises
    ------
    ValueError
        If fewer than two classes remain, choices contradict each other, or groups cannot be split.
    RuntimeError
        If weights are not there, or memory is full.
    """
    choices = {name: value for name, value in locals().items() if name != "data"}
    return (yield from train_by_recipe(data, TrainingRecipe(**choices)))


def train_by_recipe(data: Dataset, recipe: TrainingRecipe) -> Steps[TrainedModel]:
    """Do what `train` describes: prepare, divide, fit, calibrate, test and package."""
    from ...nets import device as devices
    from ...nets.models.network import choose_network

    device_of_net = devices.choose(recipe.device)
    network = choose_network(recipe.network, len(data.classes), recipe.weights, recipe.seed)
    _check_input(network, recipe.input_px)
    prepared = yield from prepare(data, network.architecture, recipe)
    if len(prepared.classes) < len(data.classes):
        # no image of a class could be read
        classes = len(prepared.classes)
        network = choose_network(recipe.network, classes, recipe.weights, recipe.seed)
    learner = _choose_learner(prepared, network, recipe, device_of_net)
    parts = partition(prepared, recipe, learner.needs_validation)
    if parts.folds:
        fitted = yield from learner.cross_validate(parts.folds, parts.train)
    else:
        fitted = yield from learner.fit(
            parts.train, parts.calibration if len(parts.calibration) else None
        )
    calibrated = calibrate(prepared, fitted, parts)
    notes = (*prepared.notes, *parts.notes)
    if network.lacks_weights:
        notes = (*notes, f"{recipe.model}: {network.origin['source']}; all layers start at random")
    if not len(parts.calibration):
        notes = (*notes, "no validation part: probabilities are not calibrated")
    tested = _evaluate_test_part(prepared, parts, calibrated, notes, recipe.seed)
    trained = _package(data, prepared, network, fitted, parts, calibrated, tested, recipe)
    yield Progress(1, 1, "done")
    return TrainedModel(
        model=trained,
        evaluation=tested,
        split=prepared.table.assign(part=parts.parts),
        history=fitted.history,
        skipped=prepared.skipped,
        thumbnails=dict(zip(prepared.table["name"], prepared.thumbnails, strict=True)),
        notes=notes,
        facts={"classes": list(data.classes), "part": parts.tested_by},
    )


def _check_input(network: Network, input_px: int) -> None:
    architecture = network.architecture
    fixed = network.name.startswith("timm:") and not architecture.any_size
    if fixed and input_px not in (0, architecture.input_px):
        raise ValueError(
            f"{network.name} takes an input of {architecture.input_px} px and no other: leave "
            "input_px at 0"
        )


def _choose_learner(
    prepared: PreparedDataset, network: Network, recipe: TrainingRecipe, place: torch.device
) -> Learner:
    from .fine_tune import FineTune
    from .linear_probe import LinearProbe

    learner = FineTune if network.architecture.tuned else LinearProbe
    return learner(prepared, network, recipe, place)


def _evaluate_test_part(
    prepared: PreparedDataset,
    parts: Partition,
    calibrated: Calibration,
    notes: tuple[str, ...],
    seed: int,
) -> Evaluation:
    from ..classification.calibration import expected_calibration_error

    test = parts.test
    targets, probabilities = prepared.targets[test], calibrated.probabilities[test]
    return evaluation(
        prepared.classes,
        probabilities,
        targets,
        names=prepared.table["name"].to_numpy()[test].tolist(),
        groups=parts.groups[test].tolist(),
        seed=seed,
        facts={
            "temperature": calibrated.temperature,
            "ece_before": expected_calibration_error(calibrated.uncalibrated[test], targets),
            "ece_after": expected_calibration_error(probabilities, targets),
            "part": parts.tested_by,
        },
        notes=notes,
    )


# the model ----------------------------------------------------------------------------------------


def _package(
    data: Dataset,
    prepared: PreparedDataset,
    network: Network,
    fitted: Fitted,
    parts: Partition,
    calibrated: Calibration,
    tested: Evaluation,
    recipe: TrainingRecipe,
) -> Model:
    """Put the network, its card and its reference images into a model."""
    from ...nets.card import make_card
    from ...nets.checkpoint import Model
    from ...nets.layers import layers_of
    from ...nets.neighbours import choose_references, knn_threshold
    from ..classification.calibration import thin_scores

    index, features = calibrated.image_index, calibrated.features
    names = prepared.table["name"].tolist()
    known = calibrated.samples_of(parts.train)
    held_out = calibrated.samples_of(parts.calibration)
    kept, kept_names, chosen = choose_references(
        features[known], prepared.targets[index[known]], prepared.thumbnails[index[known]],
        [names[k] for k in index[known]], recipe.seed,
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
        "training_data": _training_data(data, prepared, parts),
        "metrics": _metrics(tested, parts),
        "layers": layers_of(fitted.net, prepared.network_input.input_px),
        "backbone": dict(network.origin),
        "licence": recipe.licence,
        "version": version("napari-visual-ccc"),
    }
    threshold = knn_threshold(features, known[chosen], held_out, parts.groups[index])
    if threshold is not None:
        card["familiar"] = threshold
    return Model(fitted.net, make_card(card), {**kept, **fitted.extras})


def _training_data(data: Dataset, prepared: PreparedDataset, parts: Partition) -> dict[str, Any]:
    counts = np.bincount(prepared.targets[parts.train], minlength=len(prepared.classes))
    return {
        "name": data.name,
        "images": len(parts.train),
        "by_class": dict(zip(prepared.classes, counts.tolist(), strict=True)),
        "groups": len(np.unique(parts.groups[parts.train])),
        "sha256": prepared.digest,
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
