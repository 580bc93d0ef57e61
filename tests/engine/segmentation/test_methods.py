from __future__ import annotations

from typing import Literal, get_args, get_origin

import cv2
import dask.array as da
import numpy as np
import pytest
from skimage import filters

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.arrays.histogram import grey_histogram
from napari_visual_ccc.arrays.inputs import to_gray
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.segmentation.methods import METHODS
from napari_visual_ccc.workflow.signature import parameters

# those without a free parameter
AUTOMATIC = [name for name in METHODS if name != "manual"]


def skimage_threshold(name, image):
    return getattr(filters, f"threshold_{name}")(image)


def bright(image, method, **choices):
    return ccc.threshold(image, method=method, sigma=0, objects="bright", **choices).labels


def within_variance(image, mask):
    return sum(image[part].size * image[part].var(dtype=float) for part in (mask, ~mask))


def test_every_method_is_a_choice():
    method = parameters("threshold")["method"]
    assert get_origin(method.type) is Literal
    assert list(get_args(method.type)) == list(METHODS)
    assert method.default == "otsu"


@pytest.mark.parametrize("name", samples.NAMES)
@pytest.mark.parametrize("method", AUTOMATIC)
def test_thresholds_equal_those_of_scikit_image(method, name):
    image = to_gray(samples.load(name).data)[0]
    if image.dtype != np.uint8:
        image = (image // 256).astype(np.uint8)
    try:
        expected = image > skimage_threshold(method, image)
    except RuntimeError:
        with pytest.raises(ValueError, match="choose another or a larger sigma"):
            bright(image, method)
        return
    np.testing.assert_array_equal(bright(image, method), expected)


@pytest.mark.parametrize("method", AUTOMATIC)
def test_16_bit_thresholds_equal_those_of_scikit_image(method, discs, rng):
    image = (discs.astype(np.uint16) * 200 + rng.integers(0, 200, discs.shape)).astype(np.uint16)
    # 256 bins as for floats, or one a level
    like = image / 1.0 if method in ("yen", "triangle", "minimum") else image
    expected = image > skimage_threshold(method, like)
    np.testing.assert_array_equal(bright(image, method), expected)


@pytest.mark.parametrize("name", samples.NAMES)
@pytest.mark.parametrize("method", AUTOMATIC)
def test_thresholds_of_16_bit_micrographs_equal_those_of_scikit_image(method, name):
    fine = to_gray(samples.load(name).data)[0][:256, :256].astype(np.uint16) * 256
    image = cv2.GaussianBlur(fine, (0, 0), 1.0)
    assert len(np.unique(image)) > 256
    # 256 bins as for floats, or one a level
    like = image.astype(float) if method in ("yen", "triangle", "minimum") else image
    try:
        expected = image > skimage_threshold(method, like)
    except RuntimeError:
        with pytest.raises(ValueError, match=f"{method} finds no threshold"):
            bright(image, method)
        return
    found = bright(image, method)
    if method == "otsu":
        # scikit-image sums 65,536 bins in float32: some levels beside the optimum
        assert within_variance(image, found == 1) <= within_variance(image, expected)
        assert (found != expected).mean() < 0.001
        return
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", AUTOMATIC)
def test_floats_are_cut_as_by_scikit_image(method, discs, rng):
    image = discs + rng.random(discs.shape)
    expected = image > skimage_threshold(method, image)
    assert (bright(image, method) != expected).mean() < 0.005


@pytest.mark.parametrize("method", AUTOMATIC)
@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_lazy_images_give_what_whole_ones_give(method, sigma, discs):
    for image in (discs, discs.astype(np.uint16) * 200, discs / 7):
        whole = ccc.threshold(image, method=method, sigma=sigma)
        lazy = ccc.threshold(da.from_array(image, chunks=(50, 70)), method=method, sigma=sigma)
        np.testing.assert_array_equal(lazy.labels.compute(), whole.labels)
        assert lazy.facts == whole.facts


@pytest.mark.parametrize("method", AUTOMATIC)
def test_dark_discs_are_the_objects_of_every_method(method, discs):
    found = ccc.threshold(discs, method=method)
    assert found.facts["objects"] == "dark"
    # two of them cut at the foot of the peak of the background
    assert 0.09 < found.labels.mean() < (0.35 if method in ("triangle", "yen") else 0.18)
    assert found.layers[0].name == method.capitalize()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_a_manual_threshold_repeats_an_automatic_one(dtype, sigma, discs):
    image = discs.astype(dtype) * (1 if dtype == np.uint8 else dtype(37))
    otsu = ccc.threshold(image, sigma=sigma)
    (value,) = otsu.facts["thresholds"]
    manual = ccc.threshold(image, method="manual", value=value, sigma=sigma)
    np.testing.assert_array_equal(manual.labels, otsu.labels)
    assert manual.facts == otsu.facts


def test_pixels_of_the_manual_value_are_bright():
    ramp = np.arange(200, dtype=np.uint8).reshape(10, 20)
    np.testing.assert_array_equal(bright(ramp, "manual", value=70), ramp >= 70)
    np.testing.assert_array_equal(bright(ramp, "manual", value=69.5), ramp >= 70)


@pytest.mark.parametrize("hot", [65_535.0, 1e8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_hot_pixel_moves_no_manual_threshold(hot, dtype, rng):
    image = rng.random((300, 200)).astype(dtype)
    image[3, 4], image[5, 6], image[7, 8] = hot, np.nan, np.inf
    right = (image >= 0.5) & np.isfinite(image)
    whole = ccc.threshold(image, method="manual", value=0.5, sigma=0, objects="bright")
    np.testing.assert_array_equal(whole.labels, right)
    assert whole.facts["thresholds"] == [0.5]
    assert whole.table["pixels"].tolist() == [right.sum(), np.isfinite(image).sum() - right.sum()]
    assert whole.table["mean_intensity"][0] == pytest.approx(image[right].mean(dtype=float))
    tiles = da.from_array(image, chunks=(70, 90))
    lazy = ccc.threshold(tiles, method="manual", value=0.5, sigma=0, objects="bright")
    np.testing.assert_array_equal(lazy.labels.compute(), right)
    assert lazy.facts == whole.facts
    assert lazy.table["pixels"].tolist() == whole.table["pixels"].tolist()


@pytest.mark.parametrize("value", [123_456_789, 123_456_788.5, -77])
def test_wide_integers_are_compared_with_the_manual_value(value, rng):
    image = rng.integers(-(2**30), 2**30, (100, 100), np.int32)
    image[:, 0] = value + np.arange(-50, 50)
    np.testing.assert_array_equal(bright(image, "manual", value=value), image >= value)


def test_every_value_above_the_darkest_pixel_is_a_manual_threshold():
    image = np.array([[0.0, 1e-12, 1.0, 1e6]])
    for value in image[0, 1:]:
        np.testing.assert_array_equal(bright(image, "manual", value=value), image >= value)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_an_error_says_between_which_values_a_manual_one_lies(dtype, sigma):
    image = np.full((40, 40), 10, dtype)
    image[:, 20:] = 60
    with pytest.raises(ValueError, match=r"one side of 0: give a grey value between 10 and 60$"):
        ccc.threshold(image, method="manual", sigma=sigma)


@pytest.mark.parametrize("value", [0, -3, 200, 1e9])
def test_a_manual_value_beyond_the_grey_levels_is_refused(value):
    with pytest.raises(ValueError, match=r"all pixels are on one side .* between 0 and 199"):
        bright(np.arange(200, dtype=np.uint8).reshape(10, 20), "manual", value=value)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "otsu"])
def test_only_otsu_gives_several_classes(method, discs):
    with pytest.raises(ValueError, match=f"^{method} gives 2 classes, not 3; choose otsu"):
        ccc.threshold(discs, method=method, classes=3)


def test_without_two_peaks_there_is_no_minimum():
    ramp = np.arange(200, dtype=np.uint8).reshape(10, 20)
    with pytest.raises(ValueError, match="choose another or a larger sigma"):
        bright(ramp, "minimum")


@pytest.mark.parametrize("method", ["yen", "triangle", "minimum"])
def test_a_hot_pixel_leaves_bins_for_the_others(method, discs):
    image = discs / 1.0
    image[0, 0] = 1e6
    assert (bright(image, method) != bright(discs / 1.0, method)).mean() < 0.1


def test_an_unknown_method_is_refused(discs):
    with pytest.raises(ValueError, match="method is 'magic'; choose otsu, yen"):
        ccc.threshold(discs, method="magic")


def test_li_converges_as_in_scikit_image_on_floats(rng):
    image = rng.gamma(2.0, size=(100, 100))
    (start,) = METHODS["li"](run(grey_histogram(image)), 2, 0.0)
    found = run(grey_histogram(image)).values[start]
    assert found == pytest.approx(filters.threshold_li(image), abs=1e-3)
