"""Camera, sliders and scale bar of a viewer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_visual_ccc.widgets.layers.viewers import (
    camera,
    centre_on,
    pixel_on_screen,
    pointer_away,
    scale_bar,
    short,
    show_slice,
)


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


@pytest.mark.case("S18v", "E18b")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("displayed", [2, 3])
def test_the_view_goes_to_a_pixel_whichever_axes_are_displayed(viewer, order, displayed):
    layer = viewer.add_image(np.zeros((5, 20, 30)), scale=(10, 2, 3), units="nm")
    viewer.dims.ndisplay, viewer.dims.order = displayed, order
    centre_on(viewer, layer, (3, 7, 11))
    wanted = np.multiply((3, 7, 11), (10, 2, 3))
    shown = list(viewer.dims.displayed)
    np.testing.assert_allclose(camera(viewer).center[-displayed:], wanted[shown])
    hidden = list(viewer.dims.not_displayed)
    np.testing.assert_allclose(np.array(viewer.dims.point)[hidden], wanted[hidden], atol=10)


def test_the_view_goes_to_a_pixel_of_a_layer_in_other_units(viewer):
    viewer.add_image(np.zeros((40, 50)), scale=(2, 2), units="nm")
    layer = viewer.add_labels(np.zeros((40, 50), int), scale=(2e-3, 2e-3), units="um")
    centre_on(viewer, layer, (10, 20))
    here = viewer.layers[0].world_to_data(camera(viewer).center[-2:])
    factor = 1 if viewer.dims.units[-1] == viewer.layers[0].units[-1] else 1000
    np.testing.assert_allclose(np.multiply(here, factor), (10, 20), atol=0.1)


def test_a_plane_beside_a_stack_is_centred_too(viewer):
    viewer.add_image(np.zeros((5, 20, 30)))
    layer = viewer.add_labels(np.zeros((20, 30), int))
    centre_on(viewer, layer, (4, 9))
    np.testing.assert_allclose(camera(viewer).center[-2:], (4, 9))


def test_a_long_text_is_shortened_in_its_middle():
    assert short("blocks.3") == "blocks.3"
    text = short("superalloy activations blocks.5.2.conv_dw")
    assert (text, len(text)) == ("superalloy a….5.2.conv_dw", 25)


def test_labels_with_features_are_added_below_a_pointer_that_has_not_moved(headless):
    headless.add_image(np.zeros((3, 8, 8)))
    headless.dims.ndisplay, headless.mouse_over_canvas = 3, True
    with pointer_away(headless):
        layer = headless.add_labels(np.ones((3, 8, 8), int), features={"index": [1], "a": [2]})
    assert headless.mouse_over_canvas
    assert headless.layers.selection.active is layer
    with pytest.raises(KeyError), pointer_away(headless):
        raise KeyError
    assert headless.mouse_over_canvas


def test_the_width_of_a_pixel_on_the_screen(viewer):
    image = viewer.add_image(np.zeros((2, 16, 16)), scale=(1, 1, 0.5))
    small = np.zeros((512, 512))
    pyramid = viewer.add_image([small, small[::2, ::2]], multiscale=True)
    camera(viewer).zoom = 3
    assert pixel_on_screen(viewer, image) == 1.5
    assert pixel_on_screen(viewer, pyramid) == 3 * 2**pyramid.data_level
    viewer.dims.ndisplay = 3
    assert pixel_on_screen(viewer, image) == 0
