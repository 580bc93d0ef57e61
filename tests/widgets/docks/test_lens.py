"""The AI lens in a real viewer: run, move the slider, click a pixel, collect a folder."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Points, Shapes
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from skimage.io import imsave
from wrapt import ObjectProxy

from napari_visual_ccc.widgets.docks.usual_images import LAYERS
from napari_visual_ccc.widgets.layers.viewers import camera, text_overlay
from tests.lens_images import SPOTS, planted
from tests.models import saved
from tests.widgets.opening import dock

PLACE = {"scale": (2, 2), "translate": (40, 7), "units": "nm"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return saved(
        tmp_path_factory.mktemp("models"), "visualcnn", layers=["features.4", "features.8"]
    )


@pytest.fixture
def form(viewer, tiny):
    source = viewer.add_image(planted(), name="planted", **PLACE)
    made = dock(viewer, "lens")
    made.fields["model"].value = tiny
    viewer.layers.selection.active = source
    return made


def test_a_layer_is_chosen_by_name_and_its_channels_have_a_slider(form, viewer, finish):
    assert form.fields["layer"].choices == ("", "features.4", "features.8")
    form.fields["layer"].value = "features.8"
    form.run_button.native.click()
    finish(form)
    maps = form.maps
    assert maps in viewer.layers
    assert maps.axis_labels[0] == viewer.dims.axis_labels[0] == "channel"
    np.testing.assert_allclose(maps.scale[1:], np.multiply(viewer.layers[0].scale, 1.0) * 2)
    # the choice stays, and now tells the shape
    assert form.fields["layer"].value == "features.8"
    assert ("features.8   128 × 16 × 16", "features.8") in form._layers(form.fields)
    names = form.seen.layers[0].channels
    assert names[0] in text_overlay(viewer).text
    form.table.picked.emit(3)
    assert viewer.dims.current_step[0] == 3
    assert names[3] in text_overlay(viewer).text
    # the name is of what is seen
    form.maps.visible = False
    assert not text_overlay(viewer).visible
    form.maps.visible = True
    assert text_overlay(viewer).visible
    shown = maps.data[3]
    np.testing.assert_allclose(maps.contrast_limits, (shown.min(), shown.max()), rtol=1e-5)
    viewer.layers.remove(maps)
    viewer.dims.events.current_step(value=viewer.dims.current_step)
    assert not text_overlay(viewer).visible


def test_a_pixel_shows_its_channels_and_the_patches_like_it(form, viewer, finish):
    form.fields["layer"].value = "features.8"
    form.run_button.native.click()
    finish(form)
    source = viewer.layers[0]
    for _ in range(2):
        form.look_at((0, *source.data_to_world(SPOTS[0])))
        finish(form)
    assert form.fields["image"].value is source
    boxes = [layer for layer in viewer.layers if isinstance(layer, Shapes)]
    points = [layer for layer in viewer.layers if isinstance(layer, Points)]
    # the marks of the last click alone
    assert len(boxes) == len(points) == 1
    assert len(boxes[0].data) == 9
    np.testing.assert_allclose(points[0].data_to_world(points[0].data[0])[-2:],
                               source.data_to_world(SPOTS[0]))  # fmt: skip
    frame = form.pixel.frame
    assert frame["y_nm"][0] == pytest.approx(2 * frame["y_px"][0])
    assert "Highest channels here" in form.message.value
    # a place that is refused has no table, also none of an earlier one
    form.pixel.show()
    form.look_at((0, *source.data_to_world((-50, 5))))
    finish(form)
    assert form.pixel.isHidden()
    assert form.like_button.isHidden()
    assert not any(isinstance(layer, Shapes | Points) for layer in viewer.layers)


def test_the_patches_like_a_pixel_are_looked_for_in_a_folder(form, viewer, finish, tmp_path):
    imsave(tmp_path / "other.png", planted([(60, 90)], seed=1))
    form.fields["layer"].value = "features.8"
    form.run_button.native.click()
    finish(form)
    assert form.like_button.isHidden()
    source = viewer.layers["planted"]
    form.look_at((0, *source.data_to_world(SPOTS[0])))
    finish(form)
    assert not form.like_button.isHidden()
    clicked = form.pixel.frame
    form.look_in_folder(tmp_path)
    finish(form)
    assert form.operation.name == "look_at"
    # the same pixel, seen by the same layer
    np.testing.assert_allclose(form.pixel.frame["y_nm"], clicked["y_nm"])
    assert form.pixel.frame["similarity"].equals(clicked["similarity"])
    hits = form.table.frame
    assert hits["file"][0] == "other.png"
    sheet = viewer.layers[-1]
    assert sheet.name == "planted hits"
    # beside the image it covers nothing
    assert sheet.visible
    assert [layer.name for layer in viewer.layers if isinstance(layer, Shapes)] == [
        "planted nearest patches"
    ]
    form.table.picked.emit(0)
    assert viewer.layers[-1].name == "other.png"
    place = hits[["y_px", "x_px"]].to_numpy()[0]
    np.testing.assert_allclose(camera(viewer).center[-2:], place)
    # a row of the patches shows them on the micrograph
    form.pixel.picked.emit(2)
    world = source.data_to_world(form.pixel.frame[["y_px", "x_px"]].to_numpy()[2])
    np.testing.assert_allclose(camera(viewer).center[-2:], world)


def test_a_click_looks_and_a_drag_moves_the_view(form, viewer, finish):
    form.run_button.native.click()
    finish(form)
    before = len(viewer.layers)

    def send(function, kind):
        position = (0, *viewer.layers["planted"].data_to_world(SPOTS[0]))
        event = SimpleNamespace(
            type=kind, position=position, button=1, handled=False, modifiers=(), pos=(0, 0),
            is_dragging=kind == "mouse_move",
        )  # fmt: skip
        # as the canvas does: a callback that waits sees each later event in the first one
        function(viewer, ObjectProxy(event))

    send(mouse_press_callbacks, "mouse_press")
    send(mouse_move_callbacks, "mouse_move")
    send(mouse_release_callbacks, "mouse_release")
    finish(form)
    assert len(viewer.layers) == before
    send(mouse_press_callbacks, "mouse_press")
    send(mouse_release_callbacks, "mouse_release")
    finish(form)
    assert len(viewer.layers) == before + 2


def test_a_run_with_other_layers_adds_them(form, viewer, finish):
    form.fields["colour"].value = "PCA"
    form.run_button.native.click()
    finish(form)
    colour = viewer.layers[-1]
    assert colour.rgb
    # a picture that a run has made is no micrograph, also where it is chosen
    viewer.layers.selection.active = colour
    assert form.fields["image"].value is viewer.layers["planted"]
    form.fields["colour"].value = "none"
    form.fields["contact_sheet"].value = True
    form.run_button.native.click()
    finish(form)
    # the picture stays: a map cannot take its place
    assert colour in viewer.layers
    assert viewer.layers[-1].name == "planted contact sheet"
    assert viewer.layers[-1].visible
    assert len(viewer.layers) == 4


def test_similar_regions_of_a_point_are_listed(form, viewer, finish, tiny):
    form.method.value = "Find similar"
    form.fields["model"].value = tiny
    form.fields["layer"].value = "features.8"
    form.run_button.native.click()
    finish(form)
    assert len(viewer.layers) == 1
    form.prompt_points.add_button.native.click()
    form.prompt_points.layer.add(SPOTS[0])
    form.fields["image"].value = viewer.layers[0]
    form.run_button.native.click()
    finish(form)
    names = [layer.name for layer in viewer.layers]
    assert {"planted similarity", "planted similar"} <= set(names)
    assert form.table.frame["similarity"][0] > 0.6


def test_patterns_of_a_folder_become_a_sheet_and_a_page(form, viewer, finish, tmp_path):
    imsave(tmp_path / "one.png", planted())
    form.collect_patterns(tmp_path, channels=2, iterations=1)
    finish(form)
    sheet = viewer.layers[-1]
    assert sheet.name == f"{tmp_path.name} patterns"
    # a result, which nothing is trained on and no field takes
    assert sheet.metadata["visual_ccc"]["steps"][-1]["operation"] == "common_patterns"
    assert form.fields["image"].value is not sheet
    form.training.images.source.value = LAYERS
    assert sheet.name in dict(form.training.images.dataset().skipped)
    assert set(form.table.frame["file"]) == {"one.png"}
    form.save_page(tmp_path / "page.html")
    assert "What the channels look for" in (tmp_path / "page.html").read_text("utf-8")
    form.table.picked.emit(0)
    assert viewer.layers[-1].name.startswith("one")
