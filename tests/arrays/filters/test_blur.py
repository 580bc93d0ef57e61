from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_visual_ccc.arrays.filters.blur import smoothed
from napari_visual_ccc.core.progress import run


def grey_of(image, sigma, shape=None):
    found = run(smoothed(image, sigma, shape))
    return np.asarray(found.grey_of(np.asarray(found.image, dtype=np.float64)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_blur_is_that_of_scipy(rng, dtype, lazy):
    image = rng.integers(0, 250, (2, 60, 70)).astype(dtype)
    given = da.from_array(image, chunks=(1, 25, 30)) if lazy else image
    reference = gaussian_filter(image.astype(float), (0, 2, 2), mode="reflect")
    np.testing.assert_allclose(grey_of(given, 2.0), reference, atol=0.3)


def test_a_volume_is_blurred_in_voxels(rng):
    image = rng.integers(0, 250, (12, 20, 20)).astype(np.float32)
    reference = gaussian_filter(image.astype(float), (1, 2, 2), mode="reflect")
    np.testing.assert_allclose(grey_of(image, 2.0, (2.0, 1.0, 1.0)), reference, atol=1e-3)


def test_without_a_blur_it_is_the_image_itself(discs):
    assert run(smoothed(discs, 0.0)).image is discs
    constant = np.full((9, 9), 7.0)
    assert run(smoothed(constant, 2.0)).image is constant


def test_missing_pixels_have_no_weight_and_stay_missing():
    image = np.full((30, 30), 40.0)
    image[:, 15:] = 60
    image[10:13, 3:6] = [[np.nan, np.inf, -np.inf]] * 3
    blurred = grey_of(image, 1.5)
    np.testing.assert_array_equal(np.isnan(blurred), ~np.isfinite(image))
    # around the gap nothing but 40 is known
    near = blurred[8:15, 1:8]
    np.testing.assert_allclose(near[np.isfinite(near)], 40, atol=1e-4)


def test_a_value_and_its_grey_level_are_inverse(rng):
    found = run(smoothed(rng.integers(0, 255, (20, 20)).astype(np.uint8), 1.0))
    assert found.value_of(found.grey_of(3)) == pytest.approx(3)
