"""What reading does for every kind of file, and what it refuses."""

from __future__ import annotations

import csv
import hashlib
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.units import METRES
from napari_visual_ccc.io import read as formats
from tests.io.read.made import SCAN, fei_text, open_files

METRES_OF = {**METRES, "m": 1.0}


def expected(data):
    with (data / "formats/expected_pixel_size.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("content", [b"", b"hello", b"II*\x00", bytes(1000)])
def test_what_is_no_image_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"; get an intact copy of it") as error:
        formats.read(tmp_path / name)
    # decoders name the file in their own words, too
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert str(error.value).count(name) == 1


def test_missing_files_folders_and_other_kinds_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        formats.read(tmp_path / "none.tif")
    with pytest.raises(ValueError, match="is a folder"):
        formats.read(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(ValueError, match="not a kind of image"):
        formats.read(tmp_path / "a.docx")


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


# several images -----------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_page_marked_as_a_preview_is_left_out(tmp_path, rng, first, factor):
    image = rng.integers(0, 255, (48, 64)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        pages = [(image[::factor, ::factor], 1), (image, 0)]
        for page, kind in pages if first else pages[::-1]:
            file.write(page, subfiletype=kind)
    (found,) = formats.read_all(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, image)
    assert found.notes == ()
    assert not formats.is_plain(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", [".tif", ".h5", ".npz"])
def test_a_preview_without_a_mark_is_not_the_image(tmp_path, rng, ending):
    image = rng.integers(0, 255, (48, 64)).astype(np.uint8)
    path = tmp_path / f"a{ending}"
    if ending == ".tif":
        with tifffile.TiffWriter(path) as file:
            file.write(image[::4, ::4])
            file.write(image)
    elif ending == ".h5":
        import h5py

        with h5py.File(path, "w") as file:
            file["a_preview"], file["image"] = image[::4, ::4], image
    else:
        np.savez(path, a_preview=image[::4, ::4], image=image)
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, image)
    assert "the file holds 2 images; this is number 2" in found.notes


def pages(path, *images):
    with tifffile.TiffWriter(path) as file:
        for image in images:
            file.write(image, photometric="rgb" if image.ndim == 3 else "minisblack", metadata=None)
    return path


def test_a_far_smaller_image_of_another_shape_is_not_the_micrograph(tmp_path):
    pages(tmp_path / "a.tif", np.zeros((20, 30), np.uint8), np.zeros((200, 200), np.uint8))
    found = formats.read(tmp_path / "a.tif")
    assert found.data.shape == (200, 200)
    assert "left out: number 1, 20 x 30, uint8" in found.notes
    pages(tmp_path / "b.tif", np.zeros((150, 180), np.uint8), np.zeros((200, 200), np.uint8))
    assert formats.read(tmp_path / "b.tif").data.shape == (150, 180)


@pytest.mark.parametrize("small", [(12, 16), (20, 20), (48, 64)])
@pytest.mark.parametrize("places", [(0, 1), (1, 0), (1, 0, 0)])
def test_a_picture_in_colour_before_the_micrograph_is_left_out(tmp_path, rng, small, places):
    image = rng.integers(0, 60_000, (48, 64)).astype(np.uint16)
    colour = rng.integers(0, 255, (*small, 3)).astype(np.uint8)
    pages(tmp_path / "a.tif", *([colour, image][place] for place in places))
    found = formats.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, image)
    assert f"this is number {places.index(1) + 1}" in found.notes[-2]
    assert f"{small[0]} x {small[1]}, in colour" in found.notes[-1]


def test_a_colour_micrograph_is_not_left_for_its_small_mask(tmp_path):
    colour, mask = np.zeros((48, 64, 3), np.uint8), np.zeros((10, 10), np.uint8)
    pages(tmp_path / "a.tif", mask, colour)
    assert formats.read(tmp_path / "a.tif").data.shape == (48, 64, 3)


@pytest.mark.parametrize("first", [True, False])
def test_the_page_with_the_facts_of_the_acquisition_is_the_micrograph(tmp_path, first):
    from napari_visual_ccc.io.read.tiff.tags import FEI

    text = fei_text(Beam={"HV": 5000}, Scan=SCAN)
    extra = [(FEI[1], "s", 0, text, True)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for known in (first, not first):
            image = np.full((48, 64) if known else (100, 80), 7 * known, np.uint8)
            file.write(image, metadata=None, extratags=extra if known else [])
    found = formats.read(tmp_path / "a.tif")
    assert found.data.shape == (48, 64) and found.spacing == pytest.approx((3, 3))
    assert found.notes[-1] == f"left out: number {1 + first}, 100 x 80, uint8"


@pytest.mark.parametrize(("name", "size"), [("a.png", 2.5), ("a.png", 400.0), ("a.jpg", 500.0)])
def test_a_pixel_size_in_the_resolution_of_a_picture_is_used_and_said(tmp_path, name, size):
    dots = 2.54e7 / size
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / name, dpi=(dots, dots))
    found = formats.read(tmp_path / name)
    assert found.spacing == pytest.approx((size, size), rel=1e-3)
    assert found.unit == "nm"
    assert any("resolution" in note for note in found.notes)
    assert not formats.is_plain(tmp_path / name)
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / name, dpi=(300, 300))
    found = formats.read(tmp_path / name)
    assert (found.spacing, found.notes) == (None, ())
    assert found.metadata["facts"]["print_resolution"].startswith("300 dpi, for print: not used")
    assert formats.is_plain(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "how", "lossy"),
    [("a.jpg", {}, True), ("a.webp", {"quality": 80}, True), ("a.webp", {"lossless": True}, False),
     ("a.png", {}, False), ("a.tif", {"compression": "jpeg"}, True), ("a.tif", {}, False)],
)  # fmt: skip
def test_lossy_files_are_known_by_their_content(tmp_path, name, how, lossy):
    data = np.zeros((32, 32, 3), np.uint8)
    if name == "a.tif":
        tifffile.imwrite(tmp_path / name, data, photometric="rgb", **how)
    else:
        Image.fromarray(data).save(tmp_path / name, **how)
    assert formats.is_lossy(tmp_path / name) is lossy
    assert not formats.is_lossy(tmp_path / "none.jpg")
    assert not formats.is_lossy(None)
