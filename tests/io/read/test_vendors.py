"""What microscopes write into the private tags of TIFF."""

from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.io import read as formats
from tests.io.read.made import (
    SCAN,
    TESCAN,
    WIDE,
    check_tescan,
    fei_text,
    tvips_bytes,
    write_tags,
    zeiss_text,
)


@pytest.mark.parametrize(
    ("columns", "size"), [(512, "5.229 nm"), (2048, "1.307 nm"), (3072, "871.5 pm")]
)
def test_the_image_pixel_size_of_zeiss_is_taken_at_every_store_resolution(tmp_path, columns, size):
    text = zeiss_text(image=size, store=f"{columns} * 8")
    path = write_tags(tmp_path / "z.tif", np.zeros((8, columns), np.uint8), (34118, text))
    found = formats.read(path)
    assert found.unit == "nm"
    # with all the digits of the header, which belong to 1024 columns
    assert found.spacing == pytest.approx((2.614514 * 1024 / columns,) * 2, rel=1e-6)
    assert found.metadata["facts"]["magnification"] == 25_000
    assert not found.notes


@pytest.mark.parametrize(("size", "nanometres"), [("5,230 nm", 5.23), ("1,5 µm", 1500)])
def test_a_decimal_comma_of_zeiss_is_read(tmp_path, size, nanometres):
    text = zeiss_text(image=size, precise="0").encode("cp1252")
    path = write_tags(tmp_path / "z.tif", np.zeros((384, 512), np.uint8), (34118, text))
    found = formats.read(path)
    assert found.spacing == pytest.approx((nanometres,) * 2)
    assert found.unit == "nm"


def test_contradictory_pixel_sizes_are_named_and_the_image_s_own_is_taken(tmp_path):
    text = zeiss_text(image="9.000 nm")
    path = write_tags(tmp_path / "z.tif", np.zeros((384, 512), np.uint8), (34118, text))
    found = formats.read(path)
    assert found.spacing == pytest.approx((9.0, 9.0))
    assert "9 nm (Zeiss Image Pixel Size)" in found.notes[0]
    assert "5.229 nm (Zeiss header)" in found.notes[0]
    assert "the first one is used" in found.notes[0]


def test_zeiss_rows_below_the_stored_image_are_its_label_bar(tmp_path):
    path = write_tags(tmp_path / "z.tif", np.zeros((400, 512), np.uint8), (34118, zeiss_text()))
    assert formats.read(path).info_bar == InfoBar(bottom=16)
    path = write_tags(tmp_path / "y.tif", np.zeros((384, 512), np.uint8), (34118, zeiss_text()))
    # it may lie over the image: nobody has looked yet
    assert formats.read(path).info_bar is None


@pytest.mark.parametrize("tag", [34680, 34682])
def test_fei_files_without_other_beams_are_read(tmp_path, tag):
    text = fei_text(Beam={"Beam": "EBeam", "HV": 5000}, Scan=SCAN, Image=WIDE)
    found = formats.read(write_tags(tmp_path / "f.tif", np.zeros((20, 30), np.uint8), (tag, text)))
    assert found.spacing == pytest.approx((3, 3))
    assert found.info_bar == InfoBar()
    assert found.metadata["facts"]["voltage_kv"] == 5


@pytest.mark.parametrize("broken", ["", "1.#IND", "nan", "no"])
def test_a_broken_number_of_fei_gives_way_to_the_field_of_view(tmp_path, broken):
    text = fei_text(
        Beam={"Beam": "IRBeam"}, IRBeam={"HFW": "9e-08", "VFW": "8e-08"}, Image=WIDE,
        Scan={"PixelWidth": broken, "PixelHeight": "3e-09"},
    )  # fmt: skip
    path = write_tags(tmp_path / "f.tif", np.zeros((24, 30), np.uint8), (34682, text))
    found = formats.read(path)
    assert found.spacing == pytest.approx((4.0, 3.0))
    assert found.info_bar == InfoBar(bottom=4)
    assert any("FEI Scan states a pixel size" in note for note in found.notes)


def test_a_decimal_comma_is_read(tmp_path):
    text = fei_text(Scan={"PixelWidth": "3,5e-09", "PixelHeight": "3,5e-09"})
    path = write_tags(tmp_path / "f.tif", np.zeros((24, 30), np.uint8), (34682, text))
    assert formats.read(path).spacing == pytest.approx((3.5, 3.5))


def test_two_sizes_in_one_fei_file_are_both_named(tmp_path):
    text = fei_text(
        Beam={"Beam": "EBeam"}, EBeam={"HFW": "1.5e-07", "VFW": "1e-07"}, Image=WIDE, Scan=SCAN
    )
    path = write_tags(tmp_path / "f.tif", np.zeros((20, 30), np.uint8), (34682, text))
    found = formats.read(path)
    assert found.spacing == pytest.approx((3, 3))
    assert "3 nm (FEI Scan) and 5 nm (FEI field of view)" in found.notes[0]


def test_a_resized_fei_image_is_said_to_be_one(tmp_path):
    text = fei_text(Scan=SCAN, Image={"ResolutionX": 60, "ResolutionY": 40})
    found = formats.read(
        write_tags(tmp_path / "f.tif", np.zeros((20, 30), np.uint8), (34682, text))
    )
    assert "60 columns were scanned, and has 30" in found.notes[0]
    assert found.info_bar is None


@pytest.mark.parametrize("size", ["0", "-3e-09"])
def test_a_size_of_nothing_or_less_is_none(tmp_path, size):
    text = fei_text(Scan={"PixelWidth": size, "PixelHeight": size})
    found = formats.read(
        write_tags(tmp_path / "f.tif", np.zeros((20, 30), np.uint8), (34682, text))
    )
    assert (found.spacing, found.unit) == (None, "px")
    assert "not used" in found.notes[0]


def test_phenom_xml_is_read(tmp_path):
    text = (
        '<?xml version="1.0"?><FeiImage><databarHeight>4</databarHeight>'
        '<pixelWidth unit="um">0.7</pixelWidth><pixelHeight unit="um">0.7</pixelHeight>'
        '<acquisition><acceleratingVoltage unit="V">-15000</acceleratingVoltage></acquisition>'
        "<instrument><edition>Phenom ProX</edition></instrument></FeiImage>"
    )
    found = formats.read(
        write_tags(tmp_path / "p.tif", np.zeros((24, 30), np.uint8), (34683, text))
    )
    assert (found.spacing, found.unit) == ((0.7, 0.7), "µm")
    assert found.info_bar == InfoBar(bottom=4)
    facts = found.metadata["facts"]
    assert (facts["instrument"], facts["voltage_kv"]) == ("Phenom ProX", 15)


def test_the_tag_of_tescan_is_read(tmp_path):
    raw = b"\x01\x02" + TESCAN.encode()
    check_tescan(
        formats.read(write_tags(tmp_path / "t.tif", np.zeros((24, 30), np.uint8), (50431, raw)))
    )


def test_tvips_is_read_and_its_diffraction_patterns_have_no_length(tmp_path):
    image = np.zeros((20, 30), np.uint16)
    found = formats.read(write_tags(tmp_path / "a.tif", image, (37706, tvips_bytes(0))))
    assert (found.spacing, found.unit) == ((0.5, 0.5), "nm")
    assert found.metadata["facts"]["voltage_kv"] == 200
    found = formats.read(write_tags(tmp_path / "b.tif", image, (37706, tvips_bytes(3))))
    assert (found.spacing, found.unit) == (None, "px")
    assert "diffraction" in found.notes[0]
