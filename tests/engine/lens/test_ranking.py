from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from napari_visual_ccc.engine.lens.ranking import Cells, cells_of, rank_channels, thinned


def rank(maps, by, labels=None):
    return rank_channels(cells_of(maps, labels), by)


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    found = rng.normal(size=(6, 10, 12)) * np.array([1, 3, 2, 1, 1, 1])[:, None, None]
    found[3] = 7.0  # dead
    found[4] = -2 * found[1] + 5  # a duplicate
    found[5, :5] += 4  # tells the upper half
    return found


@pytest.fixture(scope="module")
def halves():
    upper = np.zeros((10, 12))
    upper[:5] = 1
    return np.stack([upper, 1 - upper])


def test_dead_and_duplicate_channels_are_dropped_and_counted(maps):
    ranked = rank(maps, "variance")
    assert (ranked.dead, ranked.duplicates) == (1, 1)
    # of the two alike, the one of the better rank stays
    assert set(ranked.order) == {0, 2, 4, 5}
    variances = maps.reshape(6, -1).var(axis=1)
    assert ranked.order.tolist() == sorted(ranked.order, key=lambda k: -variances[k])
    np.testing.assert_allclose(ranked.table["variance"], variances[ranked.order])
    assert "1 dead (constant) and 1 duplicate channels" in ranked.notes[0]


def test_sparsity_is_higher_the_fewer_cells_are_active():
    maps = np.zeros((2, 10, 10))
    maps[0, :, :5], maps[1, 0, 0] = 1, 1
    ranked = rank(maps, "sparsity")
    assert ranked.order.tolist() == [1, 0]
    np.testing.assert_allclose(ranked.table["sparsity"], [0.99, 0.5])


def test_labels_rank_by_correlation_and_auc(maps, halves):
    ranked = rank(maps, "mask correlation", halves[:1])
    assert ranked.order[0] == 5
    flat = maps[5].ravel()
    expected = np.corrcoef(flat, halves[0].ravel())[0, 1]
    assert ranked.table["correlation"][0] == pytest.approx(expected)
    for labels in (halves[:1], halves):
        ranked = rank(maps, "class AUC", labels)
        assert ranked.order[0] == 5
        expected = roc_auc_score(halves[0].ravel(), flat)
        assert ranked.table["auc"][0] == pytest.approx(expected)
        assert ranked.table["auc_label"][0] == 1


def test_what_cannot_be_ranked_is_refused(maps, halves):
    with pytest.raises(ValueError, match="needs labels"):
        rank(maps, "class AUC")
    with pytest.raises(ValueError, match="constant"):
        rank(np.ones((2, 3, 3)), "variance")
    with pytest.raises(ValueError, match="cover no cell"):
        rank(maps, "class AUC", halves * 0.1)


def test_cells_count_by_the_area_that_a_label_covers():
    # a line that is thinner than a cell, as bright as the cells that it lies in
    maps = np.random.default_rng(0).normal(size=(3, 8, 8))
    maps[1, 3] += 9
    line = np.zeros((1, 8, 8))
    line[0, 3] = 0.4
    ranked = rank(maps, "class AUC", line)
    assert ranked.order[0] == 1
    # what is beside the line in its cells counts as beside it
    above, rest = 0.4 * 8, 0.6 * 8 + 7 * 8
    expected = (above * (7 * 8) + 0.5 * above * (0.6 * 8)) / (above * rest)
    assert ranked.table["auc"][0] == pytest.approx(expected, abs=0.01)
    assert "label 1 covers at most 40% of a cell" in ranked.remarks[0]


def test_a_label_without_a_cell_is_named_and_left_out(maps, halves):
    few = np.concatenate([halves, 0.1 * halves[:1]])
    ranked = rank_channels(cells_of(maps, few), "class AUC", [4, 7, 9])
    alone = rank(maps, "class AUC", halves)
    np.testing.assert_allclose(ranked.table["auc"], alone.table["auc"])
    assert set(ranked.table["auc_label"]) <= {4, 7}
    assert "label 9 is not compared: it covers at most 10% of a cell" in ranked.notes[1]


@pytest.mark.parametrize("by", ["class AUC", "mask correlation"])
def test_labels_that_nothing_can_be_told_from_are_refused(maps, by):
    with pytest.raises(ValueError, match=r"covers? the whole image"):
        rank(maps, by, np.ones((1, 10, 12)))
    ranked = rank(maps, "variance", np.ones((1, 10, 12)))
    assert "auc" not in ranked.table
    assert any("whole image" in note for note in ranked.notes)
    with pytest.raises(ValueError, match="cover no cell"):
        rank(maps, by, np.full((1, 10, 12), 0.1))


def test_a_rare_label_is_kept_in_a_sample():
    flat = np.arange(4000.0)[None]
    rare = np.zeros((2, 4000))
    rare[0], rare[1, 1001:1004] = 1, 1
    rare[0, 1001:1004] = 0
    few = thinned(Cells(flat, rare, np.ones(4000)), 400)
    assert few.flat.shape[1] <= 400
    np.testing.assert_allclose(few.shares @ few.weight, rare.sum(axis=1))
    assert few.flat @ few.weight == pytest.approx(flat.sum(), rel=1e-3)
