"""A folder of slices is one stack."""

from __future__ import annotations

import re

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
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
