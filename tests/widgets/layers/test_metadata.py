"""Metadata of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.widgets.layers.metadata import (
    METADATA,
    calibration,
    current_slice,
    drawn_on,
    keep_bar,
    known_bar,
    layers_of,
    plane_shape,
    unit_name,
)


def test_the_info_bar_is_kept_in_the_metadata():
    layer = Image(np.zeros((8, 8)), metadata={"micrograph": {"detector": "SE2"}})
    assert known_bar(layer) is None
    keep_bar(layer, InfoBar(bottom=3))
    assert known_bar(layer) == InfoBar(bottom=3)
    assert layer.metadata["micrograph"]["detector"] == "SE2"
    keep_bar(layer, InfoBar(doubtful=InfoBar(bottom=7)))
    assert layer.metadata["micrograph"]["possible_info_bar"] == "7 px at the bottom"
    keep_bar(layer, InfoBar(bottom=7))
    assert "possible_info_bar" not in layer.metadata["micrograph"]


@pytest.mark.parametrize(
    "layer",
    [Labels(np.zeros((8, 8), int)), Image(np.zeros((8, 8)), metadata={METADATA: {"steps": []}})],
)
def test_labels_and_results_have_no_bar_of_their_own(layer):
    assert known_bar(layer) == InfoBar()


def test_a_pixel_size_in_pixels_is_none():
    assert calibration(Image(np.zeros((4, 4)), scale=(2, 2))) == (None, "px")
    spacing, unit = calibration(Image(np.zeros((4, 4)), scale=(2, 3), units="1/nm"))
    assert (spacing, unit) == ((2, 3), "1/nm")


def test_units_are_named_as_in_files():
    assert unit_name(Image(np.zeros((4, 4)), units="um").units[0]) == "µm"


def test_pixels_under_shapes_are_labelled_wherever_both_lie():
    image = Image(np.zeros((10, 12)), scale=(2, 2), translate=(100, 0))
    square = np.array([[104, 4], [104, 8], [110, 8], [110, 4]], float)
    found = drawn_on(Shapes([square], shape_type="polygon"), image)
    assert found.shape == (10, 12)
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 2, 4)


def test_the_displayed_slice_is_that_of_the_sliders(headless):
    layer = headless.add_image(np.zeros((5, 8, 9)), scale=(10, 1, 1))
    headless.dims.set_point(0, 31)
    assert current_slice(layer, headless) == (3,)


def test_rows_and_columns_are_those_of_full_resolution():
    levels = [np.zeros((64, 32)), np.zeros((32, 16))]
    assert plane_shape(Image(levels, multiscale=True)) == (64, 32)
    assert plane_shape(Image(np.zeros((3, 8, 9, 3), np.uint8), rgb=True)) == (8, 9)


def test_a_combo_box_offers_the_layers_of_its_kind(headless):
    image, labels = headless.add_image(np.zeros((4, 4))), headless.add_labels(np.zeros((4, 4), int))
    assert layers_of(headless, Image)(None) == [image]
    assert layers_of(headless, Labels)(None) == [labels]
