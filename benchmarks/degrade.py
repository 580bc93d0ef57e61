"""What figures of articles have gone through: resampling, blur, JPEG, once or twice, and crops."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmarks.bar_layouts import Barred

KERNELS = (
    Image.Resampling.NEAREST, Image.Resampling.BOX, Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS,
)  # fmt: skip
# of a bar that can still be told: rows, and their share of those its letters were made for
LEAST, LEGIBLE = 12, 0.55
# shortest side of a picture
SMALL = 200


def resampled(image: np.ndarray, by: float, rng: np.random.Generator) -> np.ndarray:
    size = [max(32, round(by * n)) for n in image.shape[::-1]]
    kernel = rng.choice(len(KERNELS), p=[0.06, 0.14, 0.2, 0.1, 0.3, 0.2])
    return np.array(Image.fromarray(image).resize(size, KERNELS[kernel]))


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def degraded(image: np.ndarray, rng: np.random.Generator, least: float = 0.2) -> np.ndarray:
    """Spoil a picture at random; one in seven stays as it is."""
    if rng.random() < 0.14:
        return image
    least = min(1.0, max(least, SMALL / min(image.shape)))
    if rng.random() < 0.8:
        image = resampled(image, float(np.exp(rng.uniform(np.log(least), np.log(1.5)))), rng)
    if rng.random() < 0.3:
        sigma = rng.uniform(0.3, 1.2)
        image = np.round(gaussian_filter(image.astype(float), sigma)).astype(np.uint8)
    if rng.random() < 0.25:
        low, high = rng.uniform(0, 40), rng.uniform(200, 255)
        image = np.round(low + image / 255 * (high - low)).astype(np.uint8)
    if rng.random() < 0.7:
        image = compressed(image, int(rng.integers(30, 91)))
        if rng.random() < 0.4:
            if rng.random() < 0.5:
                image = resampled(image, rng.uniform(0.8, 1.25), rng)
            image = compressed(image, int(rng.integers(40, 91)))
    if rng.random() < 0.15:
        noise = rng.normal(0, 255 * rng.uniform(0.005, 0.02), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def spoilt(made: Barred, rng: np.random.Generator) -> Barred:
    """Crop along the bar, at times through it, and degrade; the bar stays 12 rows high."""
    image, height, beneath = made.image, made.height, made.beneath
    upright = made.border in ("bottom", "top")
    along = image.shape[1] if upright else image.shape[0]
    if rng.random() < 0.25:
        # letters may be cut at either side
        first, last = round(along * rng.uniform(0, 0.25)), round(along * rng.uniform(0.75, 1))
        image = image[:, first:last] if upright else image[first:last]
    if not beneath and height > 24 and rng.random() < 0.1:
        lost = int(rng.integers(1, height // 4))
        cut = {"bottom": np.s_[:-lost, :], "top": np.s_[lost:, :], "left": np.s_[:, lost:],
               "right": np.s_[:, :-lost]}[made.border]  # fmt: skip
        image, height = image[cut], height - lost
    before = image.shape[0] if upright else image.shape[1]
    least = max(LEAST, LEGIBLE * made.least) / height
    image = degraded(np.ascontiguousarray(image), rng, least)
    by = (image.shape[0] if upright else image.shape[1]) / before
    return replace(
        made,
        image=image,
        height=round(by * (height + beneath)) - round(by * beneath),
        beneath=round(by * beneath),
    )


def soft(made: Barred, rng: np.random.Generator) -> Barred:
    """Spoil a picture as figures of articles are: smaller, blurred, compressed two or three times.

    The paper and the letters are no longer of one grey level, and no edge is sudden.
    """
    upright = made.border in ("bottom", "top")
    image = compressed(made.image, int(rng.integers(60, 90)))
    image = resampled(image, rng.uniform(0.45, 0.8), rng)
    image = gaussian_filter(image.astype(float), rng.uniform(0.5, 1))
    image = compressed(np.round(image).astype(np.uint8), int(rng.integers(35, 75)))
    if rng.random() < 0.5:
        image = compressed(resampled(image, rng.uniform(0.9, 1.4), rng), 60)
    by = np.divide(image.shape, made.image.shape)[0 if upright else 1]
    beneath = round(by * made.beneath)
    return replace(made, image=image, height=round(by * made.taken) - beneath, beneath=beneath)
