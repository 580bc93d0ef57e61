from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_visual_ccc.arrays import lazy as arrays_lazy
from napari_visual_ccc.arrays.histogram import grey_histogram, limits, occurrences
from napari_visual_ccc.arrays.mapping import map_planes
from napari_visual_ccc.arrays.reduction import pieces
from napari_visual_ccc.core.progress import run


def blur(plane):
    return uniform_filter(plane.astype(float), 5, mode="nearest")


@pytest.mark.parametrize("shape", [(50, 40), (3, 50, 40), (2, 2, 17, 9)])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_bands_give_what_whole_planes_give(rng, shape, rows):
    image = rng.normal(size=shape)
    whole = np.stack([blur(p) for p in image.reshape(-1, *shape[-2:])]).reshape(shape)
    found = run(map_planes(blur, image, dtype=float, halo=2, pixels=rows * shape[-1]))
    np.testing.assert_allclose(found, whole, atol=1e-12)


def test_chunks_give_what_whole_planes_give(rng):
    image = rng.normal(size=(2, 60, 50))
    lazy = run(map_planes(blur, da.from_array(image, chunks=(1, 13, 17)), dtype=float, halo=2))
    assert isinstance(lazy, da.Array)
    whole = np.stack([blur(p) for p in image])
    np.testing.assert_allclose(lazy.compute(), whole, atol=1e-12)


def test_without_a_halo_a_function_sees_whole_planes(rng):
    image = da.from_array(rng.normal(size=(2, 30, 20)), chunks=(1, 7, 5))
    found = run(map_planes(lambda p: p - p.mean(), image, dtype=float)).compute()
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-12)


def test_several_maps_come_as_a_first_axis(rng):
    image = rng.normal(size=(3, 20, 10))
    found = run(
        map_planes(lambda p: np.stack([p, -p]), image, dtype=float, halo=0, maps=2, pixels=30)
    )
    np.testing.assert_array_equal(found, [image, -image])


@pytest.mark.parametrize("lazy", [False, True])
def test_pieces_together_are_the_image(rng, lazy):
    image = rng.integers(0, 9, (3, 20, 10))
    given = da.from_array(image, chunks=(2, 7, 10)) if lazy else image
    found = np.concatenate([piece.ravel() for piece in pieces(given)])
    np.testing.assert_array_equal(np.sort(found), np.sort(image.ravel()))


def test_work_can_be_left_half_way(rng):
    done = []
    steps = map_planes(lambda p: done.append(1) or p, rng.normal(size=(9, 8, 8)), dtype=float)
    next(steps)
    steps.close()
    assert len(done) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32])
def test_integer_histograms_are_exact(rng, dtype):
    image = rng.integers(-100 if np.dtype(dtype).kind == "i" else 0, 100, (30, 40)).astype(dtype)
    histogram = run(grey_histogram(image))
    values, counts = np.unique(image, return_counts=True)
    np.testing.assert_array_equal(histogram.values, values)
    np.testing.assert_array_equal(histogram.counts, counts)


def test_float_histograms_leave_missing_pixels_out(rng):
    image = rng.normal(size=(30, 40))
    image[0, :3] = np.nan, np.inf, -np.inf
    histogram = run(grey_histogram(image))
    assert histogram.counts.sum() == 30 * 40 - 3
    good = image[np.isfinite(image)]
    assert np.average(histogram.values, weights=histogram.counts) == pytest.approx(good.mean())
    assert run(limits(image)) == (good.min(), good.max())


def test_histograms_of_bands_and_chunks_are_one(rng, monkeypatch):
    image = rng.normal(size=(2, 64, 50)).astype(np.float32)
    whole = run(grey_histogram(image))
    lazy = run(grey_histogram(da.from_array(image, chunks=(1, 20, 11))))
    monkeypatch.setattr(arrays_lazy, "BAND_PIXELS", 200)
    np.testing.assert_array_equal(whole.counts, lazy.counts)
    np.testing.assert_allclose(whole.values, lazy.values)


def test_labels_follow_bins_and_miss_what_is_missing():
    image = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, np.inf]])
    histogram = run(grey_histogram(image))
    labels = histogram.labeller(np.array([0, 2]))(image)
    np.testing.assert_array_equal(labels, [[1, 1, 2], [2, 0, 0]])


def test_occurrences_are_counted():
    assert run(occurrences(np.array([[1, 1], [7, 0]]))) == {0: 1, 1: 2, 7: 1}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("hot", [1e5, 2e9])
def test_a_hot_pixel_does_not_hide_the_rest(rng, dtype, hot):
    image = np.where(np.arange(6400).reshape(80, 80) % 2, 100, 200) + rng.integers(0, 9, (80, 80))
    image = image.astype(dtype)
    image[0, 0] = hot
    histogram = run(grey_histogram(image))
    np.testing.assert_allclose(histogram.values, np.unique(image), rtol=1e-6)
    assert histogram.counts.sum() == image.size
    middle = np.searchsorted(histogram.values, 150)
    labels = histogram.labeller(np.array([0, middle]))(image)
    np.testing.assert_array_equal(labels == 2, image > 150)


def test_a_float_ramp_with_outliers_keeps_its_levels():
    image = np.linspace(0, 1, 50_000).reshape(200, 250)
    image[0, :3] = -1e6, 1e7, 1e9
    histogram = run(grey_histogram(image))
    assert len(histogram.values) > 40_000
