from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.segmentation.plane.sides import EVIDENCE, judge_sides

from .test_foreground import disc


def test_evidence_is_that_of_the_other_side_with_the_sign_turned():
    rng = np.random.default_rng(0)
    grey = np.float32(100.0 * disc(100, (45, 50), 20) + rng.normal(0, 5, (100, 100)))
    known = np.ones(grey.shape, bool)
    one = judge_sides(grey > 50, known, grey)
    other = judge_sides(grey <= 50, known, -grey)
    assert set(one) == set(EVIDENCE)
    assert sum(one.values()) > 3
    for name, value in one.items():
        assert value == pytest.approx(-other[name], abs=1e-6)
