from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.lazy import as_array_or_dask, check_repeated, in_memory, within_reach
from napari_visual_ccc.arrays.reduction import computed
from napari_visual_ccc.core.progress import run


def test_what_is_large_and_on_disk_stays_there(tmp_path, discs):
    file = np.memmap(tmp_path / "image.raw", np.uint8, "w+", shape=discs.shape)
    file[:] = discs
    assert isinstance(as_array_or_dask(file, file.nbytes), np.ndarray)
    found = ccc.threshold(as_array_or_dask(file, file.nbytes - 1))
    assert isinstance(found.labels, da.Array)
    target = np.memmap(tmp_path / "labels.raw", np.uint8, "w+", shape=discs.shape)
    assert run(computed(found.labels, target)) is target
    np.testing.assert_array_equal(target, ccc.threshold(discs).labels)


@pytest.mark.parametrize("shape", [(10**6, 10**6), (10**5, 10**4, 10**4, 3)])
def test_an_array_that_repeats_few_numbers_without_end_is_refused(shape):
    image = np.broadcast_to(np.uint8(1), shape)
    with pytest.raises(ValueError, match=r"repeats its numbers: it takes .* GB of memory"):
        check_repeated(image)
    check_repeated(image[:2, :3])
    check_repeated(da.zeros(shape))


def test_chunks_without_pixels_are_left_out(discs):
    height, width = discs.shape
    chunks = ((0, 30, 0, height - 30), (width, 0))
    found = as_array_or_dask(da.from_array(discs, chunks=chunks))
    assert found.chunks == ((30, height - 30), (width,))
    np.testing.assert_array_equal(found, discs)
    empty = da.zeros((0, 5))
    assert as_array_or_dask(empty) is empty


@pytest.mark.parametrize("values", [[2e38, 0.0], [0.0, -1e300], [1e300, np.nan], [1e39, -np.inf]])
def test_values_that_float32_does_not_hold_are_refused(values):
    image = np.array([values])
    with pytest.raises(ValueError, match=r"reach (2e.38|1e.300|1e.39), too far; rescale them"):
        within_reach(image)
    # a block when it is computed
    lazy = within_reach(da.from_array(image))
    with pytest.raises(ValueError, match="too far; rescale them"):
        lazy.compute()


def test_values_too_near_to_zero_are_refused():
    with pytest.raises(ValueError, match=r"only 3e-50, too near to zero .* rescale them"):
        within_reach(np.array([[3e-50, -1e-60, np.nan]]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint64])
def test_other_values_are_handed_on_as_they_are(dtype):
    image = np.array([[0, 1, 7]], dtype)
    assert within_reach(image) is image
    lazy = within_reach(da.from_array(image))
    assert lazy.dtype == dtype
    np.testing.assert_array_equal(lazy.compute(), image)


@pytest.mark.parametrize(
    "values", [[0.0, 0.0], [np.nan, np.nan], [np.inf, 1e38], [-np.inf, np.inf], [1e-30, 0.0]]
)
def test_gaps_and_the_ends_of_the_range_are_taken(values):
    image = np.array([values])
    assert within_reach(image) is image


@pytest.mark.parametrize("name", ["threshold", "kmeans", "particles", "denoise", "image_quality",
                                  "region_table", "glcm_features", "explain"])  # fmt: skip
def test_callbacks_that_napari_sets_take_no_part_in_an_operation(discs, name):
    image = (discs > 100).astype(int) if name == "region_table" else discs
    seen = []
    with Callback(start=seen.append):
        found = getattr(ccc, name)(da.from_array(image, chunks=70))
        for layer in found.layers:
            in_memory(layer.data)
    assert seen == []
