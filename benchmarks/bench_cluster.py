"""Clusters against ten starts of scikit-learn's k-means on all pixels, as Visual-CCC does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.breaks import optimal_breaks
from napari_visual_ccc.arrays.histogram import grey_histogram
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.clustering.features import multiscale

from .timing import Row, best, micrograph


def ten_starts(image: np.ndarray, clusters: int) -> None:
    KMeans(clusters, n_init=10, random_state=0).fit(image.reshape(-1, 1).astype(np.float64))


def rows() -> Iterator[Row]:
    small, middle, large = micrograph(512), micrograph(2048), micrograph(8192)
    for clusters in (3, 5, 10):
        reference = best(lambda k=clusters: ten_starts(small, k), 1)
        ours = best(lambda k=clusters: ccc.kmeans(small, clusters=k, sigma=0), 5)
        yield Row(f"grey k-means, k = {clusters}, 512²", "KMeans(n_init=10)", reference, ours)
    reference = best(lambda: ten_starts(middle, 3), 1)
    yield Row("grey k-means, k = 3, 2048²", "KMeans(n_init=10)", reference,
              best(lambda: ccc.kmeans(middle, clusters=3, sigma=0)))  # fmt: skip
    histogram = run(grey_histogram(large))
    reference = 16 * reference
    yield Row("same, 8192², histogram known", "the same, scaled by area", reference,
              best(lambda: optimal_breaks(histogram.values, histogram.counts, 5)))  # fmt: skip
    yield Row("same, 8192², labels and table", "the same, scaled by area", reference,
              best(lambda: ccc.kmeans(large, clusters=5, sigma=0)))  # fmt: skip
    maps = multiscale(middle)(slice(0, len(middle)))
    vectors = maps.reshape(len(maps), -1).T.astype(np.float32)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    reference = best(
        lambda: MiniBatchKMeans(4, n_init=3, random_state=0).fit(vectors).predict(vectors), 1
    )
    yield Row("k-means on 13 features, 2048²", "MiniBatchKMeans, features known", reference,
              best(lambda: ccc.kmeans(middle, clusters=4, features="multiscale"), 1))  # fmt: skip
