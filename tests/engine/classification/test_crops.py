from __future__ import annotations

import re

import dask.array as da
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_visual_ccc.core.micrograph import Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.crops import (
    crops,
    is_crop,
    network_plane,
    normalised,
    normalised_lazily,
    open_plane,
    resized_crops,
    scale_note,
    thumbnail,
    window_side,
)
from napari_visual_ccc.nets.card import NetworkInput


def network_input(**more):
    return NetworkInput(**{"input_px": 64, "window_px": 64, "normalisation": {}, **more})


WINDOW = network_input()
WHOLE = network_input(view={"kind": "whole", "fraction": 1.0})
CENTRE = network_input(view={"kind": "whole", "fraction": 0.5})
PHYSICAL = network_input(view={"kind": "physical", "window_nm": 100.0})
SIZES = st.integers(1, 150)


def numbered(shape):
    """Every pixel has a number of its own."""
    return np.arange(np.prod(shape)).reshape(shape)


@example(134, 64, 64, "window")
@given(SIZES, SIZES, st.integers(1, 80), st.sampled_from(["window", "physical", "whole"]))
def test_views_together_show_every_pixel(height, width, side, kind):
    card = {"window": WINDOW, "physical": PHYSICAL, "whole": WHOLE}[kind]
    if kind == "whole":
        side = window_side(card, (height, width), None)
    shown = crops(numbered((height, width)), card, side, most=100_000)
    missing = np.setdiff1d(numbered((height, width)), np.concatenate([v.ravel() for v in shown]))
    assert missing.size == 0


@given(SIZES, SIZES, st.integers(1, 80), st.integers(1, 20))
def test_views_are_cut_from_the_image_and_no_more_than_asked(height, width, side, most):
    image = numbered((height, width))
    shown = crops(image, WINDOW, side, most)
    assert 1 <= len(shown) <= most
    assert len({part.flat[0] for part in shown}) == len(shown)
    for part in shown:
        y, x = np.unravel_index(part.flat[0], image.shape)
        np.testing.assert_array_equal(part, image[y : y + part.shape[0], x : x + part.shape[1]])
        if len(shown) > 1:
            assert part.shape == (min(side, height), min(side, width))


@given(st.integers(1, 80), st.floats(0, 1.5), st.floats(0, 1.5))
def test_a_crop_of_what_the_model_knows_is_one_view_of_all_of_it(side, high, wide):
    height, width = max(1, int(high * side)), max(1, int(wide * side))
    assert is_crop(WINDOW, (height, width), side)
    (shown,) = crops(numbered((height, width)), WINDOW, side)
    np.testing.assert_array_equal(shown, numbered((height, width)))


def test_few_views_of_a_large_image_are_spread_over_it():
    image = numbered((640, 640))
    shown = crops(image, WINDOW, 64, most=4)
    rows, _ = np.unravel_index([part.flat[0] for part in shown], image.shape)
    assert len(shown) == 4
    assert rows.min() == 0
    assert rows.max() == 640 - 64
    assert len(crops(image, WINDOW, 64)) == 16


def test_a_nearly_square_image_is_shown_whole_to_a_model_of_whole_images():
    assert [part.shape for part in crops(np.zeros((100, 110)), WHOLE, 100)] == [(100, 110)]
    assert [part.shape for part in crops(np.zeros((100, 150)), WHOLE, 100)] == [(100, 100)] * 2


@pytest.mark.parametrize(
    ("card", "shape", "size_nm", "side"),
    [
        (WINDOW, (500, 300), None, 64),
        (WINDOW, (500, 300), 2.0, 64),
        (WINDOW, (20, 30), None, 64),
        (network_input(view={"kind": "window"}), (500, 300), None, 64),
        (WHOLE, (500, 300), None, 300),
        (network_input(view={"kind": "whole"}), (300, 500), 2.0, 300),
        (CENTRE, (500, 301), None, 150),
        (CENTRE, (1, 1), None, 1),
        (PHYSICAL, (500, 300), 2.0, 50),
        (PHYSICAL, (500, 300), 0.3, 333),
        (PHYSICAL, (500, 300), 1e6, 1),
        (PHYSICAL, (500, 300), None, 64),
    ],
)
def test_the_side_of_a_window_follows_the_card_the_image_and_its_pixel_size(
    card, shape, size_nm, side
):
    assert window_side(card, shape, size_nm) == side


@given(st.floats(0.2, 20), st.floats(1.5, 4))
def test_physical_windows_show_the_same_length_at_every_magnification(size_nm, zoom):
    sides = [window_side(PHYSICAL, (999, 999), size) for size in (size_nm, size_nm / zoom)]
    # half a pixel is lost to rounding
    assert abs(sides[0] * size_nm - 100) <= size_nm / 2 + 1e-9
    assert abs(sides[1] * size_nm / zoom - 100) <= size_nm / zoom / 2 + 1e-9


@pytest.mark.parametrize(
    ("card", "shape", "side", "crop"),
    [
        (WINDOW, (64, 64), 64, True),
        (WINDOW, (96, 10), 64, True),
        (WINDOW, (97, 10), 64, False),
        (WINDOW, (10, 97), 64, False),
        (WHOLE, (5000, 100), 100, True),
        (PHYSICAL, (75, 75), 50, True),
        (PHYSICAL, (76, 75), 50, False),
    ],
)
def test_an_image_little_larger_than_a_window_is_a_crop(card, shape, side, crop):
    assert is_crop(card, shape, side) is crop


