"""Texture against Visual-CCC's loop over windows and against scikit-image's matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage.feature import graycomatrix, graycoprops
from skimage.filters import threshold_otsu

import napari_visual_ccc as ccc

from .timing import Row, best, micrograph

FEATURES = ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation")


def loop(image: np.ndarray, levels: int, features: tuple[str, ...]) -> list[np.ndarray]:
    """One co-occurrence matrix a pixel, as Visual-CCC does (there on joblib threads)."""
    maps = [np.zeros(image.shape) for _ in features]
    for y in range(2, image.shape[0] - 2):
        for x in range(2, image.shape[1] - 2):
            window = image[y - 2 : y + 3, x - 2 : x + 3]
            matrix = graycomatrix(window, [1], [0], levels=levels, symmetric=True, normed=True)
            for feature, out in zip(features, maps, strict=True):
                out[y, x] = graycoprops(matrix, feature)[0, 0]
    return maps


def rows() -> Iterator[Row]:
    small, large = micrograph(512), micrograph(4096)
    # the loop is timed on a part and scaled by its pixels: whole it takes a minute
    part = small[:132, :132]
    scale = small.size / 128**2
    mask = (part > threshold_otsu(part)).astype(np.uint8)
    grey = (part // 8).astype(np.uint8)
    visual_ccc = scale * best(lambda: loop(mask, 2, ("contrast",)), 1)
    one = scale * best(lambda: loop(grey, 32, ("contrast",)), 1)
    six = scale * best(lambda: loop(grey, 32, FEATURES), 1)
    again = {"angle": "0", "levels": 32}
    yield Row("edge density, 512²", "Visual-CCC's loop", visual_ccc,
              best(lambda: ccc.edge_density(small)))  # fmt: skip
    yield Row("GLCM contrast, 512²", "loop over graycomatrix", one,
              best(lambda: ccc.glcm_features(small, **again)))  # fmt: skip
    yield Row("all GLCM features, 512²", "loop over graycomatrix", six,
              best(lambda: ccc.glcm_features(small, feature="all", **again)))  # fmt: skip
    area = large.size / small.size
    yield Row("GLCM contrast, 4096²", "loop, scaled by area", one * area,
              best(lambda: ccc.glcm_features(large, **again)))  # fmt: skip
    yield Row("all GLCM features, 4096²", "loop, scaled by area", six * area,
              best(lambda: ccc.glcm_features(large, feature="all", **again), 1))  # fmt: skip
    yield Row("same, 4 angles, 4096²", "loop, scaled by area", 4 * six * area,
              best(lambda: ccc.glcm_features(large, feature="all"), 1))  # fmt: skip
