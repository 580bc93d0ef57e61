"""HDF5 files by their content."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import lazy
from tests.io.read.made import (
    open_files,
    signal,
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


def test_files_of_ilastik_have_rows_and_columns_where_their_tags_say(tmp_path, rng):
    import h5py

    image = rng.integers(0, 255, (20, 30, 1)).astype(np.uint8)
    tags = {"axes": [{"key": key, "typeFlags": 2} for key in "yxc"]}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exported_data"] = image
        file["exported_data"].attrs["axistags"] = json.dumps(tags)
        file["exported_data"].attrs["element_size_um"] = (0.01, 0.002, 0.003)
    found = formats.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.data, image[..., 0])
    assert found.spacing == pytest.approx((2, 3))
    assert found.unit == "nm"


@pytest.mark.parametrize(("shape", "right"), [((20, 30, 1), (20, 30)), ((20, 30, 2), (2, 20, 30))])
def test_numbers_behind_the_columns_are_no_columns(tmp_path, shape, right):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros(shape, np.uint8)
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    np.savez(tmp_path / "a.npz", image=np.zeros(shape, np.uint8))
    for name in ("a.h5", "a.npy", "a.npz"):
        assert formats.read(tmp_path / name).data.shape == right


def test_dimension_labels_name_the_axes(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros((30, 20, 4), np.uint8)
        for place, label in enumerate("xyz"):
            file["image"].dims[place].label = label
    found = formats.read(tmp_path / "a.h5")
    assert found.data.shape == (4, 20, 30)
    assert found.axes == (Axis("z"),)


def test_the_size_of_a_pixel_of_odemis_is_read(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("Acquisition0/ImageData")
        group["Image"] = np.zeros((1, 1, 1, 20, 30), np.uint16)
        group["DimensionScaleX"], group["DimensionScaleY"] = 200e-9, 100e-9
    found = formats.read(tmp_path / "a.h5")
    assert found.spacing == pytest.approx((100, 200))
    assert found.unit == "nm"


@pytest.mark.parametrize("ending", [".h5", ".hdf5"])
@pytest.mark.parametrize("locked", [True, False])
def test_berkeley_emd_may_be_named_hdf5(tmp_path, rng, ending, locked, monkeypatch):
    emd = pytest.importorskip("rsciio.emd")
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "TRUE" if locked else "FALSE")
    image = rng.random((20, 30)).astype(np.float32)
    emd.file_writer(str(tmp_path / "a.emd"), signal(image))
    (tmp_path / "a.emd").rename(tmp_path / f"a{ending}")
    found = formats.read(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(found.data, image)
    assert (found.spacing, found.unit) == ((2.0, 3.0), "nm")
