from __future__ import annotations

import numpy as np
import pytest

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


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_mirrored_and_turned_copies_are_found(rng, mirrored, turns):
    some = pictures(rng)
    copy = np.rot90(some[1][:, ::-1] if mirrored else some[1], turns)
    noisy = np.clip(copy + rng.normal(0, 4, copy.shape), 0, 255).astype(np.uint8)
    found = run(near_duplicates(np.concatenate([some, noisy[None]])))
    assert [pair[:2] for pair in found] == [(1, 5)]
    # unlike features say nothing on a turned copy
    features = np.eye(6)
    found = run(near_duplicates(np.concatenate([some, noisy[None]]), features, 0.9))
    assert [pair[:2] for pair in found] == [(1, 5)]


def test_symmetric_images_are_listed_once(rng):
    some = pictures(rng, 3)
    both = some[:1] // 2 + some[:1, ::-1] // 2
    found = run(near_duplicates(np.concatenate([both, some[1:], both])))
    assert [pair[:2] for pair in found] == [(0, 3)]
