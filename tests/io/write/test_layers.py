"""Layers as files: images, labels, and coordinates that napari opens again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tifffile import imread

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
)
from napari_visual_ccc.core.micrograph import Axis, InfoBar, Micrograph
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.io.write.layers import (
    FILES,
    coordinates_table,
    ending_of,
    micrograph_of,
    write_layer,
)

SOURCE = Micrograph(
    None, (2.0, 3.0), "nm", name="copper", axes=(Axis("z", 5.0, "nm"),), info_bar=InfoBar(bottom=4),
    metadata={"origin": [10.0, 20.0]},
)  # fmt: skip


def test_every_kind_of_layer_has_a_file():
    pixels = {ImageLayer, ChannelsLayer, ColourLayer, LabelsLayer}
    assert set(FILES) == {*pixels, PointsLayer, ShapesLayer}


def test_a_layer_takes_place_axes_and_bar_of_its_source():
    found = micrograph_of(LabelsLayer(np.ones((2, 8, 9), int)), SOURCE, {"steps": []})
    assert (found.spacing, found.unit, found.name) == ((2, 3), "nm", "copper")
    assert (found.axes, found.info_bar) == (SOURCE.axes, SOURCE.info_bar)
    assert found.metadata == {"visual_ccc": {"steps": []}, "labels": True, "origin": [10, 20]}


def test_a_coarse_map_has_larger_pixels_and_no_bar():
    layer = ImageLayer(np.ones((4, 5)), placement=Placement(8, corner=(1, 2)))
    found = micrograph_of(layer, SOURCE)
    assert found.spacing == (16, 24)
    assert found.info_bar is None
    assert found.axes == ()
    assert found.metadata["origin"] == [10 + 2 * 4.5, 20 + 3 * 5.5]


def test_channels_are_an_axis_and_colours_none(tmp_path):
    maps = ChannelsLayer(np.ones((5, 4, 6), np.float32), placement=Placement(2.5))
    plane = replace(SOURCE, axes=(), metadata={})
    found = micrograph_of(maps, plane)
    assert [axis.name for axis in found.axes] == ["channel"]
    assert found.spacing == (5, 7.5)
    picture = ColourLayer(np.full((4, 6, 3), 9, np.uint8))
    write_layer(picture, tmp_path / "picture.tif", plane)
    np.testing.assert_array_equal(imread(tmp_path / "picture.tif"), picture.data)


def test_endings_follow_the_kind_of_layer():
    assert ending_of(ImageLayer(None), "ome-zarr") == ".ome.zarr"
    assert ending_of(PointsLayer(None), "ome-zarr") == "_points.csv"
    assert ending_of(ShapesLayer(None), "ome-tiff") == "_shapes.csv"


def open_in_napari(path):
    from napari_builtins.io import napari_get_reader

    ((data, options, kind),) = napari_get_reader(str(path))(str(path))
    return data, options, kind


def test_points_are_opened_by_napari_with_their_features(tmp_path):
    points = PointsLayer(
        np.array([[1.5, 2.0], [3.0, 4.25]]), name="seeds",
        features=pd.DataFrame({"score": [0.5, 0.75]}),
    )  # fmt: skip
    path = ccc.write(Result((points,)), tmp_path / "p.csv", source=SOURCE)
    table = pd.read_csv(path)
    assert list(table) == ["index", "axis-0", "axis-1", "y_nm", "x_nm", "score"]
    assert table["y_nm"].tolist() == [13, 16]
    assert table["x_nm"].tolist() == [26, 32.75]
    data, options, kind = open_in_napari(path)
    assert kind == "points"
    np.testing.assert_array_equal(data, points.data)
    np.testing.assert_array_equal(np.array(options["properties"]["score"], float), [0.5, 0.75])


def test_shapes_are_opened_by_napari_with_their_kinds(tmp_path):
    shapes = ShapesLayer(
        [np.array([[0, 0], [0, 4], [5, 4.5]]), np.array([[1, 1], [2, 2]])],
        kinds=("polygon", "line"), features=pd.DataFrame({"name": ["a", "b"]}),
    )  # fmt: skip
    path = tmp_path / "s.csv"
    write_layer(shapes, path, Micrograph(None))
    assert pd.read_csv(path)["name"].tolist() == ["a", "a", "a", "b", "b"]
    data, options, kind = open_in_napari(path)
    assert kind == "shapes"
    assert list(options["shape_type"]) == ["polygon", "line"]
    for one, other in zip(data, shapes.data, strict=True):
        np.testing.assert_array_equal(np.array(one, float), other)


def test_coordinates_of_a_coarse_layer_are_written_in_source_pixels():
    layer = PointsLayer(np.array([[0.0, 1.0]]), placement=Placement(4, corner=(10, 0)))
    table = coordinates_table(layer, Micrograph(None))
    assert table[["axis-0", "axis-1"]].to_numpy().tolist() == [[11.5, 5.5]]
    assert list(table) == ["index", "axis-0", "axis-1"]


@pytest.mark.parametrize("layer", [PointsLayer(np.empty((0, 2))), ShapesLayer([])])
def test_empty_layers_are_written_too(layer, tmp_path):
    write_layer(layer, tmp_path / "none.csv", SOURCE)
    table = pd.read_csv(tmp_path / "none.csv")
    assert len(table) == 0
    assert {"axis-0", "axis-1", "y_nm"} <= set(table)


def test_points_in_a_stack_keep_the_axis_of_the_slices():
    table = coordinates_table(PointsLayer(np.array([[3, 1, 2]])), SOURCE)
    assert table.loc[0, ["axis-0", "axis-1", "axis-2"]].tolist() == [3, 1, 2]
    assert table.loc[0, ["y_nm", "x_nm"]].tolist() == [12, 26]


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "p.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="already exists"):
        write_layer(PointsLayer(np.zeros((1, 2))), tmp_path / "p.csv", SOURCE)
    assert (tmp_path / "p.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["p.ome.tif", "p.ome.zarr", "p.parquet", "p"])
@pytest.mark.parametrize("layer", [PointsLayer(np.ones((1, 2))), ShapesLayer([])])
def test_coordinates_are_refused_under_the_ending_of_another_format(layer, name, tmp_path):
    with pytest.raises(ValueError, match=f"^{name}: points and shapes are written as .csv"):
        ccc.write(Result((layer,)), tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert ccc.write(Result((layer,)), tmp_path / "P.CSV").is_file()
