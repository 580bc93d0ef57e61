"""Train a classifier on labelled images, and learn how far to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ...core.dataset import Dataset
from ...core.progress import Progress, Steps
from ...core.results import EvaluationResult, ModelResult
from ..classification.windows import Device
from .prepare import Prepared, prepare
from .split import FEW, FOLDS, folds, holdout

Architecture = Literal[
    "lite0-linear", "lite0-finetune", "visualcnn", "alexnet-1ch", "simple-cnn", "xception", "other"
]

Share = Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}]

# share of the validation images that are as familiar as an image must be
_FAMILIAR = 0.95

_CONFORMAL = 2000

_MOST_FOLDS = 100

PARTS = ("train", "validation", "test")


def train(
    data: Dataset,
    *,
    model: Architecture = "lite0-linear",
    other: str = "",
    weights: Literal["installed", "download", "random"] = "installed",
    window: Annotated[float, {"min": 0, "max": 65_536, "label": "Window (0: automatic)"}] = 0.0,
    window_unit: Literal["px", "nm"] = "px",
    input_px: Annotated[int, {"min": 0, "max": 1024, "label": "Input (px, 0: automatic)"}] = 0,
    tell_pixel_size: bool = False,
    info_bar: Literal["leave out", "keep"] = "leave out",
    split: Literal["auto", "holdout", "k-fold", "leave-one-group-out"] = "auto",
    validation: Share = 0.15,
    test: Share = 0.15,
    balance: bool = True,
    flips: bool = True,
    light: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = 0.15,
    noise: Annotated[float, {"min": 0, "max": 0.2, "step": 0.01}] = 0.03,
    zoom: Annotated[float, {"min": 0, "max": 0.5, "step": 0.05}] = 0.0,
    epochs: Annotated[int, {"min": 1, "max": 1000}] = 30,
    batch: Annotated[int, {"min": 1, "max": 512}] = 32,
    rate: Annotated[
        float, {"min": 0, "max": 1, "step": 0.0001, "label": "Learning rate (0: automatic)"}
    ] = 0.0,
    schedule: Literal["cosine", "plateau"] = "cosine",
    patience: Annotated[int, {"min": 1, "max": 100}] = 8,
    accumulate: Annotated[int, {"min": 1, "max": 64}] = 1,
    seed: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    device: Device = "auto",
    state: Path | None = None,
    finish: bool = False,
    log: Annotated[Path | None, {"mode": "d"}] = None,
    licence: str = "not stated",
) -> Steps[ModelResult]:
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
    tell_pixel_size : bool
        Give the network the logarithm of the pixel size as well: for classes that differ by it.
    info_bar : {'leave out', 'keep'}
        The label bar of the microscope is no evidence: it is cut off, unless you want to see what
        a network makes of it.
    split : {'auto', 'holdout', 'k-fold', 'leave-one-group-out'}
        How it is tested: on images put aside, or by cross-validation. auto cross-validates when a
        class has fewer than 30 images.
    validation, test : float
        Shares put aside; of a holdout. lite0-linear trains on the validation part as well.
    balance : bool
        Let every class count the same, however many images it has.
    flips : bool
        Show images mirrored and turned by right angles too: a micrograph has no up.
    light : float
        Vary brightness, contrast and gamma by up to this share.
    noise : float
        Add Poisson and Gaussian noise up to this share of the range of grey; with light and noise
        only networks are varied that are trained as a whole.
    zoom : float
        Vary the scale by up to this share; leave it 0 where size tells classes apart.
    epochs : int
        How often all images are shown at most; lite0-linear does not need it.
    batch : int
        Images at once.
    rate : float
        Learning rate; 0 takes the architecture's.
    schedule : {'cosine', 'plateau'}
        How the rate falls: along a cosine, or halved when the validation loss stays.
    patience : int
        Epochs without progress on the validation part after which training ends.
    accumulate : int
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
    ModelResult
        ``model`` (`nets.checkpoint.save` writes it), ``evaluation``, ``split``, ``history``,
        ``skipped``.

    Raises
    ------
    ValueError
        If fewer than two classes remain, choices contradict each other, or groups cannot be split.
    RuntimeError
        If weights are not there, or memory is full.
    """
    _check(model, other, window, window_unit, input_px, validation, test, split)
    from ...nets import device as devices
    from .learners import Gradient, chosen_architecture
    from .linear_probe import Linear

    place = devices.choose(device)
    wanted = model if model != "other" else other
    name, design, build, origin = chosen_architecture(wanted, len(data.classes), weights, seed)
    if (
        input_px
        and input_px != design.input_px
        and name.startswith("timm:")
        and not design.any_size
    ):
        raise ValueError(
            f"{name} takes an input of {design.input_px} px and no other: leave input_px at 0"
        )
    ready = yield from prepare(data, design, window, window_unit, input_px, info_bar == "keep")
    if len(ready.classes) < len(data.classes):
        # nothing of a class could be read
        name, design, build, origin = chosen_architecture(wanted, len(ready.classes), weights, seed)
    notes = list(ready.notes)
    learner: Any
    if design.tuned:
        learner = Gradient(
            ready, name, design, build, place, balance=balance, tell_size=tell_pixel_size,
            flips=flips, light=light, noise=noise, zoom=zoom, epochs=epochs, batch=batch,
            rate=rate, schedule=schedule, patience=patience, accumulate=accumulate, seed=seed,
            state=state, finish=finish, log=log,
        )  # fmt: skip
    else:
        learner = Linear(
            ready, name, design, build, place, balance=balance, tell_size=tell_pixel_size,
            flips=flips, zoom=zoom, seed=seed,
        )  # fmt: skip
    parts, manner = _parts(ready, split, validation, test, seed, notes)
    if manner == "holdout" and design.tuned:
        fitting, held, tested = (np.flatnonzero(parts == p) for p in PARTS)
        fitted = yield from learner.fit(fitting, held if len(held) else None)
        logits, calibrating = fitted.logits, held
    else:
        # a linear layer is fitted in no time: cross-validation calibrates it, and leaves all images
        # but those of the test to learn from
        if manner == "holdout":
            parts = np.where(parts == "validation", "train", parts)
            notes.append(
                "a linear layer needs no validation part: it was calibrated by cross-validation "
                "within what it was trained with"
            )
        fitting = np.flatnonzero(parts != "test")
        tested = np.flatnonzero(parts == "test") if (parts == "test").any() else fitting
        count = 0 if manner == "leave-one-group-out" else FOLDS
        logits, fitted = yield from learner.cross_validate(
            _folds(ready, fitting, count, seed), fitting
        )
        calibrating = fitting
    if not len(tested):
        tested = calibrating
        notes.append("no test part: the numbers are of the images that decided when to stop")
    if manner == "holdout" and not design.tuned and tested is fitting:
        manner = "k-fold"
    if manner != "holdout":
        notes.append(
            "penalty and temperature were chosen on the same folds: the numbers are a little kind"
            if not design.tuned
            else "the temperature was chosen on the same folds: calibration looks a little kind"
        )
    if str(origin.get("source", "")).startswith("random weights:"):
        notes.append(f"{model}: {origin['source']}; all layers start at random")
    result = _finish(
        data,
        ready,
        learner,
        fitted,
        logits,
        (fitting, calibrating, tested),
        manner,
        notes,
        origin,
        seed,
        licence,
    )
    yield Progress(1, 1, "done")
    split_table = ready.table.assign(part=parts)
    return ModelResult(
        *result, split_table, fitted.history, ready.skipped,
        thumbnails=dict(zip(ready.table["name"], ready.thumbnails, strict=True)),
        notes=tuple(notes), facts={"classes": list(data.classes), "part": manner},
    )  # fmt: skip


