from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels, Points, Shapes

from napari_visual_ccc.core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
)
from napari_visual_ccc.widgets.layers.build import MAKE, build
from napari_visual_ccc.widgets.layers.metadata import calibration
from napari_visual_ccc.widgets.layers.source import Source, take

# a stack turned out of its plane is what is asked for here
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

PLACED = {
    "scale": (3, 2, 2.5),
    "translate": (5, 100, 200),
    "rotate": (10, 0, 30),
    "units": ("nm", "nm", "nm"),
    "axis_labels": ("z", "y", "x"),
}


def source_of(layer, **more):
    spacing, unit = calibration(layer)
    return Source(layer, layer.data, spacing, unit, (0.0,) * layer.ndim, **more)


@pytest.fixture
def stack():
    return Image(np.zeros((4, 40, 60), np.uint8), name="stack", **PLACED)


def test_a_result_lies_exactly_on_its_source(stack):
    layer = build(source_of(stack), ImageLayer(np.ones((4, 40, 60)), name="map"), {})
    for point in [(0, 0, 0), (3, 39, 59), (1, 20, 7)]:
        np.testing.assert_allclose(layer.data_to_world(point), stack.data_to_world(point))
    assert layer.units == stack.units
    assert layer.axis_labels == stack.axis_labels
    assert layer.name == "stack map"


