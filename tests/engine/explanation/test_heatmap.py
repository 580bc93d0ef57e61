from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc


def test_a_heatmap_becomes_regions_with_their_share():
    heat = np.zeros((40, 60))
    heat[5:15, 5:15] = 1.0
    heat[20:30, 40:52] = 0.7
    heat[35, 3] = 0.9
    found = ccc.evidence_regions(heat, threshold=0.5, min_diameter=2.2)
    assert found.table["area_px"].tolist() == [100, 120]
    assert found.table["share_of_evidence"].sum() == pytest.approx(184 / 184.9)
    assert found.labels[6, 6] == 1
    assert found.labels[35, 3] == 0
    assert len(ccc.evidence_regions(heat, threshold=0.8, min_diameter=1).table) == 2
    # infinite values are missing ones
    heat[0, 0] = np.inf
    assert ccc.evidence_regions(heat, min_diameter=2.2).table.equals(found.table)
    for bad in (np.zeros((5, 5)), np.full((5, 5), np.nan), np.full((5, 5), np.inf)):
        with pytest.raises(ValueError, match="no positive evidence"):
            ccc.evidence_regions(bad)