def _check(
    model: str, other: str, window: float, unit: str, input_px: int, validation: float,
    test: float, split: str,
) -> None:  # fmt: skip
    if model == "other" and not other:
        raise ValueError("name the other model: timm:NAME, hf-hub:OWNER/NAME or local-dir:FOLDER")
    if other and model != "other":
        raise ValueError(f"choose the model 'other' to train {other!r}")
    if unit == "px" and 0 < window < 8:
        raise ValueError(f"window is {window:g} px; choose 8 or more, or 0")
    if 0 < input_px < 32:
        raise ValueError(f"input_px is {input_px}; choose 32 or more, or 0")
    if unit == "nm" and window <= 0:
        raise ValueError("a window in nm needs its size")
    if not (0 <= validation <= 0.5 and 0 <= test <= 0.5):
        raise ValueError("validation and test are shares from 0 to 0.5")
    if split in ("auto", "holdout") and validation + test <= 0:
        raise ValueError("nothing would be put aside: raise the share of validation or test")


def _parts(
    ready: Prepared, split: str, validation: float, test: float, seed: int, notes: list[str]
) -> tuple[np.ndarray, str]:
    """Decide how to test, and which image is in which part."""
    few = int(np.bincount(ready.targets).min()) < FEW
    crossed = np.full(len(ready.targets), "cross-validated", dtype="U15")
    if split == "leave-one-group-out":
        if _lonely(ready):
            _ungroup(ready, notes)
        groups = len(np.unique(ready.groups.astype(str)))
        if groups > _MOST_FOLDS:
            raise ValueError(
                f"leave-one-group-out would train {groups} times, once a group; choose k-fold, or "
                "say which images are of one specimen"
            )
        return crossed, split
    if split == "k-fold" or (split == "auto" and few):
        if _lonely(ready):
            _ungroup(ready, notes)
        if split == "auto":
            notes.append(f"a class has fewer than {FEW} images: tested by cross-validation")
        return crossed, "k-fold"
    try:
        return holdout(
            ready.targets, ready.groups, validation=validation, test=test, seed=seed
        ), "holdout"
    except ValueError as error:
        if split == "holdout":
            raise
        notes.append(f"{error}: tested by cross-validation")
        return _parts(ready, "k-fold", validation, test, seed, notes)


