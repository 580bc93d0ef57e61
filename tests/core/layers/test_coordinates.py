from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer


def test_points_of_slices_are_joined_with_the_index_of_their_slice():
    first = PointsLayer(np.array([[1, 2]]), features=pd.DataFrame({"score": [0.5]}))
    stack = first.new_stack((2, 3))
    stack.add((0, 1), first)
    stack.add((0, 2), PointsLayer(np.empty((0, 2))))
    stack.add((1, 2), PointsLayer(np.array([[3, 4], [5, 6]])))
    found = stack.layer()
    np.testing.assert_array_equal(found.data, [[0, 1, 1, 2], [1, 2, 3, 4], [1, 2, 5, 6]])
    assert len(found.features) == 3
    assert found.features["score"][0] == 0.5
    assert found.features["score"][1:].isna().all()


def test_shapes_of_slices_keep_their_kinds():
    first = ShapesLayer([np.array([[0, 0], [2, 2]])], kinds="rectangle", name="boxes")
    stack = first.new_stack((2,))
    stack.add((0,), first)
    stack.add((1,), ShapesLayer([np.array([[1, 1], [2, 2]])] * 2, kinds=("line", "path")))
    found = stack.layer()
    assert found.kinds == ("rectangle", "line", "path")
    np.testing.assert_array_equal(found.data[1], [[1, 1, 1], [1, 2, 2]])
    assert found.features is None


def test_shapes_are_no_array():
    with pytest.raises(ValueError, match="use data"):
        np.asarray(ShapesLayer([np.zeros((3, 2)), np.zeros((4, 2))]))
