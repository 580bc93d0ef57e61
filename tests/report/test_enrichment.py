from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from napari_visual_ccc.core.result import Result
from napari_visual_ccc.report.enrichment import charts, draw_classes, draw_enrichment, write_chart

ENRICHMENT = pd.DataFrame(
    {
        "name": ["pore", "matrix", "price $"],
        "enrichment": [4.0, 0.5, 0.0],
        "p_corrected": [0.0001, 0.2, 0.03],
        "chance_low": [0.5, 0.8, 0.0],
        "chance_high": [2.0, 1.2, 3.0],
    }
)
CLASSES = pd.DataFrame(
    {
        "class": ["a", "a", "b", "b"],
        "images": [4, 4, 2, 2],
        "region": ["pore", "none"] * 2,
        "share": [0.75, 0.25, 0.0, 1.0],
        "low": [0.3, 0.05, 0.0, 0.3],
        "high": [0.95, 0.7, 0.66, 1.0],
    }
)


def test_bars_begin_at_one_on_a_logarithmic_axis():
    axes = Figure().add_subplot()
    draw_enrichment(axes, ENRICHMENT)
    bars = axes.containers[1]
    assert [bar.get_width() for bar in bars] == [2, -1, -4]
    assert bars[1].get_facecolor()[:3] == pytest.approx((0.45,) * 3)
    assert bars[0].get_facecolor() != bars[2].get_facecolor()
    chance = axes.containers[0][0]
    assert (chance.get_x(), chance.get_width()) == (-1, 2)
    assert axes.get_yticklabels()[0].get_text() == "pore\np < 0.001"
    assert [text.get_text() for text in axes.get_xticklabels()][-3:] == ["1", "2", "4"]


def test_many_regions_are_cut_off_and_counted():
    axes = Figure().add_subplot()
    draw_enrichment(axes, pd.concat([ENRICHMENT] * 10, ignore_index=True))
    assert len(axes.containers[1]) == 20
    assert "(10 more regions)" in axes.get_xlabel()


def test_every_class_has_a_bar_of_every_region():
    axes = Figure().add_subplot()
    draw_classes(axes, CLASSES)
    np.testing.assert_allclose([bar.get_width() for bar in axes.containers[0]], [75, 0])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a\n(4)", "b\n(2)"]


def test_a_result_has_charts_of_its_tables(tmp_path):
    result = Result(
        tables={"concordance": ENRICHMENT, "regions by class": CLASSES, "other": CLASSES}
    )
    found = charts(result)
    assert list(found) == ["concordance", "regions by class"]
    write_chart(found["concordance"], tmp_path / "a.png")
    write_chart(found["regions by class"], tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "with 95 % interval" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    # of a stack there is one row a region and slice
    assert not charts(Result(tables={"concordance": ENRICHMENT.assign(index_0=0)}))
