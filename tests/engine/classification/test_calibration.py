from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_visual_ccc.engine.classification.calibration import (
    expected_calibration_error,
    fit_temperature,
    nonconformity_scores,
    prediction_set,
    reliability,
    softmax,
)


def honest(rng, n, classes=3, spread=2.0):
    """Logits whose probabilities are right: each class is drawn as often as they say."""
    logits = rng.normal(0, spread, (n, classes))
    below = softmax(logits).cumsum(axis=1)
    targets = (rng.random((n, 1)) > below[:, :-1]).sum(axis=1)
    return logits, targets


def test_softmax_by_hand():
    np.testing.assert_allclose(softmax(np.log([[1.0, 3.0]])), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax(np.log([[1.0, 9.0]]), 2.0), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax(np.array([1e5, 0.0, 1e5])), [0.5, 0, 0.5])


@given(
    st.lists(st.lists(st.floats(-50, 50), min_size=3, max_size=3), min_size=1, max_size=5),
    st.floats(0.05, 20),
)
def test_a_temperature_keeps_the_order_of_the_classes(rows, temperature):
    logits = np.array(rows)
    found = softmax(logits, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    winner = logits.argmax(axis=1)
    np.testing.assert_array_equal(found[np.arange(len(rows)), winner], found.max(axis=1))


# temperature --------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5, 6.0])
def test_a_known_temperature_is_recovered(temperature, rng):
    logits, targets = honest(rng, 20_000)
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.04)


def test_the_right_temperature_mends_calibration_and_no_prediction_changes(rng):
    logits, targets = honest(rng, 5000)
    sure = 3 * logits
    before, after = softmax(sure), softmax(sure, fit_temperature(sure, targets))
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert expected_calibration_error(before, targets) > 0.1
    assert expected_calibration_error(after, targets) < 0.03


@pytest.mark.parametrize("n", [1, 10, 500])
def test_perfect_predictions_leave_a_doubt_of_half_an_image(n):
    # of n images and one of equal shares, (n + 1/2) / (n + 1) are right
    logits = np.tile([8.0, 0.0], (n, 1))
    found = fit_temperature(logits, np.zeros(n, int))
    assert found == pytest.approx(8 / np.log(2 * n + 1), rel=1e-3)
    assert softmax(logits, found)[0, 0] == pytest.approx((n + 0.5) / (n + 1), rel=1e-4)


@pytest.mark.parametrize("margin", [1e-3, 1.0, 30.0, 1000.0])
def test_the_temperature_is_finite_whatever_the_predictions(margin):
    logits = margin * np.eye(3)[np.arange(60) % 3]
    for targets in (np.arange(60) % 3, (np.arange(60) + 1) % 3):
        found = fit_temperature(logits, targets)
        assert 0.049 < found < 20.1
        assert np.isfinite(softmax(logits, found)).all()


def test_logits_that_mean_nothing_are_softened(rng):
    logits = rng.normal(0, 5, (2000, 3))
    found = softmax(logits, fit_temperature(logits, rng.integers(0, 3, 2000)))
    assert found.max() < 0.8


# calibration error --------------------------------------------------------------------------------


def test_reliability_by_hand():
    sure = np.array([0.55, 0.58, 0.62, 0.92, 0.98, 1.0])
    probabilities = np.stack([sure, 1 - sure], axis=1)
    targets = np.array([0, 1, 1, 0, 0, 0])
    confidence, accuracy, count = reliability(probabilities, targets)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, 1, 0, 0, 3]
    np.testing.assert_allclose(confidence[[5, 6, 9]], [0.565, 0.62, 2.9 / 3])
    np.testing.assert_allclose(accuracy[[5, 6, 9]], [0.5, 0, 1])
    assert np.isnan(confidence[count == 0]).all()
    assert np.isnan(accuracy[count == 0]).all()
    by_hand = (2 * 0.065 + 1 * 0.62 + 3 * (1 - 2.9 / 3)) / 6
    assert expected_calibration_error(probabilities, targets) == pytest.approx(by_hand)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_every_image_is_in_one_bin(bins, rng):
    logits, targets = honest(rng, 300)
    confidence, accuracy, count = reliability(softmax(logits), targets, bins)
    assert len(confidence) == len(accuracy) == len(count) == bins
    assert count.sum() == 300
    place = np.arange(bins)[count > 0]
    assert (confidence[place] >= place / bins).all()
    assert (confidence[place] <= (place + 1) / bins).all()


def test_one_bin_gives_the_gap_between_mean_confidence_and_accuracy(rng):
    logits, targets = honest(rng, 300)
    found = softmax(3 * logits)
    gap = found.max(axis=1).mean() - (found.argmax(axis=1) == targets).mean()
    assert expected_calibration_error(found, targets, bins=1) == pytest.approx(abs(gap))


