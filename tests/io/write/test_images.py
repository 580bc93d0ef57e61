"""What is written is what is read, whatever the format."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_visual_ccc.core.layers import ImageLayer, Placement
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.write import images as export
from napari_visual_ccc.io.write.layers import micrograph_of
from tests.io.write.helpers import DTYPES, OME, RECORD, known, path_of, read, write

zarr = pytest.importorskip("zarr", minversion="3")


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
    with pytest.raises(FileExistsError, match="already exists"):
        write(image, path, format=kind)
    write(replace(image, data=image.data * 2), path, format=kind, force=True)
    np.testing.assert_array_equal(read(path).data, 2)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "photos.zarr").mkdir()
    (tmp_path / "photos.zarr" / "cat.txt").write_text("meow")
    with pytest.raises(FileExistsError, match="is a folder but not a Zarr store"):
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


def test_a_part_keeps_its_place_without_a_pixel_size(tmp_path):
    part = ImageLayer(np.zeros((10, 12), np.uint8), placement=Placement(corner=(20, 5)))
    path = tmp_path / "part.ome.tif"
    write(micrograph_of(part, Micrograph(None)), path)
    found = formats.read(path)
    assert found.spacing is None
    assert found.metadata["origin"] == [20.0, 5.0]
