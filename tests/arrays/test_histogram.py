from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.arrays.histogram import (
    grey_histogram,
    limits,
    occurrences,
    percentiles,
    value_by_value,
)
from napari_visual_ccc.core.progress import run


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


@pytest.mark.parametrize("height", [64, 4000])
def test_histograms_of_bands_and_chunks_are_one(rng, height):
    image = rng.normal(size=(2, height, 50)).astype(np.float32)
    whole = run(grey_histogram(image))
    lazy = run(grey_histogram(da.from_array(image, chunks=(1, 20, 11))))
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


@pytest.mark.parametrize("shape", [(7, 5), (300, 251), (1200, 1000)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.int16, np.float32])
def test_percentiles_are_those_of_numpy_to_the_last_bit(rng, dtype, shape):
    image = (rng.normal(size=shape) * 30 + 120).clip(0, 250).astype(dtype)
    image = image * 200 if image.dtype.itemsize == 2 and image.dtype.kind == "u" else image
    shares = (0.0, 0.1, 0.5, 37.7, 50.0, 99.5, 99.9, 100.0)
    for view in (image, image[::2, 1:]):
        expected = np.percentile(view, shares)
        assert percentiles(view, *shares) == tuple(expected.tolist())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float64])
def test_a_function_of_values_gives_the_same_by_levels(rng, dtype):
    image = rng.integers(0, 250, (300, 400)).astype(dtype).T

    def scaled(values):
        return ((values.astype(np.float64) - 3.7) / 11.3).astype(np.float32)

    found = value_by_value(image[:, 1:], scaled)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, scaled(image[:, 1:]))


def test_the_largest_numbers_of_a_type_are_counted():
    image = np.full((4, 5), np.iinfo(np.uint64).max, np.uint64)
    image[0, 0] -= 3
    histogram = run(grey_histogram(image))
    np.testing.assert_array_equal(histogram.counts, [1, 19])
