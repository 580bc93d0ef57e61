"""Pixels of TIFF: as stored, with the colours of a palette, in parts where they are large."""

from __future__ import annotations

import zlib

import dask.array as da
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.axes import ALPHA
from napari_visual_ccc.io.read import checks
from tests.io.read.made import (
    cut,
    open_files,
    write_palette,
)


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


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_tiff_is_called_that(tmp_path, rng, compression):
    path = tmp_path / "half.tif"
    image = rng.integers(0, 65535, (60, 50)).astype(np.uint16)
    tifffile.imwrite(path, image, compression=compression)
    cut(path)
    with pytest.raises(ValueError, match=r"half\.tif: is cut off"):
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


def test_12_bit_values_in_16_bits_stay_what_they_are(tmp_path, rng):
    image = rng.integers(0, 4096, (20, 30)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.tif").data, image)


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


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("scale", [1, 256, 257])
@pytest.mark.parametrize("kind", ["colour", "grey", "inverted"])
def test_palettes_of_any_depth_give_8_bit_levels(tmp_path, rng, bits, order, scale, kind):
    count = 2**bits
    table = rng.integers(0, 256, (count, 3))
    table[0] = 255
    if kind != "colour":
        grey = np.linspace(255, 0, count).astype(int) if kind == "inverted" else table[:, 0]
        table = np.repeat(grey[:, None], 3, 1)
    indices = rng.integers(0, count, (12, 19))
    # some programs write levels of 8 bits, others those of 16 with one byte or both
    write_palette(tmp_path / "a.tif", indices, table * scale, bits, order)
    right = table[indices] if kind == "colour" else table[indices][..., 0]
    found = formats.read(tmp_path / "a.tif").data
    np.testing.assert_array_equal(found, right)
    assert found.dtype == np.uint8


def test_opacity_beside_an_index_is_left_out(tmp_path, rng):
    table, indices = rng.integers(0, 256, (256, 3)), rng.integers(0, 256, (12, 19))
    write_palette(tmp_path / "a.tif", indices, table * 257, 8, opacity=True)
    found = formats.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.data, table[indices])
    assert found.notes == (ALPHA,)


@pytest.mark.parametrize("large", [False, True])
def test_a_palette_gives_its_colours_and_a_grey_one_the_numbers(tmp_path, rng, large, monkeypatch):
    if large:
        monkeypatch.setattr(checks, "EAGER_BYTES", 100)
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
    monkeypatch.setattr(checks, "EAGER_BYTES", limit)
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
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    monkeypatch.setattr(checks, "_MOST_BYTES", 1 << 21)
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


@pytest.mark.parametrize(
    ("shape", "right"), [((40, 50, 1), (40, 50)), ((40, 50, 2), (2, 40, 50)), ((5, 40, 50), None)]
)
def test_an_array_whose_channels_are_behind_its_columns_comes_in_order(tmp_path, rng, shape, right):
    data = rng.normal(size=shape).astype(np.float32)
    # a page for each row
    tifffile.imwrite(tmp_path / "a.tif", data)
    found = formats.read(tmp_path / "a.tif")
    assert found.data.shape == (right or shape)
    np.testing.assert_array_equal(found.data[..., 7, 9].ravel(), data[..., 7, 9].ravel()
                                  if right is None else data[7, 9])  # fmt: skip
    assert formats.is_plain(tmp_path / "a.tif") is (right is None)
