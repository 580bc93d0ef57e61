"""How well defects are distinguished from good micrographs.

Part of ``python -m benchmarks.quality DATA``. Good images are judged as they are, and again after
a known defect was put on. Prints the tables of docs/quality.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, uniform_filter1d
from skimage.io import imread

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.acquisition.quality import quality_of
from napari_visual_ccc.engine.restoration.background import subtract_background
from napari_visual_ccc.engine.restoration.destripe import destripe

SOURCES = {
    "superalloy": "segmentation/super1/*/images/*.png",
    "coating": "segmentation/ebc1/*/images/*.png",
    "powder": "ampis_powder/images/*.png",
    "nanocomposite": "nanocomposite/images/*.png",
    "nanoparticles": "nanoshapes/images/*/*.png",
}
# every fourth image is degraded
STEP = 4
Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def stored(image: np.ndarray) -> np.ndarray:
    return image.clip(0, 255).round().astype(np.uint8)


def defects() -> dict[str, Degrade]:
    found: dict[str, Degrade] = {}
    for sigma in (1, 2, 3, 4, 6):
        found[f"blur, sigma {sigma} px"] = lambda i, rng, s=sigma: (
            gaussian_filter(i, s) + rng.normal(0, 2, i.shape)
        )
    for length in (5, 9, 15):
        found[f"shaken along a row, {length} px"] = lambda i, rng, n=length: (
            uniform_filter1d(i, n, axis=1) + rng.normal(0, 2, i.shape)
        )
    for ratio in (4, 2, 0.7, 0.3):
        found[f"noise, signal-to-noise {ratio}"] = lambda i, rng, r=ratio: (
            i + rng.normal(0, i.std() / np.sqrt(r), i.shape)
        )
    for percent in (1, 3, 10):
        found[f"{percent} % cut off white"] = lambda i, rng, p=percent: (
            (i - i.min()) / (np.percentile(i, 100 - p) - i.min()) * 255
        )
    for share in (0.05, 0.1, 0.2):
        found[f"jumping rows, {share:.0%}"] = lambda i, rng, a=share: (
            i + rng.normal(0, a * i.std(), (i.shape[0], 1))
        )
    for share in (0.1, 0.2):
        found[f"streaks of charge, {share:.0%}"] = lambda i, rng, a=share: (
            i + a * i.std() * streaks(i.shape, rng)
        )
    for share in (0.05, 0.1, 0.2):
        found[f"curtains, {share:.0%}"] = lambda i, rng, a=share: (
            i + a * i.std() * curtains(i.shape[1], rng)
        )
    for factor in (3, 4, 6):
        found[f"enlarged {factor} times"] = lambda i, _, f=factor: cv2.resize(
            i[: len(i) // f, : i.shape[1] // f], None, fx=f, fy=f, interpolation=cv2.INTER_CUBIC
        )
    return found


def streaks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Bright and dark streaks, 1 to 3 rows high, a quarter to all of the width long."""
    height, width = shape
    image = np.zeros(shape)
    for _ in range(height // 3):
        row, first = rng.integers(height), rng.integers(width)
        length, lines = rng.integers(width // 4, width), rng.integers(1, 4)
        image[row : row + lines, first : first + length] += rng.normal()
    return image / image.std()


def curtains(width: int, rng: np.random.Generator) -> np.ndarray:
    lines = gaussian_filter(rng.normal(size=(1, width)), (0, 1))
    return lines / lines.std()


def images(data: Path) -> list[tuple[str, np.ndarray]]:
    found = []
    for name, pattern in SOURCES.items():
        for file in sorted(data.glob(pattern)):
            image = imread(file).astype(float)
            found.append((name, image if image.ndim == 2 else image[..., :3].mean(axis=-1)))
    return found


def numbered(data: Path, step: int = 1) -> Iterator[tuple[int, int, str, str, np.ndarray]]:
    """Every so many images: number, number in its set, set, half, and image."""
    seen: dict[str, int] = {}
    for number, (name, image) in enumerate(images(data)):
        seen[name] = seen.get(name, -1) + 1
        if not number % step:
            yield number, seen[name], name, "held out" if seen[name] % 2 else "tuning", image


def judged(image: np.ndarray) -> dict[str, object]:
    found = quality_of(stored(image))
    return found | {"flags": {flag.split(":")[0] for flag in found["flags"]}}


def main(data: Path, step: int = 1) -> None:
    good = images(data)[::step]
    rows = [{"kind": "as it is", "set": name} | judged(image) for name, image in good]
    for kind, degrade in defects().items():
        for number, (name, image) in enumerate(good[::STEP]):
            rng = np.random.default_rng(number)
            rows.append({"kind": kind, "set": name} | judged(degrade(image, rng)))
    table = pd.DataFrame(rows)
    numbers = [c for c in table.columns if c not in ("kind", "set", "flags")]
    print(table.groupby("kind", sort=False)[numbers].median().round(2).to_string(), "\n")
    whole = table[table["kind"] == "as it is"].groupby("set", sort=False)[numbers]
    print(whole.min().round(2).to_string(), "\n")
    print(whole.max().round(2).to_string(), "\n")
    kinds = sorted(set().union(*table["flags"]))
    shares = {
        kind: {flag: f"{sum(flag in one for one in part)}/{len(part)}" for flag in kinds}
        for kind, part in table.groupby("kind", sort=False)["flags"]
    }
    print(pd.DataFrame(shares).T.to_string(), "\n")
    for first, name in enumerate(("used for choosing limits", "held back")):
        print(f"corrections, {name}")
        corrections(good[first::STEP])


def corrections(good: list[tuple[str, np.ndarray]]) -> None:
    """Error after a correction over error before; and what it does to an image without defect."""
    rows = []
    for number, (name, image) in enumerate(good):
        rng = np.random.default_rng(number)
        tenth = rng.normal(0, 0.1 * image.std(), (image.shape[0], 1))
        y, x = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
        shade = (15 * x - 20 * (x**2 + y**2) + 10 * x * y) / 20 * image.std()
        even = run(subtract_background(image)).data
        rows.append(
            {
                "set": name,
                "stripes of 10 %": left(run(destripe(image + tenth)).data, image, tenth),
                "stripes of 30 %": left(run(destripe(image + 3 * tenth)).data, image, 3 * tenth),
                "no stripes": np.std(run(destripe(image)).data - image) / image.std(),
                "shading": left(run(subtract_background(image + shade)).data, even, shade),
            }
        )
    print(pd.DataFrame(rows).groupby("set", sort=False).median().round(3).to_string())


def left(found: np.ndarray, wanted: np.ndarray, defect: np.ndarray) -> float:
    return float(np.std(found - wanted) / np.std(defect))
