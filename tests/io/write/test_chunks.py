"""Bands of rows, placed in the arrays of a file."""

from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.micrograph import Axis, Micrograph
from napari_visual_ccc.io.write.chunks import place_rows
from napari_visual_ccc.io.write.encode import EncodedImage


def test_rows_go_to_their_plane_and_level():
    stored = EncodedImage(Micrograph(np.zeros((2, 8, 9), np.uint8)), "ome-zarr")
    levels = [np.zeros((2, 8, 9), np.uint8), np.zeros((2, 4, 5), np.uint8)]
    place_rows(stored, levels, 1, (1,), 2, np.full((2, 5), 7, np.uint8))
    assert not levels[0].any()
    assert levels[1][0].sum() == levels[1][1, :2].sum() == 0
    assert (levels[1][1, 2:] == 7).all()


def test_colours_go_to_the_axis_of_the_format():
    image = Micrograph(np.zeros((2, 8, 9, 3), np.uint8), axes=(Axis("z"),))
    stored = EncodedImage(image, "ome-zarr")
    levels = [np.zeros(stored.shape(0), np.uint8)]
    rows = np.arange(2 * 9 * 3, dtype=np.uint8).reshape(2, 9, 3)
    place_rows(stored, levels, 0, (1,), 4, rows)
    assert levels[0].shape == (3, 2, 8, 9)
    np.testing.assert_array_equal(levels[0][:, 1, 4:6], np.moveaxis(rows, -1, 0))
