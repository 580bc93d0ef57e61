from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.layers import Placement, PointsLayer, ShapesLayer
from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.engine.lens.cells import Seen, cell_means
from napari_visual_ccc.engine.lens.similar import (
    _mask,
    background_of,
    cosine_map,
    example_weights,
    feature_of,
    middle_of,
    similar_regions,
    to_image,
)

SEEN = Seen(None, np.arange(2 * 5 * 5, dtype=np.float32).reshape(2, 5, 5), Placement(4), (20, 20))


def test_a_point_stands_for_the_cells_around_it():
    # 1.5 + 4 n are the centres of the cells: this one lies halfway between two rows
    weights = example_weights(PointsLayer(np.array([[7.5, 9.5]])), SEEN)
    expected = np.zeros((5, 5))
    expected[1:3, 2] = 0.5
    np.testing.assert_allclose(weights, expected)
    np.testing.assert_allclose(feature_of(SEEN.maps, weights), SEEN.maps[:, 1:3, 2].mean(axis=1))


def test_negative_points_are_subtracted():
    labels = pd.DataFrame({"label": ["positive", "negative", "negative"]})
    points = PointsLayer(np.array([[1.5, 1.5], [5.5, 5.5], [9.5, 9.5]]), features=labels)
    weights = example_weights(points, SEEN)
    np.testing.assert_allclose(weights.diagonal(), [1, -0.5, -0.5, 0, 0])
    assert weights.sum() == 0
    with pytest.raises(ValueError, match="no point of the example is positive"):
        example_weights(PointsLayer(np.array([[1.5, 1.5]]), features=labels[1:2]), SEEN)


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "labels"])
def test_a_region_stands_for_the_cells_that_it_covers(kind):
    if kind == "labels":
        example = np.zeros((20, 20), int)
        example[4:8, 8:16] = 3
    else:
        corners = np.array([(4, 8), (4, 15.4), (7.4, 15.4), (7.4, 8)])
        example = ShapesLayer([corners], kinds=kind)
    weights = example_weights(example, SEEN)
    assert weights[1, 2] == weights[1, 3] == 0.5


def test_a_region_smaller_than_a_cell_still_counts():
    example = np.zeros((20, 20), int)
    example[5, 9] = 1
    weights = example_weights(example, SEEN)
    assert weights.argmax() == 1 * 5 + 2
    ellipse = ShapesLayer([np.array([(4, 4), (4, 10), (10, 10), (10, 4)])], kinds="ellipse")
    assert example_weights(ellipse, SEEN).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (PointsLayer(np.array([[25.0, 1.0]])), "point 1 of the example lies outside"),
        (PointsLayer(np.empty((0, 2))), "no points"),
        (ShapesLayer([np.zeros((2, 2))], kinds="line"), "is a line"),
        (np.zeros((20, 20), int), "covers no pixel"),
        (np.zeros((3, 3), int), "differ"),
    ],
)
def test_what_is_no_example_is_refused(example, message):
    with pytest.raises(ValueError, match=message):
        example_weights(example, SEEN)


def turned(height, width, degrees, middle):
    """Corners of a rectangle that is turned, as a viewer stores it and an ellipse."""
    turn = np.deg2rad(degrees)
    down = np.array([np.cos(turn), np.sin(turn)]) * height / 2
    right = np.array([-np.sin(turn), np.cos(turn)]) * width / 2
    return np.array([-down - right, -down + right, down + right, down - right]) + middle


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135])
@pytest.mark.parametrize(("kind", "share"), [("rectangle", 1), ("ellipse", np.pi / 4)])
def test_a_turned_shape_stands_for_the_pixels_within_it(kind, share, degrees):
    corners = turned(16, 80, degrees, (60.3, 64.2))
    mask = _mask(ShapesLayer([corners], kinds=kind), (120, 128))
    assert mask.sum() == pytest.approx(share * 16 * 80, rel=0.03)
    y, x = np.argwhere(mask).T
    assert (y.mean(), x.mean()) == pytest.approx((60.3, 64.2), abs=0.5)
    # beside the short axis there is nothing
    beside = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))]) * 10
    assert not mask[tuple(np.round(np.add(beside, (60, 64))).astype(int))]
    cells = Seen(None, np.zeros((1, 30, 32), np.float32), Placement(4), (120, 128))
    weights = example_weights(ShapesLayer([corners], kinds=kind), cells)
    inside = cell_means(mask, Placement(4), (30, 32)) >= 0.5
    assert (weights > 0).tolist() == inside.tolist()


def test_the_middle_of_an_example_is_its_first_point_or_its_centre():
    assert middle_of(PointsLayer(np.array([[3.0, 5.0], [9.0, 9.0]])), SEEN) == (3, 5)
    shape = ShapesLayer([turned(8, 4, 30, (9, 11))], kinds="ellipse")
    assert middle_of(shape, SEEN) == pytest.approx((9, 11), abs=0.5)


def test_cosine_is_that_of_the_angle_between_features():
    maps = np.zeros((2, 1, 3), np.float32)
    maps[:, 0] = [[1, 0, 1], [0, 2, 1]]
    found = cosine_map(maps, np.array([1, 0], np.float32), background_of(maps, "keep"))
    np.testing.assert_allclose(found, [[1, 0, np.sqrt(0.5)]], atol=1e-6)
    ground = background_of(maps, "subtract")
    np.testing.assert_allclose(ground, [2 / 3, 1])
    lower = cosine_map(maps, maps[:, 0, 0] - ground, ground)
    assert lower[0, 0] == pytest.approx(1)
    assert lower[0, 1] < 0


def test_cells_are_interpolated_to_the_pixels_around_their_centres():
    coarse = np.zeros((3, 4), np.float32)
    coarse[1, 2] = 1
    fine = to_image(coarse, Placement(4, 2.0), (12, 16))
    assert fine.shape == (12, 16)
    assert np.unravel_index(fine.argmax(), fine.shape) == (6, 10)


def test_regions_are_sorted_and_measured():
    similarity = np.zeros((20, 20))
    similarity[2:5, 2:5], similarity[10:14, 10:14], similarity[18, 18] = 0.7, 0.9, 1.0
    layer = similar_regions(similarity, 0.6, 3, PixelSize((2.0, 3.0), "nm"))
    assert layer.table["similarity"].tolist() == [0.9, 0.7]
    assert layer.table["area_nm2"].tolist() == [96, 54]
    assert layer.data[11, 11] == 1
    assert layer.data[3, 3] == 2
    assert layer.data[18, 18] == 0
    assert len(similar_regions(similarity, 1.1, 0, None).table) == 0
