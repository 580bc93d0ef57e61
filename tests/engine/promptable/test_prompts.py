from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer
from napari_visual_ccc.engine.promptable.prompts import prompts_of

SHAPE = (40, 60)
PLACES = np.array([[10.0, 20], [30, 50], [12, 25]])


def points(**features) -> PointsLayer:
    return PointsLayer(PLACES, features=pd.DataFrame(features) if features else None)


def test_each_point_is_an_object():
    found = prompts_of(points(), SHAPE)
    assert [one.centre for one in found] == [(20, 10), (50, 30), (25, 12)]
    assert all(one.positive.tolist() == [1] for one in found)


@pytest.mark.parametrize(
    "labels",
    [["positive", "positive", "negative"], [1, 1, 0], [True, True, False], [" Positive", "+", "-"]],
)
def test_negative_points_hold_for_all_objects(labels):
    found = prompts_of(points(label=labels), SHAPE)
    assert [one.points.tolist() for one in found] == [[[20, 10], [25, 12]], [[50, 30], [25, 12]]]
    assert all(one.positive.tolist() == [1, 0] for one in found)
    assert found[0].centre == (20, 10)


def test_points_of_one_object_are_one_prompt():
    found = prompts_of(points(label=[1, 1, 0], object=["a", "b", "a"]), SHAPE)
    assert [one.points.tolist() for one in found] == [[[20, 10], [25, 12]], [[50, 30]]]
    assert [one.positive.tolist() for one in found] == [[1, 0], [1]]
    assert [one.name for one in found] == ["a", "b"]
    assert found[0].extent == (20, 10, 20, 10)


def test_objects_keep_their_names():
    found = prompts_of(points(object=[7.0, 3.0, 7.0]), SHAPE)
    assert [one.name for one in found] == [7, 3]
    # points without objects have the number of the point
    found = prompts_of(points(label=[0, 1, 1]), SHAPE)
    assert [one.name for one in found] == [2, 3]


def test_labels_may_be_large_numbers():
    labels = np.zeros(SHAPE, np.int64)
    labels[5:8, 5:9], labels[20:23, 40:43] = 2_000_000_000_000, 5
    first, second = prompts_of(labels, SHAPE)
    assert (first.number, second.number) == (5, 2_000_000_000_000)
    np.testing.assert_array_equal(second.mask.drawn(SHAPE), labels > 5)
    assert [one.number for one in prompts_of(np.where(labels, labels, 9), SHAPE)][:2] == [5, 9]


def test_the_box_around_a_shape_is_a_prompt():
    box = np.array([[5, 10], [5, 70], [20, 70], [20, 10]])
    star = np.array([[3.5, 3], [9, 8], [1, 7]])
    found = prompts_of(ShapesLayer([box, star], kinds=("rectangle", "polygon")), SHAPE)
    # cut at the border of the image
    assert [one.box for one in found] == [(10, 5, 59, 20), (3, 1, 8, 9)]
    assert found[0].centre == (34.5, 12.5)


def test_labels_are_masks_or_points_in_the_middle():
    labels = np.zeros(SHAPE, np.int32)
    labels[5:16, 10:31] = 7
    labels[7:14, 12:29] = 0
    labels[20:23, 40:43] = 3
    first, second = prompts_of(labels, SHAPE)
    assert (first.number, first.box) == (3, (40, 20, 42, 22))
    assert (second.number, second.box) == (7, (10, 5, 30, 15))
    np.testing.assert_array_equal(second.mask.drawn(SHAPE), labels == 7)
    points = prompts_of(labels, SHAPE, centroids=True)
    assert points[0].points.tolist() == [[41, 21]]
    # in a ring it lies on the ring
    (x, y) = points[1].points[0].astype(int)
    assert labels[y, x] == 7


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (PointsLayer(np.array([[3, 3], [40, 3]])), "point 2 of the prompts lies outside"),
        (points(label=[0, 0, 0]), "no point of the prompts is positive"),
        (points(label=[1, 1, 0], object=[3, 7, 9]), "object 9 of the prompts has no positive"),
        (points(label=["yes", 1, 0]), "label 'yes'; write positive or negative"),
        (PointsLayer(np.zeros((0, 2))), "no point of the prompts is positive"),
        (ShapesLayer([PLACES], kinds="path"), "shape 1 of the prompts is a path"),
        (ShapesLayer([PLACES + 100]), "shape 1 of the prompts lies outside"),
        (ShapesLayer([]), "hold no shape"),
        (np.zeros(SHAPE, int), "hold no object"),
        (np.ones((4, 4), int), "must agree"),
    ],
)
def test_prompts_that_cannot_be_used_are_named(given, words):
    with pytest.raises(ValueError, match=words):
        prompts_of(given, SHAPE)
