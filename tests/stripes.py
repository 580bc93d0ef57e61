"""A tiny autoencoder of stripes, and images of them with and without a foreign disc."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_visual_ccc.core.dataset import Dataset
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.autoencoder.images import from_images
from napari_visual_ccc.engine.autoencoder.train_autoencoder import train_autoencoder
from napari_visual_ccc.nets import checkpoint

CHOICES = {
    "latent": 2, "depth": 2, "tile": 32, "tiles": 48, "epochs": 3, "batch_size": 8,
    "device": "cpu", "validation": 0.3,
}  # fmt: skip


def stripes(seed: int, shape: tuple[int, int] = (96, 96)) -> np.ndarray:
    """Stripes of random phase with noise, uint8."""
    rng = np.random.default_rng(seed)
    _, x = np.indices(shape)
    grey = 120 + 60 * np.sin(x / 3 + rng.uniform(0, 6)) + rng.normal(0, 5, shape)
    return grey.clip(0, 255).astype(np.uint8)


def with_disc(image: np.ndarray, centre: tuple[int, int] = (60, 40), radius: int = 12):
    """The image with a disc of crossed stripes, and the mask of the disc."""
    y, x = np.indices(image.shape)
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    crossed = 120 + 60 * np.sin(y / 2)
    return np.where(mask, crossed, image).astype(np.uint8), mask


def images(count: int = 5) -> Dataset:
    return from_images(
        [stripes(seed) for seed in range(count)],
        spacings=[((2.0, 2.0), "nm")] * count,
        name="stripes",
    )


def saved(folder: Path, **more) -> tuple[Path, object]:
    result = run(train_autoencoder(images(), **{**CHOICES, **more}))
    path = folder / "stripes.safetensors"
    checkpoint.save(result.model, path)
    return path, result
