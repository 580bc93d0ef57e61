"""Parts of images that stay in their file."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import lazy


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
