"""Train a classifier on labelled images, calibrate it and test it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import numpy as np

from ...core.dataset import Dataset
from ...core.plain import printable
from ...core.progress import Progress, Steps, in_part, to_its_end
from ...core.result import TrainedModel
from ...core.units import counted
from ...nets.training.recipe import Augmentation, FitOptions, Schedule, TrainingRecipe
from ..classification.windows import Device
from .prepare import PreparedDataset, prepare
from .split import partition

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ...nets.checkpoint import Model
    from ...nets.models.network import Network
    from .learner import Fitted, Learner
    from .package import Training
    from .split import Partition

Architecture = Literal[
    "lite0-linear", "lite0-finetune", "visualcnn", "alexnet-1ch", "simple-cnn", "xception", "other"
]

Share = Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}]

# a linear layer has no epochs, and its features no changed grey levels
_TUNED = {"applies": {"model": tuple(one for one in get_args(Architecture) if "linear" not in one)}}

_HELD_OUT = {"applies": {"split": ("auto", "holdout")}}


def train(  # noqa: PLR0913
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
    validation: Annotated[Share, _HELD_OUT] = 0.15,
    test: Annotated[Share, _HELD_OUT] = 0.15,
    class_weights: bool = True,
    flips: bool = Augmentation.flips,
    brightness: Annotated[
        float, {"min": 0, "max": 0.5, "step": 0.05, **_TUNED}
    ] = Augmentation.brightness,
    noise: Annotated[float, {"min": 0, "max": 0.2, "step": 0.01, **_TUNED}] = Augmentation.noise,
    scale: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = Augmentation.scale,
    crop: Annotated[
        float, {"min": 0.08, "max": 1, "step": 0.05, "label": "Random crop (1: whole)"}
    ] = Augmentation.crop,
    rotation: Annotated[
        float, {"min": 0, "max": 180, "step": 5, "label": "Rotation (degrees)"}
    ] = Augmentation.rotation,
    shift: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = Augmentation.shift,
    shear: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = Augmentation.shear,
    epochs: Annotated[int, {"min": 1, "max": 1000, **_TUNED}] = FitOptions.epochs,
    batch_size: Annotated[int, {"min": 1, "max": 512, **_TUNED}] = FitOptions.batch_size,
    learning_rate: Annotated[
        float,
        {"min": 0, "max": 1, "step": 0.0001, "label": "Learning rate (0: automatic)", **_TUNED},
    ] = 0.0,
    schedule: Annotated[Schedule, _TUNED] = FitOptions.schedule,
    patience: Annotated[int, {"min": 1, "max": 100, **_TUNED}] = FitOptions.patience,
    accumulate_grad_batches: Annotated[
        int, {"min": 1, "max": 64, **_TUNED}
    ] = FitOptions.accumulate_grad_batches,
    checkpoints: Annotated[int, {"min": 0, "max": 20, **_TUNED}] = 3,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
    state: Annotated[Path | None, _TUNED] = None,
    finish: Annotated[bool, _TUNED] = False,
    log: Annotated[Path | None, {"mode": "d", **_TUNED}] = None,
    licence: str = "not stated",
) -> Steps[TrainedModel]:
    """Train a classifier on labelled images, test it and calibrate it.

    The images of a group (specimen, parent micrograph) are never split between training and test.
    Probabilities are calibrated on the validation part (Guo et al., ICML 2017), which also gives
    the scores of conformal prediction sets and the distance beyond which an image is
    out of distribution.

    Parameters
    ----------
    data : Dataset
        Labelled images, from `load_dataset` or `core.dataset.from_arrays`.
    model : str
        lite0-linear trains a linear layer on EfficientNet-Lite0: seconds on a laptop, and the best
        choice for few images. The others train some or all layers, for which a GPU is useful.
    other : str
        With model 'other': any image model, as timm:NAME, hf-hub:OWNER/NAME or local-dir:FOLDER.
    weights : {'installed', 'download', 'random'}
        Pretrained weights of 'other' and xception: only those on this machine; download them if
        they are missing; or start from random ones.
    window : float
        Side of the square window that the network takes, in `window_unit`; larger images are cut
        into windows. 0: small images of one size are windows, others are taken whole.
    window_unit : {'px', 'nm'}
        With nm, every image is resized to one scale by its pixel size.
    input_px : int
        Side of the input of the network in pixels; 0 chooses it.
    use_pixel_size : bool
        Give the network the logarithm of the pixel size too, for classes that differ in it. Crops
        and changes of scale change it as well.
    info_bar : {'leave out', 'keep'}
        Whether the info bar is cut off before the training, because it is not part of the
        specimen, or kept, to see what a network learns from it.
    split : {'auto', 'holdout', 'k-fold', 'leave-one-group-out'}
        Test on held-out images or by cross-validation. auto keeps the parts of a data set that is
        divided already; otherwise it cross-validates if a class has fewer than 30 images.
    validation, test : float
        Fractions of the images that are held out for validation and for the test. lite0-linear is
        trained on the validation part too.
    class_weights : bool
        Give all classes the same weight in the loss, whatever their numbers of images.
    flips : bool
        Augment with mirror images and rotations by right angles.
    brightness : float
        Augment with changes of brightness, contrast and gamma up to this fraction; not for
        lite0-linear.
    noise : float
        Augment with Poisson and Gaussian noise up to this fraction of the grey range; not for
        lite0-linear.
    scale : float
        Augment with changes of scale up to this fraction; leave it 0 if classes differ in size.
    crop : float
        Augment with random crops that keep at least this part of the area, resized to the input;
        1 keeps the whole. Not for classes that differ in size, or by an object that may be cut off.
    rotation : float
        Augment with rotations by any angle up to this one, in degrees. The corners are filled by
        reflection, as after a shift or shear: black ones would be a shortcut.
    shift : float
        Augment with shifts along both axes up to this fraction of the side.
    shear : float
        Augment with shears up to this tangent of the angle.
    epochs : int
        Largest number of epochs; lite0-linear does not use it.
    batch_size : int
        Crops per batch.
    learning_rate : float
        Learning rate; 0 uses that of the architecture.
    schedule : {'cosine', 'plateau'}
        Decay of the learning rate: along a cosine, or halved when the validation loss no longer
        falls.
    patience : int
        Epochs without a lower validation loss after which training stops.
    accumulate_grad_batches : int
        Batches whose gradients are accumulated before a step, for larger batches than memory holds.
    checkpoints : int
        Number of best epochs, by the validation loss, that are kept as model files of their own
        beside the model, and with them the last epoch; 0 keeps none. lite0-linear and
        cross-validation have none: no epoch is chosen.
    seed : int
        Seed of the split, the weights and the augmentation.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network; 'auto' takes a GPU if there is one.
    state : Path
        File that the state of the training is written to after every epoch, and continued from.
    finish : bool
        Run no further epoch: use the best weights in `state`.
    log : Path
        Folder of a TensorBoard log; not for lite0-linear.
    licence : str
        Licence of the model, for its card.

    Returns
    -------
    TrainedModel
        ``model`` (`nets.checkpoint.save` writes it), ``evaluation``, ``validation``,
        ``checkpoints``, ``split``, ``history``, ``skipped``.

    Raises
    ------
    ValueError
        If fewer than two classes remain, choices contradict each other, or groups cannot be split.
    RuntimeError
        If weights are missing, or memory is full.
    StopEarly
        If the training is stopped before anything is learnt. Later, the best epoch so far is
        tested and returned; of a cross-validation the folds that are finished, and the network of
        the last one. A note says so.
    """
    choices = {name: value for name, value in locals().items() if name != "data"}
    return (yield from train_by_recipe(data, TrainingRecipe(**choices)))


def train_by_recipe(data: Dataset, recipe: TrainingRecipe) -> Steps[TrainedModel]:
    """Do what `train` describes: prepare, divide, fit, calibrate, test and package."""
    from ...nets import device as devices
    from ...nets.layers import layer_table
    from ...nets.models.network import choose_network
    from ..screening.training_set import screen
    from .learner import calibrate
    from .package import Training, evaluate_parts, package

    _check_parts(data, recipe)
    device = devices.choose(recipe.device)
    depth = max(1, len(data.channels))
    network = choose_network(recipe.network, len(data.classes), recipe.weights, recipe.seed, depth)
    _check_input(network, recipe.input_px)
    prepared = yield from in_part(prepare(data, network.architecture, recipe), 0, 0.1)
    if len(prepared.classes) < len(data.classes):
        # no image of a class could be read
        classes = len(prepared.classes)
        network = choose_network(recipe.network, classes, recipe.weights, recipe.seed, depth)
    learner = _choose_learner(prepared, network, recipe, device)
    parts = partition(prepared, recipe, learner.needs_validation)
    screening = yield from in_part(screen(prepared, parts, recipe.seed), 0.1, 0.13)
    fitted = yield from in_part(_fit(learner, parts), 0.13, 0.95)
    parts = _tested(parts, fitted)
    calibrated = calibrate(prepared, fitted, parts)
    notes = (
        *fitted.notes, *screening.notes, *prepared.notes, *parts.notes, *_unreadable_paths(data),
    )  # fmt: skip
    if not len(parts.calibration):
        notes = (*notes, "no validation part: probabilities are not calibrated")
    training = Training(data, prepared, network, parts, recipe, screening.telling)
    evaluations = evaluate_parts(training, calibrated, notes)
    notes = evaluations[0].notes
    trained = package(training, fitted, calibrated, evaluations)
    kept = yield from to_its_end(in_part(_checkpoints(learner, training), 0.95, 1))
    yield Progress(1, 1, "done")
    return TrainedModel(
        model=trained,
        evaluation=evaluations[0],
        split=_split_table(data, prepared, parts),
        history=fitted.history,
        skipped=prepared.skipped,
        thumbnails=dict(zip(prepared.table["name"], prepared.thumbnails, strict=True)),
        validation=evaluations[1],
        checkpoints=kept,
        architecture=layer_table(trained),
        notes=notes,
        facts={"classes": list(data.classes), "part": parts.tested_by, **screening.facts},
    )


def _fit(learner: Learner, parts: Partition) -> Steps[Fitted]:
    if parts.folds:
        return learner.cross_validate(parts.folds, parts.train)
    return learner.fit(parts.train, parts.calibration if len(parts.calibration) else None)


def _tested(parts: Partition, fitted: Fitted) -> Partition:
    """Parts of a cross-validation that was stopped: the images of its finished folds are tested."""
    if fitted.folds is None:
        return parts
    held_out = np.sort(np.concatenate([images for _, images in fitted.folds]))
    found = replace(
        parts, train=np.sort(fitted.folds[-1][0]), calibration=held_out, test=held_out,
        folds=fitted.folds,
    )  # fmt: skip
    if len(fitted.folds) > 1:
        return found
    # one fold is a training part and a test part
    names = np.full(len(parts.parts), "train", parts.parts.dtype)
    names[held_out] = "test"
    return replace(found, parts=names, folds=[], tested_by="holdout")


def _checkpoints(learner: Learner, training: Training) -> Steps[tuple[Model, ...]]:
    """Models of the epochs that were kept."""
    from .learner import calibrate
    from .package import evaluate_parts, package

    kept = []
    for epoch, steps in learner.checkpoints():
        one = yield from steps
        its = calibrate(training.prepared, one, training.parts)
        kept.append(package(training, one, its, evaluate_parts(training, its), epoch))
    return tuple(kept)


def _split_table(data: Dataset, prepared: PreparedDataset, parts: Partition) -> pd.DataFrame:
    """Part and file of every image; `io.datasets.load` reads this table."""
    files = {one.name: printable(str(one.path)) for one in data.examples if one.path is not None}
    split = prepared.table.assign(part=parts.parts)
    return split.assign(path=split["name"].map(files).fillna("")) if files else split


def _unreadable_paths(data: Dataset) -> list[str]:
    """Say which paths a table cannot hold."""
    paths = [str(one.path) for one in data.examples if one.path is not None]
    lost = [printable(path) for path in paths if printable(path) != path]
    if not lost:
        return []
    return [
        f"the paths of {counted(len(lost), 'image')}, such as {lost[0]}, are not UTF-8: the "
        "written split does not lead to these files; rename them"
    ]


def _check_parts(data: Dataset, recipe: TrainingRecipe) -> None:
    """Insist on a part to train with and another one, where the data set is divided already."""
    names = {one.part for one in data.examples}
    if recipe.split != "auto" or not data.is_divided:
        return
    if "train" not in names:
        raise ValueError(
            f"{data.name}: the part train is missing; there is {', '.join(sorted(names))}"
        )
    if len(names) == 1:
        raise ValueError(
            f"{data.name}: the part test is missing; add it, or choose another split than auto to "
            "have the images divided"
        )


def _check_input(network: Network, input_px: int) -> None:
    architecture = network.architecture
    if architecture.fixed_input and input_px not in (0, architecture.input_px):
        raise ValueError(
            f"{network.name} takes an input of {architecture.input_px} px and no other: leave "
            "input_px at 0"
        )


def _choose_learner(
    prepared: PreparedDataset, network: Network, recipe: TrainingRecipe, device: torch.device
) -> Learner:
    from .fine_tune import FineTune
    from .linear_probe import LinearProbe

    learner = FineTune if network.architecture.tuned else LinearProbe
    return learner(prepared, network, recipe, device)
