"""Pixel sizes, steps and units that TIFF states: OME, ImageJ, Gatan."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from tests.io.read.made import (
    gatan_tags,
    imagej,
)


def test_pixel_size_of_imagej_and_ome(tmp_path):
    image = np.zeros((4, 5), np.uint16)
    tifffile.imwrite(
        tmp_path / "ij.tif", image, imagej=True, resolution=(1 / 2.5, 1 / 3.0),
        metadata={"unit": "nm"},
    )  # fmt: skip
    found = formats.read(tmp_path / "ij.tif")
    assert found.spacing == pytest.approx((3.0, 2.5))
    assert found.unit == "nm"
    size = {"PhysicalSizeX": 0.2, "PhysicalSizeY": 0.3, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(tmp_path / "b.ome.tif", image, metadata={"axes": "YX", **size})
    found = formats.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((0.3, 0.2))
    assert (found.unit, found.name) == ("µm", "b")


@pytest.mark.parametrize(
    ("described", "spacing", "unit", "axes"),
    [
        ({"unit": "um", "yunit": "nm"}, (0.002, 0.5), "µm", ()),
        ({"unit": "\\u00C5"}, (2, 0.5), "Å", ()),
        ({"unit": "micron", "spacing": 5, "zunit": "nm"}, (2, 0.5), "µm", (Axis("z", 5, "nm"),)),
        ({"finterval": 2, "tunit": "min"}, None, "px", (Axis("t", 2, "min"),)),
        ({"finterval": 3}, None, "px", (Axis("t", 3, "s"),)),
    ],
)
def test_units_of_single_axes_of_imagej_count(tmp_path, described, spacing, unit, axes):
    letters = "".join(one.name.upper() for one in axes) + "YX"
    found = imagej(tmp_path / "ij.tif", letters, **described)
    assert (found.unit, found.axes, found.notes) == (unit, axes, ())
    assert found.spacing == (None if spacing is None else pytest.approx(spacing))


@pytest.mark.parametrize(
    ("step", "axis", "said"),
    [(-5.0, Axis("z", 5.0, "nm"), "of z is -5 nm"), (0.0, Axis("z"), "of z is 0 nm: not used")],
)
def test_a_step_of_nothing_or_less_is_said(tmp_path, step, axis, said):
    found = [imagej(tmp_path / "ij.tif", "ZYX", unit="nm", spacing=step)]
    tifffile.imwrite(
        tmp_path / "z.ome.tif", np.zeros((3, 4, 5), np.uint8),
        metadata={"axes": "ZYX", "PhysicalSizeZ": step, "PhysicalSizeZUnit": "nm"},
    )  # fmt: skip
    for one in (*found, formats.read(tmp_path / "z.ome.tif")):
        assert one.axes == (axis,)
        assert said in one.notes[0]


def test_units_of_both_axes_count(tmp_path):
    size = {
        "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.001, "PhysicalSizeYUnit": "µm",
    }  # fmt: skip
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert found.spacing == pytest.approx((1.0, 2.0))
    assert found.unit == "nm"


def test_a_unit_that_is_no_length_is_no_calibration(tmp_path):
    size = {"PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "reference frame"}
    size |= {key.replace("X", "Y", 1): value for key, value in size.items()}
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert (found.spacing, found.unit) == (None, "px")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm"}, "pixel size of 2.0 x ? nm: not used"),
        (
            {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
             "PhysicalSizeY": 1.0, "PhysicalSizeYUnit": "pixel"},
            "'px and nm' of OME is not known",
        ),
    ],
)  # fmt: skip
def test_a_size_of_one_axis_is_no_calibration_and_said(tmp_path, size, said):
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    found = formats.read(tmp_path / "b.ome.tif")
    assert (found.spacing, found.unit) == (None, "px")
    assert any(said in note for note in found.notes)


@pytest.mark.data
def test_an_imagej_stack_has_its_step(data):
    found = formats.read(data / "formats/test_loading_image_saved_with_imageJ_stack.tif")
    assert found.axes == (Axis("z", 2.5, "µm"),)


def test_pixels_that_are_not_square_are_kept(tmp_path):
    size = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 5.0, "PhysicalSizeYUnit": "nm"}  # fmt: skip
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((4, 5), np.uint8), metadata={"axes": "YX", **size}
    )
    assert formats.read(tmp_path / "b.ome.tif").spacing == (5.0, 2.0)


@pytest.mark.parametrize("unit", ["min", "h", "ms"])
def test_steps_of_time_are_kept(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "t.ome.tif", np.zeros((3, 20, 30), np.uint8),
        metadata={"axes": "TYX", "TimeIncrement": 2.0, "TimeIncrementUnit": unit},
    )  # fmt: skip
    assert formats.read(tmp_path / "t.ome.tif").axes == (Axis("t", 2.0, unit),)


def test_a_diffraction_pattern_stays_in_reciprocal_nanometres(tmp_path):
    tifffile.imwrite(
        tmp_path / "d.tif", np.zeros((20, 30), np.float32), extratags=gatan_tags("1/nm", 0.05),
        metadata=None,
    )  # fmt: skip
    found = formats.read(tmp_path / "d.tif")
    assert (found.spacing, found.unit) == ((0.05, 0.05), "1/nm")
