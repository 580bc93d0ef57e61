"""Denoising against scikit-image's functions called plainly on the same image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage import restoration

import napari_visual_ccc as ccc

from .timing import Row, best, micrograph


def rows() -> Iterator[Row]:
    image = micrograph(512) / 255
    sigma = float(restoration.estimate_sigma(image))
    plain = {
        "non-local means": lambda: restoration.denoise_nl_means(
            image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma
        ),
        "total variation": lambda: restoration.denoise_tv_chambolle(image, weight=sigma),
        "wavelet": lambda: restoration.denoise_wavelet(image, sigma=sigma),
    }
    for method, function in plain.items():
        yield Row(f"denoise, {method}, 512²", "scikit-image, parameters given", best(function),
                  best(lambda m=method: ccc.denoise(np.asarray(image), method=m)))  # fmt: skip
