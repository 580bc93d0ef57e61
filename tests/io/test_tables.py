"""Tables as spreadsheets write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_visual_ccc.core.files import write_csv
from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.io.read.coordinates import read_coordinates
from napari_visual_ccc.io.tables import path_in, read_text_table, separator_of


@pytest.fixture
def images(tmp_path):
    rows = [("path", "label")]
    for kind in ("dots", "stripe"):
        (tmp_path / kind).mkdir()
        for number in range(3):
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / kind / f"im{number}.png")
            rows.append((f"{kind}/im{number}.png", "Öl" if kind == "dots" else kind))
    return tmp_path, rows


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("hint", ["", "sep={}\n"])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_any_separator_and_encoding_is_read(images, separator, encoding, hint, slash):
    folder, rows = images
    lines = [separator.join((path.replace("/", slash), label)) for path, label in rows]
    text = hint.format(separator) + "\r\n".join(lines)
    (folder / "table.csv").write_bytes(text.encode(encoding))
    data = load(folder / "table.csv")
    assert data.classes == ("stripe", "Öl")
    assert len(data.examples) == 6
    assert data.examples[0].read().data.shape == (8, 8)


@pytest.mark.parametrize("ending", [".tsv", ".txt"])
def test_other_endings_of_tables_are_known(images, ending):
    folder, rows = images
    (folder / f"table{ending}").write_text("\n".join("\t".join(row) for row in rows), "utf-8")
    assert len(load(folder / f"table{ending}").examples) == 6


@pytest.mark.parametrize("start", ["C:\\data\\", "nowhere/", "..\\old\\"])
def test_files_that_are_not_there_are_named(images, start):
    folder, rows = images
    text = "\n".join(f"{path if path == 'path' else start + path},{label}" for path, label in rows)
    (folder / "table.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"6 left out, such as .*im0\.png: no such file"):
        load(folder / "table.csv")


def test_a_comma_in_a_value_stays(tmp_path):
    (tmp_path / "a.csv").write_text('path;label\n"a, b.png";x,y\n', "utf-8")
    assert read_text_table(tmp_path / "a.csv").iloc[0].tolist() == ["a, b.png", "x,y"]
    assert separator_of("sep=|\npath|label") == "|"
    assert path_in(tmp_path, "C:\\a\\b.png") == tmp_path / "C:\\a\\b.png"


def test_a_file_of_a_spreadsheet_is_refused_in_words(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04\x00\x00\xff\xfe")
    with pytest.raises(ValueError, match="save it as CSV UTF-8"):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_points_of_a_spreadsheet_are_read(tmp_path, separator):
    decimal = "." if separator == "," else ","
    lines = [("index", "axis-0", "axis-1", "name"), ("0", "1.5", "2.25", "a"), ("1", "3", "4", "b")]
    text = "\n".join(separator.join(line).replace(".", decimal) for line in lines)
    (tmp_path / "a.csv").write_text(text, "utf-8")
    found = read_coordinates(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.data, [[1.5, 2.25], [3, 4]])
    assert found.features["name"].tolist() == ["a", "b"]


def test_names_that_look_like_formulas_are_read_back(tmp_path):
    texts = ["=1+1.png", "@a", "-b.png", "-5", "'c'", "a=1"]
    write_csv(pd.DataFrame({"path": texts}), tmp_path / "a.csv")
    assert "\n'=1+1.png\n" in (tmp_path / "a.csv").read_text("utf-8")
    assert read_text_table(tmp_path / "a.csv")["path"].tolist() == texts
