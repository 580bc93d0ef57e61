"""Layers of results: placement, stacks, and what an info bar moves."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_visual_ccc.core.layers import (
    ImageLayer,
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
)
from napari_visual_ccc.core.micrograph import InfoBar

BAR = InfoBar(top=3, bottom=2, left=1, right=4)


def test_the_first_cell_is_centred_on_its_block_unless_an_origin_is_given():
    assert Placement().first_centre == (0, 0)
    assert Placement(8).first_centre == (3.5, 3.5)
    assert Placement(8, 15.5, (20, 5)).first_centre == (35.5, 20.5)


def test_cells_become_source_pixels():
    place = Placement(4, corner=(10, 20))
    np.testing.assert_array_equal(place.to_source([[0, 0], [1, 2]]), [[11.5, 21.5], [15.5, 29.5]])
    np.testing.assert_array_equal(place.to_source([[7, 1, 2]]), [[7, 15.5, 29.5]])
    assert place.to_source(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("dtype", "blank"), [(np.float32, np.nan), (np.uint8, 0)])
def test_full_size_pixels_are_padded_where_the_info_bar_was(lazy, dtype, blank):
    data = np.ones((2, 5, 6), dtype)
    layer = ImageLayer(da.from_array(data) if lazy else data, name="map")
    found = layer.uncropped(BAR, (5, 6))
    assert isinstance(found.data, da.Array) == lazy
    assert found.placement == layer.placement
    pixels = np.asarray(found)
    assert pixels.shape == (2, 10, 11)
    np.testing.assert_array_equal(pixels[:, 3:8, 1:7], data)
    np.testing.assert_array_equal(pixels[:, 0], blank)


def test_coarse_maps_and_parts_are_moved_by_the_info_bar():
    coarse = LabelsLayer(np.ones((2, 3), np.uint8), placement=Placement(4, corner=(1, 1)))
    assert coarse.uncropped(BAR, (2, 3)).placement == Placement(4, corner=(4, 2))
    part = ImageLayer(np.ones((2, 3)))
    assert part.uncropped(BAR, (5, 6)).placement == Placement(corner=(3, 1))


def test_coordinates_are_moved_by_the_info_bar():
    points = PointsLayer(np.array([[0.5, 1.5]])).uncropped(BAR, (5, 6))
    np.testing.assert_array_equal(points.placement.to_source(points.data), [[3.5, 2.5]])
    shapes = ShapesLayer([np.array([[0, 0], [2, 2]])], kinds="line").uncropped(BAR, (5, 6))
    np.testing.assert_array_equal(shapes.placement.to_source(shapes.data[0]), [[3, 1], [5, 3]])
    assert shapes.kinds == "line"


@pytest.mark.parametrize("layer", [PointsLayer([[1, 2]]), ShapesLayer([[[1, 2]]])])
def test_coarse_coordinates_are_moved_by_whole_source_pixels(layer):
    coarse = replace(layer, placement=Placement(4)).uncropped(InfoBar(top=10, left=4), (90, 90))
    found = coarse.placement.to_source(coarse.data)
    np.testing.assert_array_equal(found.reshape(-1), [15.5, 13.5])


def test_layers_say_in_a_line_what_they_are():
    assert str(LabelsLayer(np.zeros((4, 5), np.uint8), name="Otsu")) == "labels 'Otsu': 4 x 5 uint8"
    lazy = ImageLayer(da.zeros((2, 4, 5), dtype="float32"), name="even")
    assert str(lazy) == "image 'even': 2 x 4 x 5 float32, lazy"
    assert str(PointsLayer(np.zeros((6, 2)), name="seeds")) == "points 'seeds': 6"
    assert str(ShapesLayer([], name="boxes")) == "shapes 'boxes': 0"


def test_a_sheet_lies_beside_the_image_and_a_part_within_it():
    for corner, beside in (((0, 0), False), ((39, 49), False), ((0, 50), True), ((40, 0), True)):
        layer = ImageLayer(np.zeros((4, 4)), placement=Placement(corner=corner))
        assert layer.lies_beside((40, 50)) == beside
