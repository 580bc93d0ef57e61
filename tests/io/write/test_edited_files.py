"""What a file keeps of a micrograph, and what another program changes in it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import tifffile

from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.header import KEY, restore
from tests.io.write.helpers import OME, known, path_of, read, write

zarr = pytest.importorskip("zarr", minversion="3")


def test_what_another_program_cropped_keeps_its_own_fields(tmp_path):
    image = Micrograph(np.zeros((8, 9), np.uint8), (2.0, 2.0), "nm", info_bar=InfoBar(bottom=2))
    path = write(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as tif:
        told = json.loads(tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Description"])
    cropped = Micrograph(np.zeros((4, 9), np.uint8))
    assert restore(cropped, told[KEY]) is cropped
    assert restore(image, {"plane": [8, 9], "leading": []}) is image
    assert restore(image, "a note") is image


def test_facts_stay_and_the_makers_own_dictionary_goes(tmp_path):
    metadata = {"facts": {"kV": np.float64(5)}, "original": {"x": 1}, "mask": np.zeros(3)}
    found = read(write(Micrograph(np.zeros((4, 5)), metadata=metadata), tmp_path / "a.ome.tif"))
    assert known(found) == {"facts": {"kV": 5.0}}


def test_what_another_program_changed_is_not_turned_back(tmp_path, rng):
    image = Micrograph(
        rng.integers(0, 255, (20, 30)).astype(np.uint8), (2.0, 2.0), "nm",
        info_bar=InfoBar(bottom=4),
    )  # fmt: skip
    path = tmp_path / "a.tif"
    write(image, path, format="imagej")
    with tifffile.TiffFile(path) as tif:
        info = tif.imagej_metadata["Info"]

    def resaved(data, size):
        tifffile.imwrite(
            path, data, imagej=True, resolution=(1 / size, 1 / size),
            metadata={"unit": "nm", "Info": info},
        )  # fmt: skip
        return formats.read(path)

    divided = (image.data / 255).astype(np.float32)
    found = resaved(divided, 5.0)
    np.testing.assert_array_equal(found.data, divided)
    assert found.spacing == pytest.approx((5, 5))
    turned = resaved(np.rot90(image.data).copy(), 2.0)
    assert turned.data.shape == (30, 20)
    assert turned.info_bar is None
    scaled = resaved(image.data, 5.0)
    assert scaled.spacing == pytest.approx((5, 5))
    assert scaled.info_bar == InfoBar(bottom=4)
    assert any("changed the pixel size" in note for note in scaled.notes)


def edited(image, path, kind, **fields):
    """Write an image, and give its own fields other values, as another program would."""
    write(image, path, format=kind)
    axes = "TZYX"[4 - image.data.ndim :]
    if kind == "imagej":
        with tifffile.TiffFile(path) as tif:
            fields |= {"Info": tif.imagej_metadata["Info"], "axes": axes}
        size = fields.pop("size", 1.0)
        tifffile.imwrite(
            path, image.data, imagej=True, resolution=(1 / size, 1 / size), metadata=fields
        )
    elif kind == "ome-tiff":
        told = dict(re.findall(r'(\w+)="([^"]*)"', tifffile.tiffcomment(path)))
        told = {key: one for key, one in told.items() if re.match("Physical|TimeI", key)} | fields
        text = re.sub(r' (Physical|TimeI)\w+="[^"]*"', "", tifffile.tiffcomment(path))
        new = " ".join(f'{key}="{one}"' for key, one in told.items() if one is not None)
        tifffile.tiffcomment(path, text.replace("<Pixels ", f"<Pixels {new} ").encode())
    else:
        group = zarr.open_group(path, mode="a")
        described = dict(group.attrs["ome"])
        whole = described["multiscales"][0]
        whole["axes"] = [
            {"name": name, **({"unit": unit} if unit else {})}
            for name, unit in zip(axes.lower(), fields["units"], strict=True)
        ]
        whole["datasets"][0]["coordinateTransformations"] = fields["steps"]
        group.attrs["ome"] = described
    return formats.read(path)


def steps(scale, shift=None):
    found = [{"type": "scale", "scale": scale}]
    return [*found, {"type": "translation", "translation": shift}] if shift else found


NM3 = {f"PhysicalSize{one}": "3.0" for one in "XY"} | dict.fromkeys(
    [f"PhysicalSize{one}Unit" for one in "XY"], "nm"
)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("imagej", {"unit": "nm", "size": 3.0}),
        ("ome-tiff", NM3),
        ("ome-zarr", {"units": ["nanometer"] * 2, "steps": steps([3.0, 3.0])}),
    ],
)
@pytest.mark.parametrize("unit", ["px", "1/nm"])
def test_a_pixel_size_that_another_program_gave_counts(tmp_path, kind, fields, unit):
    spacing = None if unit == "px" else (0.5, 0.5)
    image = Micrograph(np.zeros((4, 5), np.uint8), spacing, unit, metadata={"origin": [20.0, 0.0]})
    found = edited(image, path_of(tmp_path, kind), kind, **fields)
    assert found.spacing == pytest.approx((3, 3))
    assert found.unit == "nm"
    assert found.metadata["origin"] == pytest.approx([60 if spacing is None else 120, 0])
    assert [note for note in found.notes if "changed the pixel size" in note]


STACK = Micrograph(
    np.zeros((2, 3, 4, 5), np.uint8), (2.0, 2.0), "nm",
    axes=(Axis("t", 2.0, "s"), Axis("z", 10.0, "nm")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("imagej", {"unit": "nm", "size": 2.0, "spacing": 25, "finterval": 3, "tunit": "s"},
         ("changed the step of t", "changed the step of z")),
        ("ome-tiff", {"PhysicalSizeZ": 25, "TimeIncrement": 3},
         ("changed the step of t", "changed the step of z")),
        ("ome-zarr", {"units": ["second", *["nanometer"] * 3], "steps": steps([3.0, 25, 2, 2])},
         ("changed the step of t", "changed the step of z")),
        ("imagej", {"unit": "pixel"},
         ("removed the pixel size", "removed the step of t", "removed the step of z")),
        ("ome-tiff", {f"PhysicalSize{one}": None for one in "XYZ"} | {"TimeIncrement": None},
         ("removed the pixel size", "removed the step of t", "removed the step of z")),
        ("ome-zarr", {"units": [None] * 4, "steps": steps([1, 1, 1, 1])},
         ("removed the pixel size", "removed the step of t", "removed the step of z")),
        ("ome-zarr", {"units": ["second", *["nanometer"] * 3], "steps": steps([2, 10, 2, 2])}, ()),
    ],
)  # fmt: skip
def test_steps_that_another_program_changed_or_removed_count(tmp_path, kind, fields, said):
    found = edited(STACK, path_of(tmp_path, kind), kind, **fields)
    removed = any("removed" in one for one in said)
    assert found.spacing == (None if removed else (2, 2))
    expected = (Axis("t", 3.0, "s"), Axis("z", 25.0, "nm")) if said else STACK.axes
    assert found.axes == ((Axis("t"), Axis("z")) if removed else expected)
    assert [any(one in note for note in found.notes) for one in said] == [True] * len(said)
    assert len(found.notes) == len(said)


@pytest.mark.parametrize("kind", [*OME, "imagej"])
@pytest.mark.parametrize("unit", ["pm", "Å", "mm", "m", "cm", "1/nm", "1/Å", "deg", "mrad"])
def test_every_unit_comes_back_without_a_note(tmp_path, kind, unit):
    axes = (Axis("t", 0.3, "µs"), Axis("z", 0.7, unit))
    # that is no larger than a pixel can be
    size = 1.23456789e-3 if unit in ("m", "cm", "mm") else 1.23456789
    image = Micrograph(
        np.zeros((2, 2, 4, 5), np.uint8), (size, 2 * size), unit, axes=axes,
        metadata={"origin": [0.1, 7.7]},
    )  # fmt: skip
    found = read(write(image, path_of(tmp_path, kind), format=kind))
    assert (found.spacing, found.unit, found.axes) == (image.spacing, unit, axes)
    assert found.metadata["origin"] == [0.1, 7.7]
    assert not found.notes


@pytest.mark.parametrize("kind", [*OME, "imagej"])
@pytest.mark.parametrize(
    ("unit", "spacing", "usual"),
    [("um", (2, 2), "µm"), ("nanometer", (2, 2), "nm"), ("foo", None, "px")],
)
def test_units_come_back_as_they_can_be_used(tmp_path, kind, unit, spacing, usual):
    axes = (Axis("z", 3.0, unit),)
    image = Micrograph(np.zeros((3, 4, 5), np.uint8), (2.0, 2.0), unit, axes=axes)
    found = read(write(image, path_of(tmp_path, kind), format=kind))
    assert (found.spacing, found.unit) == (spacing, usual)
    assert found.axes == (Axis("z", 3.0 if spacing else 1.0, usual),)


@pytest.mark.parametrize("kind", [*OME, "imagej"])
@pytest.mark.parametrize("colours", [(), (3,)])
def test_the_place_of_leading_axes_comes_back(tmp_path, kind, colours):
    image = Micrograph(
        np.zeros((2, 4, 5, *colours), np.uint8), (2.0, 2.0), "nm", axes=(Axis("z", 5.0, "nm"),),
        metadata={"origin": [5.0, 0.0, 7.0]},
    )  # fmt: skip
    path = write(image, path_of(tmp_path, kind), format=kind)
    assert read(path).metadata["origin"] == [5, 0, 7]
    if "zarr" in kind:
        attributes = dict(zarr.open_group(path, mode="r").attrs)
        told = attributes.get("ome", attributes)["multiscales"][0]["datasets"][0]
        shift = [0.0] * len(colours) + [5.0, 0.0, 7.0]
        assert told["coordinateTransformations"][1]["translation"] == shift


def test_a_place_that_another_program_changed_counts(tmp_path):
    fields = {"units": ["nanometer"] * 2, "steps": steps([2.0, 2.0], [4.0, 6.0])}
    image = Micrograph(np.zeros((4, 5)), (2.0, 2.0), "nm", metadata={"origin": [1.0, 1.0]})
    found = edited(image, tmp_path / "a.ome.zarr", "ome-zarr", **fields)
    assert (found.metadata["origin"], found.notes) == ([4, 6], ())


def test_steps_that_no_format_says_come_back_without_a_note(tmp_path):
    stack = np.ones((3, 9, 9), np.float32)
    for step in (-2.0, 3e9):
        image = Micrograph(stack, (5.0, 5.0), "nm", axes=(Axis("z", step, "nm"),))
        for name in ("a.ome.tif", "a.ome.zarr"):
            found = formats.read(write(image, tmp_path / name, force=True))
            assert found.axes[0].step == step
            assert not [note for note in found.notes if "another program" in note]
