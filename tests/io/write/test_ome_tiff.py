"""OME-TIFF as other programs read it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.io.write import images as export
from tests.io.write.helpers import read, write

zarr = pytest.importorskip("zarr", minversion="3")


def test_reciprocal_units_are_not_shown_as_lengths(tmp_path):
    image = Micrograph(np.zeros((8, 9), np.uint8), (0.02, 0.02), "1/nm")
    with tifffile.TiffFile(write(image, tmp_path / "a.ome.tif")) as tif:
        assert "PhysicalSize" not in tif.ome_metadata
    write(image, tmp_path / "a.zarr")
    told = zarr.open_group(tmp_path / "a.zarr", mode="r").attrs["ome"]["multiscales"][0]["axes"]
    assert all("unit" not in axis for axis in told)
    assert read(tmp_path / "a.zarr").unit == read(tmp_path / "a.ome.tif").unit == "1/nm"


def test_other_programs_read_pixel_size_steps_and_units_of_a_tiff(tmp_path):
    axes = (Axis("z", 30.0, "nm"), Axis("t", 0.5, "s"))
    image = Micrograph(np.zeros((3, 2, 8, 9), np.uint8), (2.0, 1.5), "um", axes=axes)
    with tifffile.TiffFile(write(image, tmp_path / "a.ome.tif")) as tif:
        assert tif.series[0].axes == "ZTYX"
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (1.5, "µm")
    assert (pixels["PhysicalSizeZ"], pixels["PhysicalSizeZUnit"]) == (30.0, "nm")
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (0.5, "s")


def test_a_large_tiff_is_a_bigtiff(tmp_path):
    image = Micrograph(da.zeros((3, 30_000, 30_000), dtype=np.uint8, chunks=(1, 4000, 4000)))
    steps = export.write_image(image, tmp_path / "a.ome.tif")
    next(steps)
    part = next(tmp_path.iterdir())
    assert part.read_bytes()[:4] == b"II\x2b\x00"
    steps.close()
    assert not list(tmp_path.iterdir())
