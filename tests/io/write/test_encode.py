"""Axes and types that a format lacks."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis, Micrograph
from tests.io.write.helpers import OME, path_of, read, write

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.mark.parametrize("kind", OME)
@pytest.mark.parametrize("colours", [3, 4])
@pytest.mark.parametrize("axes", [(), (Axis("z", 5.0, "nm"),), (Axis("t", 0.1, "s"), Axis("z"))])
def test_colours_come_back_last(tmp_path, rng, kind, colours, axes):
    shape = (*range(2, 2 + len(axes)), 20, 30, colours)
    image = Micrograph(rng.integers(0, 255, shape, np.uint8), (2.0, 2.0), "nm", axes=axes)
    found = read(write(image, path_of(tmp_path, kind), format=kind))
    np.testing.assert_array_equal(found.data, image.data)
    assert (found.axes, found.notes) == (axes, ())


@pytest.mark.parametrize("kind", ["ome-tiff", "ome-zarr"])
@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16"])
def test_types_that_a_format_lacks_come_back(tmp_path, rng, kind, dtype):
    image = Micrograph((rng.random((3, 20, 30)) * 1000).astype(dtype))
    found = read(write(image, path_of(tmp_path, kind), format=kind))
    np.testing.assert_array_equal(found.data, image.data)
    assert found.data.dtype == dtype


def test_more_axes_than_a_format_has_come_back(tmp_path, rng):
    data = rng.integers(0, 9, (2, 2, 3, 2, 5, 6)).astype(np.uint8)
    for kind in OME:
        found = read(write(Micrograph(data), path_of(tmp_path, kind), format=kind, force=True))
        np.testing.assert_array_equal(found.data, data)


def test_values_beyond_the_format_are_refused_and_nothing_is_left(tmp_path):
    data = np.array([[1, 1 << 40]])
    with pytest.raises(ValueError, match=r"image: the value 1099511627776 .* int32 .* OME-Zarr"):
        write(Micrograph(data), tmp_path / "a.ome.tif")
    assert not list(tmp_path.iterdir())
    write(Micrograph(data), tmp_path / "a.ome.zarr")


@pytest.mark.parametrize("kind", [*OME, "imagej"])
def test_three_columns_are_no_colours_where_the_axes_are_known(tmp_path, rng, kind):
    data = rng.integers(0, 255, (5, 20, 3)).astype(np.uint8)
    found = read(write(Micrograph(data, axes=(Axis("z"),)), path_of(tmp_path, kind), format=kind))
    np.testing.assert_array_equal(found.data, data)
    if kind in ("ome-tiff", "imagej"):
        with tifffile.TiffFile(path_of(tmp_path, kind)) as tif:
            assert tif.series[0].axes == "ZYX"


@pytest.mark.parametrize("data", [np.zeros((0, 5)), np.zeros(5), np.full((2, 2), "x")])
def test_what_is_no_image_is_named(tmp_path, data):
    with pytest.raises(ValueError, match=r"^image "):
        write(Micrograph(data), tmp_path / "a.ome.tif")
