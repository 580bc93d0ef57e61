from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_visual_ccc.engine.segmentation.plane.foreground import opened
from napari_visual_ccc.engine.segmentation.plane.levels import clarity, lower_level, sparse

from .test_foreground import disc


def test_a_few_weak_particles_are_cut_above_the_noise():
    rng = np.random.default_rng(0)
    truth = disc(300, (100, 120), 12) | disc(300, (200, 60), 10)
    known = np.ones(truth.shape, bool)
    for sign in (1, -1):
        grey = np.float32(sign * 7.0 * truth + rng.normal(0, 1, truth.shape))
        found = sparse(grey, known)
        assert found is not None
        mask = found if sign > 0 else ~found
        assert (opened(mask, 2) & truth).sum() > 0.9 * truth.sum()
        assert (mask & ~truth).sum() < 0.01 * truth.size
    assert sparse(rng.normal(0, 1, truth.shape), known) is None
    assert sparse(100.0 * disc(300, (150, 150), 120) + rng.normal(0, 1, truth.shape), known) is None


def test_shells_are_taken_in_and_a_second_phase_is_not():
    rng = np.random.default_rng(0)
    core = disc(200, (60, 60), 20) | disc(200, (140, 130), 20)
    shell = disc(200, (60, 60), 32) | disc(200, (140, 130), 32)
    known = np.ones(core.shape, bool)
    noise = rng.normal(0, 2, core.shape)
    level = lower_level(np.where(core, 100.0, 40.0 * shell) + noise, core, known)
    assert level is not None
    assert 6 < level[0] < 34
    apart = disc(200, (60, 140), 30)
    assert lower_level(np.where(core, 100.0, 40.0 * apart) + noise, core, known) is None
    assert lower_level(100.0 * core + noise, core, known) is None


def test_fainter_particles_are_taken_in_and_soft_patches_are_not():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(1)
    bright = disc(240, (60, 60), 20) | disc(240, (180, 170), 20)
    faint = np.any([disc(240, middle, 18) for middle in ((60, 150), (150, 60), (220, 90))], axis=0)
    known = np.ones(bright.shape, bool)
    noise = rng.normal(0, 2, bright.shape)
    sharp = gaussian_filter(np.where(bright, 100.0, 40.0 * faint), 2)
    level = lower_level(sharp + noise, bright, known)
    assert level is not None
    assert 4 < level[0] < 36
    soft = np.maximum(gaussian_filter(100.0 * bright, 2), gaussian_filter(55.0 * faint, 9))
    assert lower_level(soft + noise, bright, known) is None


def test_contours_of_gaussian_noise_are_4_by_pi_as_steep_as_it_is():
    known = np.ones((600, 600), bool)
    for length in (2, 5):
        noise = gaussian_filter(np.random.default_rng(0).normal(size=known.shape), length)
        found = clarity(noise / noise.std(), known)
        assert found.slope == pytest.approx(4 / np.pi, rel=0.1)
        assert found.between == pytest.approx(2 / np.pi, rel=0.05)
        assert found.noise
        assert not clarity(noise / noise.std() + 5 * disc(600, (300, 300), 150), known).noise


@pytest.mark.parametrize("gap", [6, 9])
def test_packed_particles_stand_out_though_their_outlines_are_as_steep_as_the_image(rng, gap):
    side = 26
    pattern = np.zeros((side, side))
    pattern[gap // 2 : side - gap // 2, gap // 2 : side - gap // 2] = 100
    levels = np.kron(rng.normal(1, 0.2, (20, 20)), np.ones((side, side)))
    packed = gaussian_filter(np.tile(pattern, (20, 20)) * levels, 4)
    packed += gaussian_filter(rng.normal(0, 8, packed.shape), 2)
    known = np.ones(packed.shape, bool)
    found = clarity(packed, known)
    # by these alone it is noise
    assert found.slope < 1.8
    assert 0.595 < found.between < 0.78
    assert not found.noise


@pytest.mark.parametrize("kind", ["uniform", "counts", "lines", "band", "JPEG"])
def test_noise_of_other_kinds_is_noise(rng, kind):
    shape = (300, 300)
    noise = {
        "uniform": lambda: rng.random(shape),
        "counts": lambda: rng.poisson(3, shape).astype(float),
        "lines": lambda: rng.normal(size=shape) + 0.5 * rng.normal(size=(300, 1)),
        "band": lambda: np.subtract(
            *(gaussian_filter(rng.normal(size=shape), n) / n for n in (3, 6))
        ),
        "JPEG": lambda: cv2.imdecode(
            cv2.imencode(".jpg", np.uint8(128 + 30 * rng.normal(size=shape).clip(-4, 4)))[1], 0
        ).astype(float),
    }[kind]()
    smooth = gaussian_filter(noise, 2)
    assert clarity(smooth / smooth.std(), np.ones(shape, bool)).noise
