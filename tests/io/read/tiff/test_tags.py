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


# resolution ---------------------------------------------------------------------------------------


@pytest.mark.case("S06b", "E06b")
@pytest.mark.parametrize(
    ("resolution", "unit", "nanometres"),
    [(2e6, "centimeter", 5.0), (6.35e6, "inch", 4.0), (7547169.8, "centimeter", 1.325),
     (25400, "inch", 1000.0)],
)  # fmt: skip
def test_a_pixel_size_in_the_resolution_is_used_and_said(tmp_path, resolution, unit, nanometres):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((4, 5), np.uint8), resolution=(resolution,) * 2, resolutionunit=unit,
        metadata=None,
    )  # fmt: skip
    found = formats.read(path)
    assert found.spacing == pytest.approx((nanometres,) * 2, rel=1e-4)
    assert found.unit == "nm"
    assert any("resolution in the fields of TIFF" in note for note in found.notes)
    assert not formats.is_plain(path)


@pytest.mark.parametrize(
    ("resolution", "unit"),
    [(72, "inch"), (96, "inch"), (300, "inch"), (1200, "inch"), (28.35, "centimeter"),
     (118.11, "centimeter"), (1, "centimeter"), (5000, "none")],
)  # fmt: skip
def test_dots_for_print_are_no_pixel_size(tmp_path, resolution, unit):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((4, 5), np.uint8), resolution=(resolution,) * 2, resolutionunit=unit,
        metadata=None,
    )  # fmt: skip
    found = formats.read(path)
    assert (found.spacing, found.unit, found.notes) == (None, "px", ())
    assert formats.is_plain(path)
    assert ("print_resolution" in found.metadata["facts"]) is (resolution != 1)


@pytest.mark.case("S06a")
@pytest.mark.parametrize(
    ("unit", "dots"), [("inch", 96), ("inch", 254), ("cm", 37.795), ("mm", 11.811)]
)
def test_dots_for_print_of_imagej_are_no_pixel_size(tmp_path, unit, dots):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 5), np.uint8), imagej=True, resolution=(dots, dots),
        metadata={"unit": unit},
    )  # fmt: skip
    found = formats.read(tmp_path / "a.tif")
    assert (found.spacing, found.unit) == (None, "px")
    assert any("dots per inch" in note for note in found.notes)


@pytest.mark.parametrize("size", [352.78, 352.27, 264.58, 84.667])
def test_dots_for_print_of_ome_are_no_pixel_size(tmp_path, size):
    about = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((4, 5), np.uint8), metadata=about)
    found = formats.read(tmp_path / "a.ome.tif")
    assert found.spacing is None
    assert any("dots per inch" in note for note in found.notes)


@pytest.mark.parametrize(("unit", "size"), [("cm", 2e-5), ("mm", 0.01), ("micron", 100.0)])
def test_large_pixels_in_other_numbers_stay(tmp_path, unit, size):
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 5), np.uint8), imagej=True, resolution=(1 / size,) * 2,
        metadata={"unit": unit},
    )  # fmt: skip
    found = formats.read(tmp_path / "a.tif")
    assert found.spacing is not None
    assert found.notes == ()


def test_a_microscope_is_believed_more_than_the_resolution(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((4, 5), np.uint8), resolution=(2e6, 2e6),
        resolutionunit="centimeter",
        metadata={"axes": "YX", "PhysicalSizeX": 3, "PhysicalSizeXUnit": "nm",
                  "PhysicalSizeY": 3, "PhysicalSizeYUnit": "nm"},
    )  # fmt: skip
    found = formats.read(tmp_path / "a.ome.tif")
    assert (found.spacing, found.unit, found.notes) == ((3, 3), "nm", ())


# sets of files ------------------------------------------------------------------------------------


def ome_set(folder, present, count=4, axis="Z", compression=None):
    """One image in several files, of which some are there."""
    names = [f"set_{k}.ome.tif" for k in range(count)]
    ids = [f"urn:uuid:0000000{k}-0000-4000-8000-00000000000a" for k in range(count)]
    planes = "".join(
        f'<TiffData First{axis}="{k}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{ids[k]}'
        "</UUID></TiffData>"
        for k, name in enumerate(names)
    )
    sizes = " ".join(f'Size{one}="{count if one == axis else 1}"' for one in "ZCT")
    for k in present:
        text = (
            '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/'
            f'Schemas/OME/2016-06" UUID="{ids[k]}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYZCT" Type="uint8" SizeX="30" SizeY="20" {sizes}>{planes}</Pixels>'
            "</Image></OME>"
        )
        tifffile.imwrite(
            folder / names[k], np.full((20, 30), k + 1, np.uint8), description=text.encode(),
            metadata=None, compression=compression,
        )  # fmt: skip
    return folder / names[min(present)]


@pytest.mark.case("S10")
@pytest.mark.parametrize("axis", ["Z", "T", "C"])
@pytest.mark.parametrize(("present", "missing"), [((0, 1, 3), 2), ((1, 2, 3), 0), ((0, 1, 2), 3)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_missing_files_of_a_set_are_named(tmp_path, axis, present, missing, compression):
    found = formats.read(ome_set(tmp_path, present, axis=axis, compression=compression))
    assert any(f"set_{missing}.ome.tif of the set is missing" in note for note in found.notes)
    whole = np.asarray(found.data)[:, 0, 0]
    assert whole.tolist() == [0 if k == missing else k + 1 for k in range(4)]


def test_a_whole_set_has_nothing_to_say(tmp_path):
    assert formats.read(ome_set(tmp_path, range(4))).notes == ()


def test_the_folder_of_a_set_is_the_image_and_not_each_file_of_it(tmp_path):
    first = ome_set(tmp_path, range(3), count=3)
    for found in (formats.read(tmp_path), formats.stack(sorted(tmp_path.iterdir()), tmp_path)):
        assert found.data.shape == (3, 20, 30)
    assert np.asarray(found.data)[:, 0, 0].tolist() == [1, 2, 3]
    tifffile.imwrite(tmp_path / "w.tif", np.zeros((20, 30), np.uint8))
    with pytest.raises(ValueError, match=rf"3 files of one OME image .* one of them, {first.name}"):
        formats.read(tmp_path)
