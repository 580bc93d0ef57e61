"""Tables as spreadsheets write them."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_visual_ccc.core.files import write_csv
from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.io.read.coordinates import read_coordinates
from napari_visual_ccc.io.tables import as_text, decoded, path_in, read_text_table, separator_of


@pytest.fixture
def images(tmp_path):
    rows = [("path", "label")]
    for kind in ("dots", "stripe"):
        (tmp_path / kind).mkdir()
        for number in range(3):
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / kind / f"im{number}.png")
            rows.append((f"{kind}/im{number}.png", "Öl" if kind == "dots" else kind))
    return tmp_path, rows


@pytest.mark.case("S19", "E19a", "E19b", "E19c")
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "mac_roman"]
)
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


@pytest.mark.parametrize(
    "word",
    ["K\xf6rner", "\xd6l", "gr\xfcn", "gro\xdf", "\xc4tzung", "\xe9t\xe9", "5 \xb5m", "a\xf1o",
     "pi\xe8ce", "S\xf8lv", "\xb1 5", "20 \xb0C"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_letters_of_windows_and_of_the_old_macintosh_are_told_apart(word, encoding):
    assert decoded(f"a.png,{word}\n".encode(encoding)) == f"a.png,{word}\n"


@pytest.mark.parametrize(
    "text",
    ["it\u2019s", "\u201cgood\u201d", "5\u201310", "a \u2014 b", "and so on\u2026", "5 \u20ac"],
)
def test_punctuation_of_windows_is_not_taken_for_letters(text):
    assert decoded(f"a.png,{text}\n".encode("cp1252")) == f"a.png,{text}\n"


@pytest.mark.parametrize(
    "start", ["\ufeff", "\ufeff\ufeff", "sep=;\n\ufeff", "\u200b", "\xef\xbb\xbf", "\n\n"]
)
@pytest.mark.parametrize(
    "header", ["path;label", '"path";"label"', "pa\ufeffth;label", "PATH\xa0; Label"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_blanks_in_the_header_do_not_count(images, start, header, end):
    folder, rows = images
    lines = [header, *(";".join(row) for row in rows[1:])]
    (folder / "table.csv").write_bytes((start + end.join(lines)).encode())
    assert load(folder / "table.csv").classes == ("stripe", "\xd6l")


def test_a_separator_in_quotes_does_not_count(images):
    folder, rows = images
    lines = ['path;label;"a, b, c"', *(";".join((*row, "1,5")) for row in rows[1:])]
    (folder / "table.csv").write_text("\n".join(lines), "utf-8")
    assert len(load(folder / "table.csv").examples) == 6


@pytest.mark.case("S19")
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spaces_around_separators_and_quotes_are_no_part_of_a_cell(images, separator):
    folder, rows = images
    lines = ['"path" {0} "label" {0}', *(f'"{path}" {{0}} {label}  {{0}}' for path, label in rows)]
    lines[2] = lines[2].replace('"', " ").replace(" {0}", "{0}")
    text = "\r\n".join(line.format(separator) for line in [*lines, "", "{0}{0}"])
    (folder / "table.csv").write_text(text, encoding="utf-8")
    data = load(folder / "table.csv")
    assert data.classes == ("stripe", "\xd6l")
    assert len(data.examples) == 6


@pytest.mark.parametrize("ending", [".xlsx", ".xlsm"])
def test_a_table_of_excel_is_read(images, ending):
    openpyxl = pytest.importorskip("openpyxl")
    folder, rows = images
    book = openpyxl.Workbook()
    book.active.append(["remarks"])
    sheet = book.create_sheet()
    sheet.append(["Path", "Label", "Group"])
    for number, (path, label) in enumerate(rows[1:]):
        sheet.append([path, label, number // 2])
    book.save(folder / f"table{ending}")
    data = load(folder / f"table{ending}")
    assert data.classes == ("stripe", "\xd6l")
    assert [one.group for one in data.examples] == ["0", "0", "1", "1", "2", "2"]
    (folder / "bad.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"bad\.xlsx: cannot be read as a table of Excel"):
        load(folder / "bad.xlsx")


@pytest.mark.parametrize("text", ["", "\n\n", "# a remark\n"])
def test_a_table_without_rows_is_empty(text, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=r"a\.csv: is empty: a table needs a row of column names"):
        load(tmp_path / "a.csv")


def test_without_openpyxl_a_table_of_excel_is_refused_in_words(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    code = (
        "import sys; sys.modules['openpyxl'] = None\n"
        "from napari_visual_ccc.io.datasets import load; load('a.xlsx')"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert "need openpyxl: pip install" in done.stderr and "CSV UTF-8" in done.stderr


@pytest.mark.parametrize("ending", [".xls", ".ods", ".numbers"])
def test_tables_of_other_programs_are_refused_in_words(tmp_path, ending):
    (tmp_path / f"a{ending}").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"save it as \.xlsx or as \.csv"):
        load(tmp_path / f"a{ending}")


def test_a_table_of_a_script_is_a_data_set(images, monkeypatch):
    folder, rows = images
    monkeypatch.chdir(folder)
    table = pd.DataFrame(rows[1:], columns=["Path", "label"])
    table["group"] = [1, 1, None, 2, 2, 3]
    data = load(table)
    assert data.classes == ("stripe", "\xd6l")
    assert [one.group for one in data.examples][2] == rows[3][0]
    assert data.examples[0].read().data.shape == (8, 8)
    with pytest.raises(ValueError, match="the table: no column 'label'"):
        load(table[["Path"]])
    for wrong in (rows, {"path": []}, np.zeros(3), None):
        with pytest.raises(ValueError, match=f"a DataFrame, not {type(wrong).__name__}"):
            load(wrong)
    assert as_text(pd.DataFrame({0: [1, pd.NA]})).to_dict("list") == {"0": ["1", ""]}


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


@pytest.mark.parametrize(
    ("before", "header", "line"),
    [("# made by a script\n# 2026-01-01\n", "path,label", 4), ("#\n", "File Name,Class", 3),
     ("# notes\n", "# filename,class", 3), ("", "#path,label", 2), ("", "image;category", 2),
     ("sep=;\n# notes\n", "path;label", 4)],
)  # fmt: skip
def test_lines_of_comments_stand_before_the_header(tmp_path, before, header, line):
    separator = ";" if ";" in header else ","
    rows = [("dots/a.png", "dots"), ("stripe/b.png", "stripe"), ("", "stripe")]
    for path, _ in rows[:2]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / path)
    text = "\n".join([before + header, *(separator.join(row) for row in rows)])
    (tmp_path / "list.csv").write_text(text)
    data = load(tmp_path / "list.csv")
    assert [one.label for one in data.examples] == ["dots", "stripe"]
    assert data.skipped == ((f"line {line + 2}", "no path or no label"),)


def test_a_table_without_known_columns_says_which_are_known(tmp_path):
    (tmp_path / "a.csv").write_text("# list\nwhere,what\na.png,A\n")
    with pytest.raises(ValueError, match=r"no column 'path'.*filename.*category.*where, what"):
        load(tmp_path / "a.csv")


def test_an_image_that_is_listed_twice_counts_once(tmp_path):
    for name in ("p.png", "q.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name)
    (tmp_path / "t.csv").write_text("path,label\np.png,A\nq.png,B\np.png,A\n")
    data = load(tmp_path / "t.csv")
    assert len(data.examples) == 2
    assert [why for _, why in data.skipped] == ["the image of line 2, which counts once"]
    (tmp_path / "t.csv").write_text("path,label\np.png,A\nq.png,B\np.png,B\n")
    with pytest.raises(ValueError, match=r"p\.png is in the class A \(line 2\) and in B"):
        load(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("word", "encoding", "said"),
    [("\u0437\u0435\u0440\u043d\u043e", "cp1251", True), ("\u7c92\u5b50", "shift-jis", True),
     ("\u0437\u0435\u0440\u043d\u043e", "utf-8", False), ("K\u00f6rner", "cp1252", True),
     ("K\u00f6rner", "mac_roman", True), ("\u7c92\u5b50", "utf-16", False)],
)  # fmt: skip
def test_letters_that_were_guessed_are_told(images, word, encoding, said):
    table = images[0] / "letters.csv"
    rows = ("path,label", "stripe/im0.png,a", f"dots/im0.png,{word}")
    table.write_bytes("\n".join(rows).encode(encoding))
    notes = load(table).notes
    assert bool(notes) is said
    assert not said or "letters.csv is no UTF-8" in notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [("path,label" + "," * 5000, "has 5,002 columns"), ("path,label\na," + "A" * 40_000, "32,767"),
     ("path,label\n'a.png\",\"A\nb", "EOF inside string")],
)  # fmt: skip
def test_what_is_no_list_is_refused_before_it_takes_long(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(tmp_path))}.{{,90}}{words}"):
        read_text_table(tmp_path / "a.csv")


@pytest.mark.parametrize("end", [";;\n;;\n", ";;;", "\n\n", '"";""\n'])
def test_empty_rows_at_the_end_of_a_sheet_do_not_count(images, end):
    folder, rows = images
    text = "\n".join(";".join(row) for row in rows) + "\n" + end
    (folder / "table.csv").write_text(text, encoding="utf-8")
    assert len(load(folder / "table.csv").examples) == 6
