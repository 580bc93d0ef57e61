from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.arrays.inputs import (
    finite,
    plane_of,
    stretch,
    to_gray,
    validate_labels,
)


def test_equal_channels_become_that_channel_without_a_note():
    grey = np.arange(20, dtype=np.uint16).reshape(4, 5)
    found, notes = to_gray(np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(found, grey)
    assert found.dtype == np.uint16
    assert notes == ()


def test_true_colour_becomes_luminance_and_says_so():
    image = np.zeros((4, 5, 4), np.uint8)
    image[..., 1] = 100
    found, notes = to_gray(image)
    assert (found == round(0.7152 * 100)).all()
    assert "luminance" in notes[0]


def test_a_grey_image_is_handed_on_as_it_is(ramp16):
    found, _ = to_gray(ramp16)
    assert found is ramp16


def test_lazy_stays_lazy():
    found, _ = to_gray(da.zeros((8, 8, 3), dtype=np.uint8))
    assert isinstance(found, da.Array)
    assert found.shape == (8, 8)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros(5), "1 dimension"),
        (np.zeros((0, 5)), "empty"),
        (np.zeros((4, 5), complex), "complex"),
        (np.array([["a", "b"], ["c", "d"]]), "real numbers"),
        (np.full((4, 5), 1e300), "1e.300, too far; rescale them"),
        (np.full((4, 5, 3), 1e300), "1e.300, too far; rescale them"),
    ],
)
def test_what_is_no_image_is_refused_in_words(image, words):
    with pytest.raises(ValueError, match=words):
        to_gray(image)


def test_a_stack_is_no_plane():
    with pytest.raises(ValueError, match="pick a slice"):
        plane_of(np.zeros((3, 4, 5)), "classify")


def test_missing_pixels_become_the_median_of_the_rest():
    image = np.array([[1.0, 2.0, 9.0], [np.nan, np.inf, 2.0]])
    filled, missing = finite(image)
    assert filled[1, 0] == filled[1, 1] == 2
    assert missing.sum() == 2
    assert np.isnan(image[1, 0])


def test_an_image_of_nan_is_refused():
    with pytest.raises(ValueError, match="no finite pixel"):
        finite(np.full((3, 3), np.nan))


def test_stretch_keeps_the_levels_of_a_16_bit_ramp(ramp16):
    stretched, limits = stretch(ramp16)
    assert stretched.dtype == np.float32
    assert len(np.unique(stretched)) > 60_000
    assert stretched.min() == 0
    assert stretched.max() == 1
    again, _ = stretch(ramp16, limits=limits)
    np.testing.assert_array_equal(again, stretched)


def test_stretch_of_a_constant_image_is_zero():
    assert not stretch(np.full((4, 4), 7, np.uint8))[0].any()


# labels saved as pictures ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_whole_numbers_of_a_float_type_are_labels(dtype):
    labels = np.zeros((40, 50), dtype)
    labels[3:9, 4:20], labels[20:30, 30:45] = 3, 700
    found = validate_labels(labels)
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, labels)
    labels[0] = np.nan
    np.testing.assert_array_equal(validate_labels(labels)[0], 0)
    lazy = validate_labels(da.from_array(labels, chunks=20))
    np.testing.assert_array_equal(np.asarray(lazy), np.nan_to_num(labels))


@pytest.mark.parametrize("value", [0.5, np.inf, 2.0**24 + 2])
def test_other_numbers_of_a_float_type_are_no_labels(value):
    labels = np.zeros((40, 50), np.float32)
    labels[3:9, 4:20] = value
    for given in (labels, da.from_array(labels, chunks=50)):
        with pytest.raises(ValueError, match="integers"):
            validate_labels(given)


def test_negative_labels_of_a_float_type_are_refused():
    labels = np.zeros((40, 50), np.float32)
    labels[3:9, 4:20] = -1
    with pytest.raises(ValueError, match="labels hold -1"):
        ccc.region_table(labels)


def test_long_double_becomes_double():
    grey, _ = to_gray(np.ones((3, 4), np.longdouble))
    assert grey.dtype == np.float64
