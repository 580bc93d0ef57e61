"""HDF5 files by their content."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import lazy
from tests.io.read.made import (
    open_files,
)


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_plain_hdf5_is_read(tmp_path, rng, limit, monkeypatch):
    import h5py

    monkeypatch.setattr(lazy, "EAGER_BYTES", limit)
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/image"] = image
        file["line"] = np.arange(4)
    found = formats.read(tmp_path / "a.h5").data
    assert isinstance(found, da.Array) == (limit == 100)
    np.testing.assert_array_equal(found, image)
    assert not any("a.h5" in one for one in open_files())


def test_datasets_that_were_never_written_hide_no_others(tmp_path, rng):
    import h5py

    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = image
        file.create_dataset("labels", (50, 512, 512), "u1", chunks=True, fillvalue=3)
        part = file.create_dataset("part", (3000, 3000), "u1", chunks=(100, 100), compression=9)
        part[:5, :5] = 1
    found = {one.name: one.data for one in formats.read_all(tmp_path / "a.h5")}
    np.testing.assert_array_equal(found["a image"], image)
    assert (np.asarray(found["a labels"][40, :2]) == 3).all()
    assert found["a part"].sum() == 25
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("labels", (5000, 1000, 1000), "u1", chunks=True)
    with pytest.raises(ValueError, match="claims 5,000,000,000 bytes"):
        formats.read_all(tmp_path / "b.h5")
