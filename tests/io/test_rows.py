"""Rows of a table of labelled images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_visual_ccc.io.rows import names_in, parts_in, repeated, with_known_columns


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


@pytest.mark.parametrize("path", ["filename", "File", "image", "FilePath", "file name", "img"])
@pytest.mark.parametrize("label", ["class", "Category", "TARGET", "class_name"])
def test_columns_have_other_names(path, label):
    table = pd.DataFrame({path: ["a.png"], label: ["A"], "Split": ["train"]})
    assert list(with_known_columns(table, ())) == ["path", "label", "part"]


def test_a_column_of_the_usual_name_is_taken_before_another_one():
    table = pd.DataFrame({"image": ["1"], "path": ["a"], "filename": ["b"], "split": ["3"]})
    assert list(with_known_columns(table, ())) == ["image", "path", "filename", "split"]
    table = pd.DataFrame({"image": ["1"], "filename": ["b"], "class": ["A"], "label": ["B"]})
    assert list(with_known_columns(table, ())) == ["image", "path", "class", "label"]
    # the channel is one of the images
    assert list(with_known_columns(pd.DataFrame(columns=["image"]), ("image",))) == ["image"]


def test_an_image_counts_once_and_has_one_class(tmp_path):
    table = pd.DataFrame({"path": ["1.png", "./1.png", "2.png"], "label": ["A", "A", "B"]})
    assert repeated(table, "t.csv", tmp_path, (), True) == [
        "", "the image of line 2, which counts once", "",
    ]  # fmt: skip
    table.loc[1, "label"] = "B"
    message = r"t\.csv: \./1\.png is in the class A \(line 2\) and in B \(line 3\)"
    with pytest.raises(ValueError, match=message):
        repeated(table, "t.csv", tmp_path, (), True)
    assert repeated(table, "t.csv", tmp_path, (), False)[1]
    several = pd.DataFrame({"SE": ["1", "1"], "BSE": ["1b", "2b"], "label": ["A", "B"]})
    assert repeated(several, "t.csv", tmp_path, ("SE", "BSE"), True) == ["", ""]
