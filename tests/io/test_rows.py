"""Rows of a table of labelled images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_visual_ccc.io.rows import names_in, parts_in, with_known_columns


def test_known_columns_are_found_in_any_case():
    table = pd.DataFrame(columns=[" Path", "LABEL", "Part", "part", "SE"])
    assert list(with_known_columns(table, ("SE",))) == ["path", "label", "Part", "part", "SE"]
    split = with_known_columns(pd.DataFrame({"name": ["a.png"], "part": ["train"]}), ())
    assert split["path"].tolist() == ["a.png"]


def test_images_of_one_name_are_named_by_their_paths():
    table = pd.DataFrame({"path": ["a/1.png", "b/1.png", "c.png"], "name": ["one", "one", ""]})
    assert names_in(table) == ["a/1.png", "b/1.png", "c.png"]


def test_an_image_in_two_parts_is_named():
    table = pd.DataFrame({"path": ["1.png", "./1.png"], "part": ["Train", "val"]})
    with pytest.raises(ValueError, match=r"t\.csv: \./1\.png is in the part train \(line 2\)"):
        parts_in(table, "t.csv", Path())
    assert parts_in(table[:1], "t.csv", Path()) == ["train"]
    assert parts_in(pd.DataFrame({"path": ["1.png"]}), "t.csv", Path()) == [""]
