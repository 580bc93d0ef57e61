from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.texture.cooccurrence import FEATURES, Pairs, feature_maps


@pytest.mark.parametrize("window", [5, 21])
def test_chunks_of_rows_give_what_the_whole_gives(rng, window):
    quantised = rng.integers(0, 16, (90, 70)).astype(np.uint8)
    pairs = Pairs(window, [(0, 1), (-1, 1)], 16, symmetric=True)
    whole = run(feature_maps(quantised, pairs, FEATURES))
    parts = run(feature_maps(quantised, pairs, FEATURES, 300))
    np.testing.assert_allclose(parts, whole, atol=1e-12)
