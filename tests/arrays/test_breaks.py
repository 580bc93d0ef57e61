from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.io import imread
from sklearn.cluster import KMeans

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.breaks import optimal_breaks


def inertia(values, counts, starts):
    ends = [*starts[1:], len(values)]
    return sum(
        np.sum(counts[a:b] * (values[a:b] - np.average(values[a:b], weights=counts[a:b])) ** 2)
        for a, b in zip(starts, ends, strict=True)
    )


@given(
    values=st.lists(st.integers(-1000, 1000), min_size=1, max_size=9, unique=True),
    clusters=st.integers(1, 5),
    seed=st.integers(0, 999),
)
def test_no_other_cut_is_better(values, clusters, seed):
    values = np.sort(values).astype(float)
    counts = np.random.default_rng(seed).integers(1, 50, len(values))
    starts = optimal_breaks(values, counts, clusters)
    made = min(clusters, len(values))
    assert len(starts) == made
    every = itertools.combinations(range(1, len(values)), made - 1)
    best = min(inertia(values, counts, (0, *cut)) for cut in every)
    assert inertia(values, counts, starts) <= best * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("clusters", [2, 3, 5, 10])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float"])
def test_inertia_is_never_above_ten_starts_of_scikit_learn(data, clusters, kind):
    file = sorted((data / "segmentation/super1/test/images").glob("*.png"))[1]
    image = imread(file)[:200, :200]
    if kind != "uint8":
        noise = np.random.default_rng(0).random(image.shape)
        image = (image + noise) * 200
        image = image.astype(np.uint16) if kind == "uint16" else image / 7
    found = ccc.kmeans(image, clusters=clusters, sigma=0)
    pixels = image.reshape(-1, 1).astype(float)
    labels = found.labels.ravel()
    own = sum(((pixels[labels == k] - pixels[labels == k].mean()) ** 2).sum()
              for k in range(1, clusters + 1))  # fmt: skip
    reference = KMeans(clusters, n_init=10, random_state=0).fit(pixels).inertia_
    assert own <= reference * (1 + 1e-6)
    assert found.facts["inertia"] == pytest.approx(own, rel=1e-4)


def test_every_level_may_be_a_cluster_and_more_than_memory_holds_is_refused():
    levels = np.arange(65_536.0)
    np.testing.assert_array_equal(optimal_breaks(levels, np.ones(65_536), 70_000), levels)
    with pytest.raises(ValueError, match="choose at most 8192"):
        optimal_breaks(levels, np.ones(65_536), 9000)