@pytest.mark.parametrize(
    ("sure", "right", "error"),
    [(1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 0.6, 0.4), (0.7, 0.7, 0.0), (0.6, 1.0, 0.4)],
)
def test_calibration_errors_that_are_known(sure, right, error):
    targets = np.where(np.arange(100) < 100 * right, 0, 1)
    probabilities = np.tile([sure, 1 - sure], (100, 1))
    assert expected_calibration_error(probabilities, targets) == pytest.approx(error)


def test_no_image_has_no_calibration_error():
    assert expected_calibration_error(np.empty((0, 3)), np.empty(0, int)) == 0


# conformal sets -----------------------------------------------------------------------------------


def test_nonconformity_is_one_minus_the_true_probability_in_order():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(
        nonconformity_scores(probabilities, np.array([1, 2, 0])), [0.2, 0.7, 1.0]
    )


def test_a_conformal_set_by_hand():
    # nine scores: the 9th of 9 for 90 %, the 8th for 80 %, the 5th for 50 %
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    chances = np.array([0.55, 0.25, 0.15, 0.05])
    for level, likely in ((0.9, [1, 1, 1, 0]), (0.8, [1, 1, 0, 0]), (0.5, [1, 0, 0, 0])):
        inside, enough = prediction_set(chances, scores, level)
        assert inside.tolist() == [bool(k) for k in likely]
        assert enough
    assert prediction_set(chances, scores[::-1], 0.8)[0].tolist() == [True, True, False, False]


@pytest.mark.parametrize("level", [0.6, 0.8, 0.9, 0.95])
def test_conformal_sets_hold_the_truth_as_often_as_promised(level):
    rng = np.random.default_rng(1)
    hits, sizes = [], []
    for _ in range(300):
        logits, targets = honest(rng, 70)
        # the promise does not need right probabilities
        found = softmax(2.5 * logits)
        scores = nonconformity_scores(found[:40], targets[:40])
        for chances, target in zip(found[40:], targets[40:], strict=True):
            inside, enough = prediction_set(chances, scores, level)
            assert enough
            hits.append(inside[target])
            sizes.append(inside.sum())
    # one standard error over draws of 40 scores is below 0.006
    assert np.mean(hits) >= level - 0.012
    if level <= 0.8:
        assert np.mean(sizes) < 2.5


@given(st.integers(0, 10**6), st.integers(20, 200))
def test_more_confidence_never_rules_out_more_classes(seed, n):
    rng = np.random.default_rng(seed)
    logits, targets = honest(rng, n + 1, classes=4)
    found = softmax(logits)
    scores = nonconformity_scores(found[1:], targets[1:])
    before = np.zeros(4, bool)
    for level in (0.5, 0.7, 0.9, 0.99):
        inside, _ = prediction_set(found[0], scores, level)
        assert inside[found[0].argmax()]
        assert (inside | ~before).all()
        before = inside


@pytest.mark.parametrize(("n", "level"), [(0, 0.5), (8, 0.9), (18, 0.95), (98, 0.99)])
def test_too_few_scores_rule_out_nothing(n, level):
    inside, enough = prediction_set(np.array([0.98, 0.01, 0.01]), [0.01] * n, level)
    assert inside.all()
    assert not enough
    inside, enough = prediction_set(np.array([0.98, 0.01, 0.01]), [0.02] * (n + 1), level)
    assert inside.tolist() == [True, False, False]
    assert enough


def test_the_most_probable_class_is_in_even_when_all_were_surer():
    chances = np.array([0.1, *[0.0999] * 9, 0.0009])
    inside, enough = prediction_set(chances, [0.001] * 50, 0.8)
    assert inside.tolist() == [True] + [False] * 10
    assert enough


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_class_nearly_as_probable_as_the_best_is_never_ruled_out(level):
    # all validation images were sure: split conformal sets alone would have one class
    for second in (0.47, 0.41):
        chances = np.array([1 - second - 0.001, second, 0.001])
        assert prediction_set(chances, [0.001] * 500, level)[0].tolist() == [True, True, False]


@pytest.mark.parametrize(("level", "floor"), [(0.8, 0.2), (0.9, 0.1), (0.95, 0.05)])
def test_a_class_that_is_as_probable_as_an_error_may_be_stays_in(level, floor):
    for second, stays in ((floor + 1e-6, True), (floor, False), (floor - 1e-3, False)):
        chances = np.array([[1 - second, second], [second, 1 - second]])
        inside, _ = prediction_set(chances, [0.001] * 500, level)
        assert inside.tolist() == [[True, stays], [stays, True]]
