from __future__ import annotations

import bz2
import gzip
import lzma
import zlib

import numcodecs
import numpy as np
import pytest

from napari_visual_ccc.io.read.zarr import inflating

PACKED = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "lzma": lzma.compress}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("size", [3_000_000, 5])
def test_bytes_are_counted_member_by_member(monkeypatch, name, size):
    monkeypatch.setattr(inflating, "_UNSEEN_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 9, size, np.uint8).tobytes()
    raw = PACKED[name](noise)
    assert inflating.inflated(raw, name, 10**8) == size
    twice = raw + PACKED[name](noise)
    assert inflating.inflated(twice, name, 10**8) == (size if name == "zlib" else 2 * size)
    # no more is inflated than is needed to tell
    if name != "gzip":
        assert inflating.inflated(raw, name, 1000) <= 1000 + (1 << 20)
    # damage is left to the decoder
    assert inflating.inflated(raw[: len(raw) // 2] + b"damage", name, 10**8) <= size + (1 << 32)


def test_the_compressor_is_found_among_filters_and_checksums():
    delta, crc = numcodecs.Delta("u2"), numcodecs.CRC32()
    assert inflating.compressor([delta, numcodecs.Zlib(), crc]) == ("zlib", 4)
    assert inflating.compressor([delta, crc]) == ("", 0)
    with pytest.raises(ValueError, match="several times"):
        inflating.compressor([numcodecs.Zlib(), numcodecs.BZ2()])
