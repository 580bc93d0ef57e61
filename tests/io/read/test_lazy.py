"""Parts of images that stay in their file."""

from __future__ import annotations

import itertools
import os

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks, lazy


@pytest.mark.parametrize("kind", ["folder", "compressed", "mapped", "zarr"])
def test_any_part_of_a_lazy_stack_can_be_taken(tmp_path, monkeypatch, rng, kind):
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
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


STEPS = (slice(None), slice(1, 4), slice(None, None, 2), slice(3, None, 3), slice(None, None, -1),
         slice(2, 3), slice(5, 1, -2), slice(2, 2))  # fmt: skip


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("at_once", [0, 40, 1 << 20])
def test_any_part_of_contiguous_numbers_is_read(tmp_path, monkeypatch, order, at_once):
    monkeypatch.setattr(lazy, "_AT_ONCE_BYTES", at_once)
    whole = np.arange(4 * 5 * 6, dtype=">u2").reshape(4, 5, 6)
    path = tmp_path / "raw"
    path.write_bytes(b"head" + whole.tobytes(order))
    read = lazy.Contiguous(path, 4, whole.shape, whole.dtype, order)
    for key in itertools.product(STEPS, repeat=3):
        part = read[key]
        assert part.dtype == whole.dtype
        np.testing.assert_array_equal(part, whole[key])


@pytest.mark.parametrize("kind", ["a.tif", "a.npy"])
def test_a_file_that_is_cut_off_after_it_was_opened_is_an_error(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    path, pixels = tmp_path / kind, np.ones((3, 200, 300), np.uint16)
    if kind == "a.npy":
        np.save(path, pixels)
    else:
        tifffile.imwrite(path, pixels, photometric="minisblack")
    data = formats.read(path).data
    os.truncate(path, 4096)
    with pytest.raises(ValueError, match=f"{kind}: a part of it cannot be read .* shorter than"):
        data.compute()


def test_an_array_of_another_library_is_not_read_beyond_the_end(tmp_path):
    path = tmp_path / "raw"
    np.ones((64, 64), np.uint8).tofile(path)
    data = lazy.Foreign(da.from_array(np.memmap(path, np.uint8, "r", shape=(64, 64))), path)
    assert data[:2, :3].sum() == 6
    os.truncate(path, 100)
    with pytest.raises(OSError, match="shorter than it was"):
        data[:2, :3]
