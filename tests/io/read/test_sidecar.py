"""Text files that microscopes write beside an image."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.io import read as formats
from tests.io.read.made import (
    HITACHI,
    JEOL,
    TESCAN,
    check_tescan,
)


@pytest.mark.parametrize("name", ["t.hdr", "t-tif.hdr"])
def test_the_header_beside_a_tescan_image_is_read(tmp_path, name):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((24, 30), np.uint8))
    (tmp_path / name).write_text(TESCAN)
    check_tescan(formats.read(tmp_path / "t.tif"))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg", "a.tif"])
def test_a_jeol_text_calibrates_the_image_beside_it(tmp_path, name):
    Image.fromarray(np.zeros((26, 30), np.uint8)).save(tmp_path / name)
    assert formats.read(tmp_path / name).spacing is None
    (tmp_path / "a.txt").write_text(JEOL)
    found = formats.read(tmp_path / name)
    assert found.spacing == pytest.approx((0.1, 0.1))
    assert found.unit == "µm"
    assert found.info_bar == InfoBar(bottom=6)
    facts = found.metadata["facts"]
    assert facts["instrument"] == "JSM-7600F"
    assert (facts["voltage_kv"], facts["magnification"]) == (15, 5000)
    assert facts["working_distance_mm"] == 8.1
    assert facts["date"] == "2019/05/03 11:20:30"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_hitachi_text_calibrates_the_image_beside_it(tmp_path, encoding):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(HITACHI + "\r\nSampleName=µ", encoding=encoding)
    found = formats.read(tmp_path / "a.png")
    assert (found.spacing, found.unit) == ((24.8, 24.8), "nm")
    # it may lie over the image
    assert found.info_bar is None
    facts = found.metadata["facts"]
    assert (facts["voltage_kv"], facts["working_distance_mm"]) == (15, pytest.approx(8.1))
    assert (facts["instrument"], facts["detector"]) == ("SU8000", "SE(U)")


@pytest.mark.parametrize(
    "size", ["24.8", "24,8", "24.8 nm", "0.0248 um", "0,0248\xb5m", "24800pm", "248 A"]
)
def test_the_unit_of_a_size_in_a_text_counts(tmp_path, size):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(HITACHI.replace("PixelSize=24.8", f"PixelSize={size}"), "utf-8")
    found = formats.read(tmp_path / "a.png")
    assert (found.spacing, found.unit) == (pytest.approx((24.8, 24.8)), "nm")


@pytest.mark.parametrize("size", ["2e-09", "2E-9", "2e-09 m", "2 nm", "0.002um", "20 A"])
def test_the_unit_of_a_size_in_a_tescan_header_counts(tmp_path, size):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((24, 30), np.uint8))
    text = f"[MAIN]\nPixelSizeX={size}\nPixelSizeY={size}\n"
    (tmp_path / "t.hdr").write_text(text, "utf-8")
    found = formats.read(tmp_path / "t.tif")
    assert (found.spacing, found.unit) == (pytest.approx((2, 2)), "nm")


def test_another_text_beside_an_image_says_nothing(tmp_path):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("PixelSize=24.8\nremember the milk")
    assert formats.read(tmp_path / "a.png").spacing is None
