from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

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


@pytest.mark.parametrize("grain", [0.5, 0.7, 1.0])
def test_fine_texture_is_told_from_noise_an_octave_lower(grain):
    rng = np.random.default_rng(0)
    image = gaussian_filter(rng.normal(size=(256, 256)), grain)
    assert noise.least(image)[1] > 1.5
    # under noise of its own strength it hardly counts
    assert noise.least(image + rng.normal(0, 2 * image.std(), image.shape))[1] < 1.2


def test_noise_of_a_small_image_is_estimated():
    found, spread = noise.least(np.random.default_rng(0).normal(0, 3, (24, 24)))
    assert found.sigma == pytest.approx(3, rel=0.3)
    assert spread == 1


@pytest.mark.parametrize("ratio", [0.5, 3.0, 20.0])
def test_white_noise_is_separated_from_a_smooth_signal(rng, ratio):
    signal = gaussian_filter(rng.normal(size=(512, 512)), 6)
    white = rng.normal(size=signal.shape) * signal.std() / np.sqrt(ratio)
    assert noise.signal_to_noise([signal + white]) == pytest.approx(ratio, rel=0.1)


def test_smooth_windows_have_no_noise_and_narrow_ones_no_answer(rng):
    assert noise.signal_to_noise([gaussian_filter(rng.normal(size=(512, 512)), 20)]) == noise.BEST
    assert np.isnan(noise.signal_to_noise([np.zeros((9, 3))]))


def test_noise_of_a_detector_is_even_and_what_a_filter_leaves_is_not(rng):
    y, x = np.mgrid[:256, :256]
    clean = 100 + 40 * np.sin(x / 30) * np.sin(y / 25)
    even = clean + rng.normal(0, 8, clean.shape)
    for given in (even, even.round().clip(70, 255), rng.poisson(clean), even + 9 * (y % 2)):
        assert noise.tails(np.float64(given)) == pytest.approx(2.95, abs=0.2)
    # noise beside sharp edges everywhere is less certain
    clean = np.where(np.hypot(y - 128, x - 128) % 40 < 20, 60.0, 140.0)
    edges = noise.tails(clean + rng.normal(0, 8, clean.shape))
    # noise that is left at edges only
    near = gaussian_filter((np.abs(np.gradient(clean)[0]) > 1).astype(float), 2)
    left = clean + near * rng.normal(0, 8, clean.shape)
    assert noise.tails(left) > 2 * edges
    # without noise, or without room, nothing is measured
    assert noise.tails(clean) >= 3
    assert noise.tails(even[:20, :20]) == 3
    assert noise.tails(np.zeros((256, 256))) == 3


def test_noise_stays_even_at_unlike_levels_and_after_compression(rng):
    import cv2

    x = np.mgrid[:256, :256][1]
    clean = 40 + 160 * x / 255
    stored = (clean + rng.normal(0, 25, clean.shape)).clip(0, 255).astype(np.uint8)
    code = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    compressed = np.float64(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    # one half of the image was counted ten times longer
    unlike = clean + rng.normal(0, np.where(x < 128, 25, 8))
    for given in (compressed, unlike):
        assert noise.tails(given) == pytest.approx(2.9, abs=0.2)
