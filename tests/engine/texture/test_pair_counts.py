from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.texture.pair_counts import by_rolling, network


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


@pytest.mark.parametrize("width", [100, 400])
def test_rolling_pauses_after_so_many_changes(width):
    box, shape = (61, 120), (40, width)
    codes = np.zeros((shape[0] + box[0] - 1, width + box[1] - 1), np.uint16)
    rows = [step.done for step in by_rolling(codes, box, shape, 1, with_logs=True)]
    most = np.diff([0, *rows, len(codes)]).max()
    assert len(rows) >= 1
    # a call of NumPy takes as long as about 300 changes
    assert most * box[1] * (width + 300) <= 3_000_000
