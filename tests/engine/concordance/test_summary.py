from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.engine.concordance.summary import (
    class_notes,
    class_table,
    image_row,
    median,
    wilson,
)


def test_an_image_rests_on_its_most_enriched_significant_region():
    table = pd.DataFrame(
        {
            "name": ["tiny", "dark", "bright"],
            "enrichment": [9.0, 2.0, 0.3],
            "p_corrected": [0.3, 0.01, 0.001],
            "share_of_evidence": [0.1, 0.8, 0.1],
            "share_of_area": [0.01, 0.4, 0.59],
        }
    )
    row = image_row(table)
    assert (row["region"], row["enrichment"], row["p_corrected"]) == ("dark", 2, 0.01)
    assert (row["enrichment_tiny"], row["enrichment_bright"]) == (9, 0.3)
    none = image_row(table.assign(p_corrected=0.5))
    assert none["region"] == "none"
    assert np.isnan(none["enrichment"])


def test_regions_are_counted_by_class_with_intervals():
    images = pd.DataFrame(
        {
            "class": ["a"] * 4 + ["b", ""],
            "region": ["dark", "dark", "dark", "none", "bright", ""],
            "enrichment_dark": [1.0, 2.0, 3.0, 4.0, 0.5, np.nan],
            "enrichment_bright": [1.0] * 5 + [np.nan],
        }
    )
    table = class_table(images, ("dark", "bright"))
    assert table["region"].tolist() == ["dark", "bright", "none"] * 2
    assert table["count"].tolist() == [3, 0, 1, 0, 1, 0]
    assert table["images"].tolist() == [4] * 3 + [1] * 3
    first = table.iloc[0]
    # Wilson's interval of 3 of 4, from his formula
    assert (first["low"], first["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert first["enrichment"] == 2.5
    assert class_notes(table) == (
        "a: the evidence of 3 of 4 images lies on dark (30 to 95 %)",
        "b: the evidence of 1 of 1 images lies on bright (21 to 100 %)",
    )


def test_the_interval_of_a_median_is_made_of_order_statistics():
    assert wilson(0, 10)[0] == 0
    values = np.random.default_rng(0).permutation(np.arange(1.0, 11))
    # 2 and 9 of ten contain the median with 97.9 %, 3 and 8 with 89.1 %
    assert median(values) == (5.5, 2, 9)
    assert median(np.arange(6.0)) == (2.5, 0, 5)
    assert np.isnan(median(np.arange(5.0))[1:]).all()
    assert np.isnan(median(np.empty(0))).all()
