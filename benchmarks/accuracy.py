"""How well classifiers learn from few and from many images: ``python -m benchmarks.accuracy DATA``.

DATA is the folder of development micrographs. Prints a table; every number is the mean over five
seeds, with its standard deviation.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from skimage.io import imread

from napari_visual_ccc.core import dataset as core_dataset
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.evaluation.evaluate import evaluate
from napari_visual_ccc.engine.learning.train import train
from napari_visual_ccc.io import datasets as dataset
from napari_visual_ccc.nets import checkpoint

SEEDS = range(5)
# the part of a crop's name that tells its original micrograph
ORIGINAL = r"^(.*)_[^_]*_[^_]*$"
SOURCES = {
    "superalloy": "segmentation/super?/*/images/*.png",
    "coating": "segmentation/ebc?/*/images/*.png",
    "powder": "ampis_powder/images/*.png",
    "nanocomposite": "nanocomposite/images/*.png",
    "nanoparticles": "nanoshapes/images/*/*.png",
}
TILE, PER_CLASS, TESTED = 128, 5, 60


def judged(model: checkpoint.Model, test: core_dataset.Dataset) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        checkpoint.save(model, path)
        return run(evaluate(test, model=path)).value("accuracy")


def many(data: Path) -> tuple[list[float], list[float]]:
    """All training crops of NanoShapes; the test crops are of four micrographs never seen."""
    crops = dataset.load(data / "nanoshapes/crops/train", group=ORIGINAL)
    test = dataset.load(data / "nanoshapes/crops/test", group=ORIGINAL)
    scores, seconds = [], []
    for seed in SEEDS:
        start = time.perf_counter()
        result = run(train(crops, split="holdout", test=0.0, seed=seed))
        seconds.append(time.perf_counter() - start)
        scores.append(judged(result.model, test))
    return scores, seconds


def few(data: Path, tiles: bool) -> list[float]:
    """Five images a class, tested on images of the same kinds that were not shown."""
    files = {name: sorted(data.glob(pattern)) for name, pattern in SOURCES.items()}
    scores = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        shown: list[tuple[np.ndarray, str, str]] = []
        asked: list[tuple[np.ndarray, str, str]] = []
        for name, paths in files.items():
            order = [paths[i] for i in rng.permutation(len(paths))]
            for k, path in enumerate(order[: PER_CLASS + (TESTED if tiles else 12)]):
                image = imread(path)
                if tiles:
                    image = tile(image, rng)
                (shown if k < PER_CLASS else asked).append((image, name, path.stem))
        result = run(train(_dataset(shown), seed=seed))
        scores.append(judged(result.model, _dataset(asked)))
    return scores


def tile(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    y, x = (int(rng.integers(0, n - TILE + 1)) for n in image.shape[:2])
    return image[y : y + TILE, x : x + TILE]


def _dataset(found: list[tuple[np.ndarray, str, str]]) -> core_dataset.Dataset:
    images, labels, groups = zip(*found, strict=True)
    names = [f"{label} {group} {k}" for k, (_, label, group) in enumerate(found)]
    return core_dataset.from_arrays(images, labels, names=names, groups=groups)


def main(data: Path) -> None:
    torch.set_num_threads(2)
    print(
        "| task | accuracy, mean of 5 seeds | spread | seconds of training |\n|---|---:|---:|---:|"
    )
    for title, tiles in (("5 whole images a class, 5 kinds", False), ("5 tiles of 128²", True)):
        scores = few(data, tiles)
        print(f"| {title} | {np.mean(scores):.3f} | {np.std(scores):.3f} | |", flush=True)
    scores, seconds = many(data)
    row = f"{np.mean(scores):.4f} | {np.std(scores):.4f} | {np.mean(seconds):.0f}"
    print(f"| NanoShapes, 1,552 crops, tested on 219 | {row} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
