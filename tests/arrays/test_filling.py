from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.arrays.filling import (
    covered_image,
    filled,
    known_everywhere,
    known_values,
    missing_around,
)


@pytest.mark.parametrize("fill", ["surroundings", "mean", "blur"])
def test_what_covers_hides_the_object_and_leaves_the_rest(fill, rng):
    image = (0.4 + rng.normal(0, 0.01, (80, 100))).astype(np.float32)
    image[30:50, 40:60] = 1.0
    mask = np.zeros(image.shape, bool)
    mask[26:54, 36:64] = True
    found = covered_image(image, mask, fill)
    np.testing.assert_array_equal(found[~mask], image[~mask])
    if fill != "blur":
        assert np.abs(found[mask] - 0.4).max() < 0.1
    assert found[mask].max() < 0.95
    everything = covered_image(image, np.ones_like(mask), fill)
    assert everything.std() == 0


def test_gaps_are_filled_with_the_nearest_pixel():
    plane = np.arange(36.0).reshape(6, 6)
    plane[2, 2], plane[5, 3:] = np.nan, [np.inf, -np.inf, np.nan]
    found, known = filled(plane)
    assert found[2, 2] in (8, 13, 15, 20)
    assert found[5, 5] == 29
    assert np.array_equal(found[known], plane[known])
    assert len(known_values(plane, known)) == known.sum() == 32
    with pytest.raises(ValueError, match="no finite pixel"):
        filled(np.full((3, 3), np.inf))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_whole_images_are_left_as_they_are(dtype):
    plane = np.ones((4, 4), dtype)
    found, known = filled(plane)
    assert found is plane
    assert known is None
    assert known_values(plane, None) is plane


def test_a_pixel_is_known_where_all_channels_are():
    planes = np.zeros((2, 3, 4), np.float32)
    assert known_everywhere(planes) is None
    assert known_everywhere(np.zeros((3, 4), np.uint8)) is None
    planes[0, 1, 2], planes[1, 2, 3] = np.nan, np.inf
    assert np.argwhere(~known_everywhere(planes)).tolist() == [[1, 2], [2, 3]]


@pytest.mark.parametrize("sigma", [1.5, 12.0])
def test_missing_pixels_weigh_less_the_farther_they_are(sigma):
    known = np.ones((200, 240), bool)
    known[:80] = False
    places = np.array([79.5, 79.5 + sigma, 79.5 + 2 * sigma, 190.0])
    found = missing_around(known, places, np.array([5.0, 120.0]), sigma)
    # those of the normal distribution
    np.testing.assert_allclose(found, np.outer([0.5, 0.1587, 0.0228, 0], [1, 1]), atol=0.02)
