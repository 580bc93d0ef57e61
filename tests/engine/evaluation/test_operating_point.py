from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from napari_visual_ccc.engine.classification.decision import decide
from napari_visual_ccc.engine.evaluation.intervals import wilson
from napari_visual_ccc.engine.evaluation.metrics import evaluation
from napari_visual_ccc.engine.evaluation.operating_point import (
    at,
    nested_limits,
    rates,
    rates_of,
    youden,
    youden_thresholds,
)


@pytest.fixture
def three(rng):
    """Three uneven classes that overlap, twenty images of a group."""
    targets = rng.choice(3, 300, p=[0.6, 0.3, 0.1])
    logits = rng.normal(0, 1, (300, 3))
    logits[np.arange(300), targets] += 1.5
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    groups = [f"S{k // 20}" for k in range(300)]
    return evaluation(["a", "b", "c"], chances, targets, groups=groups)


def test_a_threshold_lies_between_the_images_that_it_separates():
    scores = np.array([0.1, 0.3, 0.6, 0.9])
    assert youden(scores, np.array([False, False, True, True])) == pytest.approx(0.45)
    # one positive among the negatives: 1/2 - 0 at 0.9 and 1 - 1/2 at 0.3; the higher one
    assert youden(scores, np.array([False, True, False, True])) == pytest.approx(0.75)
    assert youden(scores, np.array([True, True, True, True])) is None
    assert youden(scores, np.array([False] * 4)) is None
    # nothing separates them: all are called positive
    assert youden(np.full(4, 0.5), np.array([False, True, False, True])) == pytest.approx(0.25)


def test_no_other_threshold_has_a_larger_j(three):
    thresholds = youden_thresholds(three)
    table = rates(three, thresholds).set_index("class")
    for k, name in enumerate(three.classes):
        false, true, _ = roc_curve(three.targets == k, three.probabilities[:, k])
        assert table.loc[name, "j"] == pytest.approx((true - false).max())
        assert table.loc[name, "j"] == pytest.approx(
            table.loc[name, "tpr"] - table.loc[name, "fpr"]
        )


def test_two_classes_have_one_threshold(rng):
    targets = np.repeat([0, 1], 40)
    positive = np.clip(rng.normal(0.3 + 0.3 * targets, 0.15), 0, 1)
    chances = np.stack([1 - positive, positive], axis=1)
    judged = evaluation(["cube", "rod"], chances, targets)
    thresholds = youden_thresholds(judged)
    assert list(thresholds) == ["cube", "rod"]
    assert thresholds["rod"] == youden(positive, targets == 1)
    assert sum(thresholds.values()) == pytest.approx(1)
    table = rates(judged, thresholds)
    assert table["tpr"][0] == pytest.approx(1 - table["fpr"][1])
    assert table["fpr"][0] == pytest.approx(1 - table["tpr"][1])


def test_intervals_are_those_of_the_number_of_groups(three):
    table = rates(three, {"b": 0.4})
    assert table["class"].tolist() == ["b"]
    of = three.targets == 1
    tpr = float((three.probabilities[of, 1] >= 0.4).mean())
    groups = three.images["group"][of].nunique()
    assert (table["tpr_low"][0], table["tpr_high"][0]) == pytest.approx(wilson(tpr, groups))
    assert table["tpr_low"][0] < tpr < table["tpr_high"][0]


def test_an_evaluation_tells_what_thresholds_give(three):
    thresholds = {"a": 0.5, "b": 0.5, "c": 0.5}
    found = at(three, thresholds, "validation part")
    limits = np.full(3, 0.5)
    decided = decide(three.probabilities, limits)
    assert found.facts["operating_point"] == {
        "chosen_on": "validation part", "here": False, "images": 300,
        "correct": int((decided == three.targets).sum()), "none": int((decided < 0).sum()),
    }  # fmt: skip
    assert found.facts["operating_point"]["none"] > 0
    assert found.tables["operating_point"]["threshold"].tolist() == [0.5] * 3
    assert "operating_point" not in three.tables
    assert at(three, {}, "nothing") is three


def test_a_fold_is_judged_by_thresholds_of_the_other_folds(rng):
    """Noise has no operating point: on the images that chose it there seems to be one."""
    targets, positive = np.arange(40) % 2, rng.random(40)
    judged = evaluation(["a", "b"], np.stack([1 - positive, positive], axis=1), targets)
    folds = [np.arange(40) // 8 == k for k in range(5)]
    limits = nested_limits(judged, folds)
    for fold in folds:
        alone = youden(positive[~fold], targets[~fold] == 1)
        np.testing.assert_allclose(limits[fold], [[1 - alone, alone]] * 8)
    thresholds = youden_thresholds(judged)
    same = at(judged, thresholds, "cross-validation", here=True)
    nested = at(judged, thresholds, "cross-validation", here=True, held_out=folds)
    assert nested.operating_point["threshold"].tolist() == list(thresholds.values())
    called = positive >= limits[:, 1]
    assert nested.operating_point["tpr"][1] == pytest.approx(called[targets == 1].mean())
    assert nested.operating_point["fpr"][1] == pytest.approx(called[targets == 0].mean())
    assert nested.operating_point["j"][1] < same.operating_point["j"][1]
    assert nested.facts["operating_point"]["correct"] == int((called == targets).sum())
    assert "other folds" in rates_of(nested.facts["operating_point"])
    assert "optimistic" in rates_of(same.facts["operating_point"])
    # no other fold has images of a class: it is not assigned
    assert np.isinf(nested_limits(judged, [targets == 0])[targets == 0]).all()


def test_a_class_without_images_has_no_threshold():
    chances = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    judged = evaluation(["a", "b", "c"], chances, np.array([0, 1, 0]))
    thresholds = youden_thresholds(judged)
    assert list(thresholds) == ["a", "b"]
    # and without one of them no class can be decided on
    assert "correct" not in at(judged, thresholds, "validation part").facts["operating_point"]
