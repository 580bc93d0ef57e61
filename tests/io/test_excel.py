"""Tables of Excel whose cells reach far are refused before they are read."""

from __future__ import annotations

import zipfile

import pytest

from napari_visual_ccc.io import excel
from napari_visual_ccc.io.datasets import load
from napari_visual_ccc.io.excel import read_sheets

openpyxl = pytest.importorskip("openpyxl")

SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def made(tmp_path):
    """Make a table of Excel, of which one sheet has other XML."""

    def make(old=b"</sheetData>", new=b"</sheetData>", name="table.xlsx"):
        book = openpyxl.Workbook()
        for row in (["path", "label"], ["a.png", "x"], ["b.png", "y"]):
            book.active.append(row)
        book.save(tmp_path / "plain.xlsx")
        with (
            zipfile.ZipFile(tmp_path / "plain.xlsx") as plain,
            zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for part in plain.namelist():
                text = plain.read(part)
                archive.writestr(part, text.replace(old, new) if part == SHEET else text)
        return tmp_path / name

    return make


def row(number, cells):
    return f'<row r="{number}">{cells}</row>'.encode()


FORMAT, VALUE = '<c r="XFD1"/>', '<c r="XFD1"><v>1</v></c>'


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (row(1048576, '<c r="XFD1048576"><v>1</v></c>'), "row 1,048,576 and column 16,384"),
        (row(9999, '<c r="XFD9999" t="inlineStr"><is><t>x</t></is></c>'), "column 16,384"),
        (row(99_999_999_999, "<c><v>1</v></c>"), "row 99,999,999,999"),
        (row("1e12", "<c><v>1</v></c>"), "row 1,000,000,000,000"),
        # no value, but each row is made as wide
        (b"".join(row(n, FORMAT) for n in range(9, 1999)), "column 16,384"),
    ],
)
def test_a_cell_far_from_the_table_is_refused(made, more, place):
    file = made(new=more + b"</sheetData>")
    with pytest.raises(ValueError, match=place) as told:
        load(file)
    assert str(told.value).startswith(f"{file}: ") and "delete those beyond" in str(told.value)


def test_formats_and_a_wrong_extent_beyond_the_table_do_no_harm(made):
    far = row(1000, FORMAT) + row(1048576, "")
    sheet = read_sheets(made(new=far + b"</sheetData>"))["Sheet"]
    assert sheet.shape == (2, 2)
    sheet = read_sheets(made(b'ref="A1:B3"', b'ref="A1:XFD1048576"'))["Sheet"]
    assert sheet["label"].tolist() == ["x", "y"]
    # wide and long, but not both
    assert read_sheets(made(new=row(9, VALUE) + b"</sheetData>"))["Sheet"].shape == (8, 16384)


def test_what_is_larger_than_memory_in_its_archive_is_refused(made, monkeypatch):
    file = made(new=b"</sheetData>" + b" " * (20 << 20))
    assert file.stat().st_size < 100_000
    assert len(read_sheets(file)["Sheet"]) == 2
    monkeypatch.setattr(excel, "available", lambda: 90 << 20)
    with pytest.raises(ValueError, match=r"table\.xlsx: takes 0\.1 GB of memory .* CSV UTF-8"):
        read_sheets(file)


def test_blanks_that_take_minutes_are_refused(made, monkeypatch):
    monkeypatch.setattr(excel, "_LARGE", 1 << 16)
    table = made(new=b" " * (1 << 20) + b"</sheetData>")
    with pytest.raises(ValueError, match=r"table\.xlsx: is packed far denser than a table can be"):
        read_sheets(table)
    many = b"".join(row(number, f'<c r="A{number}"><v>1</v></c>') for number in range(3, 5000))
    assert len(read_sheets(made(new=many + b"</sheetData>"))["Sheet"]) == 4998
