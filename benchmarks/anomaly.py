"""Anomaly maps of composites: particles pasted into micrographs that they do not belong to.

``python -m benchmarks.anomaly DATA [HOST...] [--seeds 3] [--labels]`` trains an autoencoder on one
half of the images of each host, pastes copper nanoparticles (of the test images of NanoShapes) into
images of the other half, and prints areas under ROC curves. Everything follows from the seeds: each
trains a network of its own, and makes composites of its own.

A particle has the spread of grey levels of its surroundings, their noise and a soft border. Its
mean is that of the surroundings ("matched"), or brighter or darker by 1.5 of their standard
deviations. The choices of the method were made on super1 and on the other half of the
nanocomposites, with particles of the training images.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter, zoom
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.engine.autoencoder.images import from_images

COMPOSITES, SIDE, BLOCK = 16, 512, 64

OFFSETS = {"matched": 0.0, "brighter": 1.5, "darker": -1.5}


def images(data: Path, host: str) -> list[np.ndarray]:
    """All micrographs of a host, in the order of their names."""
    folders = {
        "powder": ["ampis_powder/images"],
        "nanocomposite": ["nanocomposite/images"],
        "superalloy": [f"segmentation/super2/{part}/images" for part in ("train", "val", "test")],
        "coating": [f"segmentation/ebc3/{part}/images" for part in ("train", "val", "test")],
    }[host]
    paths = [path for folder in folders for path in sorted((data / folder).iterdir())]
    if host == "nanocomposite":
        # the others were used to choose the method; below row 880 is the info bar
        return [imread(path)[:880] for path in paths[1::2]]
    return [imread(path) for path in paths]


def particles(data: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Whole particles of the test images of NanoShapes, with their masks."""
    found = []
    for path in sorted((data / "nanoshapes/images/test").iterdir()):
        grey = imread(path).astype(np.float32)
        instances = imread(data / "nanoshapes/instances/test" / path.name)
        for number in np.unique(instances)[1:]:
            rows, columns = np.nonzero(instances == number)
            box = rows.min() - 2, rows.max() + 3, columns.min() - 2, columns.max() + 3
            inside = min(box) >= 0 and box[1] <= len(grey) and box[3] <= grey.shape[1]
            if len(rows) >= 400 and inside:
                part = np.s_[box[0] : box[1], box[2] : box[3]]
                found.append((grey[part], instances[part] == number))
    return found


