"""What the numbers of a pixel mean, in each format that can say it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc.arrays.inputs import to_gray
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read.pictures.colours import (
    ALPHA,
    DISPLAY,
    INKS,
    from_inks,
    of_orientation,
    of_palette,
    of_samples,
)

IMAGEJ = "ImageJ=1.54f\nunit=nm\nmin=0.0\nmax=255.0\n"


@pytest.fixture
def grey(rng):
    """Two bright discs on a dark ground."""
    y, x = np.mgrid[:48, :64]
    there = ((y - 15) ** 2 + (x - 20) ** 2 < 90) | ((y - 30) ** 2 + (x - 45) ** 2 < 120)
    return np.clip(np.where(there, 200, 60) + rng.normal(0, 6, there.shape), 0, 255).astype("u1")


def read_grey(path):
    image = formats.read(path)
    return to_gray(image.data)[0], image.notes


# opacity ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_with_opacity_in_tiff_is_grey(tmp_path, grey, extra, planar, kind):
    both = np.stack([grey.astype(kind), np.full(grey.shape, np.iinfo(kind).max, kind)], -1)
    both = both if planar == "contig" else np.moveaxis(both, -1, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", both, photometric="minisblack", extrasamples=[extra],
        planarconfig=planar,
    )  # fmt: skip
    found = formats.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, grey)
    assert ALPHA in found.notes
    assert not formats.is_plain(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.jp2"])
def test_grey_with_opacity_in_pictures_is_grey(tmp_path, grey, name):
    alpha = np.full_like(grey, 255)
    both = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    both.save(tmp_path / name, **({"irreversible": False} if name.endswith("2") else {}))
    found = formats.read(tmp_path / name)
    np.testing.assert_array_equal(found.data, grey)
    assert ALPHA in found.notes
    assert not formats.is_plain(tmp_path / name)


# channels -----------------------------------------------------------------------------------------


@pytest.mark.case("E01c")
@pytest.mark.parametrize("count", [2, 3, 5, 7])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_grey_samples_are_channels_before_the_rows(tmp_path, grey, count, planar):
    stack = np.stack([grey // (k + 1) for k in range(count)], -1 if planar == "contig" else 0)
    tifffile.imwrite(
        tmp_path / "a.tif", stack, photometric="minisblack", planarconfig=planar,
        extrasamples=["unspecified"] * (count - 1),
    )  # fmt: skip
    found = formats.read(tmp_path / "a.tif")
    assert found.data.shape == (count, *grey.shape)
    np.testing.assert_array_equal(found.data[1], grey // 2)
    assert [axis.name for axis in found.axes] == ["c"]
    assert any("channels" in note for note in found.notes)


def test_equal_samples_are_one_grey(tmp_path, grey):
    tifffile.imwrite(
        tmp_path / "a.tif", np.stack([grey] * 5, -1), photometric="minisblack",
        planarconfig="contig",
    )  # fmt: skip
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, grey)


def test_more_than_colours_is_left_out_and_said(tmp_path, grey):
    many = np.stack([grey, grey // 2, grey // 3, grey, grey], -1)
    tifffile.imwrite(tmp_path / "a.tif", many, photometric="rgb", planarconfig="contig")
    found = formats.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, many[..., :3])
    assert any("2 of 5 numbers" in note for note in found.notes)


# inks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.tif", "a.jpg"])
def test_grey_in_inks_is_the_grey_again(tmp_path, grey, name):
    quality = {"quality": 100, "subsampling": 0} if name.endswith("g") else {}
    Image.fromarray(grey).convert("CMYK").save(tmp_path / name, **quality)
    found, notes = read_grey(tmp_path / name)
    assert np.abs(found.astype(int) - grey).max() <= (3 if quality else 0)
    assert INKS in notes


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("black", [True, False])
def test_tinted_inks_give_the_colours_again(tmp_path, grey, kind, black):
    scale = np.iinfo(kind).max // 255
    colours = np.stack([grey, grey * 0.7, grey * 0.5], -1).astype(kind) * kind(scale)
    ink = np.iinfo(kind).max - colours
    key = ink.min(-1, keepdims=True) if black else np.zeros_like(ink[..., :1])
    inks = np.concatenate([ink - key, key], -1)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", planarconfig="contig")
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, colours)


def test_inks_of_lazy_arrays_stay_lazy():
    inks = da.zeros((4, 5, 4), dtype=np.uint8, chunks=2)
    found = from_inks(inks, 255)
    assert isinstance(found, da.Array)
    assert found.dtype == np.uint8
    assert (found.compute() == 255).all()


def test_lightness_is_taken_of_other_colour_spaces():
    data, channels, notes = of_samples(np.arange(60).reshape(4, 5, 3), "lightness")
    np.testing.assert_array_equal(data, np.arange(0, 60, 3).reshape(4, 5))
    assert not channels
    assert "lightness" in notes[0]


# palettes -----------------------------------------------------------------------------------------


def ramp():
    return np.repeat(np.arange(256)[:, None], 3, 1).astype(np.uint8)


def marked():
    """Like the table HiLo: both ends of the scale in colours."""
    table = ramp()
    table[0], table[255] = (0, 0, 255), (255, 0, 0)
    return table


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.bmp"])
@pytest.mark.parametrize("table", [ramp()[::-1], np.sqrt(ramp() / 255.0) * 255])
def test_a_grey_palette_gives_one_grey_in_each_format(tmp_path, grey, name, table):
    table = np.asarray(table).astype(np.uint8)
    picture = Image.fromarray(grey)
    picture.putpalette(table.reshape(-1).tolist())
    picture.save(tmp_path / name)
    np.testing.assert_array_equal(read_grey(tmp_path / name)[0], table[grey, 0])


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.bmp"])
def test_marks_for_the_screen_change_no_number(tmp_path, grey, name):
    grey[20:25, 40:44] = 255
    picture = Image.fromarray(grey)
    picture.putpalette(marked().reshape(-1).tolist())
    picture.save(tmp_path / name)
    found, notes = read_grey(tmp_path / name)
    np.testing.assert_array_equal(found, grey)
    assert DISPLAY in notes
    assert not formats.is_plain(tmp_path / name)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
@pytest.mark.parametrize("channel", [0, 1, 2, "marked"])
def test_a_table_of_imagej_or_ome_changes_no_number(tmp_path, grey, kind, channel):
    # saturated pixels are those whose colour the table HiLo changes
    grey[20:25, 40:44], grey[:2] = 255, 0
    table = np.zeros((3, 256), np.uint16)
    if channel == "marked":
        table[:] = marked().T * np.uint16(257)
    else:
        table[channel] = np.arange(256) * 257
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    more = {"description": IMAGEJ, "metadata": None} if kind == "imagej" else {"ome": True}
    tifffile.imwrite(path, grey, photometric="palette", colormap=table, **more)
    found, notes = read_grey(path)
    np.testing.assert_array_equal(found, grey)
    assert DISPLAY in notes


def test_colours_of_a_palette_stay_colours():
    table = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    values, note = of_palette(table)
    np.testing.assert_array_equal(values, table)
    assert note == ""
    assert of_palette(ramp()) == (None, "")
    assert of_palette(marked()) == (None, DISPLAY)


# orientation --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 3, 6, 8])
def test_a_turn_for_the_screen_is_said(tmp_path, grey, number):
    tifffile.imwrite(tmp_path / "a.tif", grey, extratags=[(274, 3, 1, number, True)])
    exif = Image.Exif()
    exif[274] = number
    Image.fromarray(grey).save(tmp_path / "a.jpg", exif=exif)
    for name in ("a.tif", "a.jpg"):
        assert any(f"orientation {number}" in note for note in formats.read(tmp_path / name).notes)
        assert not formats.is_plain(tmp_path / name)
    assert of_orientation(1) == ()
    assert of_orientation("?") == ()


# BMP has no opacity of a palette
@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.bmp", "colour"), ("a.bmp", "grey")]
    + [(name, kind) for name in ("a.png", "a.gif") for kind in ("colour", "grey", "clear")],
)
@pytest.mark.parametrize("count", [2, 4, 16, 256])
def test_indices_of_pictures_give_what_their_palette_has(tmp_path, rng, name, kind, count):
    table = rng.integers(0, 256, (count, 3)).astype(np.uint8)
    table[:2] = [[250, 0, 10], [0, 250, 20]]
    if kind != "colour":
        table[:] = table[:, :1]
    indices = rng.integers(0, count, (12, 19)).astype(np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(table.tobytes())
    picture.save(tmp_path / name, **({"transparency": 1} if kind == "clear" else {}))
    found = formats.read(tmp_path / name)
    right = table[indices] if kind == "colour" else table[indices][..., 0]
    np.testing.assert_array_equal(found.data, right)
    assert found.notes == ((ALPHA,) if kind == "clear" else ())


def test_clear_colours_of_a_palette_keep_their_opacity(tmp_path, rng):
    table = np.array([[200, 0, 0], [0, 200, 0]], np.uint8)
    indices = rng.integers(0, 2, (12, 19)).astype(np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(table.tobytes())
    picture.save(tmp_path / "a.png", transparency=bytes([0, 255]))
    found = formats.read(tmp_path / "a.png").data
    np.testing.assert_array_equal(found, np.dstack([table[indices], indices * 255]))
