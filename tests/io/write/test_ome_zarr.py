"""OME-Zarr as other programs read it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.io.write.images import write_image
from tests.io.write.helpers import path_of, read, write

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.mark.parametrize("kind", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("shape", [(700, 650), (3, 700, 650), (20, 30, 3), (2, 2, 2, 20, 30)])
def test_others_find_the_zarr_valid(tmp_path, small_pyramids, kind, shape):
    models = pytest.importorskip("ome_zarr_models")
    axes = (Axis("t", 0.5, "s"), Axis("c"), Axis("z", 30.0, "nm"))[5 - len(shape) :]
    axes = () if shape[-1] == 3 else axes
    image = Micrograph(np.zeros(shape, np.uint16), (2.0, 1.5), "µm", axes=axes)
    path = write(image, path_of(tmp_path, kind), format=kind)
    found = models.open_ome_zarr(zarr.open_group(path, mode="r"))
    told = found.ome_attributes if hasattr(found, "ome_attributes") else found.attributes
    scale = told.multiscales[0].datasets[0].coordinateTransformations[0].scale
    assert scale[-2:] == [2.0, 1.5]
    assert [axis.unit for axis in told.multiscales[0].axes][-2:] == ["micrometer"] * 2
    if axes and axes[0].name == "t":
        assert scale[:3] == [0.5, 1.0, 30.0]


def test_others_open_the_zarr_where_it_lies(tmp_path, small_pyramids):
    ome_zarr = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    image = Micrograph(np.arange(700 * 650, dtype=np.uint32).reshape(700, 650), (2.0, 1.5), "nm")
    path = write(image, tmp_path / "a.ome.zarr", format="ome-zarr-0.4")
    node = next(iter(ome_zarr.Reader(parse_url(path))()))
    np.testing.assert_array_equal(node.data[0].compute(), image.data)
    assert node.metadata["coordinateTransformations"][1] == [
        {"type": "scale", "scale": [4.0, 3.0]}, {"type": "translation", "translation": [1.0, 0.75]},
    ]  # fmt: skip


def test_a_zarr_replaces_a_file_and_a_file_a_zarr(tmp_path):
    path = tmp_path / "a.ome.zarr"
    path.write_text("a file")
    image = Micrograph(np.ones((4, 5), np.uint8))
    write(image, path, force=True)
    np.testing.assert_array_equal(read(path).data, 1)
    write(image, path, force=True, format="ome-tiff")
    assert path.is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["a.ome.zarr"]


@pytest.mark.parametrize("kind", ["ome-zarr", "ome-zarr-0.4"])
def test_a_folder_that_is_removed_meanwhile_is_told(tmp_path, kind):
    image = Micrograph(np.zeros((4, 30, 30), np.uint8), (2.0, 2.0), "nm")
    steps = write_image(image, tmp_path / "out" / "a.ome.zarr", format=kind)
    next(steps)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(OSError, match="its folder was removed meanwhile"):
        list(steps)
    assert not (tmp_path / "out" / "a.ome.zarr").exists()
