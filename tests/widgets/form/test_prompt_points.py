from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_visual_ccc.widgets.docks.families import Segment
from napari_visual_ccc.workflow.operations import OPERATIONS


@pytest.fixture
def form(viewer):
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["sam_masks"].title
    return form


def test_points_are_drawn_on_the_image_and_become_the_prompts(form, viewer):
    image = viewer.add_image(np.zeros((40, 60)), scale=(2, 2), translate=(5, 6), name="copper")
    form.prompt_points.add_button.native.click()
    layer = form.fields["prompts"].value
    assert layer is viewer.layers["copper prompts"]
    assert layer.mode == "add"
    np.testing.assert_allclose(layer.data_to_world((3, 4)), image.data_to_world((3, 4)))
    layer.add([10, 20])
    form.prompt_points.word.value = "negative"
    layer.add([5, 6])
    assert list(layer.features["label"]) == ["positive", "negative"]
    colours = layer.face_color
    assert not np.allclose(colours[0], colours[1])
    form.prompt_points.word.value = "positive"
    layer.add([7, 7])
    assert list(layer.features["label"]) == ["positive", "negative", "positive"]
    np.testing.assert_allclose(layer.face_color[[0, 1]], colours)


def test_points_of_another_tool_can_be_made_negative(form, viewer):
    viewer.add_image(np.zeros((40, 60)))
    own = viewer.add_points([[3, 4]], name="mine")
    assert form.fields["prompts"].value is own
    form.prompt_points.word.value = "negative"
    own.add([5, 6])
    assert list(own.features["label"]) == ["positive", "negative"]


def test_without_an_image_nothing_is_drawn(form, viewer):
    form.prompt_points.add_button.native.click()
    assert not viewer.layers
    assert "open an image first" in notification_manager.records[-1].message


def test_other_operations_take_no_points(form):
    assert not form.prompt_points.native.isHidden()
    form.method.value = OPERATIONS["threshold"].title
    assert form.prompt_points.native.isHidden()
    assert form.prompt_points.key == ""