@pytest.mark.parametrize("stride", [2, 16])
def test_a_coarse_cell_is_centred_on_the_block_it_stands_for(stack, stride):
    coarse = ImageLayer(np.ones((4, 40 // stride, 60 // stride)), placement=Placement(stride))
    layer = build(source_of(stack), coarse, {})
    middle = (stride - 1) / 2
    np.testing.assert_allclose(
        layer.data_to_world((2, 1, 1)),
        stack.data_to_world((2, stride + middle, stride + middle)),
    )


def test_origin_places_windows(stack):
    windows = LabelsLayer(np.ones((4, 3, 3), np.uint8), placement=Placement(8, 15.5))
    layer = build(source_of(stack), windows, {})
    np.testing.assert_allclose(layer.data_to_world((0, 1, 0)), stack.data_to_world((0, 23.5, 15.5)))


def test_a_part_lies_where_it_was_cut_out(stack):
    part = ImageLayer(np.ones((4, 30, 50)), placement=Placement(corner=(6, 3)))
    layer = build(source_of(stack), part, {})
    np.testing.assert_allclose(layer.data_to_world((1, 2, 5)), stack.data_to_world((1, 8, 8)))


def test_an_affine_is_kept():
    image = Image(np.zeros((8, 8)), scale=(2, 2), affine=np.diag([1.5, 0.5, 1]))
    layer = build(source_of(image), ImageLayer(np.ones((4, 4)), placement=Placement(2)), {})
    np.testing.assert_allclose(layer.data_to_world((1, 1)), image.data_to_world((2.5, 2.5)))


def test_a_slice_of_a_stack_returns_to_its_slice(stack, headless):
    headless.add_layer(stack)
    headless.dims.set_point(0, stack.data_to_world((2, 0, 0))[0])
    source = take(stack, headless, planar=True)
    assert source.data.shape == (40, 60)
    layer = build(source, ImageLayer(np.ones((40, 60))), {})
    expected = stack.data_to_world((source.corner[0], 3, 4))
    np.testing.assert_allclose(layer.data_to_world((0, 3, 4)), expected)


def test_a_preview_lies_where_it_was_taken(headless):
    image = headless.add_image(np.arange(9_000_000.0).reshape(3000, 3000), scale=(0.5, 0.5))
    source = take(image, headless, preview=True)
    assert source.data.size <= 1.2e6
    layer = build(source, ImageLayer(source.data), {})
    world = layer.data_to_world((5, 7))
    row, column = np.round(image.world_to_data(world)).astype(int)
    assert layer.data[5, 7] == image.data[row, column]


def test_features_follow_their_labels(stack):
    table = pd.DataFrame({"label": [3, 7], "area_percent": [40.0, 60.0]})
    labels = LabelsLayer(np.zeros((4, 40, 60), np.uint8), table=table)
    layer = build(source_of(stack), labels, {})
    assert isinstance(layer, Labels)
    assert layer.features.set_index("index").loc[7, "area_percent"] == 60


@pytest.mark.parametrize(
    ("units", "scale", "expected"),
    [
        ("nm", (2, 4), ((2, 4), "nm")),
        (("um", "nm"), (1, 4), ((1000, 4), "nm")),
        ("pixel", (1, 1), (None, "px")),
        ("um", (0.5, 0.5), ((0.5, 0.5), "µm")),
    ],
)
def test_calibration(units, scale, expected):
    spacing, unit = calibration(Image(np.zeros((4, 4)), scale=scale, units=units))
    assert unit == expected[1]
    if expected[0] is None:
        assert spacing is None
    else:
        np.testing.assert_allclose(spacing, expected[0])


def test_the_step_between_slices_comes_with_a_stack():
    stack = Image(np.zeros((3, 4, 4)), scale=(0.01, 2, 4), units=("um", "nm", "nm"))
    np.testing.assert_allclose(calibration(stack, voxel=True)[0], (10, 2, 4))
    assert calibration(stack)[0] == (2, 4)
    series = Image(np.zeros((3, 4, 4)), scale=(5, 2, 4), units=("s", "nm", "nm"))
    assert calibration(series, voxel=True)[0] == (2, 4)
    assert calibration(Image(np.zeros((4, 4)), units="nm"), voxel=True)[0] == (1, 1)


def test_rows_of_single_slices_are_no_features_of_labels(stack):
    table = pd.DataFrame({"index_0": [0, 1], "label": [1, 1]})
    labels = LabelsLayer(np.ones((4, 40, 60), np.uint8), table=table)
    assert build(source_of(stack), labels, {}).features.empty


def test_classes_of_single_slices_keep_their_names(stack):
    names = ["background", "objects"] * 2
    table = pd.DataFrame({"index_0": [0, 0, 1, 1], "label": [0, 1, 0, 1], "name": names})
    labels = LabelsLayer(np.ones((4, 40, 60), np.uint8), table=table)
    features = build(source_of(stack), labels, {}).features
    assert features["index"].tolist() == [0, 1]
    assert features["name"].tolist() == ["background", "objects"]
    assert "index_0" not in features


def test_limits_look_right_at_once(stack):
    stack.contrast_limits = (20, 90)
    grey = build(source_of(stack), ImageLayer(np.ones((4, 40, 60))), {})
    heat = build(
        source_of(stack), ImageLayer(np.ones((4, 40, 60)), style="heat", limits=(0, 1)), {}
    )
    signed = build(
        source_of(stack),
        ImageLayer(np.linspace(-1, 3, 9600).reshape(4, 40, 60), style="signed"),
        {},
    )
    assert tuple(grey.contrast_limits) == (20, 90)
    assert tuple(heat.contrast_limits) == (0, 1)
    assert heat.blending == "translucent"
    assert signed.contrast_limits[0] == -signed.contrast_limits[1]


@pytest.mark.parametrize(("style", "low"), [("heat", 0), ("signed", 128)])
def test_maps_hide_nothing_where_they_are_low_and_have_a_colour_bar(stack, style, low):
    data = np.arange(12.0).reshape(3, 4)
    layer = build(source_of(stack), ImageLayer(data, style=style), {})
    assert layer.blending == "translucent"
    assert layer.colormap.colors[low, 3] < 0.02
    assert layer.colormap.colors[-1, 3] > 0.8
    assert layer.colorbar.visible
    plain = build(source_of(stack), ImageLayer(data, style="grey"), {})
    assert plain.colormap.colors[0, 3] == 1
    assert not plain.colorbar.visible


def test_every_kind_of_layer_can_be_displayed():
    pixels = {ImageLayer, ChannelsLayer, ColourLayer, LabelsLayer}
    assert set(MAKE) == {*pixels, PointsLayer, ShapesLayer}


def test_channels_come_before_the_axes_of_the_source(stack):
    maps = ChannelsLayer(np.ones((5, 4, 6), np.float32), placement=Placement(2.5), name="maps")
    source = Source(stack, stack.data[2], None, "px", (2.0, 0.0, 0.0))
    layer = build(source, maps, {})
    assert layer.data.shape == (5, 1, 4, 6)
    assert layer.axis_labels == ("channel", *stack.axis_labels)
    assert layer.units[1:] == stack.units
    for place in ((0, 0, 0), (0, 3, 5)):
        world = layer.data_to_world((4, *place))
        there = stack.data_to_world((2, *maps.placement.to_source(place[1:])))
        np.testing.assert_allclose(world, (4, *there))
    picture = build(source, ColourLayer(np.zeros((4, 6, 3), np.uint8)), {})
    assert picture.rgb
    assert picture.data.shape == (1, 4, 6, 3)


@pytest.mark.parametrize("ndim", [2, 3, 4])
@pytest.mark.parametrize("scale", [1, 2])
def test_channels_of_a_stack_that_is_not_rotated(ndim, scale):
    """napari's `Affine.expand_dims` cannot be used: it loses elements of the shear."""
    source = Image(np.zeros((2,) * (ndim - 2) + (4, 6)), scale=(1,) * (ndim - 2) + (scale, scale))
    maps = ChannelsLayer(np.ones((5, 4, 6), np.float32), name="maps")
    part = source.data[(0,) * (ndim - 2)]
    layer = build(Source(source, part, None, "px", (0.0,) * ndim), maps, {})
    assert layer.data.shape == (5,) + (1,) * (ndim - 2) + (4, 6)
    corner = (0,) * (ndim - 2) + (3, 5)
    np.testing.assert_allclose(
        layer.data_to_world((4, *corner)), (4, *source.data_to_world(corner))
    )


def test_points_lie_on_their_pixels_of_the_source_with_their_features(stack):
    points = PointsLayer(
        np.array([[1, 20, 7], [3, 39.5, 0]]), name="seeds",
        features=pd.DataFrame({"score": [0.5, 1]}),
    )  # fmt: skip
    layer = build(source_of(stack), points, {"steps": []})
    assert isinstance(layer, Points)
    assert layer.name == "stack seeds"
    assert layer.units == stack.units
    assert layer.features["score"].tolist() == [0.5, 1]
    assert layer.metadata["visual_ccc"] == {"steps": []}
    for place in layer.data:
        np.testing.assert_allclose(layer.data_to_world(place), stack.data_to_world(place))


def test_points_of_a_slice_return_to_their_slice(stack):
    source = Source(stack, stack.data[2], None, "px", (2.0, 10.0, 20.0))
    layer = build(source, PointsLayer(np.array([[3, 4]])), {})
    np.testing.assert_allclose(layer.data_to_world(layer.data[0]), stack.data_to_world((2, 13, 24)))


def test_points_of_a_preview_or_a_coarse_map_lie_where_they_were_found(stack):
    source = Source(stack, None, None, "px", (0.0, 10.0, 20.0), step=2)
    points = PointsLayer(np.array([[0, 1, 2]]), placement=Placement(4))
    layer = build(source, points, {})
    place = (0, 10 + 2 * (4 * 1 + 1.5), 20 + 2 * (4 * 2 + 1.5))
    np.testing.assert_allclose(layer.data_to_world(layer.data[0]), stack.data_to_world(place))


def test_shapes_lie_on_their_source_and_keep_their_kinds(stack):
    square = np.array([[2, 2], [2, 8], [8, 8], [8, 2]])
    shapes = ShapesLayer([square, square[[0, 2]]], kinds=("polygon", "line"), name="boxes")
    layer = build(source_of(stack), shapes, {})
    assert isinstance(layer, Shapes)
    assert layer.shape_type == ["polygon", "line"]
    np.testing.assert_array_equal(layer.data[0], np.insert(square, 0, 0, axis=1))
    np.testing.assert_allclose(
        layer.data_to_world(layer.data[1][1]), stack.data_to_world((0, 8, 8))
    )


@pytest.mark.parametrize("part", [PointsLayer(np.empty((0, 2))), ShapesLayer([])])
def test_layers_without_items_are_displayed_too(stack, part):
    layer = build(source_of(stack), part, {})
    assert len(layer.data) == 0
    assert layer.ndim == 3


def test_a_map_beside_the_image_is_opaque_where_it_is_low(stack):
    data = np.arange(12.0).reshape(3, 4)
    beside = build(source_of(stack), ImageLayer(data, style="heat", beside=True), {})
    assert beside.colormap.colors[0, 3] == 1
    assert beside.colorbar.visible
