from __future__ import annotations

import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.widgets.form.batch.listed import listed


@pytest.fixture
def tables(folder, tmp_path):
    def run(operation):
        result = ccc.batch(folder, operation, tmp_path / operation, layers="none")
        return result.tables

    return run


def test_measures_of_each_image_come_before_the_problems_of_those_that_failed(tables, folder):
    table = listed(tables("threshold"))
    assert list(table.columns[:3]) == ["image", "problem", "measure"]
    assert list(table["image"].unique()) == ["a.tif", "b.tif", "c.tif"]
    assert [bool(text) for text in table["problem"]] == [False] * (len(table) - 1) + [True]
    assert set(table["unit"]) >= {""}
    (folder / "c.tif").unlink()
    table = listed(tables("threshold"))
    assert "problem" not in table
    assert table["mean"].notna().all()


def test_images_are_listed_where_nothing_is_measured(tables, folder):
    assert "problem" in listed(tables("denoise"))
    (folder / "c.tif").unlink()
    table = listed(tables("denoise"))
    assert list(table["image"]) == ["a.tif", "b.tif"]
    assert not {"problem", "result"} & set(table)
