from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from napari_visual_ccc.engine.classification.calibration import expected_calibration_error, softmax
from napari_visual_ccc.engine.evaluation.intervals import wilson
from napari_visual_ccc.engine.evaluation.metrics import (
    chance_note,
    confused_pairs,
    evaluation,
    with_prediction_sets,
    worst_mistakes,
)

NAMES = ("cube", "octahedron", "sphere")
ECE = "expected calibration error"


def probabilities_of(predicted, classes=3, sure=0.8):
    """Probabilities that name the given classes."""
    others = (1 - sure) / (classes - 1)
    return np.where(np.eye(classes, dtype=bool)[predicted], sure, others)


def evaluated(targets, predicted, classes=NAMES, **more):
    return evaluation(classes, probabilities_of(predicted, len(classes)), np.array(targets), **more)


def rows(result):
    return result.summary.set_index("metric").to_dict("index")


def width(result, metric="accuracy"):
    return rows(result)[metric]["high"] - rows(result)[metric]["low"]


@pytest.fixture
def guesses(rng):
    """Three of four images are classified correctly, the classes are uneven."""
    targets = rng.choice(3, 200, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(200) < 0.75, targets, rng.integers(0, 3, 200))
    return targets, predicted


def test_names_that_are_no_text_are_escaped():
    found = evaluated(
        [0, 1], [0, 1], ("\udcff", "b"), names=["\udcfe", "i"], groups=["g", "\udcfd"]
    )
    assert found.classes == ("\\udcff", "b")
    assert list(found.images["name"]) == ["\\udcfe", "i"]
    assert list(found.images["group"]) == ["g", "\\udcfd"]
    assert found.targets.tolist() == [0, 1]
    assert found.probabilities.tolist() == [[0.8, pytest.approx(0.2)], [pytest.approx(0.2), 0.8]]


def test_a_confusion_matrix_and_its_numbers_by_hand():
    targets = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    predicted = [0, 0, 0, 1, 1, 1, 0, 2, 2, 0]
    found = evaluated(targets, predicted)
    assert found.confusion.tolist() == [[3, 1, 0], [1, 2, 0], [1, 0, 2]]
    assert found.value("accuracy") == pytest.approx(7 / 10)
    recall, precision = [3 / 4, 2 / 3, 2 / 3], [3 / 5, 2 / 3, 1]
    f1 = [6 / 9, 4 / 6, 4 / 5]
    assert found.per_class["class"].tolist() == list(NAMES)
    assert found.per_class["images"].tolist() == [4, 3, 3]
    np.testing.assert_allclose(found.per_class["recall"], recall)
    np.testing.assert_allclose(found.per_class["precision"], precision)
    np.testing.assert_allclose(found.per_class["f1"], f1)
    assert found.value("balanced accuracy") == pytest.approx(np.mean(recall))
    assert found.value("mean F1") == pytest.approx(np.mean(f1))
    assert found.value("weighted F1") == pytest.approx((4 * f1[0] + 3 * f1[1] + 3 * f1[2]) / 10)
    assert found.value(ECE) == pytest.approx(0.1)
    assert found.tables["confusion"].columns.tolist() == ["true", *NAMES]


def test_numbers_equal_those_of_scikit_learn(guesses):
    targets, predicted = guesses
    found = evaluated(targets, predicted)
    each = metrics.precision_recall_fscore_support(targets, predicted, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "images"), each, strict=True):
        np.testing.assert_allclose(found.per_class[name], values)
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(targets, predicted))
    known = {
        "accuracy": metrics.accuracy_score(targets, predicted),
        "balanced accuracy": metrics.balanced_accuracy_score(targets, predicted),
        "weighted F1": metrics.f1_score(targets, predicted, average="weighted"),
        "mean F1": metrics.f1_score(targets, predicted, average="macro"),
        ECE: expected_calibration_error(probabilities_of(predicted), targets),
    }
    assert found.summary["metric"].tolist() == list(known)
    for metric, value in known.items():
        assert found.value(metric) == pytest.approx(value)


def test_every_image_is_listed_with_its_probabilities(guesses):
    targets, predicted = guesses
    groups = [f"S{k % 7}" for k in range(200)]
    found = evaluated(targets, predicted, names=[f"{k}.png" for k in range(200)], groups=groups)
    assert found.images["name"].tolist() == [f"{k}.png" for k in range(200)]
    assert found.images["group"].tolist() == groups
    assert found.images["label"].tolist() == [NAMES[k] for k in targets]
    assert found.images["predicted"].tolist() == [NAMES[k] for k in predicted]
    np.testing.assert_array_equal(found.probabilities, probabilities_of(predicted))
    np.testing.assert_array_equal(found.targets, targets)
    np.testing.assert_array_equal(found.images["probability"], 0.8)
    assert found.independent == 7


