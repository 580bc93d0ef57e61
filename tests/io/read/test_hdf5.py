"""HDF5 files by their content."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.micrograph import Axis
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read import checks
from tests.io.read.made import (
    open_files,
    signal,
)


@pytest.mark.parametrize("limit", [100, 1 << 30])
def test_plain_hdf5_is_read(tmp_path, rng, limit, monkeypatch):
    import h5py

    monkeypatch.setattr(checks, "EAGER_BYTES", limit)
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


# EMD ----------------------------------------------------------------------------------------------


def berkeley(path, data, names, units, *, version=(0, 2), first=1, groups=("image1",)):
    """As the standard has it: steps of 0.25 along x, 0.5 along y, 2 along z."""
    import h5py

    steps = {"x": 0.25, "y": 0.5, "z": 2.0}
    with h5py.File(path, "w") as file:
        if version:
            file.attrs["version_major"], file.attrs["version_minor"] = version
        for group_name in groups:
            group = file.create_group(f"data/{group_name}")
            group.attrs["emd_group_type"] = 1
            group["data"] = data
            for place, (name, unit) in enumerate(zip(names, units, strict=True)):
                step = steps.get(name.lower(), 1.0)
                dimension = group.create_dataset(
                    f"dim{first + place}", data=5 + step * np.arange(data.shape[place])
                )
                dimension.attrs["name"] = name
                dimension.attrs["units"] = np.bytes_(unit) if version else unit
    return path


@pytest.mark.parametrize(
    ("labels", "known"),
    [(np.array([b"X", b"Y", b"Z"]), True), ("XYZ", True), (np.bytes_("XYZ"), True),
     (["x", "y", "z"], True), (np.array([b"x", b"y"]), False), (5, False), (np.arange(3), False)],
)  # fmt: skip
def test_labels_of_axes_may_be_texts_of_any_kind(tmp_path, rng, labels, known):
    import h5py

    image = rng.integers(0, 255, (4, 20, 30)).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = image.T if known else image
        file["image"].attrs["DIMENSION_LABELS"] = labels
    found = formats.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.data, image)
    assert found.axes == ((Axis("z"),) if known else ())


def test_labels_of_some_axes_are_no_names(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = np.zeros((4, 20, 30), np.uint8)
        file["image"].dims[0].label = "z"
    assert formats.read(tmp_path / "a.h5").data.shape == (4, 20, 30)


@pytest.mark.parametrize(
    ("ending", "version", "names", "unit", "size"),
    [(".emd", (0, 2), "yx", "[n_m]", 1), (".h5", (0, 2), "xy", "nm", 1),
     (".hdf5", (0, 2), "zyx", "[u_m]", 1000), (".emd", (0, 2), "xyz", "[n_m]", 1),
     (".emd", None, "yx", "[n_m]", 1), (".h5", None, "XY", "[u_m]", 1000),
     (".emd", None, "zyx", "nm", 1), (".hdf5", None, "yxz", "[n_m]", 1)],
)  # fmt: skip
def test_berkeley_emd_has_its_axes_by_their_names(
    tmp_path, rng, ending, version, names, unit, size
):  # fmt: skip
    pytest.importorskip("rsciio.emd")
    image = rng.random((4, 20, 30)[3 - len(names) :]).astype(np.float32)
    right = ["z", "y", "x"][3 - len(names) :]
    stored = image.transpose([right.index(name) for name in names.lower()])
    units = [unit] * len(names)
    found = formats.read(berkeley(tmp_path / f"a{ending}", stored, names, units, version=version))
    np.testing.assert_array_equal(found.data, image)
    in_nm = np.array(found.spacing) * {"nm": 1, "µm": 1000}[found.unit]
    np.testing.assert_allclose(in_nm, (0.5 * size, 0.25 * size))
    assert [(one.name, one.step, one.unit) for one in found.axes] == (
        [("z", 2.0, found.unit)] if len(names) == 3 else []
    )


def test_images_of_berkeley_emd_whose_names_begin_alike_are_not_stacked(tmp_path, rng):
    pytest.importorskip("rsciio.emd")
    image = rng.random((20, 30)).astype(np.float32)
    path = berkeley(tmp_path / "a.emd", image, "yx", ["nm"] * 2, groups=("im1", "im10"))
    images = formats.read_all(path)
    assert len(images) == 2
    for one in images:
        np.testing.assert_array_equal(one.data, image)


def test_a_version_alone_makes_no_emd(tmp_path, rng):
    import h5py

    image = rng.random((20, 30)).astype(np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["version_major"], file["image"] = 3, image
    np.testing.assert_array_equal(formats.read(tmp_path / "a.h5").data, image)


def velox(path, image, frames=1, spectra=False):
    """As Velox writes it: frames behind the columns, metadata in JSON."""
    import h5py

    text = h5py.string_dtype()
    described = {
        "Core": {"MetadataSchemaVersion": "v1"}, "Instrument": {"InstrumentClass": "Talos"},
        "Acquisition": {}, "Sample": {}, "GasInjectionSystems": {}, "CustomProperties": {},
        "Optics": {"AccelerationVoltage": "200000"}, "Stage": {"AlphaTilt": "0.1"},
        "Scan": {"DwellTime": "1e-05", "FrameTime": "0.5"}, "Detectors": {},
        "BinaryResult": {"PixelSize": {"width": "2e-10", "height": "3e-10"}, "PixelUnitX": "m",
                         "PixelUnitY": "m", "Detector": "HAADF", "Offset": {"x": "0", "y": "0"}},
    }  # fmt: skip
    written = np.frombuffer(json.dumps(described).encode(), np.uint8)[:, None]
    with h5py.File(path, "w") as file:
        file.create_dataset("Version", data=['{"format": "Velox", "version": "11"}'], dtype=text)
        for group in ("Features", "Displays/ImageDisplay", "SharedProperties"):
            file.create_group(group)
        place = file.create_group(f"Data/Image/{1:032x}")
        place["Data"] = np.stack([image + k for k in range(frames)], -1)
        place["Metadata"] = np.repeat(written, frames, 1)
        if spectra:
            settings = '{"endFramePosition": "1"}'
            place = file.create_group(f"Data/SpectrumImage/{2:032x}")
            place.create_dataset("SpectrumImageSettings", data=[settings], dtype=text)
            place = file.create_group(f"Data/SpectrumStream/{3:032x}")
            place["Data"] = np.array([5, 65535] * image.size, np.uint16)[:, None]
            place["Metadata"] = written
    return path


@pytest.mark.parametrize(
    ("ending", "frames", "spectra"),
    [(".emd", 1, False), (".h5", 3, False), (".emd", 3, True), (".hdf5", 1, True)],
)
def test_velox_emd_has_all_frames_also_beside_spectra(tmp_path, rng, ending, frames, spectra):
    pytest.importorskip("rsciio.emd")
    if spectra:
        pytest.importorskip("sparse")
    image = rng.integers(0, 60_000, (20, 30)).astype(np.uint16)
    found = formats.read(velox(tmp_path / f"a{ending}", image, frames, spectra))
    right = np.stack([image + k for k in range(frames)])
    np.testing.assert_array_equal(found.data, right if frames > 1 else image)
    np.testing.assert_allclose(found.spacing, (0.3, 0.2))
    assert found.metadata["facts"]["instrument"] == "Talos"
    assert found.metadata["facts"]["voltage_kv"] == 200
    assert [one.step for one in found.axes] == ([0.5] if frames > 1 else [])


def test_a_large_velox_emd_stays_in_its_file(tmp_path, rng, monkeypatch):
    import h5py

    pytest.importorskip("rsciio.emd")
    monkeypatch.setattr(checks, "EAGER_BYTES", 100)
    image = rng.integers(0, 60_000, (20, 30)).astype(np.uint16)
    path = velox(tmp_path / "a.emd", image, 3)
    # in one piece it is read whole
    np.testing.assert_array_equal(np.asarray(formats.read(path).data)[1], image + 1)
    with h5py.File(path, "r+") as file:
        place = file[f"Data/Image/{1:032x}"]
        data = place["Data"][()]
        del place["Data"]
        place.create_dataset("Data", data=data, chunks=(20, 30, 1))
    found = formats.read(path)
    assert found.data.chunksize == (1, 20, 30)
    np.testing.assert_array_equal(found.data[1], image + 1)


# axes without names, sizes of pixels --------------------------------------------------------------


@pytest.mark.parametrize("version", [(0, 2), None])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("names", [None, "", "real"])
@pytest.mark.parametrize("shape", [(9, 12), (4, 9, 12), (20, 30, 3)])
def test_berkeley_emd_without_names_of_rows_and_columns_keeps_its_order(
    tmp_path, rng, version, first, names, shape
):
    import h5py

    image = rng.random(shape).astype(np.float32)
    with h5py.File(tmp_path / "a.emd", "w") as file:
        if version:
            file.attrs["version_major"], file.attrs["version_minor"] = version
        group = file.create_group("data/image")
        group.attrs["emd_group_type"] = 1
        group["data"] = image
        for place, length in enumerate(shape):
            key = f"dim{first + place}"
            group[key] = (place + 1.0) * np.arange(length)
            group[key].attrs["units"] = "[n_m]"
            if names is not None:
                group[key].attrs["name"] = f"{names}{place}" if names else ""
    found = formats.read(tmp_path / "a.emd")
    np.testing.assert_array_equal(found.data, image)
    rows = 1 if shape == (4, 9, 12) else 0
    assert (found.spacing, found.unit) == ((rows + 1.0, rows + 2.0), "nm")
    assert [(one.step, one.unit) for one in found.axes] == [(1.0, "nm")][:rows]


def test_berkeley_emd_without_dimensions_is_read(tmp_path, rng):
    image = rng.random((9, 12)).astype(np.float32)
    path = berkeley(tmp_path / "a.emd", image, "", [])
    np.testing.assert_array_equal(formats.read(path).data, image)


def test_files_of_rosettasciio_without_names_come_back_as_they_were(tmp_path, rng):
    emd = pytest.importorskip("rsciio.emd")
    image = rng.random((9, 12)).astype(np.float32)
    made = signal(image)
    for axis in made["axes"]:
        axis["name"] = None
    emd.file_writer(str(tmp_path / "a.emd"), made)
    np.testing.assert_array_equal(formats.read(tmp_path / "a.emd").data, image)


def with_tags(path, keys, sizes=(), resolutions=(), units=None):
    import h5py

    lengths = {"t": 2, "z": 4, "y": 20, "x": 30, "c": 2}
    tags = [{"key": key, "typeFlags": 2} for key in keys]
    for tag, resolution in zip(tags, resolutions, strict=False):
        tag["resolution"] = resolution
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros([lengths[key] for key in keys], np.uint8)
        file["data"].attrs["axistags"] = json.dumps({"axes": tags})
        if len(sizes):
            file["data"].attrs["element_size_um"] = sizes
        if units:
            file["data"].attrs["axis_units"] = json.dumps(units)
    return formats.read(path)


@pytest.mark.parametrize(
    ("keys", "sizes", "spacing", "step", "note"),
    [("tzyxc", (1, 0.05, 0.002, 0.003, 1), (2, 3), 50, ""),
     ("xyzct", (0.003, 0.002, 0.05, 1, 1), (2, 3), 50, ""),
     ("zyxc", (0.05, 0.002, 0.003, 1), (2, 3), 50, ""), ("yx", (0.002, 0.003), (2, 3), None, ""),
     ("xyz", (0.003, 0.002, 0.05), (2, 3), 50, ""), ("zyx", (0.05, 0.002, 0.003), (2, 3), 50, ""),
     ("tzyxc", (0.05, 0.002, 0.003), (2, 3), 50, ""),
     ("yx", (0.05, 0.002, 0.003), (2, 3), None, ""),
     ("zyx", (0.002,), (2, 2), 2, ""), ("yxc", (0.05, 0.002, 0.003), (2, 3), None, "of z, y, x"),
     ("zyx", (0.002, 0.003), (2, 3), None, "of y, x"),
     ("tzyx", (1, 2, 3, 4, 5), None, None, "5 numbers for 4 axes")],
)  # fmt: skip
def test_the_sizes_of_elements_belong_to_the_axes_of_their_number(
    tmp_path, keys, sizes, spacing, step, note
):
    found = with_tags(tmp_path / "a.h5", keys, sizes)
    assert found.spacing == (spacing and pytest.approx(spacing))
    steps = [one.step for one in found.axes if one.name == "z" and one.unit != "px"]
    assert steps == ([pytest.approx(step)] if step else [])
    assert any("element_size_um" in one and note in one for one in found.notes) == bool(note)


def test_resolutions_of_axis_tags_are_used_with_their_unit_or_named(tmp_path):
    units = {"z": "\u03bcm", "y": "nm", "x": "nm", "c": ""}
    found = with_tags(tmp_path / "a.h5", "zyxc", (), (0.05, 2, 3, 0), units)
    assert (found.spacing, found.unit) == ((2, 3), "nm")
    assert [(one.step, one.unit) for one in found.axes if one.name == "z"] == [(0.05, "µm")]
    bare = with_tags(tmp_path / "b.h5", "zyx", (), (50, 2, 3))
    assert bare.spacing is None
    assert any("3 x 2 without a unit" in one for one in bare.notes)
    both = with_tags(tmp_path / "c.h5", "yx", (0.002, 0.003), (4, 6), units)
    assert both.spacing == pytest.approx((2, 3))
    assert any("two pixel sizes" in one for one in both.notes)
    assert not with_tags(tmp_path / "d.h5", "yx", (), (0, 0)).notes


def test_other_files_that_numbers_are_read_from_are_named(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(range(64)))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = np.ones((8, 8), np.uint8)
    layout = h5py.VirtualLayout((8, 8), "u1")
    layout[:] = h5py.VirtualSource("b.h5", "x", (8, 8))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (8, 8), "u1", external=[(str(tmp_path / "secret"), 0, 64)])
        file.create_virtual_dataset("y", layout)
    notes = {note for one in formats.read_all(tmp_path / "a.h5") for note in one.notes}
    assert f"numbers are read from {tmp_path / 'secret'}, b.h5" in notes
    assert not any("read from" in note for note in formats.read(tmp_path / "b.h5").notes)
