from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from napari_visual_ccc.engine.segmentation.plane.sides import (
    DOUBTFUL,
    EVIDENCE,
    _spread,
    judge_sides,
)

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


def plates(gone, seed=0):
    """Hexagonal plates of unlike grey levels with narrow gaps; a share of them is missing."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:240, :240]
    rows, columns = np.mgrid[-1:13, -1:11]
    centres = np.stack([21 * rows, 24 * (columns + rows % 2 / 2)], -1).reshape(-1, 2)
    far, which = cKDTree(centres).query(np.stack([y.ravel(), x.ravel()], 1), k=2)
    walls = (far[:, 1] - far[:, 0]) < 3
    level = np.where(rng.random(len(centres)) < gone, 200.0, rng.normal(70, 18, len(centres)))
    grey = np.where(walls, 200.0, level[which[:, 0]]).reshape(y.shape)
    return np.float32(gaussian_filter(grey + rng.normal(0, 6, y.shape), 1.5))


@pytest.mark.parametrize("gone", [0.0, 0.1])
def test_packed_plates_are_particles_also_beside_missing_ones(gone):
    grey = plates(gone)
    known = np.ones(grey.shape, bool)
    found = judge_sides(grey > 140, known, grey)
    assert sum(found.values()) < -DOUBTFUL
    # gaps are filled by the blur, and differ no more than what is wide enough
    assert found["spread of grey levels"] < -1.5
    # narrow gaps beside wide ones do not survive an opening
    assert found["even width"] < 0


def test_grey_levels_of_outlines_do_not_widen_the_spread():
    grey = np.zeros((60, 60), np.float32)
    grey[:, 25:35] = 100
    soft = gaussian_filter(grey, 1.2)
    stripe = soft > 50
    assert _spread(soft, stripe) < 2
    # too narrow for an inside
    narrow = np.zeros((60, 60), bool)
    narrow[:, 30:33] = True
    assert _spread(soft, narrow) == pytest.approx(_spread(soft[:, 30:33], narrow[:, 30:33]))
