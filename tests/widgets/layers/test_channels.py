"""Channels that are layers of their own, or an axis of one layer."""

from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.widgets.layers.channels import (
    layers_of_channels,
    layers_of_sources,
    with_channels,
)
from napari_visual_ccc.widgets.layers.source import take
from tests.channels import CHANNELS, image, write_ome
from tests.widgets.opening import dock


def add(viewer, pixels, name="a"):
    return [
        viewer.add_image(plane, name=f"{name}_{channel}")
        for channel, plane in zip(CHANNELS, pixels, strict=True)
    ]


def test_layers_are_found_by_their_names_in_the_order_of_the_channels(viewer, rng):
    pixels = image("a", rng)
    first, second = add(viewer, pixels)
    add(viewer, pixels, "other")
    for layer in (first, second):
        assert layers_of_channels(layer, viewer, CHANNELS) == [first, second]
        source = with_channels(take(layer, viewer, planar=True), viewer, CHANNELS[::-1])
        np.testing.assert_array_equal(source.data, pixels[::-1])


def test_a_missing_layer_and_one_of_no_channel_are_named(viewer, rng):
    first, second = add(viewer, image("a", rng))
    viewer.layers.remove(second)
    with pytest.raises(ValueError, match=r"channel BSE of a_SE is missing.*named 'a_BSE'"):
        layers_of_channels(first, viewer, CHANNELS)
    first.name = "a"
    with pytest.raises(ValueError, match="name the layers of the channels 'name_SE' and"):
        layers_of_channels(first, viewer, CHANNELS)


def test_classify_and_explain_take_the_layers_of_all_channels(
    viewer, channel_model, rng, finish, capsys
):
    pixels = image("b", rng)
    first, second = add(viewer, pixels)
    form = dock(viewer, "classify")
    form.use_model(channel_model)
    viewer.layers.selection.active = first
    form.run_button.native.click()
    finish(form)
    form.method.value = "Explain (class activation map)"
    form.fields["model"].value = channel_model
    form.run_button.native.click()
    finish(form)
    heatmap = viewer.layers[-1]
    expected = ccc.explain(pixels, model=channel_model)
    np.testing.assert_array_equal(heatmap.data, expected.data)
    assert heatmap.name.startswith("a_SE Grad-CAM b")
    viewer.layers.remove(second)
    before = len(viewer.layers)
    with pytest.raises(ValueError, match="channel BSE of a_SE is missing"):
        form(method="Explain (class activation map)")
    assert len(viewer.layers) == before


def test_a_layer_with_an_axis_of_channels_is_taken_as_a_whole(viewer, channel_model, rng, tmp_path):
    pixels = image("b", rng)
    path = write_ome(tmp_path / "map.ome.tif", pixels, CHANNELS[::-1])
    (layer,) = viewer.open(path, plugin="napari-visual-ccc")
    assert layer.axis_labels == ("c", "y", "x")
    form = dock(viewer, "classify")
    form.use_model(channel_model)
    (heatmap,) = form(method="Explain (class activation map)", model=channel_model)
    np.testing.assert_array_equal(heatmap.data[0], ccc.explain(pixels, model=channel_model).data)
    again = ccc.replay(heatmap.metadata["visual_ccc"], path)
    np.testing.assert_array_equal(again.data, heatmap.data[0])


def test_layers_are_a_data_set_of_channels(viewer, rng):
    for number, label in enumerate("aabb"):
        for layer in add(viewer, image(label, rng), f"n{number}"):
            layer.metadata["class"] = label
    train = dock(viewer, "train")
    train.images.source.value = "Open layers"
    train.images.channels.value = "SE, BSE"
    data = train.images.dataset()
    assert data.channels == CHANNELS
    assert [one.label for one in data.examples] == list("aabb")
    assert all(one.read().data.shape == (2, 40, 40) for one in data.examples)


def test_the_layers_of_a_source_are_those_of_all_its_channels(headless):
    layers = [headless.add_image(np.eye(8), name=name) for name in ("a_SE", "a_BSE", "b")]
    source = take(layers[0], headless, planar=True)
    assert layers_of_sources([source], headless) == layers[:1]
    both = with_channels(source, headless, ("SE", "BSE"))
    assert set(layers_of_sources([both], headless)) == set(layers[:2])
