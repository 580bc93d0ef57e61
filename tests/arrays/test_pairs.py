import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.arrays.pairs import looks_grey, offset_pairs, zero_is_darkest


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (-1, 1), (2, -3), (0, 0)])
def test_each_pixel_meets_its_neighbour_at_the_offset(offset):
    y, x = np.mgrid[:5, :7]
    places = 10 * y + x
    first, second = offset_pairs(places, offset)
    assert first.size == (5 - abs(offset[0])) * (7 - abs(offset[1]))
    np.testing.assert_array_equal(second - first, 10 * offset[0] + offset[1])


@pytest.mark.parametrize("blur", [0, 1, 3])
def test_grey_levels_are_told_from_labels(rng, blur):
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.normal(size=(150, 200)), blur)
    grey = np.uint8(255 * (field - field.min()) / np.ptp(field))
    assert looks_grey(grey)
    assert looks_grey(grey, most=64)
    assert looks_grey(da.from_array(grey, chunks=70))
    # a few levels are clusters, noisy or not
    assert not looks_grey(grey // 16 + 1)
    assert not looks_grey(grey // 4, most=64)


@pytest.mark.parametrize("share", [0.1, 0.02, 0.002])
def test_small_touching_regions_are_labels(rng, share):
    from scipy.ndimage import distance_transform_edt

    points = rng.random((200, 250)) < share
    nearest = distance_transform_edt(~points, return_distances=False, return_indices=True)
    regions = np.unique(nearest[0] * 250 + nearest[1], return_inverse=True)[1] + 1
    regions = regions.reshape(points.shape)
    assert not looks_grey(regions)
    # in a few pieces, on a background
    assert not looks_grey(np.where(rng.random(regions.shape) < 0.3, regions, 0))


def test_black_lies_in_what_is_dark_and_blank_pixels_anywhere(rng):
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.normal(size=(150, 200)), 6)
    grey = np.clip(90 + 50 * field / field.std(), 0, 255).astype(np.uint8)
    assert zero_is_darkest(grey)
    assert zero_is_darkest(da.from_array(grey, chunks=70))
    blank = np.where(rng.random(grey.shape) < 0.01, 0, grey + 1)
    assert not zero_is_darkest(blank)
    assert not zero_is_darkest(grey + 1)
    assert not zero_is_darkest(np.zeros_like(grey))
