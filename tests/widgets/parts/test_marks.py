from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.colormaps import label_colormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_visual_ccc.widgets.parts.marks import (
    STRONG,
    at_click,
    clicked_label,
    mark,
    own_color,
    own_colormap,
    unmark,
)


@pytest.fixture
def layer():
    return Labels(np.arange(16).reshape(4, 4), opacity=0.5)


def test_one_label_is_outlined_in_a_strong_colour_and_the_others_are_fainter(layer):
    colours = [layer.get_color(label) for label in range(1, 16)]
    mark(layer, 3)
    mark(layer, 5)
    np.testing.assert_allclose(layer.get_color(5), transform_color(STRONG)[0])
    assert (layer.contour, layer.opacity) == (3, 1)
    for other in (1, 3, 15):
        assert layer.get_color(other)[3] < 0.5
        np.testing.assert_array_equal(own_color(layer, other), colours[other - 1])
    assert layer.selected_label == 5
    unmark(layer)
    np.testing.assert_array_equal([layer.get_color(n) for n in range(1, 16)], colours)
    assert (layer.contour, layer.opacity) == (0, 0.5)


def test_an_outline_is_as_wide_on_the_screen_and_a_thin_one_is_filled(layer):
    for pixel, contour, opacity in ((3, 1, 1), (1.5, 2, 1), (10, 1, 1), (0.1, 0, 0.5)):
        mark(layer, 3, pixel=pixel)
        assert (layer.contour, layer.opacity) == (contour, opacity)
        unmark(layer)


def test_an_outline_and_an_opacity_that_the_user_chose_meanwhile_stay(layer):
    layer.contour = 2
    mark(layer, 3)
    layer.contour, layer.opacity = 5, 0.7
    mark(layer, 4, alone=True)
    unmark(layer)
    assert (layer.contour, layer.opacity) == (5, 0.7)


def test_one_label_alone_has_a_strong_colour(layer):
    before = layer.get_color(3)
    mark(layer, 3, alone=True)
    assert layer.get_color(4)[3] == 0
    assert not np.array_equal(layer.get_color(3), before)


def test_colours_that_the_user_chose_meanwhile_stay(layer):
    mark(layer, 3)
    chosen = label_colormap(9, seed=0.7)
    layer.colormap = chosen
    unmark(layer)
    assert own_colormap(layer) is layer.colormap
    np.testing.assert_array_equal(layer.get_color(2), chosen.map(2))


@pytest.mark.parametrize(("mode", "label"), [("pan_zoom", 6), ("paint", 0)])
def test_a_click_means_the_label_under_it_where_no_tool_is_active(layer, mode, label):
    layer.mode = mode
    event = SimpleNamespace(position=(1, 2), view_direction=None, dims_displayed=[0, 1])
    assert clicked_label(layer, event) == label
    event.position = (0, 0)
    assert clicked_label(layer, event) == 0
    pyramid = Labels([np.arange(16).reshape(4, 4), np.zeros((2, 2), int)], multiscale=True)
    event.position = (1, 2)
    assert clicked_label(pyramid, event) in (0, 6)


@pytest.mark.parametrize(("moved", "clicks"), [((), 1), ((2,), 1), ((30,), 0)])
def test_a_drag_is_no_click(layer, moved, clicks):
    called = []
    event = SimpleNamespace(type="mouse_press", pos=(10, 10))
    steps = at_click(lambda *given: called.append(given))(layer, event)
    next(steps)
    for far in moved:
        event.type, event.pos = "mouse_move", (10 + far, 10)
        next(steps)
    event.type = "mouse_release"
    next(steps, None)
    assert called == [(layer, event)] * clicks
