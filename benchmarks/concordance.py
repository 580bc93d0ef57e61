"""Validate `concordance`, where the truth is known: ``python -m benchmarks.concordance DATA``.

Parts, all or those named: ``composites`` (a particle of one class beside one of another, on real
background), ``shortcut`` (a model that has learned a bright mark), ``chance`` (heatmaps of other
images). The micrographs are divided by the name of their original: one half trains, of the other
half every second one served to develop the method, and the rest is reported. Seeds are fixed.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from scipy.stats import binomtest
from skimage.filters import threshold_otsu
from skimage.io import imread
from skimage.measure import label

import napari_visual_ccc as ccc
from napari_visual_ccc.core.dataset import from_arrays

CLASSES = ("cube", "octahedron", "sphere")
TILE, GRID = 64, 6
COMPOSITES, MARKED = 120, 120

# of one micrograph under two names
TWINS = {"Picture208_png": "Picture_4_png", "Picture201_png": "Picture59_png"}

# side of the windows whose heatmaps are compared, and every how many pixels they are sampled
WINDOW, STEP = 416, 4
ROUNDS = 4


def rate(text: str, hits: list[bool]) -> None:
    """Print a rate with its exact 95 % interval."""
    found = binomtest(sum(hits), len(hits))
    low, high = found.proportion_ci()
    print(
        f"{text:58s} {sum(hits):4d} of {len(hits):4d}  {100 * found.statistic:5.1f} %"
        f"  ({100 * low:.1f} to {100 * high:.1f})",
        flush=True,
    )


def grey(file: Path) -> np.ndarray:
    """Read a picture as 8-bit grey."""
    image = np.asarray(imread(file))
    return image if image.ndim == 2 else image[..., :3].mean(axis=-1).astype(np.uint8)


# composites ---------------------------------------------------------------------------------------


def parts_of(folder: Path) -> tuple[set[str], set[str]]:
    """Originals that train, and held-out originals that are reported."""
    originals = sorted({original(f) for f in (folder / "images" / "train").glob("*.png")})
    train = set(originals[::2])
    for one, other in TWINS.items():
        train = train | {one} if other in train else train - {one}
    rest = [name for name in originals if name not in train]
    return train, {*rest[1::2], *(original(f) for f in (folder / "images" / "test").glob("*.png"))}


def original(file: Path, crop: bool = False) -> str:
    """Original of a file; its last word numbers the augmented copies, of a crop also the crop."""
    return file.stem.rsplit("_", 2 if crop else 1)[0]


def crops(folder: Path, originals: set[str]) -> Iterator[tuple[np.ndarray, str, str]]:
    """Crops of single particles, their class and original."""
    for file in sorted((folder / "crops").glob("*/*/*.png")):
        if original(file, crop=True) in originals:
            yield grey(file), file.parent.name, original(file, crop=True)


def empty(folder: Path, originals: set[str], step: int) -> Iterator[tuple[np.ndarray, str]]:
    """Windows without a particle, and their original."""
    for file in sorted((folder / "images").glob("*/*.png")):
        if original(file) not in originals:
            continue
        image = grey(file)
        taken = imread(folder / "instances" / file.parent.name / file.name) > 0
        for y in range(0, len(image) - TILE, step):
            for x in range(0, len(image) - TILE, step):
                if not taken[y : y + TILE, x : x + TILE].any():
                    yield image[y : y + TILE, x : x + TILE], original(file)


def shapes_model(folder: Path, originals: set[str], path: Path) -> Path:
    """Train the default network on particles and on empty windows."""
    tiles, labels, groups = (list(column) for column in zip(*crops(folder, originals), strict=True))
    windows = list(empty(folder, originals, 32))
    some = np.random.default_rng(0).permutation(len(windows))[: len(tiles) // 3]
    tiles += [windows[k][0] for k in some]
    groups += [windows[k][1] for k in some]
    labels += ["background"] * len(some)
    result = ccc.train(from_arrays(tiles, labels, groups=groups, name="shapes"), device="cpu")
    print(result.evaluation.summary.head(1).to_string(header=False, index=False))
    ccc.save_model(result, path)
    return path


def composites(data: Path, place: Path) -> None:
    """Rate with which the evidence for a class lies on its particle."""
    folder = data / "nanoshapes"
    train, held = parts_of(folder)
    model = shapes_model(folder, train, place / "shapes.safetensors")
    good: dict[str, list[np.ndarray]] = {name: [] for name in CLASSES}
    right = []
    for tile, name, _ in crops(folder, held):
        found = ccc.classify(tile, model=model, device="cpu")
        right.append(bool(found.label == name and found.probabilities.max() >= 0.8))
        if right[-1]:
            good[name].append(tile)
    rate("held-out crops classified correctly with 80 % or more", right)
    background = [tile for tile, _ in empty(folder, held, TILE)]
    for title, first, second, rest in (
        ("one A and one B on background", 1, 1, background),
        ("6 A among 30 B", 6, 30, []),
        ("18 A and 18 B", 18, 18, []),
        ("one A among 35 B", 1, 35, []),
    ):
        _composites(title, first, second, rest, good, model)


def _composites(
    title: str,
    first: int,
    second: int,
    rest: list[np.ndarray],
    good: dict[str, list[np.ndarray]],
    model: Path,
) -> None:
    rng = np.random.default_rng(2026)
    orders = [(a, b) for a in CLASSES for b in CLASSES if a != b]
    rows = []
    for number in range(COMPOSITES):
        a, b = orders[number % len(orders)]
        others = GRID**2 - first - second
        numbers = [1] * first + [2] * second + [0] * others
        tiles = [
            pool[int(rng.integers(len(pool)))]
            for pool in [good[a]] * first + [good[b]] * second + [rest] * others
        ]
        image, labels = mosaic(tiles, numbers, rng)
        heatmap = ccc.explain(image, model=model, target=a, device="cpu")
        table = ccc.concordance(heatmap, labels).table.set_index("label")
        rows.append((table.loc[1], table.loc[2]))
    above = np.array([a.enrichment > 1 for a, _ in rows])
    alone, corrected = (np.array([a[p] < 0.05 for a, _ in rows]) for p in ("p", "p_corrected"))
    rate(f"{title}: A more enriched than B", [a.enrichment > b.enrichment for a, b in rows])
    rate(f"{title}: p < 0.05", (above & alone).tolist())
    rate(f"{title}: p corrected < 0.05", (above & corrected).tolist())
    print(f"    median enrichment of A {np.median([a.enrichment for a, _ in rows]):.1f}")


def mosaic(
    tiles: list[np.ndarray], numbers: list[int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Put tiles into a square in random order; the dark part of a numbered tile is labelled."""
    image = np.zeros((GRID * TILE, GRID * TILE), np.uint8)
    labels = np.zeros_like(image)
    for tile, number, at in zip(tiles, numbers, rng.permutation(GRID**2), strict=True):
        y, x = (TILE * int(n) for n in divmod(int(at), GRID))
        box = (slice(y, y + TILE), slice(x, x + TILE))
        image[box] = tile
        if number:
            labels[box] = (tile < threshold_otsu(tile)) * number
    return image, labels


