from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from napari_visual_ccc.engine.lens.ranking import rank_channels


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
    ranked = rank_channels(maps, "variance")
    assert (ranked.dead, ranked.duplicates) == (1, 1)
    # of the two alike, the one of the better rank stays
    assert set(ranked.order) == {0, 2, 4, 5}
    variances = maps.reshape(6, -1).var(axis=1)
    assert ranked.order.tolist() == sorted(ranked.order, key=lambda k: -variances[k])
    np.testing.assert_allclose(ranked.table["variance"], variances[ranked.order])
    assert "1 dead (constant) and 1 duplicate channels" in ranked.note


def test_sparsity_is_higher_the_fewer_cells_are_active():
    maps = np.zeros((2, 10, 10))
    maps[0, :, :5], maps[1, 0, 0] = 1, 1
    ranked = rank_channels(maps, "sparsity")
    assert ranked.order.tolist() == [1, 0]
    np.testing.assert_allclose(ranked.table["sparsity"], [0.99, 0.5])


def test_labels_rank_by_correlation_and_auc(maps, halves):
    ranked = rank_channels(maps, "mask correlation", halves[:1])
    assert ranked.order[0] == 5
    flat = maps[5].ravel()
    expected = np.corrcoef(flat, halves[0].ravel())[0, 1]
    assert ranked.table["correlation"][0] == pytest.approx(expected)
    for labels in (halves[:1], halves):
        ranked = rank_channels(maps, "class AUC", labels)
        assert ranked.order[0] == 5
        expected = roc_auc_score(halves[0].ravel(), flat)
        assert ranked.table["auc"][0] == pytest.approx(expected)
        assert ranked.table["auc_label"][0] == 1


def test_what_cannot_be_ranked_is_refused(maps, halves):
    with pytest.raises(ValueError, match="needs labels"):
        rank_channels(maps, "class AUC")
    with pytest.raises(ValueError, match="constant"):
        rank_channels(np.ones((2, 3, 3)), "variance")
    with pytest.raises(ValueError, match="cover no cell"):
        rank_channels(maps, "class AUC", halves * 0.1)