@pytest.mark.parametrize(
    ("seen", "size_nm", "said"),
    [
        (None, None, None),
        (None, 5.0, None),
        ([1.0, 2.0], 1.5, None),
        ([1.0, 2.0], 0.5, None),
        ([1.0, 2.0], 4.0, None),
        ([1.0, 2.0], 4.1, "4.1 nm per pixel is far from .*1 to 2 nm"),
        ([1.0, 2.0], 0.49, "0.49 nm per pixel is far from"),
        ([2.0, 2.0], 10.0, r"\(2 nm\)"),
        ([1.0, 2.0], None, "no pixel size is known: .*1 to 2 nm"),
    ],
)
def test_a_scale_the_model_was_not_trained_at_gives_a_note(seen, size_nm, said):
    notes = scale_note(network_input(**({"pixel_size_nm": seen} if seen else {})), size_nm)
    assert len(notes) == (said is not None)
    assert all(re.search(said, note) for note in notes)


def card(**scope):
    return network_input(normalisation=scope)


@pytest.mark.parametrize(
    ("dtype", "top"),
    [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0), (np.float64, 1.0), (bool, 1)],
)
def test_range_normalisation_divides_by_the_largest_value_of_the_type(dtype, top):
    # so a dull image stays dull
    shares = np.array([[0.0, 0.2], [0.4, 1.0]])
    image = (shares * top).astype(dtype)
    found = normalised(image, card(kind="range"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, image.astype(float) / top, atol=1e-7)


def test_percentile_normalisation_undoes_brightness_and_contrast(rng):
    image = rng.normal(size=(50, 60))
    cards = [card(kind="percentile", low=1, high=99), card(low=1, high=99)]
    for one in cards:
        found = normalised(image, one)
        assert (found.min(), found.max()) == (0, 1)
        low, high = np.percentile(image, (1, 99))
        np.testing.assert_allclose(found, np.clip((image - low) / (high - low), 0, 1), atol=1e-6)
        np.testing.assert_allclose(normalised(image * 7 + 100, one), found, atol=1e-5)


def test_fixed_limits_are_the_same_for_every_image():
    image = np.array([[50, 100], [150, 300]], np.uint16)
    found = normalised(image, card(limits=[100.0, 200.0]))
    np.testing.assert_allclose(found, [[0, 0], [0.5, 1]])


def test_a_flat_image_is_black_not_nan():
    assert not normalised(np.full((5, 6), 7.0), card(low=0.5, high=99.5)).any()


def test_a_window_in_nanometres_is_one_scale_whatever_the_size():
    card = network_input(view={"kind": "physical", "window_nm": 1000.0}, window_px=500)
    for size in (100, 499, 500, 700, 1300):
        shown = crops(np.random.default_rng(0).random((size, size)), card, 500)
        assert {part.shape for part in shown} == {(500, 500)}


def test_a_single_slice_is_a_plane_and_a_stack_is_not():
    plane, size = open_plane(Micrograph(np.ones((1, 4, 5)), (2.0, 2.0), "nm", "one"))
    assert plane.shape == (4, 5)
    assert size == 2.0
    with pytest.raises(ValueError, match="a stack of shape"):
        open_plane(Micrograph(np.ones((3, 4, 5)), None, "px", "three"))


def test_a_thumbnail_is_a_small_square():
    picture = thumbnail(np.tile(np.arange(100.0), (60, 1)))
    assert picture.shape == (48, 48)
    assert picture.dtype == np.uint8
    assert picture[:, 0].max() < 20 < 200 < picture[:, -1].min()


def gap(image, columns):
    found = image.astype(np.float32)
    found[:, columns:] = np.nan
    return found


def test_missing_pixels_do_not_count_in_the_percentiles(rng):
    image = rng.normal(100, 5, (60, 80))
    image[:, :10] += 40
    some = gap(image, 30)
    found = normalised(some, card(low=1, high=99))
    low, high = np.percentile(some[:, :30], (1, 99))
    expected = np.clip((some[:, :30] - low) / (high - low), 0, 1)
    np.testing.assert_allclose(found[:, :30], expected, atol=1e-5)
    # continued by the nearest pixel, not by a grey level of the whole image
    np.testing.assert_array_equal(found[:, 30:], np.tile(found[:, 29:30], 50))
    assert np.isnan(open_plane(Micrograph(some, None, "px", "gap"))[0]).sum() == 60 * 50
    lazy = run(normalised_lazily(da.from_array(some, chunks=40), card(low=1, high=99)))
    np.testing.assert_allclose(np.asarray(lazy)[:, :40], found[:, :40], atol=0.02)


def test_a_plane_says_how_much_of_it_is_missing(rng):
    image = rng.random((40, 50))
    plane, notes = network_plane(gap(image, 40), WINDOW, "a test")
    assert np.isnan(plane).sum() == 400
    assert notes[0].startswith("20.00% of the pixels are missing")
    assert "do not rely" not in notes[0]
    assert network_plane(gap(image, 20), WINDOW, "a test")[1][0].endswith("rely on the result")
    assert network_plane(image, WINDOW, "a test") == (image, ())
    with pytest.raises(ValueError, match="no finite pixel"):
        network_plane(gap(image, 0), WINDOW, "a test")


def test_crops_that_are_mostly_missing_are_left_out(rng):
    image = rng.normal(size=(64, 256))
    assert len(resized_crops(image, WINDOW, None)) == 4
    assert len(resized_crops(gap(image, 100), WINDOW, None)) == 2
    assert len(resized_crops(gap(image, 10), WINDOW, None)) == 4
