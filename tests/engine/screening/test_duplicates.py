from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.screening.duplicates import SIDE, near_duplicates


def pictures(rng, count=5):
    from scipy.ndimage import gaussian_filter

    some = [gaussian_filter(rng.normal(size=(SIDE, SIDE)), 4) for _ in range(count)]
    return np.stack([(255 * (one - one.min()) / np.ptp(one)).astype(np.uint8) for one in some])


def test_a_shifted_copy_is_found_by_its_grey_levels_alone(rng):
    some = pictures(rng)
    some = np.concatenate([some, np.roll(some[:1], 1, axis=1), some[2:3]])
    assert {pair[:2] for pair in run(near_duplicates(some))} == {(2, 6), (0, 5)}


def test_only_pairs_that_are_asked_for_are_compared(rng):
    some = np.repeat(pictures(rng, 2), 2, axis=0)
    assert len(run(near_duplicates(some))) == 2
    assert [p[:2] for p in run(near_duplicates(some, matters=lambda i, j: i > 1))] == [(2, 3)]
    assert len(run(near_duplicates(some, compared=1))) == 1
