from __future__ import annotations

import pandas as pd

from napari_visual_ccc.engine.concordance.findings import enriched, findings


def table(**columns):
    return pd.DataFrame({"name": [f"phase {k}" for k in (2, 1, 3)], **columns})


def test_sentences_name_region_factor_and_p():
    found = table(enrichment=[3.14, 1.2, 0.1], p_corrected=[0.0042, 0.5, 0.0002])
    assert findings(found, "sphere") == (
        "the evidence for sphere lies on phase 2 (3.1 times its share of the area, p = 0.0042)",
        "the evidence for sphere avoids phase 3 (0.1 times its share of the area, p < 0.001)",
    )
    assert list(enriched(found)["name"]) == ["phase 2"]


def test_without_a_difference_the_sentence_says_so():
    found = table(enrichment=[1.3, 1.0, 0.6], p_corrected=[0.21, 1.0, 0.3])
    (text,) = findings(found, "")
    assert text.startswith("no region differs from chance (smallest p = 0.21): the evidence cannot")
    assert enriched(found).empty


def test_of_many_regions_three_are_named():
    many = pd.DataFrame({"name": list("abcde"), "enrichment": [5, 4, 3, 2, 1.5], "p_corrected": 0})
    (text,) = findings(many, "cube")
    assert "c (3 times" in text
    assert text.endswith("and 2 more")