def _folds(
    ready: Prepared, chosen: np.ndarray, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of some images, by group where every class has two."""
    targets, groups = ready.targets[chosen], ready.groups[chosen]
    try:
        parts = list(folds(targets, groups, count=count, seed=seed))
    except ValueError:
        parts = list(folds(targets, chosen, count=count, seed=seed))
    return [(chosen[some], chosen[held]) for some, held in parts]


def _lonely(ready: Prepared) -> list[str]:
    """Name the classes that have a single group."""
    return [
        ready.classes[k]
        for k in np.unique(ready.targets)
        if len(np.unique(ready.groups[ready.targets == k].astype(str))) < 2
    ]


def _ungroup(ready: Prepared, notes: list[str]) -> None:
    """Where a class comes from one specimen there is nothing left but to split by image."""
    names = _lonely(ready)
    notes.append(
        f"{', '.join(names)}: all images are of one group, so images of one specimen are in "
        "several parts and the test is kinder than the next specimen will be"
    )
    ready.groups[:] = ready.table["name"].to_numpy()


def _finish(
    data: Dataset,
    ready: Prepared,
    learner: Any,
    fitted: Any,
    logits: np.ndarray,
    chosen: tuple[np.ndarray, np.ndarray, np.ndarray],
    manner: str,
    notes: list[str],
    origin: dict[str, Any],
    seed: int,
    licence: str,
) -> tuple[Any, EvaluationResult]:
    """Calibrate on one part, evaluate on another, and put all that is known into a model."""
    from ...nets.card import make_card
    from ...nets.checkpoint import Model
    from ...nets.layers import layers_of
    from ...nets.neighbours import references
    from ..classification.calibration import (
        calibration_error,
        nonconformity,
        softmax,
        temperature_of,
    )
    from .evaluate import evaluation

    fitting, calibrating, tested = chosen
    # what is looked at window by window has to be calibrated by windows
    by_window = ready.card.view.kind != "whole"
    image = ready.owner if by_window else np.arange(len(ready.targets))
    features = fitted.features if by_window else ready.by_image(fitted.features)
    scores = logits if by_window else ready.by_image(logits)
    targets, groups = ready.targets[image], ready.groups[image]
    known, asked = (np.flatnonzero(np.isin(image, some)) for some in (fitting, calibrating))
    temperature = 1.0
    if len(asked):
        temperature = temperature_of(scores[asked], targets[asked])
    else:
        notes.append("no validation part: probabilities are not calibrated")
    chances = softmax(scores, temperature)
    plain = softmax(scores)
    probabilities, uncalibrated = (
        ready.by_image(one) if by_window else one for one in (chances, plain)
    )
    before = calibration_error(uncalibrated[tested], ready.targets[tested])
    after = calibration_error(probabilities[tested], ready.targets[tested])
    names = ready.table["name"].tolist()
    judged = evaluation(
        ready.classes,
        probabilities[tested],
        ready.targets[tested],
        names=[names[k] for k in tested],
        groups=ready.groups[tested].tolist(),
        seed=seed,
        facts={
            "temperature": temperature,
            "ece_before": before,
            "ece_after": after,
            "part": manner,
        },
        notes=tuple(notes),
    )
    kept, kept_names, chosen_ones = references(
        features[known], targets[known], ready.thumbnails[image[known]],
        [names[k] for k in image[known]], seed,
    )  # fmt: skip
    card = {
        **ready.card.as_dict(),
        "name": data.name,
        "architecture": learner.name,
        "classes": list(ready.classes),
        "use": f"images like those of {data.name}",
        "recipe": learner.recipe,
        **({"temperature": round(temperature, 4)} if len(asked) else {}),
        "conformal": thinned(nonconformity(chances[asked], targets[asked])),
        "references": kept_names,
        "training_data": {
            "name": data.name,
            "images": len(fitting),
            "by_class": {
                name: int((ready.targets[fitting] == k).sum())
                for k, name in enumerate(ready.classes)
            },
            "groups": len(np.unique(ready.groups[fitting])),
            "sha256": ready.digest,
        },
        "metrics": {
            "tested_by": manner,
            "images": len(tested),
            "groups": judged.independent,
            **{
                name.replace(" ", "_"): [round(float(v), 4) for v in numbers]
                for name, *numbers in judged.summary.itertuples(index=False, name=None)
            },
        },
        "layers": layers_of(fitted.net, ready.card.input_px),
        "backbone": origin,
        "licence": licence,
        "version": _version(),
    }
    familiar = familiar_range(features, known[chosen_ones], asked, groups)
    if familiar is not None:
        card["familiar"] = familiar
    return Model(fitted.net, make_card(card), {**kept, **fitted.extras}), judged


def thinned(scores: np.ndarray) -> list[float]:
    """At most so many scores, the same quantiles, rounded up: never too sure."""
    if len(scores) > _CONFORMAL:
        scores = np.quantile(scores, np.linspace(0, 1, _CONFORMAL), method="higher")
    return [float(np.ceil(score * 1e5) / 1e5) for score in scores]


def familiar_range(
    features: np.ndarray, fitting: np.ndarray, calibrating: np.ndarray, groups: np.ndarray
) -> dict[str, float] | None:
    """How far unseen images of the same kind are from the training images."""
    import torch

    from ...nets.neighbours import NEIGHBOURS, distances

    if not len(calibrating):
        return None
    known, asked = torch.from_numpy(features[fitting]), torch.from_numpy(features[calibrating])
    # as they are kept in the file
    far = distances(asked, known.half())
    # cross-validated images were trained with: they are compared with those of other groups
    same = torch.from_numpy(groups[calibrating][:, None] == groups[fitting][None, :])
    far[same] = torch.inf
    count = min(NEIGHBOURS, len(known))
    enough = (~same).sum(dim=1) >= count
    if not enough.any():
        return None
    found = far[enough].topk(count, dim=1, largest=False).values.mean(dim=1)
    limit = float(np.quantile(found.numpy(), _FAMILIAR, method="higher"))
    return {"threshold": round(limit, 6), "share": _FAMILIAR, "neighbours": NEIGHBOURS}


def _version() -> str:
    from importlib.metadata import version

    return version("napari-visual-ccc")