def composite(
    host: np.ndarray,
    particle: tuple[np.ndarray, np.ndarray],
    offset: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a particle of 32 to 64 pixels: the image as uint8, and the mask of the particle."""
    turns, factor = rng.integers(4), rng.uniform(32, 64) / max(particle[0].shape)
    grey, mask = (np.rot90(one, turns).astype(np.float32) for one in particle)
    grey, mask = zoom(gaussian_filter(grey, 0.7), factor, order=1), zoom(mask, factor, order=1)
    height, width = grey.shape
    image = host.astype(np.float32)
    top, left = (
        int(rng.integers(8, n - m - 8)) for n, m in zip(host.shape, grey.shape, strict=True)
    )
    around = image[
        max(0, top - height // 2) : top + 3 * height // 2,
        max(0, left - width // 2) : left + 3 * width // 2,
    ]
    here = np.s_[top : top + height, left : left + width]
    scaled = (grey - grey[mask > 0.5].mean()) / grey[mask > 0.5].std()
    noise = image - median_filter(image, 3)
    y, x = (int(rng.integers(0, n - m)) for n, m in zip(host.shape, grey.shape, strict=True))
    pasted = around.mean() + (offset + 0.8 * scaled) * around.std()
    pasted += noise[y : y + height, x : x + width]
    alpha = gaussian_filter(mask, 1.0)
    image[here] = alpha * pasted + (1 - alpha) * image[here]
    where = np.zeros(host.shape, bool)
    where[here] = mask > 0.5
    return image.round().clip(0, 255).astype(np.uint8), where


# scores: an image → a map ------------------------------------------------------------------------

Score = Callable[[np.ndarray], np.ndarray]


def grey_deviation(train: list[np.ndarray]) -> Score:
    """Distance of the smoothed grey level from the mean of the training images."""
    mean = np.mean([one.mean() for one in train])
    return lambda image: gaussian_filter(np.abs(gaussian_filter(image.astype(float), 4) - mean), 4)


def kmeans_distance(train: list[np.ndarray]) -> Score:
    """Distance to the nearest of 8 clusters of local means and deviations at several scales."""
    from sklearn.cluster import KMeans

    def features(image: np.ndarray) -> np.ndarray:
        grey = image.astype(float) / 255
        means = [gaussian_filter(grey, sigma) for sigma in (1, 2, 4, 8)]
        squares = [gaussian_filter(grey**2, sigma) for sigma in (2, 4, 8)]
        spreads = [
            np.sqrt(np.maximum(two - one**2, 0))
            for one, two in zip(means[1:], squares, strict=True)
        ]
        return np.stack([*means, *spreads])

    known = np.concatenate([features(one)[:, ::8, ::8].reshape(7, -1) for one in train], axis=1).T
    mean, spread = known.mean(axis=0), known.std(axis=0)
    clusters = KMeans(8, n_init=1, random_state=0).fit((known - mean) / spread)

    def score(image: np.ndarray) -> np.ndarray:
        found = features(image).reshape(7, -1).T
        distances = clusters.transform((found - mean) / spread).min(axis=1)
        return gaussian_filter(distances.reshape(image.shape), 8)

    return score


def interval(values: list[float]) -> str:
    """Mean with the 95 % interval of a bootstrap over composites."""
    given = np.array(values)
    draws = np.random.default_rng(0).integers(0, len(given), (2000, len(given)))
    low, high = np.percentile(given[draws].mean(axis=1), (2.5, 97.5))
    return f"{given.mean():.3f} ({low:.3f} to {high:.3f})"


def blocks(score: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest score of blocks, and whether they hold a part of the particle; none in between."""
    cut = (SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK)
    largest = score.reshape(cut).max(axis=(1, 3)).ravel()
    share = mask.reshape(cut).mean(axis=(1, 3)).ravel()
    clear = (share == 0) | (share >= 0.1)
    return largest[clear], share[clear] >= 0.1


def trade_off(path: Path, crops: list[np.ndarray], pool: list, seed: int) -> None:
    """Print how many particles are labelled, and what else is, for several thresholds."""
    rows = []
    for offset in OFFSETS.values():
        rng = np.random.default_rng(seed)
        for number in range(COMPOSITES):
            particle = pool[rng.integers(len(pool))]
            image, mask = composite(crops[number % len(crops)], particle, offset, rng)
            for usual in (0.95, 0.9, 0.8, 0.5):
                found = ccc.anomaly_map(image, model=path, usual=usual)
                others = set(np.unique(found.labels[~mask])) - set(np.unique(found.labels[mask]))
                hit = bool((found.labels[mask] > 0).any())
                rows.append((usual, hit, len(others - {0}), (found.labels[~mask] > 0).mean()))
    for usual in sorted({one[0] for one in rows}, reverse=True):
        hits, others, areas = (
            np.mean([one[k] for one in rows if one[0] == usual]) for k in (1, 2, 3)
        )
        print(f"usual={usual:g}: {hits:.0%} of the particles labelled;", end=" ")
        print(f"{others:.1f} other regions, {areas:.2%} of {SIDE} x {SIDE} pixels", flush=True)


def trained(train: list[np.ndarray], host: str, seed: int) -> Path:
    """Train, print what came of it, and give the model file."""
    start = time.process_time()
    result = ccc.train_autoencoder(from_images(train, name=host), seed=seed, device="cpu")
    seconds = time.process_time() - start
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    ccc.save_model(result, path)
    print(f"## {host}, seed {seed}: {len(train)} images; {len(result.history)} epochs, "
          f"{seconds:.0f} s of processor time", flush=True)  # fmt: skip
    for metric, value, low, high, _ in result.summary.itertuples(index=False, name=None):
        print(f"{metric} {value:.3f} ({low:.3f} to {high:.3f})")
    return path


def scores_of(path: Path, train: list[np.ndarray]) -> dict[str, Score]:
    """Scores that are compared, by name."""
    found: dict[str, Score] = {
        name: lambda image, name=name: ccc.anomaly_map(image, model=path, score=name).data
        for name in ("features", "local", "residual")
    }
    return {
        **found,
        "grey deviation": grey_deviation(train),
        "k-means distance": kmeans_distance(train),
    }


Found = dict[tuple[str, str], list[tuple[float, np.ndarray, np.ndarray]]]


def measure(data: Path, host: str, seed: int, found: Found, *, labels: bool) -> None:
    """Train on one half of the images of a host, and score composites of the other half."""
    from sklearn.metrics import roc_auc_score

    every = images(data, host)
    train, test = every[::2], every[1::2]
    path = trained(train, host, seed)
    scores = scores_of(path, train)
    pool, crops = particles(data), [one[:SIDE, :SIDE] for one in test]
    for name, offset in OFFSETS.items():
        rng = np.random.default_rng(seed)
        for number in range(COMPOSITES):
            particle = pool[rng.integers(len(pool))]
            image, mask = composite(crops[number % len(crops)], particle, offset, rng)
            for key, score in scores.items():
                values = score(image)
                area = roc_auc_score(mask[::4, ::4].ravel(), values[::4, ::4].ravel())
                found.setdefault((name, key), []).append((area, *blocks(values, mask)))
    if labels:
        trade_off(path, crops, pool, seed)


def evaluate(data: Path, host: str, seeds: int, *, labels: bool) -> None:
    """Print what is found in composites of a host, of all seeds together and of each."""
    from sklearn.metrics import roc_auc_score

    found: Found = {}
    for seed in range(seeds):
        measure(data, host, seed, found, labels=labels)
        for (name, key), rows in found.items():
            areas = [one[0] for one in rows]
            values, truth = (np.concatenate([one[k] for one in rows]) for k in (1, 2))
            each = np.array(areas).reshape(-1, COMPOSITES).mean(axis=1).round(3)
            print(f"{host} {name:<9} {key:<17} pixel AUC {interval(areas)}, lowest "
                  f"{min(areas):.2f}, by seed {each}; block AUC "
                  f"{roc_auc_score(truth, values):.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("hosts", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", action="store_true", help="regions at several thresholds")
    given = parser.parse_args()
    for one in given.hosts or ("powder", "nanocomposite", "superalloy", "coating"):
        evaluate(given.data, one, given.seeds, labels=given.labels)
