"""A folder of slices is one stack."""

from __future__ import annotations

import re

import dask.array as da
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read.slices import chosen, copies_in
from napari_visual_ccc.io.read.slices.order import by_number
from tests.io.read.made import (
    SCAN,
    fei_text,
    write_tags,
)


def test_a_folder_of_slices_is_one_lazy_stack_in_the_order_of_its_numbers(tmp_path):
    folder = tmp_path / "slices"
    folder.mkdir()
    for k in (10, 2, 1):
        text = fei_text(Scan=SCAN)
        write_tags(folder / f"slice{k}.tif", np.full((20, 30), k, np.uint8), (34682, text))
    (folder / "notes.txt").write_text("no slice")
    found = formats.read(folder)
    assert isinstance(found.data, da.Array)
    assert found.name == "slices"
    assert list(found.data[:, 0, 0].compute()) == [1, 2, 10]
    assert found.spacing == pytest.approx((3, 3))
    assert found.axes == (Axis("z"),)


def test_slices_of_another_size_are_named_when_they_are_looked_at(tmp_path):
    for k, shape in enumerate([(20, 30), (20, 31), (20, 30), (20, 30)]):
        tifffile.imwrite(tmp_path / f"{k}.tif", np.zeros(shape, np.uint8))
    # first, middle and last are looked at when it is opened
    with pytest.raises(ValueError, match=r"1\.tif is \(20, 31\)"):
        formats.read(tmp_path).data.compute()


def test_files_given_in_any_order_are_one_stack_in_that_of_their_numbers(tmp_path):
    paths = [tmp_path / f"s{k}.tif" for k in (10, 1, 2)]
    for path in paths:
        tifffile.imwrite(path, np.full((20, 30), int(path.stem[1:]), np.uint8))
    found = formats.stack(paths, tmp_path)
    assert list(found.data[:, 0, 0].compute()) == [1, 2, 10]
    assert found.notes == ("3 files are its slices, in the order of their numbers",)
    tifffile.imwrite(paths[0], np.zeros((20, 31), np.uint8))
    with pytest.raises(ValueError, match=r"s10\.tif is \(20, 31\).* slice is \(20, 30\)"):
        formats.stack(paths, tmp_path)


def test_a_folder_of_unlike_slices_is_told(tmp_path):
    for k, (size, dtype) in enumerate([(1.0, np.uint8), (1.0, np.uint8), (2.0, np.uint8)]):
        tifffile.imwrite(
            tmp_path / f"{k}.tif", np.zeros((20, 30), dtype), imagej=True,
            resolution=(1 / size, 1 / size), metadata={"unit": "nm"},
        )  # fmt: skip
    assert any("2.tif has another pixel size" in note for note in formats.read(tmp_path).notes)
    tifffile.imwrite(tmp_path / "2.tif", np.zeros((20, 30), np.uint16))
    with pytest.raises(
        ValueError,
        match=rf"^{re.escape(str(tmp_path))}: is no stack: 2\.tif is .* of uint16, the first",
    ):
        formats.read(tmp_path)


# order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        ["tilt_-60", "tilt_-30", "tilt_-5", "tilt_0", "tilt_5", "tilt_30", "tilt_60"],
        ["tilt-60", "tilt-5", "tilt0", "tilt5", "tilt60"],
        ["a_-60deg", "a_-7.5deg", "a_+0deg", "a_+7.5deg", "a_+60deg"],
        ["TS-01--3.0", "TS-01-0.0", "TS-01-3.0"],
        ["TS_01_-3.0", "TS_01_0.0", "TS_01_3.0"],
        ["-3", "-1", "0", "2"],
        ["z_0.75", "z_1.25", "z_1.5", "z_10.0"],
        ["z 1,25", "z 1,5"],
        ["s1.9", "s1.10", "s1.11"],
        ["s-1", "s-2", "s-10"],
        ["slice_1", "slice_2", "slice_10"],
        ["2024-01-04_2", "2024-01-04_12", "2024-01-05_1"],
        ["2024.01.04", "2024.01.05"],
        ["x", "x1", "x12"],
    ],
    ids=lambda order: order[0],
)
@pytest.mark.parametrize("ending", [".tif", ".ome.tif", ".png"])
def test_slices_are_in_the_order_of_their_numbers_with_signs_and_decimals(order, ending):
    names = [f"{name}{ending}" for name in order]
    assert by_number(names[::-1]) == names
    assert by_number(sorted(names)) == names


