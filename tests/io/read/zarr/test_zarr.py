"""Zarr and OME-Zarr."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_comes_lazily_with_scale_and_levels(tmp_path, rng, version):
    image = rng.integers(0, 255, (3, 2, 64, 96)).astype(np.uint16)
    kind = 2 if version == "0.4" else 3
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=kind)
    for level in range(2):
        data = image[..., :: 2**level, :: 2**level]
        group.create_array(str(level), shape=data.shape, chunks=(1, 1, 32, 32), dtype=data.dtype)
        group[str(level)][:] = data
    axes = [{"name": "t", "type": "time", "unit": "second"}, {"name": "c", "type": "channel"},
            *({"name": n, "type": "space", "unit": "nanometer"} for n in "yx")]  # fmt: skip
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": [1, 1, s, s]}]}
        for k, s in ((0, 2.5), (1, 5.0))
    ]
    whole = [{"type": "scale", "scale": [0.5, 1, 1, 1]}]
    scales = [{"axes": axes, "datasets": datasets, "coordinateTransformations": whole}]
    group.attrs.update(
        {"multiscales": scales}
        if version == "0.4"
        else {"ome": {"version": "0.5", "multiscales": scales}}
    )
    found = formats.read(tmp_path / "a.ome.zarr")
    assert found.name == "a"
    assert isinstance(found.data, da.Array)
    np.testing.assert_array_equal(found.data, image)
    np.testing.assert_array_equal(found.levels[0], image[..., ::2, ::2])
    assert (found.spacing, found.unit) == ((2.5, 2.5), "nm")
    assert found.axes == (Axis("t", 0.5, "s"), Axis("c", 1.0, "px"))


def one_zarr(path, version, units, names, datasets, whole=()):
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=np.zeros((2, 4, 5)[-len(names) :], np.uint8))
    axes = [
        {"name": name, **({"unit": unit} if unit else {})}
        for name, unit in zip(names, units, strict=True)
    ]
    scales = [
        {"axes": axes, "coordinateTransformations": list(whole),
         "datasets": [{"path": "0", "coordinateTransformations": datasets}]}
    ]  # fmt: skip
    inner = {"version": version, "multiscales": scales}
    group.attrs.update({"multiscales": scales} if version == "0.4" else {"ome": inner})
    return formats.read(path)


def moved(kind, *values):
    return {"type": kind, kind: list(values)}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_place_of_an_ome_zarr_is_that_of_its_first_pixel(tmp_path, version):
    level = [moved("scale", 0.5, 0.5), moved("translation", 10, 20)]
    whole = [moved("scale", 2, 3), moved("translation", 1, 2)]
    units = ["micrometer", "micrometer"]
    found = one_zarr(tmp_path / "a.zarr", version, units, "YX", level, whole)
    assert (found.spacing, found.unit) == ((1.0, 1.5), "µm")
    assert found.metadata["origin"] == [21.0, 62.0]
    assert "origin" not in one_zarr(tmp_path / "b.zarr", version, units, "yx", level[:1]).metadata


@pytest.mark.parametrize(
    ("units", "spacing", "unit", "origin", "said"),
    [
        (["micrometer", "nanometer"], (500.0, 0.5), "nm", [1000, 4], ()),
        (["", "nanometer"], None, "px", [2, 8], ("'px and nm' of OME-Zarr is not known",)),
        (["", ""], None, "px", [2, 8], ("pixels of 0.5 x 0.5 without a unit: no pixel size",)),
    ],
)
def test_units_of_an_ome_zarr_that_differ_are_made_one_or_said(
    tmp_path, units, spacing, unit, origin, said
):
    place = [moved("scale", 7, 0.5, 0.5), moved("translation", 0, 1, 4)]
    found = one_zarr(tmp_path / "a.zarr", "0.5", ["second", *units], "Tyx", place)
    # exactly: pixels of one size must not seem oblong
    assert (found.spacing, found.unit, found.axes) == (spacing, unit, (Axis("t", 7, "s"),))
    assert found.metadata["origin"] == pytest.approx(origin)
    assert len(found.notes) == len(said)
    assert all(one in note for one, note in zip(said, found.notes, strict=True))


def test_plain_zarr_is_read(tmp_path, rng):
    image = rng.integers(0, 255, (20, 30)).astype(np.uint8)
    zarr.save_array(tmp_path / "a.zarr", image)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.zarr").data, image)
    group = zarr.open_group(tmp_path / "b.zarr", mode="w")
    for name in ("first", "second"):
        group.create_array(name, data=image)
    assert [one.name for one in formats.read_all(tmp_path / "b.zarr")] == ["b first", "b second"]


# axes in any order --------------------------------------------------------------------------------


@pytest.mark.case("S22")
@pytest.mark.parametrize("axes", ["xyz", "zxy", "xzy", "yxz", "xy", "tzyx", "yxc", "xyzc"])
@pytest.mark.parametrize("version", [2, 3])
def test_axes_of_ome_zarr_may_be_stored_in_any_order(tmp_path, axes, version):
    sizes, steps = {"z": 4, "y": 20, "x": 30, "t": 5, "c": 2}, {"z": 10.0, "y": 2.0, "x": 3.0}
    right = "".join(sorted(axes, key="tczyx".index))
    image = np.arange(np.prod([sizes[one] for one in right])).reshape([sizes[o] for o in right])
    image = image.astype(np.uint16)
    stored = image.transpose([right.index(one) for one in axes])
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=version)
    halves = tuple(slice(None, None, 2 if one in "yx" else 1) for one in axes)
    for level, data in enumerate((stored, stored[halves])):
        group.create_array(str(level), data=np.ascontiguousarray(data))
    units = {"unit": "nanometer"}
    described = {
        "axes": [{"name": one, **(units if one in "zyx" else {})} for one in axes],
        "datasets": [
            {"path": str(k), "coordinateTransformations": [
                {"type": "scale", "scale": [steps.get(o, 1.0) * f if o in "yx" else
                                            steps.get(o, 1.0) for o in axes]}]}
            for k, f in ((0, 1), (1, 2))
        ],
    }  # fmt: skip
    group.attrs.update(
        {"multiscales": [described]} if version == 2 else {"ome": {"multiscales": [described]}}
    )
    found = formats.read(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(found.data, image)
    np.testing.assert_array_equal(found.levels[0], image[..., ::2, ::2])
    assert (found.spacing, found.unit, found.notes) == ((2.0, 3.0), "nm", ())
    assert [axis.name for axis in found.axes] == list(right[:-2])
    if "z" in axes:
        assert found.voxel == (10.0, 2.0, 3.0)


@pytest.mark.parametrize(("axes", "right"), [("xy", (20, 30)), ("yxc", (2, 20, 30))])
def test_names_of_axes_of_plain_zarr_count(tmp_path, axes, right):
    sizes = {"y": 20, "x": 30, "c": 2}
    shape = [sizes[one] for one in axes]
    zarr.create_array(tmp_path / "a.zarr", data=np.zeros(shape, "u1"), dimension_names=list(axes))
    old = zarr.create_array(tmp_path / "b.zarr", data=np.zeros(shape, "u1"), zarr_format=2)
    old.attrs["_ARRAY_DIMENSIONS"] = list(axes)
    for name in ("a.zarr", "b.zarr"):
        assert formats.read(tmp_path / name).data.shape == right


def test_channels_behind_the_columns_of_zarr_without_names_come_first(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=np.zeros((40, 50, 5), "u1"))
    zarr.create_array(tmp_path / "b.zarr", data=np.zeros((40, 50, 1), "u1"))
    assert formats.read(tmp_path / "a.zarr").data.shape == (5, 40, 50)
    assert formats.read(tmp_path / "b.zarr").data.shape == (40, 50)


@pytest.mark.parametrize("version", [2, 3])
def test_label_maps_within_an_image_are_named(tmp_path, version):
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=version)
    for name in ("", "labels/cells/"):
        group.create_array(f"{name}0", data=np.ones((20, 30), np.uint8))
        one = {"axes": ["y", "x"], "datasets": [{"path": "0"}]}
        group[name or "/"].attrs.update({"multiscales": [one]})
    group["labels"].attrs["labels"] = ["cells"]
    (found,) = formats.read_all(tmp_path / "a.ome.zarr")
    assert any("a.ome.zarr/labels/cells" in note for note in found.notes)
    assert formats.read(tmp_path / "a.ome.zarr/labels/cells").data.shape == (20, 30)


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((10**9, 10**9), (1, 1), "1,000,000,000,000,000,000 tiny chunks"),
        ((2 * 10**6, 4096, 4096), (1, 4096, 4096), "2,000,000 pieces, too many"),
    ],
)
def test_a_store_of_too_many_chunks_is_refused_at_once(tmp_path, shape, chunks, words):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=shape, chunks=chunks, dtype="u1")
    with pytest.raises(ValueError, match=words):
        formats.read(tmp_path / "a.zarr")
