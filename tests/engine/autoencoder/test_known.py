from __future__ import annotations

import numpy as np

from napari_visual_ccc.engine.autoencoder.known import (
    MARGIN,
    at_pixels,
    cut_windows,
    places_scored,
    scored,
)


def test_wide_gaps_have_no_score_around_them_and_small_ones_have():
    known = np.ones((200, 200), bool)
    known[:60] = False
    rows = np.flatnonzero(scored(known).all(axis=1))
    assert 90 <= rows[0] <= 95
    assert rows[-1] == 199
    small = np.ones((200, 200), bool)
    small[100:105, 100:105] = False
    assert scored(small).all()
    assert places_scored(known[:, :72], (328, 208)).shape == (41, 26)


def test_values_beside_places_without_a_score_are_those_of_the_nearest():
    coarse = np.ones((26, 26))
    coarse[:, 13:] = np.nan
    np.testing.assert_array_equal(at_pixels(coarse, (80, 80)), 1)


def test_windows_lie_apart_from_gaps(rng):
    grey = rng.random((200, 300)).astype(np.float32)
    known = np.ones(grey.shape, bool)
    known[:80] = False
    found = cut_windows(grey, known, 32, 12, rng)
    assert len(found) == 12
    assert all(window.shape == (32 + 2 * MARGIN,) * 2 for window, _, _ in found)
    assert all(
        there is None or there[MARGIN:-MARGIN, MARGIN:-MARGIN].all() for _, there, _ in found
    )
    # the first ones lie apart
    assert not found[0][2]
    assert cut_windows(grey, np.zeros(grey.shape, bool), 32, 12, rng) == []


def test_a_region_too_narrow_for_a_score_still_gives_tiles(rng):
    grey, known = rng.random((100, 100)), np.zeros((100, 100), bool)
    known[30:70, 30:70] = True
    found = cut_windows(grey, known, 32, 3, rng)
    assert [overlaps for *_, overlaps in found] == [False, True, True]
