from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_visual_ccc.engine.evaluation.robustness import (
    NOT_DEGRADED,
    Degradation,
    degradations,
    degrade,
    noise_source,
    robustness_table,
)

RAMP = np.tile(np.linspace(1000, 3000, 200), (200, 1))


def degraded(kind, level, image=RAMP, seed=0, **more):
    unit = more.pop("unit", "px")
    return degrade(image, Degradation(kind, level, unit), noise_source(seed, 0, 0), **more)


def test_gaussian_noise_is_a_fraction_of_the_contrast():
    contrast = np.subtract(*np.percentile(RAMP, (99.5, 0.5)))
    for scale in (1, 20):
        noise = degraded("Gaussian noise", 0.1, RAMP * scale) - RAMP * scale
        assert noise.std() == pytest.approx(0.1 * contrast * scale, rel=0.02)
        assert abs(noise.mean()) < 0.01 * contrast * scale


def test_poisson_noise_has_the_variance_of_its_counts():
    dark, bright = np.percentile(RAMP, (0.5, 99.5))
    found = degraded("Poisson noise", 25)
    for column in (50, 190):
        counts = (found[:, column] - dark) / (bright - dark) * 25
        expected = (RAMP[0, column] - dark) / (bright - dark) * 25
        np.testing.assert_allclose(counts, counts.round(), atol=1e-9)
        assert counts.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 200))
        assert counts.var() == pytest.approx(expected, rel=0.35)


def test_blur_is_in_pixels_or_nanometres():
    noisy = np.random.default_rng(1).normal(100, 20, (64, 64))
    np.testing.assert_allclose(degraded("blur", 2, noisy), gaussian_filter(noisy, 2))
    nm = degraded("blur", 3, noisy, unit="nm", size_nm=1.5)
    np.testing.assert_allclose(nm, degraded("blur", 2, noisy))
    with pytest.raises(ValueError, match="no pixel size, which a blur in nm needs"):
        degraded("blur", 3, noisy, unit="nm")


def test_the_type_stays_and_whole_numbers_keep_to_their_range():
    image = RAMP.clip(1000, 1255).astype(np.uint16) - 1000
    small = image.astype(np.uint8)
    found = degraded("Gaussian noise", 0.5, small)
    assert found.dtype == np.uint8
    # what leaves the range is limited, not wrapped around
    assert (found[small == 255] == 255).mean() == pytest.approx(0.5, abs=0.05)
    assert degraded("blur", 1, image).dtype == np.uint16


def test_an_image_without_contrast_stays():
    flat = np.full((8, 8), 7.0)
    for kind in ("Gaussian noise", "Poisson noise", "blur"):
        np.testing.assert_allclose(degraded(kind, 1, flat), flat)


def test_the_same_seed_gives_the_same_noise():
    first, again, other = (degraded("Poisson noise", 10, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(degraded("none", 0), RAMP)


def test_levels_are_sorted_by_their_strength():
    found = degradations("0.2,0.1", "3; 30", "", "nm")
    assert [(one.kind, one.level) for one in found] == [
        ("Gaussian noise", 0.1), ("Gaussian noise", 0.2), ("Poisson noise", 30.0),
        ("Poisson noise", 3.0),
    ]  # fmt: skip
    assert degradations("", "", "1", "nm")[0].measure == "nm"
    for text in ("-1", "0", "some", "nan", "inf"):
        with pytest.raises(ValueError, match="give positive numbers"):
            degradations("", "", text)


def test_the_table_has_a_row_for_every_level():
    targets = np.arange(40) % 2
    chances = np.zeros((40, 3, 2))
    sure = np.where(np.eye(2)[targets] > 0, 0.9, 0.1)
    chances[:, 0], chances[:, 1] = sure, sure
    # half of the images are taken for the other class
    chances[:, 2] = np.where(np.arange(40)[:, None] < 20, sure, sure[:, ::-1])
    levels = (NOT_DEGRADED, *degradations("0.1", "", "2"))
    unknown = np.zeros((40, 3), bool)
    unknown[:10, 2] = True
    groups = [f"S{k // 4}" for k in range(40)]
    table = robustness_table(levels, chances, unknown, targets, groups, seed=0)
    assert table["degradation"].tolist() == ["none", "Gaussian noise", "blur"]
    assert table["accuracy"].tolist() == [1, 1, 0.5]
    assert table["unknown"].tolist() == [0, 0, 0.25]
    np.testing.assert_allclose(table["probability"], 0.9)
    assert (table["low"] < table["accuracy"]).all()
    np.testing.assert_allclose(table["high"][:2], 1)
    assert 0.5 < table["high"][2] < 0.95


@pytest.mark.parametrize("kind", ["Gaussian noise", "Poisson noise", "blur"])
def test_missing_pixels_stay_missing_and_change_nothing_else(kind):
    gap = RAMP.copy()
    gap[:50] = np.nan
    found = degraded(kind, 2, gap)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(gap))
    # rows are alike, so that the rest has the same percentiles
    np.testing.assert_allclose(found[80:], degraded(kind, 2)[80:], atol=1e-6)
