from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread
from skimage.restoration import rolling_ball

import napari_visual_ccc as ccc
from napari_visual_ccc.engine.restoration import background as module


@pytest.fixture(scope="module")
def powder(data):
    return imread(sorted((data / "ampis_powder/images").iterdir())[0])[:512, :600].astype(float)


@pytest.fixture(scope="module")
def alloy(data):
    return imread(sorted((data / "segmentation/super1/train/images").iterdir())[0]).astype(float)


def grid(shape):
    return np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]


def error(found, wanted):
    """Root mean square difference, whatever the level."""
    return float(np.std(np.asarray(found) - wanted))


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        ("plane", lambda y, x: 30 * y - 20 * x),
        ("polynomial", lambda y, x: 25 * x - 30 * (x**2 + y**2) + 15 * x * y),
    ],
)
def test_shading_put_onto_a_micrograph_is_taken_off_again(alloy, method, shape):
    shading = shape(*grid(alloy.shape))
    before = ccc.subtract_background(alloy, method=method)
    after = ccc.subtract_background(alloy + shading, method=method)
    assert error(after.data, before.data) < 0.02 * shading.std()
    assert error(after.data, alloy) < 0.3 * shading.std()
    assert after.data.mean() == pytest.approx((alloy + shading).mean(), abs=0.01)


def test_objects_on_one_side_do_not_tilt_the_plane(rng):
    y, x = grid((300, 400))
    plane = 100 + 20 * x + 10 * y
    image = plane + rng.normal(0, 2, plane.shape)
    image[40:260, 20:190] += 80  # a bright object on a quarter of the image
    found = ccc.subtract_background(image, method="plane").data
    empty = np.s_[:, 200:]
    assert np.std(found[empty]) < 2.5  # the noise alone
    columns = np.c_[y.ravel(), x.ravel(), np.ones(y.size)]
    plain = image - (columns @ np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]).reshape(
        image.shape
    )
    assert np.std(plain[empty]) > 5  # what least squares make of it


def test_lost_light_is_divided_out(powder):
    shading = 1 - 0.4 * sum(axis**2 for axis in grid(powder.shape)) / 2
    flat = ccc.subtract_background(powder * shading, remove="divide").data
    again = ccc.subtract_background(powder, remove="divide").data
    scale = again.mean() / flat.mean()
    assert error(flat * scale, again) < 0.15 * error(powder * shading * scale, powder)


@pytest.mark.parametrize("objects", ["bright", "dark"])
def test_the_ball_finds_a_background_that_no_polynomial_is(rng, objects):
    y, x = np.mgrid[:256, :256]
    under = 60 + 40 * np.sin(x / 60) * np.cos(y / 70)
    image = under + rng.normal(0, 1, under.shape)
    sign = 1 if objects == "bright" else -1
    for cy, cx in rng.integers(10, 246, (30, 2)):
        image[(y - cy) ** 2 + (x - cx) ** 2 < 36] += sign * 50
    found = ccc.subtract_background(image, method="rolling ball", radius=30, objects=objects)
    background = np.abs(image - under) < 5
    assert np.std(found.data[background]) < 0.15 * np.std(image[background])
    inverse = ccc.subtract_background(
        image, 2.0, "nm", method="rolling ball", radius=60, objects=objects
    )
    np.testing.assert_array_equal(found.data, inverse.data)
    assert inverse.notes == ("radius of the ball: 30 px",)


@pytest.mark.parametrize("radius", [8, 17, 25, 50])
def test_the_shrunken_ball_is_near_the_whole_one(powder, radius):
    image = powder[:200, :260]
    seen = np.ones(image.shape, bool)
    found = module._ball(radius, 0.0, 255.0, "bright")(image, seen)
    import cv2

    whole = rolling_ball(cv2.blur(image, (3, 3), borderType=cv2.BORDER_REFLECT), radius=radius)
    # said in the documentation: within three per cent of the grey range
    assert np.sqrt(np.mean((found - whole) ** 2)) < 0.03 * 255


def test_grey_range_does_not_matter_to_the_ball(powder):
    image = powder[:150, :150]
    one = ccc.subtract_background(image, method="rolling ball", radius=20).data
    other = ccc.subtract_background(image * 257 + 1000, method="rolling ball", radius=20).data
    np.testing.assert_allclose((other - 1000) / 257, one, atol=0.05)


def test_missing_pixels_stay_missing_and_change_nothing_else(alloy):
    image = alloy[:128, :128].copy()
    image[30:40, 50:60] = np.nan
    for method in ("plane", "polynomial", "rolling ball"):
        how = {"method": method, **({"radius": 20} if method == "rolling ball" else {})}
        found = ccc.subtract_background(image, **how).data
        whole = ccc.subtract_background(alloy[:128, :128], **how).data
        np.testing.assert_array_equal(np.isnan(found), np.isnan(image))
        seen = np.isfinite(found)
        assert np.std(found[seen] - whole[seen]) < 0.1 * image[seen].std()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"method": "magic"}, "method is 'magic'"),
        ({"degree": 9}, "degree is 9"),
        ({"radius": -1.0}, "radius -1"),
        ({"remove": "forget"}, "subtract or divide"),
        ({"method": "rolling ball", "radius": 1e9}, r"radius is 1e\+09 px, far larger"),
    ],
)
def test_wrong_choices_are_refused(alloy, choices, said):
    with pytest.raises(ValueError, match=said):
        ccc.subtract_background(alloy, **choices)
    with pytest.raises(ValueError, match="choose subtract"):
        ccc.subtract_background(alloy - 200, remove="divide")
