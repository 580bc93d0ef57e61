from __future__ import annotations

import numpy as np
from skimage.draw import polygon2mask

from napari_visual_ccc.core.pixel_size import PixelSize
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.promptable.instances import label_layer, outline_layer
from napari_visual_ccc.nets.sam.mask import Mask

LARGE = Mask(2, 3, np.ones((20, 30), bool), 0.9, 0.8, 4)
SMALL = Mask(8, 10, np.ones((4, 5), bool), 0.7, 0.6, 2)
HIDDEN = Mask(8, 10, np.ones((4, 4), bool), 0.5, 0.5, 1)


def test_small_masks_lie_on_top_of_large_ones():
    layer = label_layer([SMALL, LARGE], (40, 50), PixelSize((2.0, 3.0), "nm"))
    assert layer.data[9, 11] == 2
    assert layer.data[3, 4] == 1
    assert layer.data[0, 0] == 0
    table = layer.table
    assert list(table["label"]) == [1, 2]
    assert list(table["pixels"]) == [580, 20]
    assert list(table["mask_pixels"]) == [600, 20]
    assert list(table["area_nm2"]) == [3480, 120]
    assert list(table["score"]) == [0.9, 0.7]
    assert list(table["stability"]) == [0.8, 0.6]
    assert list(table["prompt"]) == [4, 2]


def test_masks_that_are_covered_are_left_out():
    layer = label_layer([HIDDEN, Mask(8, 10, np.ones((4, 4), bool), 0.6), LARGE], (40, 50), None)
    assert list(layer.table["label"]) == [1, 2]
    assert set(np.unique(layer.data)) == {0, 1, 2}
    assert "area_nm2" not in layer.table


def test_outlines_enclose_the_pixels_of_their_label():
    y, x = np.mgrid[:60, :80]
    pixels = np.hypot(y - 30, x - 40) <= 15
    pixels[2, 2] = True  # a far part, not outlined
    layer = label_layer([Mask(0, 0, pixels, 0.9), SMALL], (60, 80), None)
    shapes = run(outline_layer(layer))
    assert shapes.kind_of_each == ("polygon", "polygon")
    assert list(shapes.features["label"]) == [1, 2]
    body = np.asarray(layer.data) == 1
    body[2, 2] = False
    drawn = polygon2mask((60, 80), shapes.data[0])
    assert (drawn & body).sum() / (drawn | body).sum() > 0.93
    assert len(shapes.data[0]) < 50
    (top, left), (bottom, right) = shapes.data[1].min(axis=0), shapes.data[1].max(axis=0)
    np.testing.assert_allclose([top, left, bottom, right], [7.5, 9.5, 11.5, 14.5], atol=0.51)
