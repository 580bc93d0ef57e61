from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.segmentation.plane.shading import blurred, find_shading


def discs(step: int) -> np.ndarray:
    y, x = np.mgrid[:240, :300]
    return 40.0 * (((y % step) - step / 2) ** 2 + ((x % step) - step / 2) ** 2 < (0.42 * step) ** 2)


@pytest.mark.parametrize("step", [30, 60])
@pytest.mark.parametrize("amount", [60, 200])
def test_a_vignette_is_found_under_particles_that_cover_half(step, amount):
    y, x = np.mgrid[-1:1:240j, -1:1:300j]
    vignette = -amount * (x**2 + y**2) + 30 * x
    noise = np.random.default_rng(0).normal(0, 3, vignette.shape)
    known = np.ones(vignette.shape, bool)
    known[:40, :60] = False
    image = discs(step) + vignette + noise
    image[~known] = 1e4
    surface = find_shading(image, known)
    assert surface is not None
    left = (surface - vignette)[known]
    assert left.std() < 0.12 * vignette.std()


def test_an_even_image_has_no_surface():
    noise = np.random.default_rng(0).normal(0, 3, (240, 300))
    assert find_shading(discs(60) + noise, np.ones(noise.shape, bool)) is None
    assert find_shading(np.ones((9, 9)), np.ones((9, 9), bool)) is None


def test_the_blurred_rim_of_one_disc_is_no_surface():
    y, x = np.mgrid[:128, :128]
    disc = 80.0 * ((y - 64) ** 2 + (x - 64) ** 2 < 40**2)
    even = blurred(disc.astype(np.float32), 2.0)
    known = np.ones(disc.shape, bool)
    assert find_shading(even, known) is None
    assert find_shading(even + (x + y).astype(np.float32), known) is not None
