from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.concordance.cells import cells_of
from napari_visual_ccc.engine.concordance.shifts import (
    all_shifts,
    by_rank,
    chance_test,
    deviations,
    mirrored,
    sampled_shifts,
    two_sided,
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
    # the rarest in its tail, as is the least one in the other
    assert 1 / (test.count + 1) <= test.p[0] <= 2.000001 / (test.count + 1)
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


def test_regions_moved_onto_gaps_are_left_out_exactly():
    """A round field of view: what is left of 0 by the transform must not count as area."""
    rows, columns = np.ogrid[:48, :48]
    outside = (rows - 24) ** 2 + (columns - 24) ** 2 > 20**2
    heatmap = smooth(np.random.default_rng(3), (48, 48), 3)
    heatmap -= heatmap.min()
    labels = np.zeros((48, 48), int)
    labels[22:25, 22:25] = 1
    labels[12:15, 26:30] = 2
    heatmap[labels == 1] *= 4
    heatmap[outside] = np.nan
    cells = summed(heatmap, labels)
    found = run(all_shifts(cells))
    whole = mirrored(heatmap)[0]
    count = 0
    for place, (down, right) in enumerate(np.ndindex(96, 96)):
        part = np.roll(whole, (-down, -right), (0, 1))[:48, :48]
        there = np.isfinite(part) & ~outside
        left_out = not all((there & (labels == k)).any() for k in range(3))
        assert np.isnan(found[:, place]).any() == left_out
        count += not left_out
    test = run(chance_test(cells))
    assert test.tried == 2 * 96**2 - 1
    # the transposed map is symmetric to the first, up to single positions
    assert test.count == np.isfinite(found).all(axis=0).sum() - 1
    assert count == np.isfinite(found[:, : 96**2]).all(axis=0).sum()
    # no enrichment can exceed the share of area inverted
    assert (test.high <= 1 / cells.share_of_area * 10).all()
    assert test.p[1] < 0.01


def test_shifts_without_evidence_are_left_out(rng):
    heatmap, labels = np.zeros((20, 24)), np.zeros((20, 24), int)
    heatmap[4:7, 4:7] = 1 / 3
    labels[2:9, 2:9], labels[2:9, 9:12] = 1, 2
    cells = run(cells_of(heatmap, labels, threshold=0.5, background=False))
    found = run(all_shifts(cells))
    there = found[:, np.isfinite(found).all(axis=0)]
    assert 1 < there.shape[1] < found.shape[1] / 2
    # shares of evidence sum to one, also where there is little
    np.testing.assert_allclose((there * cells.share_of_area[:, None]).sum(axis=0), 1, atol=1e-6)


def test_p_by_rank_counts_the_tail_with_fewer_values():
    np.testing.assert_allclose(two_sided(np.array([5.0, 1, 2, 3, 4])), [0.4, 0.4, 0.8, 1, 0.8])
    # a tail that ends in equal values has no far ones
    np.testing.assert_allclose(two_sided(np.array([9.0, 0, 0, 0, 1])), [0.2, 1, 1, 1, 0.4])


def test_the_correction_is_balanced_between_tails_of_different_weight(rng):
    """The least p of all regions does not depend on how heavy the tails of each of them are."""
    even, heavy = rng.random((2, 4000))
    even[0] = heavy[0] = 0.5
    light, changed = (run(by_rank(np.stack([even, one]))) for one in (heavy, np.exp(20 * heavy)))
    np.testing.assert_array_equal(light[2], changed[2])
    np.testing.assert_array_equal(light[3], changed[3])
    even[0] = 0.99999
    p, corrected = (found[0] for found in run(by_rank(np.stack([even, heavy])))[2:])
    # Bonferroni is nearly exact for two independent regions
    assert corrected == pytest.approx(1 - (1 - p) ** 2, abs=0.002)


def test_many_regions_are_tested_in_blocks(monkeypatch, rng):
    cells = summed(smooth(rng, (40, 50), 3) + 4, np.arange(2000).reshape(40, 50) // 60)
    whole = run(chance_test(cells))
    monkeypatch.setattr("napari_visual_ccc.engine.concordance.shifts._REGIONS", 7)
    steps = list(chance_test(cells))
    assert len([one for one in steps if one.note == "chance"]) == 5
    blocks = run(chance_test(cells))
    for name in ("low", "high", "p", "p_corrected"):
        np.testing.assert_allclose(getattr(blocks, name), getattr(whole, name))
    assert run(sampled_shifts(cells)).dtype == np.float32
