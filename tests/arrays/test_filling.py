from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.arrays.filling import covered_image


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
