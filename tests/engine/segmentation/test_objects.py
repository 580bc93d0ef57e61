from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import napari_visual_ccc as ccc
from napari_visual_ccc.core.pixel_size import diameter_of
from tests.chunks import SOME, chunked


@SOME
@given(chunked(), st.integers(0, 30))
def test_objects(pair, min_size):
    image, lazy = pair
    numbers, count = ndimage.label(image > 140)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    keep = sizes >= min_size
    keep[0] = False
    expected = (np.cumsum(keep) * keep)[numbers]
    if not keep.any():
        return
    for mask in (lazy > 140, image > 140):
        found = ccc.label_objects(mask, min_diameter=diameter_of(min_size))
        np.testing.assert_array_equal(found.labels, expected)
        np.testing.assert_array_equal(found.table["pixels"], sizes[keep])


def test_numbers_go_on_through_a_stack():
    stack = np.zeros((2, 2, 20, 20), bool)
    stack[0, 0, 2:5, 2:5] = stack[0, 1, 3:9, 3:5] = stack[1, 1, 1, 1] = stack[1, 1, 8, 8] = True
    found = ccc.label_objects(da.from_array(stack, chunks=(2, 2, 7, 7)), 2.0, "nm")
    assert [int(p.max()) for p in found.labels.compute().reshape(-1, 20, 20)] == [1, 2, 0, 4]
    assert found.table["area_nm2"].tolist() == [36, 48, 4, 4]


def test_nothing_to_number_is_said():
    with pytest.raises(ValueError, match="no label 7 of 0 or more pixels"):
        ccc.label_objects(np.eye(9, dtype=int), only=7)


@pytest.mark.parametrize("only", [0, 1])
def test_negative_labels_are_refused(only):
    labels = np.eye(9, dtype=int)
    labels[4, 4] = -1
    for one in (labels, da.from_array(labels, chunks=4)):
        with pytest.raises(ValueError, match="labels hold -1; they must be 0"):
            ccc.label_objects(one, only=only)


def test_objects_that_touch_across_corners_are_two():
    assert len(ccc.label_objects(np.eye(9, dtype=int)).table) == 9
