from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.concordance.cells import cells_of
from napari_visual_ccc.engine.concordance.shifts import (
    all_shifts,
    chance_test,
    deviations,
    mirrored,
    sampled_shifts,
)
from tests.engine.concordance.fields import phases, smooth


def summed(heatmap, labels):
    return run(cells_of(heatmap, labels, threshold=0.5, background=True))


def test_mirrored_fields_have_no_seam():
    field = np.arange(6).reshape(2, 3)
    (whole,) = mirrored(field)
    assert whole.tolist() == [
        [0, 1, 2, 2, 1, 0],
        [3, 4, 5, 5, 4, 3],
        [3, 4, 5, 5, 4, 3],
        [0, 1, 2, 2, 1, 0],
    ]
    square = np.arange(9).reshape(3, 3)
    windows = {
        np.ascontiguousarray(one[y : y + 3, x : x + 3]).tobytes()
        for one in mirrored(square)
        for y in (0, 3)
        for x in (0, 3)
    }
    turned = [np.rot90(one, k) for one in (square, square[::-1]) for k in range(4)]
    assert windows == {np.ascontiguousarray(one).tobytes() for one in turned}


@pytest.mark.parametrize("gap", [False, True])
def test_every_shift_is_what_rolling_the_mirrored_heatmap_gives(gap, rng):
    heatmap, labels = rng.random((6, 6)), rng.integers(0, 3, (6, 6))
    if gap:
        heatmap[1, 2:4] = np.nan
    found = run(all_shifts(summed(heatmap, labels)))
    expected = []
    for whole in mirrored(heatmap):
        for down, right in np.ndindex(12, 12):
            moved = np.roll(whole, (-down, -right), (0, 1))[:6, :6]
            # regions keep the pixels that were compared; what is moved onto a gap is left out
            there = np.isfinite(heatmap) & np.isfinite(moved)
            shares = [moved[there & (labels == k)].sum() / moved[there].sum() for k in range(3)]
            areas = [(there & (labels == k)).sum() / there.sum() for k in range(3)]
            expected.append(np.divide(shares, areas))
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-6)


def test_a_sample_of_shifts_is_a_sample_of_all(rng):
    cells = summed(np.maximum(smooth(rng, (40, 50), 4), 0), phases(rng, (40, 50), 3))
    every, some = run(all_shifts(cells)), run(sampled_shifts(cells))
    np.testing.assert_allclose(some[:, 0], every[:, 0])
    np.testing.assert_allclose(every.mean(axis=1), 1, atol=0.02)
    np.testing.assert_allclose(some.std(axis=1), every.std(axis=1), rtol=0.05)
    np.testing.assert_array_equal(some, run(sampled_shifts(cells)))
    assert set(np.round(some[0], 6)) <= set(np.round(every[0], 6))


def test_each_side_of_the_mean_has_its_own_spread():
    # mean 1: two values below by 1, one above by 2
    np.testing.assert_allclose(deviations(np.array([[0.0, 0.0, 3.0]])), [[1, 1, 1]])
    assert (deviations(np.ones((2, 5))) == 0).all()


def test_evidence_that_fills_a_region_is_rarer_than_any_shift(rng):
    labels = phases(rng, (48, 64), 4)
    test = run(chance_test(summed((labels == 1).astype(float), labels)))
    assert test.count == 4 * 48 * 64 - 1
    assert test.p[0] == pytest.approx(1 / (test.count + 1))
    assert (test.p <= test.p_corrected).all()
    assert test.p.min() >= 1 / (test.count + 1)
    assert (test.low < 1).all() and (test.high > 1).all()
    flat = run(chance_test(summed(np.ones((48, 64)), labels)))
    np.testing.assert_array_equal(flat.p_corrected, 1)


def test_two_complementary_regions_cost_no_correction(rng):
    labels = (smooth(rng, (30, 30), 3) > 0).astype(int)
    test = run(chance_test(summed(np.maximum(smooth(rng, (30, 30), 3), 0), labels)))
    np.testing.assert_allclose(test.p, test.p_corrected, atol=0.02)


def test_heatmaps_that_know_nothing_of_the_phases_are_rarely_significant():
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(200):
        heatmap = np.maximum(smooth(rng, (32, 32), 3), 0)
        labels = phases(rng, (32, 32), 2)
        rejected += (run(chance_test(summed(heatmap, labels))).p_corrected < 0.05).any()
    low, high = binomtest(int(rejected), 200).proportion_ci()
    assert low < 0.05 < high


def test_p_is_below_5_percent_outside_the_range_of_chance():
    rng = np.random.default_rng(2)
    outside = []
    for _ in range(30):
        cells = summed(np.maximum(smooth(rng, (24, 24), 2), 0), phases(rng, (24, 24), 2))
        test = run(chance_test(cells))
        observed = run(all_shifts(cells))[:, 0]
        beyond = (observed < test.low - 1e-9) | (observed > test.high + 1e-9)
        np.testing.assert_array_equal(beyond, test.p < 0.05)
        outside.append(beyond.any())
    assert any(outside) and not all(outside)
