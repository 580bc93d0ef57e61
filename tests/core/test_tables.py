import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.core.tables import cluster_table, with_formulas, without_formulas


def test_clusters_have_shares_and_areas():
    table = cluster_table(np.array([1, 2, 1]), np.array([5.0, 6.0, 9.0]), PixelSize((2, 3), "nm"))
    assert table["name"].tolist() == ["cluster 1 (darkest)", "cluster 2", "cluster 3 (brightest)"]
    assert table["area_percent"].tolist() == [25, 50, 25]
    assert table["area_nm2"].tolist() == [6, 12, 6]
    assert table["mean_intensity"].tolist() == [5, 6, 9]


def test_one_cluster_is_neither_darkest_nor_brightest():
    (name,) = cluster_table(np.array([4]), np.array([1.0]), None)["name"]
    assert name == "cluster 1"


@pytest.mark.parametrize("pixel_size", [None, PixelSize((4.0, 2.0, 3.0), "nm")])
def test_voxels_have_volumes(pixel_size):
    table = cluster_table(np.array([1, 2]), np.array([5.0, 6.0]), pixel_size)
    assert ("volume_nm3" in table) == (pixel_size is not None)
    assert "area_nm2" not in table


FORMULAS = [
    "=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1", "-", "+a.png", "'=1",
]  # fmt: skip
TEXTS = ["a=1", "-5", "+3.5", "-1e-5", "-inf", ".5", "", "'quoted'", "µ", " =1"]


def test_texts_that_a_spreadsheet_would_run_are_quoted_and_come_back():
    texts = [*FORMULAS, *TEXTS]
    table = pd.DataFrame({"=name": texts, "number": np.arange(-3.0, len(texts) - 3)})
    safe = without_formulas(table)
    assert list(safe.columns) == ["'=name", "number"]
    assert safe["'=name"].tolist() == [f"'{one}" for one in FORMULAS[:-1]] + ["'=1", *TEXTS]
    assert safe["number"].tolist() == table["number"].tolist()
    assert list(table.columns) == ["=name", "number"]
    assert [with_formulas(one) for one in safe["'=name"]] == [*FORMULAS[:-1], "=1", *TEXTS]


def test_missing_values_and_bytes_that_are_no_text_pass():
    table = without_formulas(pd.DataFrame({"a": ["b\udcff.png", None, 3]}, dtype=object))
    assert table["a"].tolist() == ["b\\udcff.png", None, 3]
