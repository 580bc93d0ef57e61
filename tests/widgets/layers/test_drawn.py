from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.core.layers import ShapesLayer
from napari_visual_ccc.widgets.layers.drawn import take_drawn
from napari_visual_ccc.widgets.layers.source import take


def test_drawings_are_taken_in_pixels_of_the_image(viewer):
    image = viewer.add_image(np.zeros((40, 50)), scale=(2, 2), translate=(10, 20))
    first = take(image, viewer)
    points = viewer.add_points([[10, 20], [30, 24]], features={"label": [1, 0]})
    found = take_drawn(points, first, viewer).data
    np.testing.assert_allclose(found.data, [[0, 0], [10, 2]])
    assert list(found.features["label"]) == [1, 0]
    box = np.array([[5, 5], [5, 15], [15, 15], [15, 5]])
    shapes = viewer.add_shapes([box], shape_type="rectangle", scale=(2, 2), translate=(10, 20))
    found = take_drawn(shapes, first, viewer).data
    assert isinstance(found, ShapesLayer)
    np.testing.assert_allclose(found.data[0], box)


def test_of_a_stack_those_in_the_slice_are_taken(viewer):
    stack = viewer.add_image(np.zeros((3, 40, 50)))
    viewer.dims.set_current_step(0, 1)
    deep = viewer.add_points([[0, 1, 2], [1, 3, 4], [1, 5, 6]])
    flat = viewer.add_points([[7, 8]])
    plane = take(stack, viewer, planar=True)
    np.testing.assert_allclose(take_drawn(deep, plane, viewer).data.data, [[3, 4], [5, 6]])
    np.testing.assert_allclose(take_drawn(flat, plane, viewer).data.data, [[7, 8]])
    whole = take(stack, viewer)
    np.testing.assert_allclose(take_drawn(deep, whole, viewer).data.data, deep.data)
    np.testing.assert_allclose(take_drawn(flat, whole, viewer).data.data, [[1, 7, 8]])
    viewer.dims.set_current_step(0, 2)
    with pytest.raises(ValueError, match="has no points here"):
        take_drawn(deep, take(stack, viewer, planar=True), viewer)


def test_of_a_level_they_are_in_its_pixels(viewer):
    levels = [np.zeros((64, 64)), np.zeros((32, 32))]
    image = viewer.add_image(levels, multiscale=True)
    points = viewer.add_points([[0.5, 2.5]])
    found = take_drawn(points, take(image, viewer, level=1), viewer).data
    np.testing.assert_allclose(found.data, [[0, 1]])