@pytest.mark.case("S11")
def test_a_tilt_series_is_read_from_the_lowest_angle_to_the_highest(tmp_path):
    for number, angle in enumerate((-60, -30, -5, 0, 5, 30, 60)):
        tifffile.imwrite(tmp_path / f"tilt_{angle}.tif", np.full((8, 8), number, np.uint8))
    assert formats.read(tmp_path).data[:, 0, 0].compute().tolist() == list(range(7))


@pytest.mark.case("S12")
@pytest.mark.parametrize("endings", [(".tif", ".png"), (".png", ".jpg"), (".tif", ".jpg", ".bmp")])
def test_a_slice_in_several_formats_is_one_slice(tmp_path, endings):
    for number in range(3):
        for ending in endings:
            level = np.full((8, 8), 10 * number + (ending != endings[0]), np.uint8)
            Image.fromarray(level).save(tmp_path / f"s{number}{ending}")
    found = formats.read(tmp_path)
    assert found.data[:, 0, 0].compute().tolist() == [0, 10, 20]
    (note,) = [note for note in found.notes if "two formats" in note]
    assert f"s0{endings[0]}" in note


def test_one_slice_in_two_formats_is_read_once(tmp_path):
    for name in ("a1.tif", "a2.tif", "a2.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name)
    paths, notes, _ = chosen(sorted(tmp_path.iterdir()))
    assert [path.name for path in paths] == ["a1.tif", "a2.tif"]
    assert "a2.png is left out" in notes[0]


# copies and gaps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copy",
    ["s2 (1)", "s2(1)", "s2 - Copy", "s2 - Copy (2)", "s2 copy", "s2 copy 3", "s2_copy",
     "Copy of s2", "Copy (2) of s2", "s2 - Kopie", "Kopie von s2", "s2 - copie", "s2 (copy)",
     "s2 (another copy)", "s2 (3rd copy)", "s2 - Copy - Copy", "S2 - COPY", "s2 2",
     "s2 - \u526f\u672c"],
)  # fmt: skip
def test_a_copy_of_a_slice_is_left_out_and_said(tmp_path, copy):
    for number, name in enumerate(("s1", "s2", "s3", copy)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((8, 8), number, np.uint8))
    by_hand = formats.stack(sorted(tmp_path.glob("*.tif")), tmp_path)
    for found in (formats.read(tmp_path), by_hand):
        assert found.data[:, 0, 0].compute().tolist() == [0, 1, 2]
        (note,) = [note for note in found.notes if "copies" in note]
        assert f"{copy}.tif (of s2.tif)" in note


@pytest.mark.parametrize(
    "names",
    [["s (1)", "s (2)", "s (10)"], ["image", "image (1)", "image (2)"],
     ["scan1", "scan1 (1)", "scan1 (2)"], ["s1 1", "s1 2", "s1 3"], ["copy 1", "copy 2"],
     ["s1", "Copy of s2", "s3"]],
    ids=lambda names: names[-1],
)  # fmt: skip
def test_numbers_that_tell_slices_apart_make_no_copies(tmp_path, names):
    assert copies_in([tmp_path / f"{name}.tif" for name in names]) == {}
    paths, _, _ = chosen([tmp_path / f"{name}.tif" for name in names[::-1]])
    assert [path.stem for path in paths] == names


def test_missing_slices_are_said(tmp_path):
    for number in (1, 2, 4, 5):
        tifffile.imwrite(tmp_path / f"s{number:03}.tif", np.full((8, 8), number, np.uint8))
    for found in (formats.read(tmp_path), formats.stack(list(tmp_path.iterdir()), tmp_path)):
        (note,) = [note for note in found.notes if "missing" in note]
        assert "1 number is missing" in note and "between s002.tif and s004.tif" in note


def test_a_tilt_series_with_an_mdoc_is_in_the_order_of_its_angles(tmp_path):
    text = ""
    for number, angle in enumerate((0, 2, -2, -4, 4)):
        tifffile.imwrite(tmp_path / f"f{number}.tif", np.full((8, 8), number, np.uint8))
        text += f"[ZValue = {number}]\nTiltAngle = {angle}\nSubFramePath = D:\\x\\f{number}.tif\n"
    (tmp_path / "series.mdoc").write_text(text)
    found = formats.read(tmp_path)
    assert found.data[:, 0, 0].compute().tolist() == [3, 2, 0, 1, 4]
    assert any("in the order of the angles in the .mdoc" in note for note in found.notes)


def test_a_folder_of_plain_slices_is_not_left_to_another_reader(tmp_path):
    tifffile.imwrite(tmp_path / "t-1.tif", np.zeros((8, 8), np.uint8))
    assert formats.is_plain(tmp_path)
    tifffile.imwrite(tmp_path / "t1.tif", np.zeros((8, 8), np.uint8))
    assert not formats.is_plain(tmp_path)
