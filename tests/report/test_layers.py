"""How each kind of layer is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from napari_visual_ccc.core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
)
from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.report import figures
from napari_visual_ccc.report.layers import DRAW, draw_layer, size_of

SQUARE = np.array([[2, 2], [2, 8], [8, 8], [8, 2]])


@pytest.fixture
def axes():
    return Figure().subplots()


def test_every_kind_of_layer_is_drawn():
    pixels = {ImageLayer, ChannelsLayer, ColourLayer, LabelsLayer}
    assert set(DRAW) == {*pixels, PointsLayer, ShapesLayer}


def test_maps_over_an_image_are_transparent_where_they_are_low(axes):
    layer = ImageLayer(np.arange(12.0).reshape(3, 4), style="heat")
    draw_layer(axes, layer, over=True)
    draw_layer(axes, layer, over=False)
    over, alone = axes.images
    assert over.cmap(0.0)[3] == 0
    assert over.cmap(1.0)[3] > 0.8
    assert alone.cmap(0.0)[3] == 1


def test_a_coarse_map_covers_the_blocks_it_stands_for(axes):
    draw_layer(axes, ImageLayer(np.ones((4, 5)), placement=Placement(8, corner=(1, 2))), over=False)
    assert list(axes.images[0].get_extent()) == [2, 42, 33, 1]


def test_channels_are_drawn_as_a_contact_sheet(axes):
    maps = np.arange(5 * 4 * 6, dtype=float).reshape(5, 4, 6)
    layer = ChannelsLayer(maps, placement=Placement(2.5), channels=tuple("abcde"))
    draw_layer(axes, layer, over=False)
    assert len(axes.images) == 5
    assert [text.get_text() for text in axes.texts] == list("abcde")
    # three columns of maps 15 pixels wide and 10 high, with a gap of 1.4
    assert list(axes.images[4].get_extent()) == pytest.approx([16.4, 31.4, 21.4, 11.4])
    assert size_of(layer) == pytest.approx((21.4, 47.8))


def test_a_colour_picture_lies_on_its_cells(axes):
    draw_layer(axes, ColourLayer(np.zeros((4, 5, 3), np.uint8), placement=Placement(8)), over=False)
    assert list(axes.images[0].get_extent()) == [0, 40, 32, 0]


def test_points_lie_on_the_centres_of_their_pixels(axes):
    draw_layer(axes, ImageLayer(np.ones((20, 30))), over=False)
    draw_layer(axes, PointsLayer(np.array([[0, 3], [19, 29]])), over=True)
    (drawn,) = axes.collections
    np.testing.assert_array_equal(drawn.get_offsets(), [[3.5, 0.5], [29.5, 19.5]])
    assert axes.axis() == (0, 30, 20, 0)


def test_points_by_themselves_are_framed(axes):
    draw_layer(axes, PointsLayer(np.array([[4, 3], [9, 29]])), over=False)
    assert axes.axis() == (3, 30, 10, 4)
    assert size_of(PointsLayer(np.array([[4, 3], [9, 29]]))) == (6, 27)


def test_only_the_first_slice_of_a_stack_is_drawn(axes):
    draw_layer(axes, PointsLayer(np.array([[0, 4, 3], [1, 9, 29]])), over=False)
    assert len(axes.collections[0].get_offsets()) == 1
    shapes = [np.insert(SQUARE, 0, k, axis=1) for k in (0, 0, 1)]
    draw_layer(axes, ShapesLayer(shapes), over=True)
    assert len(axes.patches) == 2


@pytest.mark.parametrize(
    ("kind", "vertices", "closed"),
    [("polygon", 5, True), ("rectangle", 5, True), ("path", 4, False), ("line", 4, False)],
)
def test_shapes_are_outlines_of_their_kind(axes, kind, vertices, closed):
    draw_layer(axes, ShapesLayer([SQUARE], kinds=kind), over=False)
    (patch,) = axes.patches
    assert patch.get_closed() == closed
    assert len(patch.get_xy()) == vertices
    np.testing.assert_array_equal(patch.get_xy()[0], [2.5, 2.5])
    assert not patch.get_fill()


def test_an_ellipse_fills_its_box(axes):
    draw_layer(axes, ShapesLayer([SQUARE], kinds="ellipse"), over=False)
    (patch,) = axes.patches
    assert (patch.center, patch.width, patch.height) == ((5.5, 5.5), 6, 6)


def test_a_turned_ellipse_is_drawn_turned(axes):
    # 10 long from the lower left to the upper right, and 2 wide
    along, across = np.array([-5, 5]) / np.sqrt(2), np.array([1, 1]) / np.sqrt(2)
    corners = [-along - across, along - across, along + across, across - along]
    draw_layer(axes, ShapesLayer([np.array(corners) + 9], kinds="ellipse"), over=False)
    (patch,) = axes.patches
    assert sorted((patch.width, patch.height)) == pytest.approx([2, 10])
    longer = patch.angle + (90 if patch.height > patch.width else 0)
    assert longer % 180 == pytest.approx(135)


@pytest.mark.parametrize("layer", [PointsLayer(SQUARE), ShapesLayer([SQUARE]), ShapesLayer([])])
def test_points_and_shapes_become_figures_over_their_image(layer, tmp_path):
    image = np.tile(np.arange(40, dtype=np.uint8), (30, 1))
    figures.preview(layer, tmp_path / "a.png", image=image, pixel_size=PixelSize((2.0, 2.0), "nm"))
    figures.preview(layer, tmp_path / "alone.png")
    hue = np.asarray(Image.open(tmp_path / "a.png").convert("HSV"))
    assert (hue[..., 1] > 150).any() == bool(len(layer.data))


def test_the_size_of_a_figure_is_that_of_the_source():
    assert size_of(LabelsLayer(np.ones((3, 4, 5)), placement=Placement(8))) == (32, 40)
    assert size_of(ShapesLayer([SQUARE]), np.zeros((7, 9))) == (7, 9)
    assert size_of(ShapesLayer([SQUARE])) == (7, 7)


@pytest.mark.parametrize(
    "layer", [PointsLayer([[1, 2], [3, 5]]), ShapesLayer([[[1, 2], [3, 5]]], kinds="line")]
)
def test_coarse_coordinates_are_framed_in_source_pixels(layer, axes):
    layer = replace(layer, placement=Placement(4, corner=(10, 20)))
    draw_layer(axes, layer, over=False)
    assert axes.axis() == (29.5, 42.5, 24.5, 15.5)
    assert size_of(layer) == (9, 13)


def test_a_legend_of_many_clusters_names_the_largest(axes):
    sizes = np.arange(1.0, 31.0)
    table = pd.DataFrame(
        {"label": np.arange(1, 31), "name": [f"cluster {k}" for k in range(1, 31)],
         "area_percent": 100 * sizes / sizes.sum()}
    )  # fmt: skip
    labels = np.arange(1, 31, dtype=np.uint8).reshape(5, 6)
    draw_layer(axes, LabelsLayer(labels, table=table), over=False)
    texts = [one.get_text() for one in axes.get_legend().get_texts()]
    assert len(texts) == 20
    assert texts[0].startswith("cluster 12: ")
    assert texts[-1] == f"11 more: {100 * sizes[:11].sum() / sizes.sum():.1f} %"
