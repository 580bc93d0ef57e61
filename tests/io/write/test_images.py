"""What is written is what is read, whatever the format."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_visual_ccc.core.layers import ImageLayer, LabelsLayer, Placement
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.header import KEY, restore
from napari_visual_ccc.io.write import images as export
from napari_visual_ccc.io.write import pyramid
from napari_visual_ccc.io.write.layers import micrograph_of

zarr = pytest.importorskip("zarr", minversion="3")

OME = ("ome-tiff", "ome-zarr", "ome-zarr-0.4")
DTYPES = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64", "bool")
RECORD = {"source": {"name": "x"}, "steps": [{"operation": "threshold"}], "note": 'µ "<&>'}


def write(image, path, **options):
    return run(export.write_image(image, path, **options))


def read(path):
    """The image, and all levels, in memory."""
    found = formats.read(path)
    return replace(
        found, data=np.asarray(found.data), levels=tuple(np.asarray(one) for one in found.levels)
    )


def known(image):
    """The metadata without the file's own."""
    return {key: value for key, value in image.metadata.items() if value and key != "original"}


def path_of(folder, kind):
    return folder / f"image{export.ENDINGS[kind]}"


@pytest.fixture
def small_pyramids(monkeypatch):
    monkeypatch.setattr(pyramid, "PYRAMID_ABOVE", 600)
    monkeypatch.setattr(pyramid, "TOP", 200)


