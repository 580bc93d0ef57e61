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
