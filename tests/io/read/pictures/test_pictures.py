"""PNG, JPEG, BMP, GIF, WebP and JPEG 2000."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from napari_visual_ccc.io import read as formats
from tests.io.read.made import (
    cut,
)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
def test_other_images_are_read(tmp_path, rng, name):
    image = np.full((20, 30), 100, np.uint8)
    Image.fromarray(image).save(tmp_path / name)
    np.testing.assert_allclose(formats.read(tmp_path / name).data, image, atol=2)


def test_16_bit_png_keeps_its_levels(tmp_path, ramp16):
    Image.fromarray(ramp16).save(tmp_path / "a.png")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.png").data, ramp16)


def test_a_truncated_png_is_named(tmp_path, rng):
    path = tmp_path / "half.png"
    Image.fromarray(rng.integers(0, 255, (60, 50)).astype(np.uint8)).save(path)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.png: cannot be read"):
        formats.read(path)


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


def test_jpeg_2000_keeps_its_levels(tmp_path, rng, ramp16):
    colours = rng.integers(0, 65_536, (24, 40, 3)).astype(np.uint16)
    grey8 = rng.integers(0, 256, (24, 40)).astype(np.uint8)
    for name, image in (("a.jp2", ramp16), ("b.jp2", colours), ("c.j2k", grey8)):
        path = tmp_path / name
        path.write_bytes(imagecodecs.jpeg2k_encode(image, level=0, codecformat=name[2:]))
        one = formats.read(path)
        np.testing.assert_array_equal(one.data, image)
        assert one.data.dtype == image.dtype
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"c\.j2k"):
        formats.read(path)


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_grey_stays_grey_and_colours_stay_colours(tmp_path, name):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    options = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(grey).save(tmp_path / name, **options)
    np.testing.assert_array_equal(formats.read(tmp_path / name).data, grey)
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[:10], colours[10:, 5:] = (200, 10, 40), (0, 90, 255)
    Image.fromarray(colours).save(tmp_path / name, **options)
    np.testing.assert_array_equal(formats.read(tmp_path / name).data, colours)
    assert not formats.is_plain(tmp_path / name)


def test_a_lossy_webp_is_close(tmp_path):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    Image.fromarray(grey).save(tmp_path / "a.webp", quality=90)
    # the codec stores colour, and rounding leaves a little of it
    data = formats.read(tmp_path / "a.webp").data
    assert data.shape == (*grey.shape, 3)
    np.testing.assert_allclose(data.mean(axis=-1), grey, atol=12)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_an_animation_is_a_stack_along_time(tmp_path, name):
    frames = [np.full((20, 30), level, np.uint8) for level in (10, 100, 250)]
    frames[1][5:9, 5:9] = 0
    first, *others = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if name == "a.webp" else {}
    first.save(
        tmp_path / name, save_all=True, append_images=others, duration=200, loop=0, **options
    )
    one = formats.read(tmp_path / name)
    np.testing.assert_array_equal(one.data, np.stack(frames))
    assert [(axis.name, axis.step, axis.unit) for axis in one.axes] == [("t", 0.2, "s")]
    assert not one.notes
    # napari's own reader opens the first frame
    assert not formats.is_plain(tmp_path / name)


@pytest.mark.parametrize("kind", ["1", "P", "RGB", "RGBA", "LA"])
def test_frames_of_a_png_have_the_levels_of_the_picture(tmp_path, rng, kind):
    frames = [
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).convert(kind) for _ in "abc"
    ]
    for number, frame in enumerate(frames):
        frame.save(tmp_path / f"{number}.png")
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], blend=0)
    found = formats.read(tmp_path / "a.png")
    assert found.axes[0].name == "t"
    alone = np.stack([formats.read(tmp_path / f"{number}.png").data for number in range(3)])
    # an opacity that is full is left out
    np.testing.assert_array_equal(found.data, alone[..., :3] if kind == "RGBA" else alone)


def test_what_is_left_out_of_an_animated_png_is_said(tmp_path):
    frames = [np.full((20, 30), level, np.uint8) for level in (10, 100, 250)]
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(tmp_path / "a.png", save_all=True, append_images=others, default_image=True)
    found = formats.read(tmp_path / "a.png")
    np.testing.assert_array_equal(found.data, frames[1:])
    assert "no animation was left out" in found.notes[0]
    deep = [Image.fromarray(frame.astype(np.uint16) * 200) for frame in frames]
    deep[0].save(tmp_path / "b.png", save_all=True, append_images=deep[1:])
    found = formats.read(tmp_path / "b.png")
    np.testing.assert_array_equal(found.data, frames[0].astype(np.uint16) * 200)
    assert found.notes == ("the file holds 3 pictures, of which the first is read",)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "c.png").write_bytes(content[: content.rindex(b"fcTL") - 4])
    with pytest.raises(ValueError, match=r"c\.png"):
        formats.read(tmp_path / "c.png")


def test_a_picture_larger_than_memory_is_refused_by_its_header(tmp_path):
    path = tmp_path / "huge.gif"
    path.write_bytes(b"GIF89a" + b"\xff\xff\xff\xff" + b"\x00" * 20)
    with pytest.raises(ValueError, match=r"huge\.gif"):
        formats.read(path)


def test_large_pictures_are_read_and_the_limit_of_other_readers_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "a.png")
    assert formats.read(tmp_path / "a.png").data.shape == (30, 40)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_name_may_be_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(path)
    assert formats.read(path).data.shape == (3, 4)


@pytest.mark.parametrize("beside", ["a.ome.tif", "a.ome.zarr", "a.tif", ""])
@pytest.mark.parametrize("name", ["a.png", "a_overlay.png"])
def test_what_is_drawn_of_a_result_names_the_result(tmp_path, name, beside):
    from napari_visual_ccc.core.layers import LabelsLayer
    from napari_visual_ccc.report.figures import preview
    from napari_visual_ccc.report.overlay import label_overlay

    write = label_overlay if "overlay" in name else preview
    write(LabelsLayer(np.eye(30, dtype=np.int32)), tmp_path / name)
    if beside:
        (tmp_path / beside).touch()
    found = formats.read(tmp_path / name)
    assert f"{name} is a picture of a result" in found.notes[0]
    assert found.notes[0].endswith(f"use {beside or 'the result itself'}")
    # the viewer shows the note
    assert not formats.is_plain(tmp_path / name)


def test_png_of_others_is_plain(tmp_path):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.png")
    assert formats.is_plain(tmp_path / "a.png")
    assert not formats.read(tmp_path / "a.png").notes


def test_a_png_of_very_many_texts_is_refused_and_one_of_some_is_read(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(path)
    raw = path.read_bytes()
    text = b"k\0v"
    chunk = struct.pack(">I", 3) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    # before the pixels, and behind them
    for place in (33, len(raw) - 12):
        path.write_bytes(raw[:place] + 100 * chunk + raw[place:])
        assert formats.read(path).data.shape == (9, 9)
        path.write_bytes(raw[:place] + 6000 * chunk + raw[place:])
        with pytest.raises(ValueError, match=r"a\.png: holds more than 5,000 texts"):
            formats.read(path)
