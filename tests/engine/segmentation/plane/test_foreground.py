from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_visual_ccc.engine.segmentation.plane.foreground import (
    blur_for,
    cleaned,
    convex_area,
    filled,
    opened,
    otsu,
    typical_radius,
    without_holes,
)


def disc(side: int, middle: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2


def test_specks_do_not_lower_the_typical_radius():
    mask = disc(120, (40, 40), 20) | disc(120, (80, 85), 20)
    mask[::7, 110:] = True
    assert typical_radius(mask) == pytest.approx(20, abs=1)
    assert typical_radius(np.zeros((9, 9), bool)) == 0


def test_a_pore_is_filled_and_the_gap_between_discs_is_not():
    radius, side = 30, 140
    middles = [(35, 70), (35 + 0.866 * 58, 70 - 29), (35 + 0.866 * 58, 70 + 29)]
    mask = np.any([disc(side, middle, radius) for middle in middles], axis=0)
    gap = (68, 70)
    assert not mask[gap]
    pore = (28, 70)
    mask &= ~disc(side, pore, 8)
    found = filled(mask, radius)
    assert found[pore]
    assert not found[gap]


def test_cleaning_drops_what_is_small_for_a_particle():
    mask = disc(120, (50, 50), 30)
    mask[50, 80:110] = True
    mask[100:104, 100:104] = True
    found = cleaned(mask, 30)
    assert found.sum() == pytest.approx(disc(120, (50, 50), 30).sum(), rel=0.02)
    assert opened(mask, 0.5) is mask


def test_otsu_does_not_mind_an_outlier():
    values = np.r_[np.zeros(5000), np.ones(5000), 1e6]
    assert 0 < otsu(values) < 1
    with pytest.raises(ValueError, match="1 grey level"):
        otsu(np.ones(50))


def test_the_blur_grows_with_the_radius_and_with_noise():
    rng = np.random.default_rng(0)
    mask = disc(200, (100, 100), 60)
    clean, noise = np.float32(100 * mask), np.float32(rng.normal(0, 40, mask.shape))
    assert blur_for(clean, clean, mask, 5) < blur_for(clean, clean, mask, 20)
    assert blur_for(clean, clean, mask, 20) < blur_for(clean + noise, clean, mask, 20)


def test_convex_pixels_are_those_of_regionprops(rng):
    from skimage.measure import regionprops

    blobs = ndimage.gaussian_filter(rng.normal(size=(300, 300)), 2.5) > 0.02
    regions = regionprops(ndimage.label(blobs)[0])
    assert len(regions) > 50
    for region in regions:
        assert convex_area(region.image) == region.area_convex


@pytest.mark.parametrize("reach", [1.0, 1.5, 2.0, 5.0, 12.3, 16.5])
def test_an_opening_by_pixels_is_that_by_distances(rng, reach):
    mask = ndimage.gaussian_filter(rng.normal(size=(120, 170)), reach) > 0
    core = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge")) > reach
    right = (ndimage.distance_transform_edt(~core) <= reach)[1:-1, 1:-1]
    assert right.any()
    np.testing.assert_array_equal(opened(mask, reach), right)


def test_every_hole_is_filled(rng):
    mask = ndimage.gaussian_filter(rng.normal(size=(90, 110)), 2) > -0.02
    np.testing.assert_array_equal(without_holes(mask), ndimage.binary_fill_holes(mask))
    assert without_holes(np.ones((4, 5), bool)).all()
