from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc import files


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30), (20, 30, 3)])
def test_tiff_comes_as_it_was_stored(tmp_path, rng, kind, shape):
    if shape[-1] == 3 and np.dtype(kind).kind != "u":
        return
    image = (rng.random(shape) * 200).astype(kind)
    photometric = "rgb" if shape[-1] == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", image, photometric=photometric)
    found = files.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, image)
    assert found.data.dtype == kind
    assert (found.spacing, found.unit, found.name) == (None, "px", "a")


def test_planar_colour_comes_with_colour_last(tmp_path, rng):
    image = rng.integers(0, 255, (3, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").data, np.moveaxis(image, 0, -1))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
def test_other_images_are_read(tmp_path, rng, name):
    image = np.full((20, 30), 100, np.uint8)
    Image.fromarray(image).save(tmp_path / name)
    np.testing.assert_allclose(files.read(tmp_path / name).data, image, atol=2)


def test_16_bit_png_keeps_its_levels(tmp_path, ramp16):
    Image.fromarray(ramp16).save(tmp_path / "a.png")
    np.testing.assert_array_equal(files.read(tmp_path / "a.png").data, ramp16)


def test_pixel_size_of_imagej_and_ome(tmp_path):
    image = np.zeros((4, 5), np.uint16)
    tifffile.imwrite(
        tmp_path / "ij.tif", image, imagej=True, resolution=(1 / 2.5, 1 / 3.0),
        metadata={"unit": "nm"},
    )  # fmt: skip
    found = files.read(tmp_path / "ij.tif")
    assert found.spacing == pytest.approx((3.0, 2.5))
    assert found.unit == "nm"
    size = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", image, metadata={"axes": "YX", **size})
    found = files.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((0.3, 0.2))
    assert (found.unit, found.name) == ("µm", "b")


def test_a_mebibyte_beyond_the_limit_is_mapped(tmp_path, monkeypatch, rng):
    monkeypatch.setattr(files, "_MAPPED_BYTES", 100)
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image)
    found = files.read(tmp_path / "a.tif").data
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, image)


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_tiff_is_called_that(tmp_path, rng, compression):
    path = tmp_path / "half.tif"
    image = rng.integers(0, 65535, (60, 50)).astype(np.uint16)
    tifffile.imwrite(path, image, compression=compression)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.tif: is cut off"):
        files.read(path)


def test_a_truncated_png_is_named(tmp_path, rng):
    path = tmp_path / "half.png"
    Image.fromarray(rng.integers(0, 255, (60, 50)).astype(np.uint8)).save(path)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.png: cannot be read"):
        files.read(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("content", [b"", b"hello", b"II*\x00", bytes(1000)])
def test_what_is_no_image_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        files.read(tmp_path / name)


def test_missing_files_folders_and_other_kinds_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        files.read(tmp_path / "none.tif")
    with pytest.raises(ValueError, match="is a folder"):
        files.read(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(ValueError, match="not a kind of image"):
        files.read(tmp_path / "a.docx")


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text("one", path)
    with pytest.raises(FileExistsError, match="--force"):
        files.write_text("two", path)
    assert path.read_text() == "one"
    files.write_text("two", path, force=True)
    assert path.read_text() == "two"


def test_a_failed_write_leaves_what_was_there_and_no_half_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.written(path, force=True) as part:
        part.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_png_keeps_its_levels(tmp_path, rng, channels):
    import cv2

    image = rng.integers(0, 65535, (20, 30, channels)).astype(np.uint16)
    order = [2, 1, 0, 3][:channels]
    cv2.imwrite(str(tmp_path / "deep.png"), image[..., order])
    np.testing.assert_array_equal(files.read(tmp_path / "deep.png").data, image)
    path = tmp_path / "deep.png"
    cut(path)
    with pytest.raises(ValueError, match=r"deep\.png"):
        files.read(path)


def test_units_of_both_axes_count(tmp_path):
    size = {
        "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.001, "PhysicalSizeYUnit": "µm",
    }  # fmt: skip
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = files.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((1.0, 2.0))
    assert found.unit == "nm"


def test_a_unit_that_is_no_length_is_no_calibration(tmp_path):
    size = {"PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "reference frame"}
    size |= {key.replace("X", "Y", 1): value for key, value in size.items()}
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = files.read(tmp_path / "b.ome.tif")
    assert (found.spacing, found.unit) == (None, "px")
