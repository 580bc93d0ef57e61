from __future__ import annotations

import numpy as np

from napari_visual_ccc.core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Placement,
)
from napari_visual_ccc.core.micrograph import InfoBar


def test_pixels_of_slices_fill_a_stack_that_is_blank_elsewhere():
    stack = LabelsLayer(np.full((2, 2), 7, np.uint8), name="one").new_stack((3,))
    stack.add((1,), LabelsLayer(np.full((2, 2), 7, np.uint8)))
    found = stack.layer()
    assert found.name == "one"
    assert found.data[:, 0, 0].tolist() == [0, 7, 0]
    heat = ImageLayer(np.zeros((2, 2)), style="heat", limits=(0, 1)).new_stack((2,)).layer()
    assert np.isnan(heat.data).all()
    assert (heat.style, heat.limits) == ("heat", (0, 1))


def test_channels_of_slices_are_filled_to_the_same_number():
    first = ChannelsLayer(np.ones((2, 3, 4), np.float32), name="blocks.0", channels=("a", "b"))
    stack = first.new_stack((2,))
    stack.add((0,), first)
    stack.add((1,), ChannelsLayer(np.full((1, 3, 4), 5, np.float32), channels=("c",)))
    found = stack.layer()
    assert found.data.shape == (2, 2, 3, 4)
    assert found.data[1, 0].max() == 5
    assert np.isnan(found.data[1, 1]).all()
    assert found.channels == ("rank 1", "rank 2")


def test_a_colour_picture_is_measured_without_its_colours_and_moved_by_the_info_bar():
    layer = ColourLayer(np.zeros((4, 5, 3), np.uint8), placement=Placement(2.5))
    assert layer.plane_shape == (4, 5)
    assert layer.uncropped(InfoBar(top=3, left=1), (10, 12)).placement.corner == (3, 1)
