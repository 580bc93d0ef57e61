"""Tiled equals whole: random images in random chunks and tiles."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.tiling import plane_tiles
from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.measure.accumulate import measured
from napari_visual_ccc.engine.measure.shape2d import plane_table
from tests.chunks import SOME, chunked


def chunked_and_whole(operation, pair, **choices):
    """Pixels that an operation gives for dask and for numpy, which is one tile when small."""
    image, lazy = pair
    (found,) = operation(lazy, **choices).layers
    assert isinstance(found.data, da.Array)
    (whole,) = operation(image, **choices).layers
    return found.data.compute(), whole.data


@SOME
@given(chunked(), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([2, 3]))
def test_threshold(pair, sigma, classes):
    found = chunked_and_whole(ccc.threshold, pair, sigma=sigma, classes=classes)
    np.testing.assert_array_equal(*found)


@SOME
@given(chunked(), st.integers(2, 5))
def test_kmeans(pair, clusters):
    np.testing.assert_array_equal(*chunked_and_whole(ccc.kmeans, pair, clusters=clusters))


@SOME
@given(
    chunked(),
    st.sampled_from(["contrast", "homogeneity", "correlation", "entropy", "asm"]),
    st.sampled_from([3, 5, 15]),
)
def test_texture(pair, feature, window):
    found = chunked_and_whole(ccc.glcm_features, pair, feature=feature, window=window)
    if feature in ("contrast", "homogeneity", "correlation"):
        np.testing.assert_array_equal(*found)
    else:
        # logarithms are added up as the window rolls down
        np.testing.assert_allclose(*found, atol=1e-12)


@SOME
@given(chunked())
def test_edge_density(pair):
    np.testing.assert_array_equal(*chunked_and_whole(ccc.edge_density, pair))


@settings(SOME, max_examples=settings.default.max_examples // 7)
@pytest.mark.parametrize("method", ["gaussian", "median", "total variation", "non-local means"])
@given(pair=chunked())
def test_filters(method, pair):
    found = chunked_and_whole(ccc.denoise, pair, method=method)
    # vectorised code rounds the last columns of a tile in another order
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def wide():
    """An image that numpy goes through in several tiles along both axes, and dask in others."""
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(size=(260, 2300)), 1.5) * 300
    image = (image + rng.normal(size=image.shape) * 8 + 120).clip(0, 255).astype(np.float32)
    image[rng.random(image.shape) < 0.001] = np.nan
    assert len(list(plane_tiles(image.shape, 2))) > 4
    return image, da.from_array(image, chunks=((100, 160), (700, 601, 999)))


@pytest.mark.parametrize(
    ("operation", "choices"),
    [
        (ccc.threshold, {}),
        (ccc.threshold, {"sigma": 2.5, "classes": 3}),
        (ccc.kmeans, {}),
        (ccc.glcm_features, {"feature": "homogeneity", "window": 5}),
        (ccc.glcm_features, {"feature": "entropy", "window": 15, "angle": "0"}),
        (ccc.edge_density, {}),
        (ccc.denoise, {"method": "gaussian"}),
        (ccc.denoise, {"method": "median"}),
        (ccc.denoise, {"method": "total variation"}),
    ],
)
def test_tiles_of_large_images(wide, operation, choices):
    found = chunked_and_whole(operation, wide, **choices)
    if operation in (ccc.threshold, ccc.kmeans):
        np.testing.assert_array_equal(*found)
    else:
        np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-4)


@SOME
@given(chunked(), st.sampled_from([1024, 40]))
def test_region_tables(pair, side):
    image, lazy = pair
    labels = ndimage.label(image > 120)[0]
    if not labels.any():
        return

    def table(labels, image):
        found = run(measured(labels, image, side))
        return run(plane_table(found, PixelSize((1.0, 1.0), "px"), labels.shape, True))

    found = table(da.from_array(labels, chunks=lazy.chunks), lazy)
    assert found.equals(table(labels, image))
