"""Whether denoising makes any image worse, and how it compares with tuned non-local means.

Part of ``python -m benchmarks.quality DATA``. Micrographs are binned until they have little noise
of their own, and get Poisson and Gaussian noise at three levels; drawn images of membranes and
grain have no flat areas. The even files of each set were used for tuning, the odd ones are
measured. The reference is `skimage.restoration.denoise_nl_means` with the best of five parameters
for the truth. Prints means and losses by kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity
from skimage.restoration import denoise_nl_means

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.restoration.denoise import denoise

from .image_quality import SOURCES, images

SIDE, PER_SET, HALF = 256, 3, 1
LEVELS = {"weak": (300, 0.01), "middle": (60, 0.02), "strong": (12, 0.05)}


def scaled(image: np.ndarray) -> np.ndarray:
    return 0.05 + 0.9 * (image - image.min()) / np.ptp(image)


def binned(image: np.ndarray, factor: int) -> np.ndarray:
    small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    y, x = (max((n - SIDE) // 2, 0) for n in small.shape)
    return scaled(small[y : y + SIDE, x : x + SIDE])


def sections(seed: int, grain: float) -> np.ndarray:
    """Draw membranes and grain: no place without texture."""
    rng = np.random.default_rng(seed)
    width = (1.5, 2.2, 3.0)[seed // 2 % 3]
    level = gaussian_filter(rng.normal(size=(SIDE, SIDE)), width)
    level -= 0.5 * gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2 * width)
    texture = gaussian_filter(rng.normal(size=(SIDE, SIDE)), grain)
    membranes = np.exp(-((level / level.std() / 0.15) ** 2))
    return scaled(-0.4 * membranes + 0.07 * texture / texture.std())


def truths(data: Path, half: int) -> Iterator[tuple[str, np.ndarray]]:
    every = images(data)
    for name in SOURCES:
        of_set = [image for kind, image in every if kind == name][half::2]
        chosen = of_set[:: max(1, len(of_set) // PER_SET)][:PER_SET]
        yield from ((name, binned(image, 2 + 2 * (k % 2))) for k, image in enumerate(chosen))
    for k in range(3):
        yield "sections", sections(half + 2 * k, 1.0)
        yield "sections, finest grain", sections(half + 2 * k, 0.6)


def kinds(clean: np.ndarray, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kind of degradation, truth, and degraded image."""
    for name, (peak, sigma) in LEVELS.items():
        rng = np.random.default_rng(seed)
        given = rng.poisson(clean * peak) / peak + rng.normal(0, sigma, clean.shape)
        yield name, clean, given
        if name != "middle":
            continue
        size = tuple(round(1.5 * n) for n in clean.shape[::-1])
        large = [cv2.resize(i, size, interpolation=cv2.INTER_CUBIC) for i in (clean, given)]
        yield "enlarged 1.5 times", *large
        stored = np.uint8(np.clip(given * 255, 0, 255).round())
        for quality in (90, 60):
            code = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            yield f"JPEG {quality}", clean, cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) / 255
        yield "smoothed, sigma 1", clean, gaussian_filter(given, 1)
        yield "denoised before", clean, np.float64(run(denoise(given)).data)
        moved = [np.roll(row, s) for row, s in zip(clean, rng.integers(-1, 2, SIDE), strict=False)]
        yield "rows displaced by 1 px", np.array(moved), np.array(moved) + given - clean


def psnr(truth: np.ndarray, image: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((truth - image) ** 2)))


def oracle(truth: np.ndarray, given: np.ndarray) -> float:
    sigma = float(np.std(given - truth))
    return max(
        psnr(
            truth,
            denoise_nl_means(
                given, patch_size=5, patch_distance=6, h=share * sigma, sigma=sigma, fast_mode=True
            ),
        )
        for share in (0.2, 0.4, 0.6, 0.8, 1.0)
    )


def main(data: Path, step: int = 1, half: int = HALF) -> None:
    rows = []
    for seed, (name, clean) in [*enumerate(truths(data, half))][::step]:
        for kind, truth, given in kinds(clean, seed):
            before = psnr(truth, given)
            found = np.float64(run(denoise(given)).data)
            old = np.float64(run(denoise(given, cautious=False)).data)
            similar = [structural_similarity(truth, i, data_range=1) for i in (given, found)]
            rows.append(
                {
                    "kind": kind,
                    "set": name,
                    "noisy": before,
                    "denoised": psnr(truth, found),
                    "not cautious": psnr(truth, old),
                    "oracle": oracle(truth, given) if kind in LEVELS else np.nan,
                    "SSIM noisy": similar[0],
                    "SSIM denoised": similar[1],
                }
            )
    table = pd.DataFrame(rows)
    table["gain"] = table["denoised"] - table["noisy"]
    table["gain, not cautious"] = table["not cautious"] - table["noisy"]
    # 0.001 dB is rounding to 32 bit
    gains = table.groupby("kind", sort=False)[["gain", "gain, not cautious"]]
    print(table.groupby("kind", sort=False).mean(numeric_only=True).round(3).to_string(), "\n")
    print(gains.agg(["min", lambda g: int((g < -0.001).sum()), "count"]).round(3).to_string(), "\n")
    print(table.groupby(["set", "kind"], sort=False)["gain"].min().unstack().round(2).to_string())
