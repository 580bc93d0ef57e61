"""TIFF for ImageJ."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.layers import LabelsLayer
from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.write.layers import micrograph_of
from tests.io.write.helpers import write

zarr = pytest.importorskip("zarr", minversion="3")


@pytest.mark.parametrize("unit", ["nm", "µm", "Å", "1/nm"])
def test_imagej_gets_labels_of_16_bit_with_their_scale(tmp_path, unit):
    labels = np.arange(65536, dtype=np.int64).reshape(4, 128, 128)
    layer = micrograph_of(
        LabelsLayer(labels), Micrograph(None, (2.5, 1.25), unit, axes=(Axis("z", 30.0, unit),))
    )
    path = write(layer, tmp_path / "a.tif", format="imagej")
    with tifffile.TiffFile(path) as tif:
        assert tif.is_imagej
        assert tif.pages[0].dtype == np.uint16
        told, tags = tif.imagej_metadata, tif.pages[0].tags
        assert (told["slices"], told["spacing"]) == (4, 30.0)
        assert told["unit"].encode("ascii").decode("unicode-escape") == unit
        assert [tags[f"{axis}Resolution"].value for axis in "YX"] == [(2, 5), (4, 5)]
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, labels)
    assert (found.spacing, found.unit, found.axes) == ((2.5, 1.25), unit, layer.axes)


def test_imagej_gets_the_units_of_steps_that_have_others(tmp_path):
    axes = (Axis("t", 2.0, "µs"), Axis("z", 30.0, "Å"))
    image = Micrograph(np.zeros((2, 3, 4, 5), np.uint8), (2.0, 2.0), "nm", axes=axes)
    path = write(image, tmp_path / "a.tif", format="imagej")
    with tifffile.TiffFile(path) as tif:
        told = tif.imagej_metadata
    assert [told[one] for one in ("tunit", "zunit")] == ["\\u00B5s", "\\u00C5"]
    assert formats.read(path).axes == axes


def test_imagej_refuses_labels_beyond_16_bit(tmp_path):
    layer = micrograph_of(LabelsLayer(np.array([[0, 65536]])), Micrograph(None, name="grains"))
    with pytest.raises(ValueError, match=r"grains: the label 65536 is beyond the uint16"):
        write(layer, tmp_path / "a.tif", format="imagej")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("uint8", "uint8"), ("uint16", "uint16"), ("int16", "float32"), ("float64", "float32"),
     ("bool", "uint8")],
)  # fmt: skip
def test_imagej_gets_the_types_that_it_knows(tmp_path, rng, dtype, stored):
    image = Micrograph((rng.random((2, 20, 30)) * 100).astype(dtype), axes=(Axis("t", 2.0, "s"),))
    path = write(image, tmp_path / "a.tif", format="imagej")
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].dtype == stored
        assert (tif.imagej_metadata["frames"], tif.imagej_metadata["finterval"]) == (2, 2.0)
    found = formats.read(path).data
    np.testing.assert_allclose(found, image.data, rtol=1e-7)
    assert found.dtype == (stored if dtype == "float64" else dtype)


def test_imagej_gets_colours_as_channels(tmp_path, rng):
    image = Micrograph(rng.integers(0, 255, (20, 30, 3)).astype(np.uint8))
    path = write(image, tmp_path / "a.tif", format="imagej")
    with tifffile.TiffFile(path) as tif:
        assert (tif.imagej_metadata["channels"], tif.imagej_metadata["mode"]) == (3, "composite")
    np.testing.assert_array_equal(formats.read(path).data, image.data)


def test_what_is_too_large_for_imagej_is_refused(tmp_path):
    image = Micrograph(da.zeros((5, 40_000, 40_000), dtype=np.uint8, chunks=(1, 4000, 4000)))
    with pytest.raises(ValueError, match="too large for ImageJ"):
        write(image, tmp_path / "a.tif", format="imagej")
