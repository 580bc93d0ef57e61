"""Particles on figures like published ones: IoU, AP50, the side and the count.

Micrographs of `DATA` and drawn ones become figures (`figures.figure`). Even numbers were used to
choose rules and weights, odd ones were not looked at until these were fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.io import imread

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.particles import particles
from napari_visual_ccc.engine.segmentation.threshold import threshold
from napari_visual_ccc.engine.segmentation.watershed import watershed_split

from .drawn import drawn
from .figures import figure

DRAWN = 144
TIMES = {"powder": 4, "nanoparticles": 1, "nanocomposite": 1}


class Case(NamedTuple):
    """A figure with its truth; `half` 0 was used for tuning."""

    name: str
    half: int
    image: np.ndarray
    truth: np.ndarray
    instances: bool = True


def cases(data: Path, halves: tuple[int, ...] = (0, 1)) -> Iterator[Case]:
    """Figures of both halves or one, with the half of their source image."""
    for seed in range(DRAWN):
        # kinds follow each other: both halves hold all of them
        if seed // 8 % 2 not in halves:
            continue
        yield Case("drawn", seed // 8 % 2, *figure(*drawn(seed), seed))
    for number, (name, image, truth) in enumerate(micrographs(data)):
        if number % 2 not in halves:
            continue
        for turn in range(TIMES[name]):
            found = figure(image, truth, 500 + 10 * number + turn)
            yield Case(name, number % 2, *found, name != "nanocomposite")


def micrographs(data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for part in ("training", "validation"):
        for file in sorted((data / "ampis_powder" / f"particles_{part}").glob("*.png")):
            yield "powder", imread(data / "ampis_powder/images" / file.name), imread(file)
    seen = set()
    for file in sorted((data / "nanoshapes/images").glob("*/*.png")):
        # one of each original: the others are mosaics of the same
        if (original := file.name.rsplit("_", 1)[0]) not in seen:
            seen.add(original)
            truth = data / "nanoshapes/instances" / file.parent.name / file.name
            yield "nanoparticles", imread(file), imread(truth)
    for file in sorted((data / "nanocomposite/masks").glob("*.png")):
        yield "nanocomposite", imread(data / "nanocomposite/images" / file.name), imread(file)


Method = Callable[[np.ndarray], np.ndarray]


def baseline(image: np.ndarray) -> np.ndarray:
    """Otsu after a blur of 1.5, the border's class is background, opening, filling, watershed."""
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.morphology import opening
    from skimage.segmentation import watershed

    smooth = ndimage.gaussian_filter(image.astype(float), 1.5)
    bright = smooth > threshold_otsu(smooth)
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    mask = bright if border.mean() < 0.5 else ~bright
    mask = ndimage.binary_fill_holes(opening(mask, np.ones((3, 3))))
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1)
    peaks = peak_local_max(distance, min_distance=5, labels=ndimage.label(mask)[0])
    seeds = np.zeros(mask.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, seeds, mask=mask)


def old_defaults(image: np.ndarray) -> np.ndarray:
    """`threshold` and `watershed_split` with their defaults of 0.1.0."""
    return run(watershed_split(run(threshold(image, objects="border")).labels)).labels


def own(image: np.ndarray) -> np.ndarray:
    """`particles` with its defaults."""
    return run(particles(image)).labels


METHODS: dict[str, Method] = {"baseline": baseline, "old defaults": old_defaults, "particles": own}


def judged(found: np.ndarray, case: Case) -> dict[str, float]:
    """Measures of the labels of one figure."""
    inside, wanted = found > 0, case.truth > 0
    same, other = iou(inside, wanted), iou(~inside, wanted)
    row = {"IoU": same, "wrong side": float(other > same + 0.05)}
    if case.instances:
        drawn_number = len(np.unique(case.truth)) - 1
        number = len(np.unique(found)) - 1
        row |= {"AP50": average_precision(found, case.truth)}
        row |= {"count error": abs(number - drawn_number) / max(drawn_number, 1)}
    return row


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def average_precision(found: np.ndarray, truth: np.ndarray, least: float = 0.5) -> float:
    """TP / (TP + FP + FN): matches of an IoU above one half are one to one by themselves."""
    found, truth = (
        np.unique(one, return_inverse=True)[1].reshape(one.shape)
        for one in (
            np.concatenate([np.zeros((1, one.shape[1]), one.dtype), one]) for one in (found, truth)
        )
    )
    shape = (int(found.max()) + 1, int(truth.max()) + 1)
    both = np.bincount(found.ravel() * shape[1] + truth.ravel(), minlength=shape[0] * shape[1])
    both = both.reshape(shape)
    union = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
    hits = int(((both / np.maximum(union, 1))[1:, 1:] > least).sum())
    return hits / max(shape[0] + shape[1] - 2 - hits, 1)


def table(
    data: Path,
    methods: dict[str, Method] = METHODS,
    halves: tuple[int, ...] = (0, 1),
    step: int = 1,
) -> pd.DataFrame:
    """One row a figure and method."""
    rows = []
    for number, case in islice(enumerate(cases(data, halves)), None, None, step):
        for name, method in methods.items():
            row = {"number": number, "set": case.name, "half": case.half, "method": name}
            rows.append(row | judged(method(case.image), case))
    return pd.DataFrame(rows)


def summary(found: pd.DataFrame, *halves: str) -> None:
    """Print means by method with 95 % intervals from a bootstrap over figures, and by set."""
    for half, name in enumerate(halves):
        part = found[found["half"] == half]
        if part.empty:
            continue
        by = part.groupby("method", sort=False)
        shown = by[["IoU", "AP50"]].mean()
        for measure in ("IoU", "AP50"):
            shown[f"{measure} 95 %"] = [
                "{:.2f}-{:.2f}".format(*interval(one[measure].dropna().to_numpy())) for _, one in by
            ]
        shown["median IoU"], shown["wrong side"] = by["IoU"].median(), by["wrong side"].sum()
        shown["median count error"], shown["n"] = by["count error"].median(), by.size()
        print(name, "\n", shown.round(3).to_string())
        print(part.groupby(["set", "method"])[["IoU", "AP50"]].mean().round(3).to_string(), "\n")


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean by bootstrap."""
    draws = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def main(data: Path, step: int = 1) -> None:
    """Print the table of docs/particles.md."""
    summary(table(data, step=step), "used for tuning", "held back")
