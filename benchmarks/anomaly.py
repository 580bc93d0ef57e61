"""Anomaly maps of composites: particles pasted into micrographs that they do not belong to.

``python -m benchmarks.anomaly DATA [HOST...]`` trains an autoencoder on one half of the images of
each host, pastes copper nanoparticles (of the test images of NanoShapes) into images of the other
half, and prints areas under ROC curves. Everything follows from the seed.

A particle has the spread of grey levels of its surroundings, their noise and a soft border. Its
mean is that of the surroundings ("matched"), or brighter or darker by 1.5 of their standard
deviations. The choices of the method were made on super1 and on the other half of the
nanocomposites, with particles of the training images.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter, zoom
from skimage.io import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.engine.autoencoder.images import from_images

SEED, COMPOSITES, SIDE, BLOCK = 0, 16, 512, 64

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
    clusters = KMeans(8, n_init=1, random_state=SEED).fit((known - mean) / spread)

    def score(image: np.ndarray) -> np.ndarray:
        found = features(image).reshape(7, -1).T
        distances = clusters.transform((found - mean) / spread).min(axis=1)
        return gaussian_filter(distances.reshape(image.shape), 8)

    return score


def interval(values: list[float]) -> str:
    """Mean with the 95 % interval of a bootstrap over composites."""
    given = np.array(values)
    draws = np.random.default_rng(SEED).integers(0, len(given), (2000, len(given)))
    low, high = np.percentile(given[draws].mean(axis=1), (2.5, 97.5))
    return f"{given.mean():.3f} ({low:.3f} to {high:.3f})"


def blocks(score: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest score of blocks, and whether they hold a part of the particle; none in between."""
    cut = (SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK)
    largest = score.reshape(cut).max(axis=(1, 3)).ravel()
    share = mask.reshape(cut).mean(axis=(1, 3)).ravel()
    clear = (share == 0) | (share >= 0.1)
    return largest[clear], share[clear] >= 0.1


def trade_off(path: Path, crops: list[np.ndarray], pool: list) -> None:
    """Print how many particles are labelled, and what else is, for several thresholds."""
    rows = []
    for offset in OFFSETS.values():
        rng = np.random.default_rng(SEED)
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


def evaluate(data: Path, host: str) -> None:
    """Train on one half of the images of a host, and print what is found in the other."""
    from sklearn.metrics import roc_auc_score

    every = images(data, host)
    train, test = every[::2], every[1::2]
    start = time.process_time()
    result = ccc.train_autoencoder(from_images(train, name=host), seed=SEED, device="cpu")
    seconds = time.process_time() - start
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    ccc.save_model(result, path)
    print(f"## {host}: {len(train)} images train, {len(test)} test; {len(result.history)} epochs, "
          f"{seconds:.0f} s of processor time", flush=True)  # fmt: skip
    for metric, *numbers in result.summary.itertuples(index=False, name=None):
        print(f"{metric} {numbers[0]:.3f} ({numbers[1]:.3f} to {numbers[2]:.3f})")
    scores: dict[str, Score] = {
        "grey deviation": grey_deviation(train),
        "k-means distance": kmeans_distance(train),
        "residual": lambda image: ccc.anomaly_map(image, model=path, score="residual").data,
    }
    pool, crops = particles(data), [one[:SIDE, :SIDE] for one in test]
    for name, offset in OFFSETS.items():
        rng = np.random.default_rng(SEED)
        pixels: dict[str, list[float]] = {}
        regions: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for number in range(COMPOSITES):
            particle = pool[rng.integers(len(pool))]
            image, mask = composite(crops[number % len(crops)], particle, offset, rng)
            found = ccc.anomaly_map(image, model=path)
            maps = {"features": found.data, **{key: one(image) for key, one in scores.items()}}
            for key, score in maps.items():
                area = roc_auc_score(mask[::4, ::4].ravel(), score[::4, ::4].ravel())
                pixels.setdefault(key, []).append(area)
                regions.setdefault(key, []).append(blocks(score, mask))
        for key, areas in pixels.items():
            values, truth = (np.concatenate(one) for one in zip(*regions[key], strict=True))
            print(f"{name:<9} {key:<17} pixel AUC {interval(areas)}, lowest {min(areas):.2f}; "
                  f"block AUC {roc_auc_score(truth, values):.3f}")  # fmt: skip
    trade_off(path, crops, pool)


if __name__ == "__main__":
    folder, *hosts = sys.argv[1:]
    for one in hosts or ("powder", "nanocomposite", "superalloy", "coating"):
        evaluate(Path(folder), one)
