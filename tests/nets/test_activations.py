from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.nets.activations import early_features


@pytest.mark.parametrize("shape", [(32, 40), (33, 41)])
def test_rows_are_those_of_the_whole_plane(shape, rng):
    at = early_features(rng.random(shape).astype(np.float32), "cpu")
    whole = at(slice(0, shape[0]))
    # stem and two stages: 32, 16 and 24 channels
    assert whole.shape == (72, *shape)
    np.testing.assert_allclose(at(slice(9, 21)), whole[:, 9:21], atol=1e-5)


def test_a_flat_plane_has_flat_features_inside():
    found = early_features(np.full((64, 64), 0.5, np.float32), "cpu")(slice(28, 36))
    assert np.ptp(found[:, :, 28:36], axis=(1, 2)).max() < 1e-4
