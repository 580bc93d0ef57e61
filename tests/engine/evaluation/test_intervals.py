from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from napari_visual_ccc.engine.classification.calibration import expected_calibration_error, softmax
from napari_visual_ccc.engine.evaluation.intervals import (
    calibration_error,
    clopper_pearson,
    independent_images,
    share,
    wilson,
)


def test_exact_intervals_are_those_of_scipy():
    for hits, n in ((0, 8), (3, 8), (8, 8), (19, 20)):
        low, high = clopper_pearson(hits, n)
        known = binomtest(hits, n).proportion_ci(method="exact")
        assert (float(low), float(high)) == pytest.approx((known.low, known.high))
    low, high = clopper_pearson(np.array([1.5, 0.4]), np.array([2.5, 0.4]))
    assert (low < high).all()


def test_copies_in_a_group_are_one_image_and_others_are_many(rng):
    right = rng.random(25) < 0.7
    groups = [f"g{k // 4}" for k in range(100)]
    _, low, high = share(np.repeat(right, 4), groups)
    one, few = wilson(float(right.mean()), 25)
    assert high - low > 0.95 * (few - one)
    # images that are independent, though of one group
    _, low, high = share(rng.random(100) < 0.7, groups)
    assert high - low < 0.27
    assert independent_images(0.2, 0.2 / 25, 25, 100) == pytest.approx(22.2, abs=1)
    assert independent_images(0.2, 0.2 / 100, 25, 100) == pytest.approx(89, abs=3)
    assert independent_images(0.2, 0.0, 25, 100) == 25


@pytest.mark.parametrize("each", [1, 4])
@pytest.mark.parametrize("count", [8, 20, 40])
def test_the_interval_of_a_share_holds_it(count, each):
    """Also of few images, of which most are right: percentiles of a bootstrap hold it in 80 %."""
    rng = np.random.default_rng(count)
    inside = []
    for seed in range(60):
        kind = rng.random(count // each)
        # half of the images of a group are right or wrong together
        lot = np.where(rng.random(count) < 0.5, np.repeat(kind, each), rng.random(count))
        groups = [f"g{k // each}" for k in range(count)]
        _, low, high = share(lot < 0.85, groups, seed=seed)
        inside.append(low <= 0.85 <= high)
    assert np.mean(inside) >= 0.9


def drawn(rng, groups, each, temperature, effect=0.0):
    member = np.repeat(np.arange(groups), each)
    logits = rng.normal(0, 1.6, (len(member), 3))
    chances = softmax(logits).cumsum(axis=1)
    targets = (rng.random((len(member), 1)) > chances).sum(axis=1).clip(0, 2)
    shown = logits + effect * rng.normal(0, 1, (groups, 3))[member]
    return softmax(shown, temperature), targets, member


@pytest.mark.parametrize(("temperature", "effect"), [(1.0, 0.0), (0.3, 0.0), (0.7, 2.0)])
@pytest.mark.parametrize(("groups", "each"), [(8, 1), (12, 1), (40, 1), (5, 4), (25, 4)])
def test_the_interval_of_the_calibration_error_holds_that_of_unseen_images(
    groups, each, temperature, effect
):
    rng = np.random.default_rng(groups)
    unseen = expected_calibration_error(*drawn(rng, 2000, each, temperature, effect)[:2])
    inside = []
    for seed in range(20):
        found = calibration_error(*drawn(rng, groups, each, temperature, effect), seed)
        value, low, high = found
        assert 0 <= low <= value <= high <= 1
        inside.append(low <= unseen <= high)
    assert sum(inside) >= 19


def test_few_images_say_little_of_the_calibration():
    # of twelve images at 0.92 eight are right: an error of 0.57 of unseen images fits as well
    probabilities = np.stack([np.full(12, 0.92), np.full(12, 0.08)], axis=1)
    targets = (np.arange(12) >= 8).astype(int)
    value, low, high = calibration_error(probabilities, targets, np.arange(12), 0)
    assert value == pytest.approx(0.92 - 8 / 12)
    assert low <= value
    assert high > 0.57
    # all are right: bins without an image are not known
    _, _, high = calibration_error(probabilities, np.zeros(12, int), np.arange(12), 0)
    assert high > 0.4
