"""Metadata of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_visual_ccc.core.micrograph import InfoBar
from napari_visual_ccc.core.result import Result
from napari_visual_ccc.widgets.layers.metadata import (
    METADATA,
    calibration,
    current_slice,
    drawn_on,
    keep_bar,
    known_bar,
    layers_of,
    noted,
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


@pytest.mark.parametrize(
    ("place", "size", "unit"),
    [
        ({"units": "inch", "scale": (2 / 25.4e6,) * 2}, (2, 2), "nm"),
        ({"units": "cm", "scale": (2e-7, 3e-7)}, (2, 3), "nm"),
        ({"units": ("um", "nm"), "scale": (0.002, 3)}, (2, 3), "nm"),
        ({"units": "nm", "scale": (2, 3), "rotate": 30}, (2, 3), "nm"),
        ({"units": "nm", "scale": (-2, 3)}, (2, 3), "nm"),
        ({"units": "nm", "scale": (2, 2), "shear": [0.5]}, None, "px"),
        ({"units": "nm", "scale": (2, 2), "rotate": 30, "affine": np.diag([3, 1, 1])}, None, "px"),
        ({"units": "s", "scale": (2, 2)}, None, "px"),
        ({"units": ("s", "nm"), "scale": (2, 2)}, None, "px"),
        ({"units": ("nm", "1/nm"), "scale": (2, 2)}, None, "px"),
        ({"scale": (2, 3)}, None, "px"),
    ],
)
def test_a_pixel_has_a_size_in_one_unit_or_it_is_told_why_it_has_none(place, size, unit):
    layer = Image(np.zeros((4, 4)), **place)
    found, own = calibration(layer)
    assert (found if size is None else pytest.approx(size), own) == (found, unit)
    assert bool(noted(Result(), layer).notes) is (size is None)


@pytest.mark.filterwarnings("ignore:Non-orthogonal")
def test_voxels_that_are_sheared_have_no_step_but_their_pixels_have_a_size():
    shear = np.eye(4)
    shear[1, 0] = 0.5
    for affine, sizes in ((np.eye(4), (10, 2, 2)), (shear, (2, 2))):
        layer = Image(np.zeros((3, 4, 4)), scale=(10, 2, 2), units="nm", affine=affine)
        assert calibration(layer, voxel=True) == (sizes, "nm")
        assert calibration(layer) == ((2, 2), "nm")


def test_equal_sides_without_a_unit_need_no_word():
    assert noted(Result(), Image(np.zeros((4, 4)), scale=(2, 2))).notes == ()
    # but a map of windows is coarser than its image
    layer = Image(np.zeros((4, 4)), scale=(32, 32), metadata={METADATA: {}}, name="classes")
    assert "classes, each of which is 32 x 32 pixels" in noted(Result(), layer).notes[0]
    # a result on a level of a pyramid is said once
    made = {METADATA: {"steps": [{"level": 2.0}]}}
    (note,) = noted(Result(), Image(np.zeros((4, 4)), scale=(2, 2), metadata=made)).notes
    assert "as wide as 2 of full resolution" in note