# a model with a known shortcut --------------------------------------------------------------------


def shortcut(data: Path, place: Path) -> None:
    """Rate with which the evidence lies on a bright mark that only one class had in training."""
    files = sorted((data / "segmentation").glob("super*/*/images/*"))
    images = {half: [grey(f) for f in files if half_of(f.stem) == half] for half in ("a", "b")}
    rng = np.random.default_rng(7)
    for title, spread in (("trained with the mark in one class", 1.0), ("in half of both", 0.5)):
        tiles, labels, groups = [], [], []
        for k, image in enumerate(images["a"]):
            for number in range(12):
                name = ("annealed", "quenched")[number % 2]
                marked = name == "quenched" if spread == 1 else number // 2 % 2 == 0
                tile = window(image, 128, rng)
                tiles.append(with_mark(tile, rng)[0] if marked else tile)
                labels.append(name)
                groups.append(f"{k}")
        made = from_arrays(tiles, labels, groups=groups, name="mark")
        path = place / f"mark{spread}.safetensors"
        ccc.save_model(ccc.train(made, device="cpu"), path)
        hits, first = [], []
        for number in range(MARKED):
            image = images["b"][number % len(images["b"])]
            image, mark = with_mark(window(image, 384, rng), rng)
            labels_of = np.where(mark, 3, 1 + np.asarray(ccc.threshold(image)))
            heatmap = ccc.explain(image, model=path, target="quenched", device="cpu")
            try:
                table = ccc.concordance(heatmap, labels_of).table
            except ValueError:
                hits.append(False)
                first.append(False)
                continue
            top = table.iloc[0]
            first.append(top.label == 3)
            hits.append(top.label == 3 and top.p_corrected < 0.05)
        rate(f"{title}: mark most enriched", first)
        rate(f"{title}: and p corrected < 0.05", hits)


def half_of(name: str) -> str:
    """Half of a file, by a checksum of its name."""
    return "ab"[zlib.crc32(name.encode()) % 2]


