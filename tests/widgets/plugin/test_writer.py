"""What is saved from the viewer is what was in it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import tifffile
from npe2 import PluginManager
from PIL import Image

from napari_visual_ccc.core.micrograph import Axis, InfoBar
from napari_visual_ccc.io.read import read
from napari_visual_ccc.widgets.layers.convert import as_micrograph

zarr = pytest.importorskip("zarr", minversion="3")

PLUGIN = "napari-visual-ccc"
RECORD = {"source": {"name": "x"}, "steps": [{"operation": "threshold"}]}


@pytest.fixture(autouse=True)
def _this_plugin():
    manager = PluginManager.instance()
    if PLUGIN not in manager:
        manager.discover()
    assert PLUGIN in manager


@pytest.fixture
def stack(headless, rng):
    return headless.add_image(
        rng.integers(0, 999, (2, 40, 50)).astype(np.uint16), name="stack", scale=(30, 2, 1.5),
        units=("nm", "nm", "nm"), axis_labels=("z", "y", "x"), translate=(0, 100, 200),
        metadata={
            "visual_ccc": RECORD, "micrograph": {"voltage_kv": 5.0, "info_bar": {"bottom": 4}},
        },
    )  # fmt: skip


def add_grains(viewer):
    data = np.zeros((40, 50), np.int32)
    data[5:20, 5:20], data[25:35, 10:40] = 1, 7
    table = pd.DataFrame({"label": [1, 7], "area_nm2": [2.5, 3.5], "index": [1, 7]})
    return viewer.add_labels(data, name="grains", scale=(2, 2), units="nm", features=table)


@pytest.fixture
def labels(headless):
    return add_grains(headless)


@pytest.mark.parametrize("name", ["a.ome.tif", "a.ome.tiff", "a.ome.zarr", "a.zarr", "a.tif"])
def test_a_stack_is_saved_with_all_that_it_knows(stack, tmp_path, name):
    path = tmp_path / name
    assert stack.save(str(path), plugin=PLUGIN) == [str(path)]
    found = read(path)
    np.testing.assert_array_equal(found.data, stack.data)
    assert (found.spacing, found.unit) == ((2.0, 1.5), "nm")
    assert found.axes == (Axis("z", 30.0, "nm"),)
    assert found.info_bar == InfoBar(bottom=4)
    assert found.metadata["visual_ccc"] == RECORD
    assert found.metadata["facts"] == {"voltage_kv": 5.0}
    assert found.metadata["origin"] == [100.0, 200.0]


def test_napari_finds_the_writer_by_itself(stack, tmp_path):
    assert stack.save(str(tmp_path / "a.ome.zarr"))
    assert read(tmp_path / "a.ome.zarr").spacing == (2.0, 1.5)
    # its own writer stays the one for plain images
    stack.save(str(tmp_path / "a.tif"))
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.imagej_metadata is None


def test_labels_are_saved_for_imagej(labels, tmp_path):
    labels.save(str(tmp_path / "a.tif"), plugin=PLUGIN)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].dtype == np.uint16
        assert tif.imagej_metadata["unit"] == "nm"
        np.testing.assert_array_equal(tif.asarray(), labels.data)


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_several_layers_are_saved_side_by_side(headless, stack, labels, tmp_path, ending):
    written = headless.layers.save(str(tmp_path / f"all{ending}"), plugin=PLUGIN)
    names = [f"all_stack{ending}", f"all_grains{ending}"]
    assert written == [str(tmp_path / name) for name in names]
    assert "labels" not in read(tmp_path / names[0]).metadata
    assert read(tmp_path / names[1]).metadata["labels"] is True
    # nobody was asked about these names
    with pytest.raises(FileExistsError, match="all_stack"):
        headless.layers.save(str(tmp_path / f"all{ending}"), plugin=PLUGIN)


def test_layers_of_one_name_are_not_written_over_each_other(headless, tmp_path):
    for name in ("a b", "a_b"):
        headless.add_image(np.zeros((4, 5)), name=name)
    with pytest.raises(OSError, match="rename one"):
        headless.layers.save(str(tmp_path / "x.ome.tif"), plugin=PLUGIN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_of_labels_are_saved(labels, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    labels.save(str(path), plugin=PLUGIN)
    found = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    pd.testing.assert_frame_equal(found, pd.DataFrame({"label": [1, 7], "area_nm2": [2.5, 3.5]}))


def test_labels_without_a_table_say_so(headless, tmp_path):
    layer = headless.add_labels(np.ones((4, 5), int), name="mask")
    with pytest.raises(OSError, match="mask has no table; measure"):
        layer.save(str(tmp_path / "a.csv"), plugin=PLUGIN)


@pytest.mark.parametrize("name", ["a.ome.tif", "a.ome.zarr", "a.tif"])
@pytest.mark.parametrize("units", ["nm", "px"])
def test_a_layer_comes_back_where_it_lay(headless, tmp_path, name, units):
    scale = (5.0, 2.0, 2.0) if units == "nm" else (1, 1, 1)
    place = {"scale": scale, "units": units, "translate": (15.0, -4.0, 8.0)}
    stack = headless.add_image(np.ones((3, 30, 40), np.float32), name="a", **place)
    plane = {"scale": scale[1:], "units": units, "translate": (-4.0, 8.0)}
    flat = headless.add_labels(np.ones((30, 40), int), name="b", **plane)
    for layer in (stack, flat):
        path = tmp_path / f"{layer.name}_{name}"
        layer.save(str(path), plugin="napari-visual-ccc")
        (again,) = headless.open(path, plugin="napari-visual-ccc")
        np.testing.assert_allclose(again.translate, layer.translate)
        np.testing.assert_allclose(again.scale, layer.scale)


def test_lazy_and_multiscale_layers_are_saved_whole(headless, tmp_path, rng):
    data = rng.integers(0, 255, (64, 80)).astype(np.uint8)
    lazy = da.from_array(data, chunks=(20, 30))
    headless.add_image(lazy, name="lazy", contrast_limits=(0, 255))
    headless.add_image([lazy, lazy[::2, ::2]], name="levels", contrast_limits=(0, 255))
    headless.layers.save(str(tmp_path / "a.ome.tif"), plugin=PLUGIN)
    for name in ("lazy", "levels"):
        found = read(tmp_path / f"a_{name}.ome.tif")
        np.testing.assert_array_equal(found.data, data)
        assert (found.spacing, found.unit) == (None, "px")


def test_colour_and_narrow_images_are_not_mixed_up(headless, tmp_path, rng):
    data = rng.integers(0, 255, (5, 20, 3)).astype(np.uint8)
    headless.add_image(data, rgb=True, name="colour")
    headless.add_image(data, rgb=False, name="narrow")
    headless.layers.save(str(tmp_path / "a.ome.tif"), plugin=PLUGIN)
    for name, axes in (("colour", 0), ("narrow", 1)):
        found = read(tmp_path / f"a_{name}.ome.tif")
        np.testing.assert_array_equal(found.data, data)
        assert len(found.axes) == axes
    with tifffile.TiffFile(tmp_path / "a_narrow.ome.tif") as tif:
        assert tif.series[0].axes == "ZYX"


def test_diffraction_patterns_keep_their_unit(headless):
    layer = headless.add_image(np.zeros((4, 5)), scale=(0.02, 0.02), units="1/nm")
    found = as_micrograph(*layer.as_layer_data_tuple())
    assert (found.spacing, found.unit) == ((0.02, 0.02), "1/nm")


def test_nothing_is_computed_to_know_what_a_layer_knows(headless):
    def fail(chunk):
        raise RuntimeError("computed")

    lazy = da.zeros((9, 9), chunks=3).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    about = {"scale": (2.0, 2.0), "units": ("nm", "nm"), "name": "lazy"}
    assert as_micrograph(lazy, about, "image").spacing == (2.0, 2.0)


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_a_figure_has_all_visible_layers_and_a_scale_bar(viewer, tmp_path, name):
    add_grains(viewer)
    viewer.layers.insert(0, viewer.layers.pop(0))
    image = np.zeros((40, 50), np.uint8)
    viewer.add_image(image, name="under", scale=(2, 2), units="nm", contrast_limits=(0, 255))
    viewer.layers.move(1, 0)
    coarse = viewer.add_labels(
        np.full((5, 6), 3), name="windows", scale=(16, 16), translate=(7, 7), units="nm"
    )
    coarse.visible = False
    path = tmp_path / name
    viewer.layers.save(str(path), plugin=PLUGIN)
    if name == "a.svg":
        assert ">20 nm<" in path.read_text(encoding="utf-8")
        return

    def coloured():
        return (np.asarray(Image.open(path).convert("HSV"))[..., 1] > 60).mean()

    some = coloured()
    assert some > 0.05
    coarse.visible = True
    viewer.layers.save(str(path), plugin=PLUGIN)
    assert coloured() > 2 * some


def test_a_figure_shows_the_slice_being_looked_at(viewer, tmp_path):
    data = np.zeros((3, 40, 50), np.uint8)
    data[2] = 255
    layer = viewer.add_image(data, scale=(30, 1, 1), contrast_limits=(0, 255), name="stack")
    means = []
    for number in (0, 2):
        viewer.dims.set_current_step(0, number)
        layer.save(str(tmp_path / "a.png"), plugin=PLUGIN)
        middle = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
        means.append(middle[middle.shape[0] // 2, middle.shape[1] // 2])
    assert means == [0, 255]


def test_a_figure_of_layers_that_lie_elsewhere_is_refused(headless, tmp_path):
    headless.add_image(np.zeros((40, 50)), name="here")
    headless.add_image(np.zeros((40, 50)), name="there", scale=(1.3, 1.7))
    with pytest.raises(OSError, match="there is not aligned with here; save it by itself"):
        headless.layers.save(str(tmp_path / "a.svg"), plugin=PLUGIN)
