from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read.tiff import pages


def claimed(path, sizes):
    """A TIFF of bare pages of so many columns, whose pixels are those of the header."""
    tags = (256, 257, 258, 259, 262, 273, 277, 278, 279)
    size = 2 + 12 * len(tags) + 4
    parts = [struct.pack("<2sHI8x", b"II", 42, 16)]
    for k, width in enumerate(sizes, start=1):
        values = (width, 1, 8, 1, 1, 8, 1, 1, width)
        following = 16 + k * size if k < len(sizes) else 0
        entries = zip(tags, values, strict=True)
        parts += [struct.pack("<H", len(tags))]
        parts += [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries]
        parts += [struct.pack("<I", following)]
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (range(1, 10_001), "10,000 pages of 10,000 different sizes"),
        ([2, 4] * 10_000, "20,000 pages of 2 different sizes"),
    ],
)
def test_pages_that_would_be_compared_for_hours_are_refused(tmp_path, sizes, words):
    path = claimed(tmp_path / "a.tif", sizes)
    with pytest.raises(ValueError, match=rf"a\.tif: has {words}, which takes too long to sort"):
        formats.read(path)
    with pytest.raises(Exception, match=words):
        formats.is_plain(path)


def test_images_of_some_sizes_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "_SIZES", 3)
    monkeypatch.setattr(pages, "_PAGES", 5)
    path = claimed(tmp_path / "a.tif", [3, 4, 5, 5, 5, 5, 5])
    assert [one.data.shape for one in formats.read_all(path)] == [(1, 3), (1, 4), (5, 1, 5)]
    with pytest.raises(ValueError, match="8 pages of 3 different sizes"):
        formats.read(claimed(tmp_path / "b.tif", [3, 4, 5, 5, 5, 5, 5, 5]))
    with pytest.raises(ValueError, match="4 pages of 4 different sizes"):
        formats.read(claimed(tmp_path / "c.tif", [3, 4, 5, 6]))


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {"bigtiff": True}, {}])
def test_a_stack_of_one_size_may_have_any_length(tmp_path, monkeypatch, options):
    monkeypatch.setattr(pages, "_PAGES", 5)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((30, 8, 9), np.uint8), **options)
    assert formats.read(tmp_path / "a.tif").data.shape == (30, 8, 9)


@pytest.mark.parametrize("big", [False, True])
def test_images_within_a_page_count(tmp_path, monkeypatch, big):
    monkeypatch.setattr(pages, "_SIZES", 3)
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=big) as tif:
        tif.write(np.zeros((40, 40), np.uint8), subifds=3, metadata=None)
        for side in (20, 11, 7):
            tif.write(np.zeros((side, side), np.uint8), metadata=None)
        tif.write(np.zeros((30, 50), np.uint8), metadata=None)
    with pytest.raises(ValueError, match="5 pages of 5 different sizes"):
        formats.read(tmp_path / "a.tif")


def test_pages_in_a_circle_are_refused(tmp_path):
    path = claimed(tmp_path / "a.tif", [3, 4, 5])
    raw = bytearray(path.read_bytes())
    raw[-4:] = struct.pack("<I", 16)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="its pages follow each other in a circle"):
        formats.read(path)