@st.composite
def micrographs(draw):
    shape = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
    shape += (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    seed = np.random.default_rng(draw(st.integers(0, 99)))
    if dtype.kind == "f":
        data = seed.normal(0, 1e3, shape).astype(dtype)
        data.flat[0] = np.nan
    else:
        least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        data = seed.integers(least, most, shape, np.int64, endpoint=True).astype(dtype)
    if draw(st.booleans()):
        data = da.from_array(data, chunks=draw(st.integers(1, 17)))
    names = draw(st.permutations(["z", "t", "c", "tilt", "channel"]))
    sizes = st.floats(1e-3, 1e4)
    axes = tuple(Axis(name, draw(sizes), draw(st.sampled_from(["nm", "s", "px"])))
                 for name in names[: len(shape) - 2])  # fmt: skip
    unit = draw(st.sampled_from(["nm", "µm", "Å", "1/nm", "px"]))
    return Micrograph(
        data,
        None if unit == "px" else (draw(sizes), draw(sizes)),
        unit,
        axes=draw(st.sampled_from([axes, ()])),
        metadata=draw(st.sampled_from([{}, {"visual_ccc": RECORD, "facts": {"kV": 5.0}}])),
        info_bar=draw(st.sampled_from([None, InfoBar(), InfoBar(bottom=1)])),
    )


@pytest.mark.parametrize("kind", OME)
def test_what_is_written_is_what_is_read(tmp_path_factory, kind):
    folder = tmp_path_factory.mktemp("round")

    @settings(max_examples=settings.default.max_examples // 2, derandomize=True)
    @given(micrographs())
    def check(image):
        found = read(write(image, path_of(folder, kind), format=kind, force=True))
        data = np.asarray(image.data)
        np.testing.assert_array_equal(found.data, data)
        assert (found.data.dtype, found.data.shape) == (data.dtype, data.shape)
        for field in ("spacing", "unit", "axes", "info_bar"):
            assert getattr(found, field) == getattr(image, field), field
        assert known(found) == known(image)
        assert not found.notes

    check()
    assert [file.name for file in folder.iterdir()] == [path_of(folder, kind).name]


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


@pytest.mark.parametrize("kind", OME)
@pytest.mark.parametrize("lazy", [False, True])
def test_levels_halve_and_keep_the_mean(tmp_path, rng, small_pyramids, kind, lazy):
    data = rng.integers(0, 255, (2, 1025, 1301)).astype(np.uint8)
    image = Micrograph(
        da.from_array(data, chunks=(2, 300, 500)) if lazy else data, (2.0, 3.0), "nm"
    )
    path = write(image, path_of(tmp_path, kind), format=kind)
    if kind == "ome-tiff":
        with tifffile.TiffFile(path) as tif:
            levels = [level.asarray() for level in tif.series[0].levels]
            assert tif.pages[0].is_tiled
    else:
        found = read(path)
        levels = [found.data, *found.levels]
    assert [level.shape for level in levels] == [
        (2, 1025, 1301), (2, 513, 651), (2, 257, 326), (2, 129, 163),
    ]  # fmt: skip
    np.testing.assert_array_equal(levels[0], data)
    expected = data[:, :1024, :1300].reshape(2, 512, 2, 650, 2).mean(axis=(2, 4)).round()
    np.testing.assert_array_equal(levels[1][:, :512, :650], expected)
    np.testing.assert_array_equal(levels[1][:, -1, 0], data[:, -1, :2].mean(axis=1).round())


def test_labels_are_never_mixed(tmp_path, small_pyramids):
    data = np.zeros((700, 640), np.int32)
    data[:, 1::2], data[:, ::2] = 9, 5
    layer = micrograph_of(LabelsLayer(data), Micrograph(None, (1.0, 1.0), "nm"))
    found = read(write(layer, tmp_path / "a.zarr"))
    assert set(np.unique(found.levels[0])) == {5}
    assert found.metadata["labels"] is True
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    told = group.attrs["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert told == [{"type": "scale", "scale": [2.0, 2.0]}]


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


@pytest.mark.parametrize("kind", [*OME, "imagej"])
def test_three_columns_are_no_colours_where_the_axes_are_known(tmp_path, rng, kind):
    data = rng.integers(0, 255, (5, 20, 3)).astype(np.uint8)
    found = read(write(Micrograph(data, axes=(Axis("z"),)), path_of(tmp_path, kind), format=kind))
    np.testing.assert_array_equal(found.data, data)
    if kind in ("ome-tiff", "imagej"):
        with tifffile.TiffFile(path_of(tmp_path, kind)) as tif:
            assert tif.series[0].axes == "ZYX"


def test_what_is_too_large_for_imagej_is_refused(tmp_path):
    image = Micrograph(da.zeros((5, 40_000, 40_000), dtype=np.uint8, chunks=(1, 4000, 4000)))
    with pytest.raises(ValueError, match="too large for ImageJ"):
        write(image, tmp_path / "a.tif", format="imagej")


def test_a_large_tiff_is_a_bigtiff(tmp_path):
    image = Micrograph(da.zeros((3, 30_000, 30_000), dtype=np.uint8, chunks=(1, 4000, 4000)))
    steps = export.write_image(image, tmp_path / "a.ome.tif")
    next(steps)
    part = next(tmp_path.iterdir())
    assert part.read_bytes()[:4] == b"II\x2b\x00"
    steps.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [*OME, "imagej"])
def test_every_chunk_is_computed_once_and_progress_is_told(tmp_path, small_pyramids, kind):
    seen = []

    def block(chunk, block_info=None):
        if block_info:
            seen.append(tuple(block_info[0]["chunk-location"]))
        return chunk + 1

    source = da.zeros((4, 700, 650), dtype=np.uint8, chunks=(2, 300, 250))
    image = Micrograph(source.map_blocks(block, dtype=np.uint8, meta=np.empty((0,) * 3, np.uint8)))
    told = []
    run(export.write_image(image, path_of(tmp_path, kind), format=kind), told.append)
    assert sorted(seen) == sorted(np.ndindex(2, 3, 3))
    assert [one.done for one in told] == list(range(1, len(told) + 1))
    assert {one.total for one in told} == {len(told)}
    assert len(told) >= 6


@pytest.mark.parametrize("kind", [*OME, "imagej"])
@pytest.mark.parametrize("there", [False, True])
def test_cancel_and_failure_leave_what_was_there(tmp_path, kind, there):
    def fail(chunk):
        raise RuntimeError("the disk of the source is gone")

    path = path_of(tmp_path, kind)
    if there:
        write(Micrograph(np.ones((4, 5), np.uint8)), path, format=kind)
    before = sorted(tmp_path.rglob("*"))
    good = da.ones((3, 200, 300), dtype=np.uint8, chunks=(1, 100, 300))
    bad = da.map_blocks(fail, good, dtype=np.uint8, meta=np.empty((0,) * 3, np.uint8))
    steps = export.write_image(
        Micrograph(da.concatenate([good, bad])), path, format=kind, force=True
    )
    with pytest.raises(RuntimeError, match="is gone"):
        run(steps)
    assert sorted(tmp_path.rglob("*")) == before
    steps = export.write_image(Micrograph(good), path, format=kind, force=True)
    next(steps)
    assert len(list(tmp_path.iterdir())) == there + 1
    steps.close()
    assert sorted(tmp_path.rglob("*")) == before
    if there:
        np.testing.assert_array_equal(read(path).data, 1)


@pytest.mark.parametrize("kind", OME)
def test_nothing_is_replaced_unless_asked(tmp_path, kind):
    path = path_of(tmp_path, kind)
    image = Micrograph(np.ones((4, 5), np.uint8))
    write(image, path, format=kind)
    with pytest.raises(FileExistsError, match="there already"):
        write(image, path, format=kind)
    write(replace(image, data=image.data * 2), path, format=kind, force=True)
    np.testing.assert_array_equal(read(path).data, 2)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_zarr_replaces_a_file_and_a_file_a_zarr(tmp_path):
    path = tmp_path / "a.ome.zarr"
    path.write_text("a file")
    image = Micrograph(np.ones((4, 5), np.uint8))
    write(image, path, force=True)
    np.testing.assert_array_equal(read(path).data, 1)
    write(image, path, force=True, format="ome-tiff")
    assert path.is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "photos.zarr").mkdir()
    (tmp_path / "photos.zarr" / "cat.txt").write_text("meow")
    with pytest.raises(FileExistsError, match="is a folder and no Zarr"):
        write(Micrograph(np.ones((4, 5))), tmp_path / "photos.zarr", force=True)
    assert (tmp_path / "photos.zarr" / "cat.txt").read_text() == "meow"


def test_a_lazy_image_can_be_written_over_its_own_source(tmp_path, rng):
    data = rng.integers(0, 255, (300, 200)).astype(np.uint8)
    path = write(Micrograph(data), tmp_path / "a.zarr")
    lazy = 255 - da.from_zarr(path / "0")
    write(Micrograph(lazy), path, force=True)
    np.testing.assert_array_equal(read(path).data, 255 - data)


@pytest.mark.parametrize("name", ["a.png", "a", "a.csv"])
def test_other_endings_are_named(tmp_path, name):
    with pytest.raises(ValueError, match=r"let the name end in \.ome\.tif"):
        write(Micrograph(np.ones((4, 5))), tmp_path / name)


@pytest.mark.parametrize("data", [np.zeros((0, 5)), np.zeros(5), np.full((2, 2), "x")])
def test_what_is_no_image_is_named(tmp_path, data):
    with pytest.raises(ValueError, match=r"^image "):
        write(Micrograph(data), tmp_path / "a.ome.tif")


def test_a_coarse_map_says_how_coarse_it_is_and_where_it_lies(tmp_path):
    layer = micrograph_of(
        ImageLayer(np.zeros((4, 5), np.float32), placement=Placement(8)),
        Micrograph(None, (2.0, 2.0), "nm"),
    )
    path = write(layer, tmp_path / "c.ome.tif")
    assert formats.read(path).spacing == (16, 16)
    with tifffile.TiffFile(path) as tif:
        assert 'PositionX="7.0"' in tif.ome_metadata
    write(layer, tmp_path / "c.zarr")
    told = zarr.open_group(tmp_path / "c.zarr", mode="r").attrs["ome"]["multiscales"][0]
    assert told["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [16.0, 16.0]},
        {"type": "translation", "translation": [7.0, 7.0]},
    ]


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


def test_a_part_keeps_its_place_without_a_pixel_size(tmp_path):
    part = ImageLayer(np.zeros((10, 12), np.uint8), placement=Placement(corner=(20, 5)))
    path = tmp_path / "part.ome.tif"
    write(micrograph_of(part, Micrograph(None)), path)
    found = formats.read(path)
    assert found.spacing is None
    assert found.metadata["origin"] == [20.0, 5.0]


def test_steps_that_no_format_says_come_back_without_a_note(tmp_path):
    stack = np.ones((3, 9, 9), np.float32)
    for step in (-2.0, 3e9):
        image = Micrograph(stack, (5.0, 5.0), "nm", axes=(Axis("z", step, "nm"),))
        for name in ("a.ome.tif", "a.ome.zarr"):
            found = formats.read(write(image, tmp_path / name, force=True))
            assert found.axes[0].step == step
            assert not [note for note in found.notes if "another program" in note]
