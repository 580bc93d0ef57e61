from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.texture.pair_counts import network


@pytest.mark.parametrize("length", range(1, 30))
def test_the_network_sorts(rng, length):
    values = rng.integers(0, 9, (length, 50))
    rows = list(values.copy())
    for one, other in network(length):
        rows[one], rows[other] = (
            np.minimum(rows[one], rows[other]),
            np.maximum(rows[one], rows[other]),
        )
    np.testing.assert_array_equal(rows, np.sort(values, axis=0))
