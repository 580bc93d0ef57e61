from __future__ import annotations

import pandas as pd

from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.report.architecture import architecture_text, totals, trainable
from tests.models import card

TABLE = pd.DataFrame(
    [
        ("conv", "Conv2d", "4 × 6 × 6", 1040, 0),
        ("act", "ReLU", "4 × 6 × 6", 0, 0),
        ("head", "Linear", "3", 30, 30),
        ("mixed", "Linear", "–", 8, 2),
    ],
    columns=["layer", "type", "output", "parameters", "trained"],
)


def test_columns_are_aligned_and_totals_above_them():
    text = architecture_text(make_card(card("tiny")), TABLE)
    assert text.splitlines() == [
        "random: tiny, input 1 × 64 × 64, 3 classes",
        "parameters: 1,078, of which 32 are trained",
        "",
        "layer  type    output     parameters  trainable",
        "conv   Conv2d  4 × 6 × 6       1,040  no",
        "act    ReLU    4 × 6 × 6           0",
        "head   Linear  3                  30  yes",
        "mixed  Linear  –                   8  partly",
    ]
    assert text.endswith("\n")
    assert totals(TABLE) == {"parameters": 1078, "trained": 32}
    assert [trainable(row) for row in TABLE.to_dict("records")] == ["no", "", "yes", "partly"]
