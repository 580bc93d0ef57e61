from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.concordance.cells import LONGEST, cells_of


def test_shares_of_an_image_small_enough_to_count():
    labels = np.array([[0, 0, 7, 7], [0, 0, 7, 9]])
    heatmap = np.array([[1.0, 0.0, 4.0, -3.0], [0.0, np.nan, 2.0, 1.0]])
    cells = run(cells_of(heatmap, labels, threshold=0.5, background=True))
    assert cells.labels.tolist() == [0, 7, 9]
    assert cells.area.tolist() == [3, 3, 1]
    assert cells.evidence.tolist() == [1, 6, 1]
    np.testing.assert_allclose(cells.share_of_evidence, [1 / 8, 6 / 8, 1 / 8])
    np.testing.assert_allclose(cells.enrichment, [7 / 24, 7 / 4, 7 / 8])
    # marked are the 4 and the 2, both in label 7 of three pixels
    np.testing.assert_allclose(cells.overlap, [0, 2 / 3, 0])
    without = run(cells_of(heatmap, labels, threshold=0.5, background=False))
    assert without.labels.tolist() == [7, 9]
    np.testing.assert_allclose(without.share_of_evidence, [6 / 7, 1 / 7])


@pytest.mark.parametrize("shape", [(40, 30), (3 * LONGEST - 5, 2 * LONGEST + 7)])
def test_cells_keep_the_sums_of_pixels(shape, rng):
    labels = rng.integers(0, 5, shape)
    heatmap = rng.normal(size=shape).astype(np.float32)
    heatmap[5:9, :20] = np.nan
    cells = run(cells_of(heatmap, labels, threshold=0.5, background=True))
    assert max(cells.density.shape) <= LONGEST
    known = np.isfinite(heatmap)
    positive = np.where(known, np.maximum(np.nan_to_num(heatmap), 0), 0)
    for label, area, evidence, row in zip(
        cells.labels, cells.area, cells.evidence, cells.coverage.toarray(), strict=True
    ):
        inside = known & (labels == label)
        assert area == inside.sum() == row.sum()
        assert evidence == pytest.approx(positive[inside].sum())
    rows, columns = (slice(cells.side * n, cells.side * (n + 1)) for n in (3, 2))
    there = positive[rows, columns][known[rows, columns]]
    assert cells.density[3, 2] == pytest.approx(there.mean() if len(there) else 0)
    assert cells.valid[3, 2] == bool(len(there))


def test_an_infinite_value_is_not_the_maximum():
    heatmap = np.array([[1.0, 0.2], [0.1, np.inf]])
    cells = run(cells_of(heatmap, np.array([[1, 2], [2, 2]]), threshold=0.5, background=True))
    assert cells.overlap.tolist() == [1, 0]