# intervals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("metric", ["accuracy", "balanced accuracy", "weighted F1", "mean F1", ECE])
def test_the_interval_of_a_number_contains_it(metric, seed):
    rng = np.random.default_rng(seed)
    n = [12, 40, 150][seed % 3]
    targets = rng.integers(0, 3, n)
    # as sure as it is right
    predicted = np.where(rng.random(n) < 0.8, targets, (targets + 1) % 3)
    found = rows(evaluated(targets, predicted, groups=[str(k // 2) for k in range(n)], seed=seed))
    row = found[metric]
    assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
    assert row["low"] < row["high"]


@pytest.mark.parametrize("n", [30, 100, 300])
def test_the_interval_of_the_calibration_error_of_an_honest_model_contains_it(n):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        probabilities = softmax(rng.normal(0, 2, (n, 3)))
        targets = (rng.random((n, 1)) > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
        row = rows(evaluation(NAMES, probabilities, targets))[ECE]
        assert row["low"] <= row["value"] <= row["high"]


def test_the_intervals_of_classes_contain_their_numbers(guesses):
    found = evaluated(*guesses).per_class
    for metric in ("precision", "recall", "f1"):
        low, high = found[f"{metric}_low"], found[f"{metric}_high"]
        assert ((low >= 0) & (low <= found[metric])).all()
        assert ((found[metric] <= high) & (high <= 1)).all()
        # the rarest class is known least
        assert (high - low).argmax() == 2


def test_more_groups_give_narrower_intervals(guesses):
    once = evaluated(*guesses)
    often = evaluated(*(np.tile(some, 9) for some in guesses))
    for metric in rows(once):
        # that of the calibration error is cut off at zero
        if metric != "expected calibration error":
            assert width(often, metric) < 0.6 * width(once, metric)
    for metric in ("accuracy", "balanced accuracy"):
        assert width(often, metric) == pytest.approx(width(once, metric) / 3, rel=0.2)


def test_the_interval_of_accuracy_is_that_of_a_share(guesses):
    found = evaluated(*guesses)
    low, high = wilson(found.value("accuracy"), 200)
    assert rows(found)["accuracy"]["low"] == pytest.approx(low, abs=0.015)
    assert rows(found)["accuracy"]["high"] == pytest.approx(high, abs=0.015)


def test_images_of_one_group_are_not_independent(rng):
    # whether a specimen is classified correctly is decided once for its ten images
    targets = np.repeat(rng.integers(0, 3, 30), 10)
    predicted = np.where(np.repeat(rng.random(30) < 0.7, 10), targets, (targets + 1) % 3)
    groups = np.repeat(np.arange(30), 10).astype(str).tolist()
    together = evaluated(targets, predicted, groups=groups)
    alone = evaluated(targets, predicted)
    assert together.value("accuracy") == alone.value("accuracy")
    for metric in ("accuracy", "balanced accuracy", "mean F1"):
        assert width(together, metric) > 2 * width(alone, metric)
    assert (together.independent, alone.independent) == (30, 300)


@pytest.mark.parametrize("each", [1, 10])
def test_a_perfect_test_of_few_groups_is_uncertain(each):
    targets = np.repeat(np.arange(6) % 3, each)
    groups = np.repeat(np.arange(6), each).astype(str).tolist()
    found = evaluated(targets, targets, groups=groups)
    for metric in ("accuracy", "balanced accuracy", "weighted F1", "mean F1"):
        row = rows(found)[metric]
        assert row["value"] == 1
        assert (row["low"], row["high"]) == pytest.approx(wilson(1.0, 6))
    for metric in ("precision", "recall", "f1"):
        np.testing.assert_allclose(found.per_class[f"{metric}_low"], wilson(1.0, 2)[0])


def test_a_test_that_is_all_wrong_is_uncertain_too():
    found = rows(evaluated([0, 0, 1, 1], [1, 1, 0, 0], NAMES[:2]))["accuracy"]
    assert found["value"] == 0
    assert (found["low"], found["high"]) == pytest.approx(wilson(0.0, 4))


def test_wilson_intervals_that_are_published():
    # Newcombe, Stat. Med. 17 (1998) 857, table I, method 3
    for right, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0 / 20, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_the_seed_decides_the_intervals(guesses):
    one, same, other = (evaluated(*guesses, seed=seed).summary for seed in (3, 3, 4))
    assert one.equals(same)
    assert not one.equals(other)
    np.testing.assert_array_equal(one["value"], other["value"])


# classes that are missing -------------------------------------------------------------------------


def test_a_class_that_is_named_but_never_true_is_judged_without_it():
    found = evaluated([0, 1, 1, 1], [0, 1, 2, 1])
    assert found.confusion.tolist() == [[1, 0, 0], [0, 2, 1], [0, 0, 0]]
    assert found.per_class["images"].tolist() == [1, 3, 0]
    np.testing.assert_allclose(found.per_class["recall"], [1, 2 / 3, np.nan])
    np.testing.assert_allclose(found.per_class["precision"], [1, 1, 0])
    assert found.value("accuracy") == 0.75
    assert found.value("balanced accuracy") == pytest.approx((1 + 2 / 3) / 2)
    assert found.value("mean F1") == pytest.approx((1 + 0.8) / 2)
    assert found.summary[["low", "high"]].notna().all(axis=None)
    assert np.isnan(found.per_class["recall_low"][2])
    for metric in ("precision", "f1"):
        ends = found.per_class[[f"{metric}_low", f"{metric}_high"]].to_numpy()[2]
        assert ends.tolist() == [0, 1]


def test_a_class_that_is_neither_true_nor_named_has_no_numbers():
    found = evaluated([0, 1, 1, 0], [0, 1, 0, 0])
    assert found.per_class[["precision", "recall", "f1"]].isna().all(axis=1).tolist() == [
        False, False, True,
    ]  # fmt: skip
    assert found.value("mean F1") == pytest.approx((0.8 + 2 / 3) / 2)


def test_one_image_can_be_judged():
    found = evaluated([1], [1])
    assert found.value("accuracy") == 1
    assert rows(found)["accuracy"]["low"] == pytest.approx(wilson(1.0, 1)[0])


# what to look at ----------------------------------------------------------------------------------


def test_confused_pairs_name_the_most_frequent_first():
    targets = [0] * 10 + [1] * 5 + [2] * 4
    predicted = [0] * 6 + [1] * 4 + [1, 1, 2, 2, 2] + [2, 1, 1, 1]
    found = confused_pairs(evaluated(targets, predicted))
    assert list(found.itertuples(index=False, name=None)) == [
        ("cube", "octahedron", 4, 40.0),
        # of as many, the larger share of its class
        ("sphere", "octahedron", 3, 75.0),
        ("octahedron", "sphere", 3, 60.0),
    ]
    assert found.columns.tolist() == ["class", "taken_for", "images", "percent_of_class"]


def test_no_mistake_gives_empty_lists():
    perfect = evaluated([0, 1, 2], [0, 1, 2])
    assert len(confused_pairs(perfect)) == 0
    assert len(worst_mistakes(perfect)) == 0
    assert "taken_for" in confused_pairs(perfect)


def test_the_worst_mistakes_are_the_most_confident():
    sure = np.array([0.5, 0.9, 0.7, 0.99, 0.6])
    probabilities = np.stack([sure, 1 - sure], axis=1)
    found = evaluation(("a", "b"), probabilities, np.array([1, 1, 1, 0, 0]), names=list("vwxyz"))
    worst = worst_mistakes(found)
    assert worst["name"].tolist() == ["w", "x", "v"]
    assert worst["probability"].tolist() == [0.9, 0.7, 0.5]
    assert (worst["label"] != worst["predicted"]).all()


@pytest.mark.parametrize(("count", "temperature"), [(11, 1.0), (30, 1.0), (30, 2.5), (100, 0.4)])
def test_the_interval_of_the_calibration_error_holds_that_of_new_images(count, temperature):
    rng = np.random.default_rng(count)

    def drawn(n):
        logits = rng.normal(0, 2.2, (n, 4))
        honest = softmax(logits)
        targets = (rng.random((n, 1)) > honest.cumsum(axis=1)).sum(axis=1).clip(0, 3)
        return softmax(logits, temperature), targets

    inside = []
    for seed in range(12):
        row = evaluation(list("abcd"), *drawn(count), seed=seed).summary.iloc[-1]
        inside.append(row["low"] <= expected_calibration_error(*drawn(4000)) <= row["high"])
    assert sum(inside) >= 11


def test_coverage_is_counted_by_class_with_scores_of_other_folds():
    probabilities = np.array([[0.9, 0.1], [0.55, 0.45], [0.95, 0.05], [0.02, 0.98]])
    found = evaluation(["a", "b"], probabilities, np.array([0, 0, 1, 1]))
    sets = with_prediction_sets(found, [[0.02] * 50, [0.5] * 50], np.array([0, 0, 1, 1]))
    assert sets.images["prediction_set"].tolist() == ["a", "a, b", "a", "b"]
    assert sets.per_class["coverage"].tolist() == [1.0, 0.5]
    assert sets.per_class["set_size"].tolist() == [1.5, 1.0]
    assert sets.facts["prediction_sets"]["covered"] == 0.75
    assert "least often of b: 50%" in sets.notes[-1]
    # too few scores: sets of all classes say nothing
    assert with_prediction_sets(found, [[0.1] * 3]) is found


def test_what_may_be_chance_is_said():
    rng = np.random.default_rng(0)
    guesses = rng.dirichlet([1, 1], 40)
    (note,) = chance_note(evaluation(["a", "b"], guesses, rng.integers(0, 2, 40)))
    assert note.startswith("not shown to be better than chance: the balanced accuracy is 0.")
    targets = np.arange(40) % 2
    assert chance_note(evaluation(["a", "b"], np.eye(2)[targets], targets)) == ()
    # 300 of one class, 8 of the other: guesses of the first are right in 97 %
    rare = (np.arange(308) >= 300).astype(int)
    assert chance_note(evaluation(["a", "b"], np.eye(2)[np.zeros(308, int)], rare))
