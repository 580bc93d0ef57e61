from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.acquisition import noise


def test_poisson_noise_is_separated_from_gaussian():
    y, x = np.mgrid[:400, :400]
    clean = 50 + 40 * np.sin(x / 60) + 0.3 * y
    rng = np.random.default_rng(0)
    even = noise.estimate(clean + rng.normal(0, 5, clean.shape))
    assert not even.poisson
    assert even.sigma == pytest.approx(5, rel=0.1)
    counted = noise.estimate(rng.poisson(clean) + rng.normal(0, 2, clean.shape))
    assert counted.poisson
    assert counted.gain == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_stabilised_noise_is_one_and_its_mean_comes_back(gain):
    rng = np.random.default_rng(0)
    model = noise.Noise(gain, 4.0, (0, 100))
    for level in (5.0, 30.0, 200.0):
        counts = gain * rng.poisson(level, 200_000) + rng.normal(0, 2, 200_000)
        stable = noise.stabilise(counts, model)
        assert stable.std() == pytest.approx(1, abs=0.05)
        back = noise.unstabilise(np.array([stable.mean()]), model)[0]
        assert back == pytest.approx(gain * level, rel=0.01)


def test_texture_adds_less_to_the_lower_of_two_estimates():
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    noisy = rng.normal(0, 1, (300, 300))
    found, spread = noise.least(noisy)
    assert found.sigma == pytest.approx(1, rel=0.05)
    assert spread == pytest.approx(1, abs=0.05)
    grain = gaussian_filter(rng.normal(size=noisy.shape), 0.8)
    textured = noisy + 15 * grain / grain.std()
    before = noise.estimate(textured, "gaussian").sigma
    found, spread = noise.least(textured, "gaussian")
    assert 1 < found.sigma < 0.75 * before
    assert spread > 1.35


def test_noise_of_a_small_image_is_estimated():
    found, spread = noise.least(np.random.default_rng(0).normal(0, 3, (24, 24)))
    assert found.sigma == pytest.approx(3, rel=0.3)
    assert spread == 1
