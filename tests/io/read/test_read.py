"""Reading micrographs: pixels as stored, and what files say of them."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import zlib
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_visual_ccc.core.micrograph import Axis, InfoBar
from napari_visual_ccc.core.units import METRES, unit_of
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import lazy
from napari_visual_ccc.io.read.pixel_size import Stated, number, settle

METRES_OF = {**METRES, "m": 1.0}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30), (20, 30, 3)])
def test_tiff_comes_as_it_was_stored(tmp_path, rng, kind, shape):
    if shape[-1] == 3 and np.dtype(kind).kind != "u":
        return
    image = (rng.random(shape) * 200).astype(kind)
    photometric = "rgb" if shape[-1] == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", image, photometric=photometric)
    found = formats.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, image)
    assert found.data.dtype == kind
    assert (found.spacing, found.unit, found.name) == (None, "px", "a")


def test_planar_colour_comes_with_colour_last(tmp_path, rng):
    image = rng.integers(0, 255, (3, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, np.moveaxis(image, 0, -1))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
def test_other_images_are_read(tmp_path, rng, name):
    image = np.full((20, 30), 100, np.uint8)
    Image.fromarray(image).save(tmp_path / name)
    np.testing.assert_allclose(formats.read(tmp_path / name).data, image, atol=2)


def test_16_bit_png_keeps_its_levels(tmp_path, ramp16):
    Image.fromarray(ramp16).save(tmp_path / "a.png")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.png").data, ramp16)


def test_pixel_size_of_imagej_and_ome(tmp_path):
    image = np.zeros((4, 5), np.uint16)
    tifffile.imwrite(
        tmp_path / "ij.tif", image, imagej=True, resolution=(1 / 2.5, 1 / 3.0),
        metadata={"unit": "nm"},
    )  # fmt: skip
    found = formats.read(tmp_path / "ij.tif")
    assert found.spacing == pytest.approx((3.0, 2.5))
    assert found.unit == "nm"
    size = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", image, metadata={"axes": "YX", **size})
    found = formats.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((0.3, 0.2))
    assert (found.unit, found.name) == ("µm", "b")


def imagej(path, axes, **described):
    shape = dict(zip("TZCYX", (2, 3, 2, 4, 5), strict=True))
    tifffile.imwrite(
        path, np.zeros([shape[one] for one in axes], np.uint8), imagej=True,
        resolution=(2, 0.5), metadata={"axes": axes, **described},
    )  # fmt: skip
    return formats.read(path)


@pytest.mark.parametrize(
    ("described", "spacing", "unit", "axes"),
    [
        ({"unit": "um", "yunit": "nm"}, (0.002, 0.5), "µm", ()),
        ({"unit": "\\u00C5"}, (2, 0.5), "Å", ()),
        ({"unit": "micron", "spacing": 5, "zunit": "nm"}, (2, 0.5), "µm", (Axis("z", 5, "nm"),)),
        ({"finterval": 2, "tunit": "min"}, None, "px", (Axis("t", 2, "min"),)),
        ({"finterval": 3}, None, "px", (Axis("t", 3, "s"),)),
    ],
)
def test_units_of_single_axes_of_imagej_count(tmp_path, described, spacing, unit, axes):
    letters = "".join(one.name.upper() for one in axes) + "YX"
    found = imagej(tmp_path / "ij.tif", letters, **described)
    assert (found.unit, found.axes, found.notes) == (unit, axes, ())
    assert found.spacing == (None if spacing is None else pytest.approx(spacing))


@pytest.mark.parametrize(
    ("step", "axis", "said"),
    [(-5.0, Axis("z", 5.0, "nm"), "of z is -5 nm"), (0.0, Axis("z"), "of z is 0 nm: not used")],
)
def test_a_step_of_nothing_or_less_is_said(tmp_path, step, axis, said):
    found = [imagej(tmp_path / "ij.tif", "ZYX", unit="nm", spacing=step)]
    tifffile.imwrite(
        tmp_path / "z.ome.tif", np.zeros((3, 4, 5), np.uint8),
        metadata={"axes": "ZYX", "PhysicalSizeZ": step, "PhysicalSizeZUnit": "nm"},
    )  # fmt: skip
    for one in (*found, formats.read(tmp_path / "z.ome.tif")):
        assert one.axes == (axis,)
        assert said in one.notes[0]


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_tiff_is_called_that(tmp_path, rng, compression):
    path = tmp_path / "half.tif"
    image = rng.integers(0, 65535, (60, 50)).astype(np.uint16)
    tifffile.imwrite(path, image, compression=compression)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.tif: is cut off"):
        formats.read(path)


def test_a_truncated_png_is_named(tmp_path, rng):
    path = tmp_path / "half.png"
    Image.fromarray(rng.integers(0, 255, (60, 50)).astype(np.uint8)).save(path)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.png: cannot be read"):
        formats.read(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("content", [b"", b"hello", b"II*\x00", bytes(1000)])
def test_what_is_no_image_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        formats.read(tmp_path / name)


def test_missing_files_folders_and_other_kinds_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        formats.read(tmp_path / "none.tif")
    with pytest.raises(ValueError, match="is a folder"):
        formats.read(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(ValueError, match="not a kind of image"):
        formats.read(tmp_path / "a.docx")


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_png_keeps_its_levels(tmp_path, rng, channels):
    import cv2

    image = rng.integers(0, 65535, (20, 30, channels)).astype(np.uint16)
    order = [2, 1, 0, 3][:channels]
    cv2.imwrite(str(tmp_path / "deep.png"), image[..., order])
    np.testing.assert_array_equal(formats.read(tmp_path / "deep.png").data, image)
    path = tmp_path / "deep.png"
    cut(path)
    with pytest.raises(ValueError, match=r"deep\.png"):
        formats.read(path)


def test_a_file_that_leaves_blank_tiles_out_is_believed(tmp_path):
    path = tmp_path / "sparse.tif"
    grey = zlib.compress(bytes([7]) * 256**2)
    tiles = (grey if k == 5 else b"" for k in range(24 * 24))
    tifffile.imwrite(
        path, tiles, shape=(6144, 6144), dtype=np.uint8, tile=(256, 256), compression="zlib"
    )
    assert path.stat().st_size < 6144**2 / 1032
    found = formats.read(path).data
    assert (found[:256, 1280:1536] == 7).all()
    assert found.sum() == 7 * 256 * 256


def test_units_of_both_axes_count(tmp_path):
    size = {
        "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.001, "PhysicalSizeYUnit": "µm",
    }  # fmt: skip
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((1.0, 2.0))
    assert found.unit == "nm"


def test_a_unit_that_is_no_length_is_no_calibration(tmp_path):
    size = {"PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "reference frame"}
    size |= {key.replace("X", "Y", 1): value for key, value in size.items()}
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert (found.spacing, found.unit) == (None, "px")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm"}, "pixel size of 2.0 x ? nm: not used"),
        (
            {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
             "PhysicalSizeY": 1.0, "PhysicalSizeYUnit": "pixel"},
            "'px and nm' of OME is not known",
        ),
    ],
)  # fmt: skip
def test_a_size_of_one_axis_is_no_calibration_and_said(tmp_path, size, said):
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert (found.spacing, found.unit) == (None, "px")
    assert any(said in note for note in found.notes)


# vendor files -------------------------------------------------------------------------------------


def expected(data):
    with (data / "formats/expected_pixel_size.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def open_files():
    links = [Path("/proc/self/fd") / one for one in os.listdir("/proc/self/fd")]
    return {os.readlink(one) for one in links if one.is_symlink()}


@pytest.mark.data
def test_vendor_files_have_the_pixel_size_that_rosettasciio_reads(data):
    for row in expected(data):
        found = formats.read(data / "formats" / row["file"])
        assert "x".join(map(str, found.data.shape)) == row["shape"], row["file"]
        assert found.data.dtype == row["dtype"], row["file"]
        if not row["unit"]:
            assert (found.spacing, found.unit) == (None, "px"), row["file"]
            continue
        metres = [float(row[f"pixel_{axis}"]) * METRES_OF[row["unit"]] for axis in "yx"]
        assert found.unit in METRES, row["file"]
        np.testing.assert_allclose(
            np.array(found.spacing) * METRES[found.unit], metres, rtol=1e-6, err_msg=row["file"]
        )


@pytest.mark.data
def test_reading_changes_nothing_and_keeps_nothing_open(data, tmp_path):
    for path in sorted((data / "formats").glob("*.*")):
        if path.suffix in (".csv", ".md"):
            continue
        copy = tmp_path / path.name
        shutil.copyfile(path, copy)
        before = hashlib.sha256(copy.read_bytes()).hexdigest(), copy.stat().st_mtime_ns
        copy.chmod(0o400)
        found = formats.read_all(copy)
        assert not any(str(copy) in one for one in open_files()), path.name
        assert (hashlib.sha256(copy.read_bytes()).hexdigest(), copy.stat().st_mtime_ns) == before
        assert found


@pytest.mark.data
def test_facts_have_the_same_names_for_all_vendors(data):
    fei = formats.read(data / "formats/FEI-Helios-Ebeam-16bits.tif")
    assert fei.metadata["facts"] == {
        "instrument": 'Helios NanoLab" 660', "detector": "ETD", "voltage_kv": 5.0,
        "magnification": 120.0, "working_distance_mm": pytest.approx(4.03466),
        "tilt_deg": 0.0004, "date": "2016-06-13T17:06:40", "dwell_time_us": pytest.approx(10),
        "beam_current_na": pytest.approx(0.00625),
    }  # fmt: skip
    assert fei.info_bar == InfoBar(bottom=29)
    assert fei.metadata["original"]["fei"]["Image"]["ResolutionY"] == 442
    zeiss = formats.read(data / "formats/test_tiff_Zeiss_SEM_1k.tif").metadata["facts"]
    assert zeiss["instrument"] == "Merlin"
    assert zeiss["voltage_kv"] == 25
    assert zeiss["magnification"] == 105
    assert zeiss["working_distance_mm"] == pytest.approx(14.808)
    assert zeiss["dwell_time_us"] == pytest.approx(0.05)
    jeol = formats.read(data / "formats/JEOL-SightX-TEM-mag-dummy.tif").metadata["facts"]
    assert (jeol["instrument"], jeol["voltage_kv"]) == ("JEM-ARM200F", 200)


@pytest.mark.data
def test_of_several_images_the_calibrated_one_is_read_first(data):
    path = data / "formats/olympus_SIS.tif"
    images = formats.read_all(path)
    assert [one.data.dtype for one in images] == [np.uint8, np.uint16]
    assert [one.name for one in images] == ["olympus_SIS 1", "olympus_SIS 2"]
    found = formats.read(path)
    assert found.spacing == pytest.approx((0.02392791775876109,) * 2)
    assert found.unit == "nm"
    assert "the file holds 2 images; this is number 2" in found.notes


@pytest.mark.data
def test_an_imagej_stack_has_its_step(data):
    found = formats.read(data / "formats/test_loading_image_saved_with_imageJ_stack.tif")
    assert found.axes == (Axis("z", 2.5, "µm"),)


# what microscopes write into TIFF -----------------------------------------------------------------


def fei_text(**sections):
    lines = []
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key}={value}" for key, value in values.items())]
    return "\r\n".join(lines)


def write_tags(path, image, *tags, **options):
    extra = [
        (code, "s" if isinstance(v, str) else "B", 0 if isinstance(v, str) else len(v), v, True)
        for code, v in tags
    ]
    tifffile.imwrite(path, image, extratags=extra, metadata=None, **options)
    return path


def zeiss_text(image="5.230 nm", screen="2.615 nm", precise="2.614514e-09", store="512 * 384"):
    lines = ["0", "0", "0", precise, "104.5"]
    for key, value in {
        "AP_PIXEL_SIZE": f"Pixel Size = {screen}",
        "AP_IMAGE_PIXEL_SIZE": f"Image Pixel Size = {image}",
        "AP_MAG": "Mag = 25.00 K X",
        "DP_IMAGE_STORE": f"Store resolution = {store}",
    }.items():
        lines += [key, value]
    return "\r\n".join(lines)


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


def test_contradictory_pixel_sizes_are_named_and_the_image_s_own_is_taken(tmp_path):
    text = zeiss_text(image="9.000 nm")
    path = write_tags(tmp_path / "z.tif", np.zeros((384, 512), np.uint8), (34118, text))
    found = formats.read(path)
    assert found.spacing == pytest.approx((9.0, 9.0))
    assert "9 nm (Zeiss Image Pixel Size)" in found.notes[0]
    assert "5.229 nm (Zeiss header)" in found.notes[0]
    assert "the first was taken" in found.notes[0]


def test_zeiss_rows_below_the_stored_image_are_its_label_bar(tmp_path):
    path = write_tags(tmp_path / "z.tif", np.zeros((400, 512), np.uint8), (34118, zeiss_text()))
    assert formats.read(path).info_bar == InfoBar(bottom=16)
    path = write_tags(tmp_path / "y.tif", np.zeros((384, 512), np.uint8), (34118, zeiss_text()))
    # it may lie over the image: nobody has looked yet
    assert formats.read(path).info_bar is None


SCAN = {"PixelWidth": "3e-09", "PixelHeight": "3e-09"}
WIDE = {"ResolutionX": 30, "ResolutionY": 20}


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


TESCAN = "\n".join(
    ["[MAIN]", "Device=VEGA3", "Magnification=500", "PixelSizeX=2e-09", "PixelSizeY=3e-09",
     "ImageStripSize=6", "[SEM]", "HV=20000.0", "WD=0.015", "Detector=SE", "StageTilt=12.5"]
)  # fmt: skip


def check_tescan(found):
    assert (found.spacing, found.unit) == (pytest.approx((3, 2)), "nm")
    assert found.info_bar == InfoBar(bottom=6)
    facts = found.metadata["facts"]
    assert (facts["instrument"], facts["voltage_kv"], facts["tilt_deg"]) == ("VEGA3", 20, 12.5)
    assert facts["working_distance_mm"] == pytest.approx(15)


def test_the_tag_of_tescan_is_read(tmp_path):
    raw = b"\x01\x02" + TESCAN.encode()
    check_tescan(
        formats.read(write_tags(tmp_path / "t.tif", np.zeros((24, 30), np.uint8), (50431, raw)))
    )


@pytest.mark.parametrize("name", ["t.hdr", "t-tif.hdr"])
def test_the_header_beside_a_tescan_image_is_read(tmp_path, name):
    tifffile.imwrite(tmp_path / "t.tif", np.zeros((24, 30), np.uint8))
    (tmp_path / name).write_text(TESCAN)
    check_tescan(formats.read(tmp_path / "t.tif"))


def tvips_bytes(mode):
    header = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V1)
    header["Version"] = 2
    more = np.zeros((), tifffile.TIFF.TVIPS_HEADER_V2)
    more["Magic"], more["PixelSizeX"], more["PixelSizeY"] = 0xAAAAAAAA, 0.5, 0.5
    more["TemMode"], more["TemHighTension"], more["TemMagnification"] = mode, 200_000, 50_000
    return header.tobytes() + more.tobytes()


def test_tvips_is_read_and_its_diffraction_patterns_have_no_length(tmp_path):
    image = np.zeros((20, 30), np.uint16)
    found = formats.read(write_tags(tmp_path / "a.tif", image, (37706, tvips_bytes(0))))
    assert (found.spacing, found.unit) == ((0.5, 0.5), "nm")
    assert found.metadata["facts"]["voltage_kv"] == 200
    found = formats.read(write_tags(tmp_path / "b.tif", image, (37706, tvips_bytes(3))))
    assert (found.spacing, found.unit) == (None, "px")
    assert "diffraction" in found.notes[0]


def gatan_tags(unit, size):
    return [(65003, "s", 0, unit, True), (65004, "s", 0, unit, True),
            (65009, "d", 1, size, True), (65010, "d", 1, size, True)]  # fmt: skip


def test_a_diffraction_pattern_stays_in_reciprocal_nanometres(tmp_path):
    tifffile.imwrite(
        tmp_path / "d.tif", np.zeros((20, 30), np.float32), extratags=gatan_tags("1/nm", 0.05),
        metadata=None,
    )  # fmt: skip
    found = formats.read(tmp_path / "d.tif")
    assert (found.spacing, found.unit) == ((0.05, 0.05), "1/nm")


# texts beside an image ----------------------------------------------------------------------------

JEOL = "\n".join(
    ["$CM_FORMAT JEOL-SEM", "$CM_INSTRUMENT JSM-7600F", "$CM_ACCEL_VOLT 15.00", "$CM_MAG 5000",
     "$CM_SIGNAL SEI", "$CM_DATE 2019/05/03", "$CM_TIME 11:20:30", "$CM_FULL_SIZE 30 20",
     "$$SM_MICRON_BAR 10", "$$SM_MICRON_MARKER 1um", "$$SM_WD 8.1"]
)  # fmt: skip
HITACHI = "\r\n".join(
    ["[SemImageFile]", "InstructName=SU8000", "ImageName=a.tif", "DataSize=30x20",
     "PixelSize=24.8", "SignalName=SE(U)", "AcceleratingVoltage=15000 Volt", "Magnification=4000",
     "WorkingDistance=8100 um", "Date=05/03/2019", "Time=11:20:30"]
)  # fmt: skip


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


def test_another_text_beside_an_image_says_nothing(tmp_path):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("PixelSize=24.8\nremember the milk")
    assert formats.read(tmp_path / "a.png").spacing is None


# pixels -------------------------------------------------------------------------------------------


def test_12_bit_values_in_16_bits_stay_what_they_are(tmp_path, rng):
    image = rng.integers(0, 4096, (20, 30)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, image)


def test_pixels_that_are_not_square_are_kept(tmp_path):
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 5.0, "PhysicalSizeYUnit": "nm"}  # fmt: skip
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    assert formats.read(tmp_path / "b.ome.tif").spacing == (5.0, 2.0)


def test_decimals_keep_their_gaps(tmp_path, rng):
    image = rng.random((20, 30)).astype(np.float32)
    image[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, image)


def test_one_bit_tiff_is_read_and_its_inversion_named(tmp_path, rng):
    image = rng.random((20, 30)) > 0.5
    Image.fromarray(image).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data > 0, image)
    tifffile.imwrite(tmp_path / "b.tif", image, photometric="miniswhite")
    found = formats.read(tmp_path / "b.tif")
    np.testing.assert_array_equal(found.data, image)
    assert "looks inverted" in found.notes[0]


@pytest.mark.parametrize("large", [False, True])
def test_a_palette_gives_its_colours_and_a_grey_one_the_numbers(tmp_path, rng, large, monkeypatch):
    if large:
        monkeypatch.setattr(lazy, "EAGER_BYTES", 100)
    image = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    ramp = np.arange(256, dtype=np.uint16) * 257
    tifffile.imwrite(
        tmp_path / "grey.tif", image, photometric="palette", colormap=np.stack([ramp] * 3)
    )
    np.testing.assert_array_equal(formats.read(tmp_path / "grey.tif").data, image)
    tifffile.imwrite(
        tmp_path / "colour.tif", image, photometric="palette",
        colormap=np.stack([ramp, ramp[::-1], ramp]),
    )  # fmt: skip
    found = formats.read(tmp_path / "colour.tif").data
    np.testing.assert_array_equal(found, np.stack([image, 255 - image, image], axis=-1))


# units --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit"),
    [("micron", "µm"), ("μm", "µm"), ("um", "µm"), ("\\u00B5m", "µm"), ("nanometer", "nm"),
     ("A", "Å"), ("\u212b", "Å"), ("1 / nm", "1/nm"), ("nm^-1", "1/nm"), ("1/A", "1/Å"),
     ("inches", "inch"), ("", "px"), (None, "px"), ("Pixels", "px"), ("furlong", "furlong")],
)  # fmt: skip
def test_units_have_one_name(text, unit):
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    ("size", "unit", "found"),
    [(3e-9, "m", (3, "nm")), (1e-4, "cm", (1000, "nm")), (1, "inch", (2.54e7, "nm")),
     (2, "µm", (2, "µm")), (2, "pm", (2, "pm")), (1.5, "Å", (1.5, "Å")), (2, "mm", (2, "mm")),
     (5e8, "1/m", (0.5, "1/nm")), (0.5, "1/nm", (0.5, "1/nm"))],
)  # fmt: skip
def test_metres_and_inches_become_nanometres_and_readable_units_stay(size, unit, found):
    spacing, name, notes = settle([Stated("a test", (size, size), unit)])
    assert (spacing, name) == (pytest.approx((found[0], found[0])), found[1])
    assert not notes


@pytest.mark.parametrize(
    ("size", "unit"),
    [(0, "nm"), (-1, "nm"), (np.inf, "nm"), ("x", "nm"), (5, "furlong"), (20, "m")],
)
def test_what_is_no_pixel_size_is_named_and_not_used(size, unit):
    spacing, name, notes = settle([Stated("a test", (size, size), unit)])
    assert (spacing, name) == (None, "px")
    assert "a test" in notes[0]


def test_sizes_that_agree_within_their_digits_do_not_contradict_each_other():
    sizes = [Stated("one", (3.0004, 3.0004), "nm"), Stated("two", (0.003, 0.003), "µm")]
    assert settle(sizes) == ((3.0004, 3.0004), "nm", ())


@pytest.mark.parametrize(
    ("text", "value"), [("25.00 K X", 25_000), ("3,5", 3.5), ("1e-3 m", 1e-3), (b"2", 2), (4, 4)]
)
def test_numbers_as_microscopes_write_them(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "K", None, True, float("nan"), "1.#IND"[2:], [1]])
def test_what_is_no_number_is_none(text):
    assert number(text) is None


# large data ---------------------------------------------------------------------------------------


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(lazy, "EAGER_BYTES", 100)
    monkeypatch.setattr(lazy, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(lazy, "CHUNK_SIDE", 40)


LARGE = {
    "contiguous": {},
    "stack": {"compression": "zlib"},
    "tiled": {"compression": "zlib", "tile": (16, 16)},
    "strips": {"compression": "zlib", "rowsperstrip": 7},
    "imagej": {"imagej": True},
}


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("shape", [(60, 50), (5, 60, 50)])
def test_large_tiff_stays_in_its_file_and_leaves_it_closed(tmp_path, rng, kind, shape):
    image = rng.integers(0, 255, shape).astype(np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, photometric="minisblack", **LARGE[kind])
    found = formats.read(path).data
    assert isinstance(found, da.Array)
    assert len(found.chunks[-2]) > 1
    np.testing.assert_array_equal(found, image)
    np.testing.assert_array_equal(found[..., 20:41, 3:4], image[..., 20:41, 3:4])
    assert not any(str(path) in one for one in open_files())


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_large_colour_tiff_has_its_colours_last(tmp_path, rng, planar):
    image = rng.integers(0, 255, (60, 50, 3)).astype(np.uint8)
    stored = image if planar == "contig" else np.moveaxis(image, -1, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression="zlib"
    )
    found = formats.read(tmp_path / "a.tif").data
    assert isinstance(found, da.Array)
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_a_pyramid_comes_with_its_levels(tmp_path, rng, limit, monkeypatch):
    monkeypatch.setattr(lazy, "EAGER_BYTES", limit)
    image = rng.integers(0, 255, (2, 64, 96)).astype(np.uint16)
    path = tmp_path / "p.ome.tif"
    options = {"tile": (16, 16), "compression": "zlib", "photometric": "minisblack"}
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 2.0, "PhysicalSizeYUnit": "nm",
            "PhysicalSizeZ": 10.0, "PhysicalSizeZUnit": "nm"}  # fmt: skip
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(image, subifds=2, metadata={"axes": "ZYX", **size}, **options)
        tif.write(image[:, ::2, ::2], subfiletype=1, **options)
        tif.write(image[:, ::4, ::4], subfiletype=1, **options)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, image)
    assert len(found.levels) == 2
    np.testing.assert_array_equal(found.levels[0], image[:, ::2, ::2])
    np.testing.assert_array_equal(found.levels[1], image[:, ::4, ::4])
    assert found.spacing == (2.0, 2.0)
    assert found.axes == (Axis("z", 10.0, "nm"),)


@pytest.mark.parametrize(
    ("compression", "side"), [("zstd", 2048), ("lzma", 2048), ("lzw", 5000), ("group4", 5000)]
)
def test_a_blank_image_is_read_however_small_its_file_is(tmp_path, compression, side):
    path = tmp_path / "a.tif"
    if compression == "group4":
        Image.fromarray(np.zeros((side, side), bool)).save(path, compression=compression)
    else:
        # in one strip, even LZW makes it smaller than deflate can
        plane = np.zeros((side, side), np.uint8)
        tifffile.imwrite(path, plane, compression=compression, rowsperstrip=side)
    found = formats.read(path)
    assert found.data.shape == (side, side)
    assert not found.data[:: side // 4, :: side // 4].any()


def test_of_a_nearly_empty_stack_a_strip_is_in_memory_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(lazy, "EAGER_BYTES", 100)
    monkeypatch.setattr(lazy, "_MOST_BYTES", 1 << 21)
    data = np.zeros((16, 512, 512), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, compression="lzma", rowsperstrip=256)
    assert formats.read(tmp_path / "a.tif").data.shape == data.shape
    plane = data.reshape(2048, 2048)
    tifffile.imwrite(tmp_path / "b.tif", plane, compression="lzma", rowsperstrip=2048)
    with pytest.raises(ValueError, match="claims"):
        formats.read(tmp_path / "b.tif")


@pytest.mark.usefixtures("everything_is_large")
def test_a_part_that_cannot_be_read_is_named_when_it_is_looked_at(tmp_path, rng):
    image = rng.integers(0, 255, (60, 50)).astype(np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, compression="zlib", rowsperstrip=10)
    with tifffile.TiffFile(path) as tif:
        place = tif.pages[0].dataoffsets[2]
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 8)
    found = formats.read(path).data
    with pytest.raises(ValueError, match=r"a\.tif: a part of it cannot be read"):
        found.compute()


# NumPy, Zarr, HDF5, HyperSpy, folders -------------------------------------------------------------


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_numpy_files_are_read(tmp_path, rng, limit, monkeypatch):
    monkeypatch.setattr(lazy, "EAGER_BYTES", limit)
    image = rng.random((5, 20, 30)).astype(np.float32)
    np.save(tmp_path / "a.npy", image)
    found = formats.read(tmp_path / "a.npy")
    assert isinstance(found.data, da.Array) == (limit == 100)
    np.testing.assert_array_equal(found.data, image)
    np.save(tmp_path / "turned.npy", image.transpose(0, 2, 1))
    np.testing.assert_array_equal(
        formats.read(tmp_path / "turned.npy").data, image.transpose(0, 2, 1)
    )
    np.savez_compressed(tmp_path / "a.npz", one=image, two=image[0], words=np.arange(3))
    images = formats.read_all(tmp_path / "a.npz")
    assert [one.name for one in images] == ["a one", "a two"]
    np.testing.assert_array_equal(images[1].data, image[0])
    np.savez(tmp_path / "b.npz", facts=np.array([[{}]]), one=image)
    np.testing.assert_array_equal(formats.read(tmp_path / "b.npz").data, image)


def test_numpy_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}, {}]]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: holds Python objects, .* save its numbers"):
        formats.read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("at", "new", "said"),
    [(1, b"X", "its header cannot be read"), (30, b"\xff", "its header cannot be read"),
     (-1, b"", "is cut off or damaged: it claims 2,400 bytes")],
)  # fmt: skip
def test_a_damaged_numpy_file_is_told_in_our_words(tmp_path, at, new, said):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((20, 30), np.float32))
    raw = path.read_bytes()
    path.write_bytes(raw[:at] + (new + raw[at + 1 :] if new else b""))
    if not new:
        path.write_bytes(raw[:200])
    with pytest.raises(ValueError, match=rf"a\.npy: .*{said}.*get an intact copy"):
        formats.read(path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_comes_lazily_with_scale_and_levels(tmp_path, rng, version):
    image = rng.integers(0, 255, (3, 2, 64, 96)).astype(np.uint16)
    kind = 2 if version == "0.4" else 3
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=kind)
    for level in range(2):
        data = image[..., :: 2**level, :: 2**level]
        group.create_array(str(level), shape=data.shape, chunks=(1, 1, 32, 32), dtype=data.dtype)
        group[str(level)][:] = data
    axes = [{"name": "t", "type": "time", "unit": "second"}, {"name": "c", "type": "channel"},
            *({"name": n, "type": "space", "unit": "nanometer"} for n in "yx")]  # fmt: skip
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [1, 1, s, s]}]}
        for k, s in ((0, 2.5), (1, 5.0))
    ]
    whole = [{"type": "scale", "scale": [0.5, 1, 1, 1]}]
    scales = [{"axes": axes, "datasets": datasets, "coordinateTransformations": whole}]
    group.attrs.update(
        {"multiscales": scales}
        if version == "0.4"
        else {"ome": {"version": "0.5", "multiscales": scales}}
    )
    found = formats.read(tmp_path / "a.ome.zarr")
    assert found.name == "a"
    assert isinstance(found.data, da.Array)
    np.testing.assert_array_equal(found.data, image)
    np.testing.assert_array_equal(found.levels[0], image[..., ::2, ::2])
    assert (found.spacing, found.unit) == ((2.5, 2.5), "nm")
    assert found.axes == (Axis("t", 0.5, "s"), Axis("c", 1.0, "px"))


def one_zarr(path, version, units, names, datasets, whole=()):
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=np.zeros((2, 4, 5)[-len(names) :], np.uint8))
    axes = [
        {"name": name, **({"unit": unit} if unit else {})}
        for name, unit in zip(names, units, strict=True)
    ]
    scales = [
        {"axes": axes, "coordinateTransformations": list(whole),
         "datasets": [{"path": "0", "coordinateTransformations": datasets}]}
    ]  # fmt: skip
    inner = {"version": version, "multiscales": scales}
    group.attrs.update({"multiscales": scales} if version == "0.4" else {"ome": inner})
    return formats.read(path)


def moved(kind, *values):
    return {"type": kind, kind: list(values)}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_place_of_an_ome_zarr_is_that_of_its_first_pixel(tmp_path, version):
    level = [moved("scale", 0.5, 0.5), moved("translation", 10, 20)]
    whole = [moved("scale", 2, 3), moved("translation", 1, 2)]
    units = ["micrometer", "micrometer"]
    found = one_zarr(tmp_path / "a.zarr", version, units, "YX", level, whole)
    assert (found.spacing, found.unit) == ((1.0, 1.5), "µm")
    assert found.metadata["origin"] == [21.0, 62.0]
    assert "origin" not in one_zarr(tmp_path / "b.zarr", version, units, "yx", level[:1]).metadata


@pytest.mark.parametrize(
    ("units", "spacing", "unit", "origin", "said"),
    [
        (["micrometer", "nanometer"], (500.0, 0.5), "nm", [1000, 4], ()),
        (["", "nanometer"], None, "px", [2, 8], ("'px and nm' of OME-Zarr is not known",)),
        (["", ""], None, "px", [2, 8], ()),
    ],
)
def test_units_of_an_ome_zarr_that_differ_are_made_one_or_said(
    tmp_path, units, spacing, unit, origin, said
):
    place = [moved("scale", 7, 0.5, 0.5), moved("translation", 0, 1, 4)]
    found = one_zarr(tmp_path / "a.zarr", "0.5", ["second", *units], "Tyx", place)
    # exactly: pixels of one size must not seem oblong
    assert (found.spacing, found.unit, found.axes) == (spacing, unit, (Axis("t", 7, "s"),))
    assert found.metadata["origin"] == pytest.approx(origin)
    assert len(found.notes) == len(said)
    assert all(one in note for one, note in zip(said, found.notes, strict=True))


def test_plain_zarr_is_read(tmp_path, rng):
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    zarr.save_array(tmp_path / "a.zarr", image)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, image)
    group = zarr.open_group(tmp_path / "b.zarr", mode="w")
    for name in ("first", "second"):
        group.create_array(name, data=image)
    assert [one.name for one in formats.read_all(tmp_path / "b.zarr")] == ["b first", "b second"]


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_plain_hdf5_is_read(tmp_path, rng, limit, monkeypatch):
    import h5py

    monkeypatch.setattr(lazy, "EAGER_BYTES", limit)
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/image"] = image
        file["line"] = np.arange(4)
    found = formats.read(tmp_path / "a.h5").data
    assert isinstance(found, da.Array) == (limit == 100)
    np.testing.assert_array_equal(found, image)
    assert not any("a.h5" in one for one in open_files())


def test_datasets_that_were_never_written_hide_no_others(tmp_path, rng):
    import h5py

    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = image
        file.create_dataset("labels", (50, 512, 512), "u1", chunks=True, fillvalue=3)
        part = file.create_dataset("part", (3000, 3000), "u1", chunks=(100, 100), compression=9)
        part[:5, :5] = 1
    found = {one.name: one.data for one in formats.read_all(tmp_path / "a.h5")}
    np.testing.assert_array_equal(found["a image"], image)
    assert (np.asarray(found["a labels"][40, :2]) == 3).all()
    assert found["a part"].sum() == 25
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("labels", (5000, 1000, 1000), "u1", chunks=True)
    with pytest.raises(ValueError, match="claims 5,000,000,000 bytes"):
        formats.read_all(tmp_path / "b.h5")


def signal(image):
    def axis(name, size, scale, unit, navigate):
        return {"name": name, "size": size, "scale": scale, "offset": 0.0, "units": unit,
                "navigate": navigate, "is_binned": False, "_type": "UniformDataAxis"}  # fmt: skip

    rows, columns = image.shape[-2:]
    axes = [axis("y", rows, 2.0, "nm", False), axis("x", columns, 3.0, "nm", False)]
    if image.ndim == 3:
        axes.insert(0, axis("t", len(image), 0.5, "s", True))
    for k, one in enumerate(axes):
        one["index_in_array"] = k
    tem = {"microscope": "Titan", "beam_energy": 300.0, "Stage": {"tilt_alpha": 10.0}}
    return {
        "data": image, "axes": axes, "original_metadata": {"a": {"b": 1}},
        "metadata": {
            "General": {"title": "x", "date": "2020-01-02"}, "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": tem},
        },
        "attributes": {"_lazy": False, "ragged": False}, "learning_results": {}, "models": {},
        "tmp_parameters": {}, "package_info": {"package": "hyperspy", "package_version": "2"},
    }  # fmt: skip


@pytest.mark.parametrize("ending", [".hspy", ".hdf5"])
@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_hyperspy_files_are_read(tmp_path, rng, ending, limit, monkeypatch):
    hspy = pytest.importorskip("rsciio.hspy")
    monkeypatch.setattr(lazy, "EAGER_BYTES", limit)
    image = rng.random((4, 20, 30)).astype(np.float32)
    hspy.file_writer(str(tmp_path / f"a{ending}"), signal(image))
    found = formats.read(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(found.data, image)
    assert (found.spacing, found.unit) == ((2.0, 3.0), "nm")
    assert found.axes == (Axis("t", 0.5, "s"),)
    facts = found.metadata["facts"]
    assert (facts["instrument"], facts["voltage_kv"], facts["tilt_deg"]) == ("Titan", 300, 10)
    assert facts["date"] == "2020-01-02"


def test_emd_files_are_read(tmp_path, rng):
    emd = pytest.importorskip("rsciio.emd")
    image = rng.random((20, 30)).astype(np.float32)
    emd.file_writer(str(tmp_path / "a.emd"), signal(image))
    found = formats.read(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.data, image)
    assert (found.spacing, found.unit) == ((2.0, 3.0), "nm")
    assert not any("a.emd" in one for one in open_files())


def write_mrc(path, data, size=(20.0, 20.0, 50.0), stamp=b"\x44\x44", order="<"):
    """An MRC file by its published layout; sizes in ångström (x, y, z)."""
    header = np.zeros(256, f"{order}i4")
    planes, rows, columns = (1,) * (3 - data.ndim) + data.shape
    header[[0, 1, 2, 3, 7, 8, 9]] = columns, rows, planes, 2, columns, rows, planes
    lengths = np.array([size[0] * columns, size[1] * rows, size[2] * planes], f"{order}f4")
    header[10:13] = lengths.view(f"{order}i4")
    raw = bytearray(header.tobytes())
    raw[208:212], raw[212:214] = b"MAP ", stamp
    path.write_bytes(bytes(raw) + data.astype(f"{order}f4").tobytes())
    return path


def test_a_volume_has_the_step_of_its_third_axis_and_a_tilt_series_none(tmp_path, rng):
    pytest.importorskip("rsciio")
    data = rng.random((4, 20, 30)).astype(np.float32)
    found = formats.read(write_mrc(tmp_path / "a.rec", data))
    np.testing.assert_array_equal(found.data, data)
    assert (found.spacing, found.unit) == ((2.0, 2.0), "nm")
    assert found.axes == (Axis("z", 5.0, "nm"),)
    assert formats.read(write_mrc(tmp_path / "a.st", data)).axes == (Axis("z", 1.0, "px"),)


def test_mrc_of_the_other_byte_order_is_read(tmp_path, rng):
    pytest.importorskip("rsciio")
    data = rng.random((20, 30)).astype(np.float32)
    path = write_mrc(tmp_path / "a.mrc", data, stamp=b"\x11\x11", order=">")
    np.testing.assert_array_equal(formats.read(path).data, data)


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


def test_without_rosettasciio_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    (tmp_path / "a.dm3").write_bytes(b"x" * 100)
    monkeypatch.setitem(sys.modules, "rsciio.digitalmicrograph", None)
    with pytest.raises(ImportError, match=r'pip install "napari-visual-ccc\[formats\]"'):
        formats.read(tmp_path / "a.dm3")
    monkeypatch.setitem(sys.modules, "rsciio.tiff", None)
    tifffile.imwrite(
        tmp_path / "d.tif", np.zeros((20, 30), np.float32), extratags=gatan_tags("nm", 0.05),
        metadata=None,
    )  # fmt: skip
    found = formats.read(tmp_path / "d.tif")
    assert found.spacing is None
    assert "napari-visual-ccc[formats]" in found.notes[0]


# parts of lazy images ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "compressed", "mapped", "zarr"])
def test_any_part_of_a_lazy_stack_can_be_taken(tmp_path, monkeypatch, rng, kind):
    monkeypatch.setattr(lazy, "EAGER_BYTES", 100)
    stack = rng.integers(0, 255, (4, 20, 30)).astype(np.uint8)
    path = tmp_path / {"zarr": "s.zarr", "folder": "slices"}.get(kind, "s.tif")
    if kind == "folder":
        path.mkdir()
        for k, plane in enumerate(stack):
            tifffile.imwrite(path / f"{k}.tif", plane)
    elif kind == "zarr":
        zarr.save(str(path), stack)
    else:
        compression = "zlib" if kind == "compressed" else None
        tifffile.imwrite(path, stack, compression=compression, photometric="minisblack")
    data = formats.read(path).data
    assert hasattr(data, "dask")
    for part in (
        np.s_[2], np.s_[-1], np.s_[1, 3:9], np.s_[:, 5], np.s_[..., 7], np.s_[2, 4, 5],
        np.s_[1:3, ::2, 3], np.s_[0, ..., ::3],
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(data[part]), stack[part])


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


@pytest.mark.parametrize("unit", ["min", "h", "ms"])
def test_steps_of_time_are_kept(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "t.ome.tif", np.zeros((3, 20, 30), np.uint8),
        metadata={"axes": "TYX", "TimeIncrement": 2.0, "TimeIncrementUnit": unit},
    )  # fmt: skip
    assert formats.read(tmp_path / "t.ome.tif").axes == (Axis("t", 2.0, unit),)
