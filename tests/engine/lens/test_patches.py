from __future__ import annotations

import numpy as np

from napari_visual_ccc.engine.lens.patches import cut_patch, peaks, sheet


def test_a_patch_is_mirrored_at_the_border():
    plane = np.zeros((40, 40), np.float32)
    plane[0:4, 0:4] = 1
    patch = cut_patch(plane, (0, 0), 17)
    assert patch.shape == (64, 64)
    assert patch[32, 32] == 255
    np.testing.assert_allclose(patch[:32].sum(), patch[32:].sum(), rtol=0.3)
    wide = cut_patch(plane, (20, 20), 200)
    assert wide.max() > 100


def test_pictures_are_laid_out_row_by_row():
    made = sheet([np.full((3, 4), n, np.uint8) for n in (1, 2, 3)], columns=2)
    assert made.shape == (8, 10)
    assert made[0, 0] == 1
    assert made[0, 6] == 2
    assert made[5, 0] == 3
    assert made[0, 4] == made[5, 6] == 255


def test_peaks_keep_apart():
    coarse = np.zeros((5, 6))
    coarse[1, 1], coarse[1, 2], coarse[4, 5] = 3, 2, 1
    assert peaks(coarse, 2) == [(1, 1, 3.0), (4, 5, 1.0)]
    assert len(peaks(coarse, 99, apart=9)) == 1
    coarse[1, 1] = np.nan
    assert peaks(coarse, 1) == [(1, 2, 2.0)]
