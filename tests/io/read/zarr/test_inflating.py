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
@pytest.mark.parametrize("size", [1_200_000, 5])
def test_bytes_are_counted_member_by_member(monkeypatch, name, size):
    monkeypatch.setattr(inflating, "_UNSEEN_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 9, size, np.uint8).tobytes()
    raw = PACKED[name](noise)
    assert inflating.inflated(raw, name, 10**8) == size
    twice = raw + raw
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


def test_runs_of_lzf_are_counted(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.setattr(inflating, "_UNSEEN_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 3, (300, 400), np.uint8)
    for number, data in enumerate((noise, noise * 0, np.arange(120_000).astype("u1"))):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            one = file.create_dataset("a", data=data, chunks=data.shape, compression="lzf")
            raw = one.id.read_direct_chunk((0,) * data.ndim)[1]
        assert inflating.inflated(raw, "lzf", 10**8) == data.nbytes
        assert inflating.inflated(raw, "lzf", 1000) <= 1264
        assert inflating.inflated(raw[:-1], "lzf", 10**8) <= data.nbytes
