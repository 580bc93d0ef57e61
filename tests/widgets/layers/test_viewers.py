"""Camera, sliders and scale bar of a viewer."""

from __future__ import annotations

import numpy as np

from napari_visual_ccc.widgets.layers.viewers import camera, scale_bar, show_slice


def test_the_sliders_go_to_the_slice_of_a_pixel(viewer):
    layer = viewer.add_image(np.zeros((2, 5, 8, 8)), scale=(1, 10, 2, 2), translate=(0, 5, 0, 0))
    world = show_slice(viewer, layer, (1, 3, 4, 2))
    np.testing.assert_allclose(world, (1, 35, 8, 4))
    assert viewer.dims.point[:2] == (1, 35)


def test_camera_and_scale_bar_are_those_of_the_viewer(viewer):
    camera(viewer).zoom = 3
    assert camera(viewer).zoom == 3
    scale_bar(viewer).visible = True
    assert scale_bar(viewer).visible