def window(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Random square of an image."""
    y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape)
    return image[y : y + side, x : x + side]


def with_mark(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a bright disc of radius 6 at a random place."""
    y, x = (int(rng.integers(10, n - 10)) for n in image.shape)
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    mark = (rows - y) ** 2 + (columns - x) ** 2 <= 36
    return np.where(mark, 255, image).astype(np.uint8), mark


# heatmaps of other images -------------------------------------------------------------------------


def chance(data: Path, _: Path) -> None:
    """Rate of false positives: heatmaps of one image on segmentations of another."""
    found = [one for one in windows(data) if held_back(one[0])]
    rng = np.random.default_rng(6)
    maps = []
    for name, image in found:
        layers = ccc.compare(image, device="cpu", signed=True).layers
        maps.append((name, image, [np.asarray(layer)[::STEP, ::STEP] for layer in layers]))
    print(f"{len(maps)} windows of {len({name for name, *_ in maps})} micrographs")
    single: dict[str, list[float]] = {name: [] for name in SEGMENTATIONS}
    for name, segment in SEGMENTATIONS.items():
        labels = [np.asarray(segment(image, rng))[::STEP, ::STEP] for _, image, _ in maps]
        hits = []
        for _ in range(ROUNDS):
            for k, other in enumerate(rng.permutation(len(maps))):
                if maps[k][0] == maps[other][0]:
                    continue
                heatmap = maps[k][2][int(rng.integers(len(CLASSES)))]
                try:
                    table = ccc.concordance(heatmap, labels[other]).table
                except ValueError:
                    continue
                hits.append(bool(table["p_corrected"].min() < 0.05))
                single[name].append(float((table["p"] < 0.05).mean()))
        rate(f"{name}: any region p corrected < 0.05", hits)
        print(f"    a region by itself, p < 0.05: {100 * np.mean(single[name]):.1f} %")


def held_back(name: str) -> bool:
    """Whether a micrograph took no part in the choice of the test."""
    return zlib.crc32(name.encode()) % 2 == 1


def windows(data: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Windows of all micrographs that show something, with the name of the micrograph."""
    files = [("nanoshapes", f) for f in sorted((data / "nanoshapes/images").glob("*/*"))]
    files += [(f.parts[-4], f) for f in sorted((data / "segmentation").glob("*/*/images/*"))]
    files += [("nanocomposite", f) for f in sorted((data / "nanocomposite/images").glob("*"))]
    files += [("powder", f) for f in sorted((data / "ampis_powder/images").glob("*"))]
    for kind, file in files:
        # the last rows of the composites are an info bar
        image = grey(file)[: 880 if kind == "nanocomposite" else None]
        name = kind + (original(file) if kind == "nanoshapes" else file.stem)
        corners = [range((n % WINDOW) // 2, n - WINDOW + 1, WINDOW) for n in image.shape]
        for y in corners[0]:
            for x in corners[1]:
                part = image[y : y + WINDOW, x : x + WINDOW]
                if part.std() >= 3:
                    yield name, part


def _otsu(image: np.ndarray, _: Any) -> Any:
    return ccc.threshold(image).labels


def _kmeans(image: np.ndarray, _: Any) -> Any:
    return ccc.kmeans(image, clusters=3, sigma=0).labels


def _particles(image: np.ndarray, _: Any) -> np.ndarray:
    smooth = gaussian_filter(image.astype(float), 2)
    parts = np.asarray(label(smooth < threshold_otsu(smooth)))
    large = np.bincount(parts.ravel()) >= 400
    large[0] = False
    return np.where(large, np.cumsum(large), 0)[parts]


def _voronoi(cells: int, phases: int) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    def segment(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        tree = cKDTree(rng.random((cells, 2)) * image.shape)
        nearest = tree.query(np.indices(image.shape).reshape(2, -1).T)[1].reshape(image.shape)
        return nearest + 1 if not phases else rng.integers(1, phases + 1, cells)[nearest]

    return segment


SEGMENTATIONS: dict[str, Callable[[np.ndarray, np.random.Generator], Any]] = {
    "threshold": _otsu,
    "k-means, 3 clusters": _kmeans,
    "particles": _particles,
    "random Voronoi, 5 phases": _voronoi(40, 5),
    "random Voronoi, 20 cells": _voronoi(20, 0),
}

PARTS = {"composites": composites, "shortcut": shortcut, "chance": chance}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for part in sys.argv[2:] or PARTS:
            print(f"-- {part}")
            PARTS[part](Path(sys.argv[1]), Path(scratch))
