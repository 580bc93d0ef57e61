from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.workflow.batch.tables import MAIN, joined, summary, summary_by_image


def entry(name, unit, **tables):
    return {"name": name, "unit": unit, "tables": tables}


def test_units_of_all_images_become_one():
    found = joined([
        entry("a", "nm", objects={"label": [1, 2], "area_nm2": [4.0, 8.0], "feret_nm": [2.0, 3.0]}),
        entry("b", "nm", objects={"label": [], "area_nm2": [], "feret_nm": []}),
        entry("c", "µm", objects={
            "label": [1], "area_µm2": [1e-6], "feret_µm": [0.5], "number_per_µm2": [3e6],
        }),
        entry("d", "px", objects={"label": [1], "area_px2": [7.0]}),
    ])[MAIN]  # fmt: skip
    assert list(found["image"]) == ["a", "a", "c", "d"]
    np.testing.assert_allclose(found["area_nm2"], [4, 8, 1, np.nan])
    np.testing.assert_allclose(found["feret_nm"], [2, 3, 500, np.nan])
    np.testing.assert_allclose(found["number_per_nm2"], [np.nan, np.nan, 3, np.nan])
    # pixels stay pixels: no size is known
    np.testing.assert_allclose(found["area_px2"], [np.nan, np.nan, np.nan, 7])
    assert found["label"].dtype.kind == "i"
    assert not any("µm" in name for name in found)


def test_further_tables_keep_their_names_and_the_main_one_is_the_first():
    found = joined([
        entry("a", "px", Otsu={"x": [1]}, other={"y": ["p"]}),
        entry("b", "px", Li={"x": [2]}),
    ])  # fmt: skip
    assert list(found) == [MAIN, "other"]
    assert list(found[MAIN]["x"]) == [1, 2]
    assert list(found["other"]["image"]) == ["a"]


def test_the_summary_has_percentiles_of_lengths_alone():
    values = np.arange(1.0, 12.0)
    table = pd.DataFrame({
        "image": ["a"] * 6 + ["b"] * 5, "label": range(11), "feret_nm": values,
        "centroid_y_px": values, "score": [*values[:-1], np.nan], "name": ["n"] * 11,
    })  # fmt: skip
    found = summary(table).set_index("measure")
    assert list(found.index) == ["feret_nm", "score"]
    row = found.loc["feret_nm"]
    assert (row["unit"], row["images"], row["n"], row["mean"]) == ("nm", 2, 11, 6)
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert [row["d10"], row["d50"], row["d90"]] == [2, 6, 10]
    assert found.loc["score", "n"] == 10
    assert np.isnan(found.loc["score", "d50"])
    assert len(summary(table[:1])) == 2
    assert np.isnan(summary(table[:1])["sd"][0])
    assert list(summary(table[:0]).columns) == list(found.reset_index().columns)


def test_phases_are_summed_up_one_by_one():
    table = pd.DataFrame({
        "image": ["a", "a", "b", "b"], "label": [1, 2, 1, 2], "name": ["dark", "bright"] * 2,
        "area_percent": [30.0, 70.0, 50.0, 50.0],
    })  # fmt: skip
    found = summary(table).set_index(["name", "measure"])
    assert list(found["mean"]) == [40, 60]
    assert list(found["n"]) == [2, 2]
    # slices of a stack are values of their phase
    stack = table.assign(image="s", slice=[0, 0, 1, 1])
    assert list(summary(stack)["mean"]) == [40, 60]
    # names that come twice in an image are no phases, nor is the one of each image
    for other in (table.assign(name="grain"), table[::2]):
        assert "name" not in summary(other)


def test_an_image_without_objects_has_no_values_in_the_summary_by_image():
    table = pd.DataFrame({"image": ["a"] * 3, "label": range(3), "feret_nm": [1.0, 2.0, np.nan]})
    found = summary_by_image(table, ["a", "b"]).set_index("image")
    assert list(found["n"]) == [2, 0]
    assert (found.loc["a", "mean"], found.loc["a", "d50"], found.loc["a", "unit"]) == (
        1.5, 1.5, "nm"
    )  # fmt: skip
    assert np.isnan(found.loc["b", "mean"])
