from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.screening.separation import ALPHA, corrected_p

FAMILIES = (("height", "width"), ("format",))


def found(columns, per, classes=2, seed=0):
    targets = np.repeat(np.arange(classes), per)
    columns = {name: np.array(column) for name, column in columns.items()}
    return corrected_p(columns, targets, np.arange(len(targets)), FAMILIES, seed)


def test_p_is_the_share_of_divisions_that_a_property_explains():
    # 2 of the 70 divisions of eight images
    p = found({"height": [1.0] * 4 + [2.0] * 4}, 4)["height"]
    assert p == pytest.approx(2 / 70, abs=0.012)
    # as does a property that varies with it
    both = found({"height": [1.0] * 4 + [2.0] * 4, "format": ["a"] * 4 + ["b"] * 4}, 4)
    assert both["height"] == both["format"] == p
    # one fault more
    assert found({"height": [1.0] * 3 + [2.0] * 5}, 4)["height"] > 0.05


def test_one_property_of_three_images_is_chance_in_a_tenth_and_two_are_not():
    assert found({"height": [1.0] * 3 + [2.0] * 3}, 3)["height"] == pytest.approx(0.1, abs=0.02)
    same = [1.0] * 3 + [2.0] * 3
    assert found({"height": same, "width": same}, 3)["height"] > ALPHA
    p = found({"height": same, "format": ["a"] * 3 + ["b"] * 3}, 3)
    assert p["height"] == p["format"] == pytest.approx(0.01, abs=0.004)


def test_numbers_are_divided_by_a_few_cuts_and_texts_by_value():
    jitter = np.arange(16.0)
    assert found({"height": jitter}, 8)["height"] <= ALPHA
    assert found({"height": jitter[::-1].copy()}, 8)["height"] <= ALPHA
    assert found({"format": jitter.astype(str)}, 8)["format"] == 1
    # between the values of the other class
    inner = np.concatenate([np.arange(10.0), 100 + np.arange(10.0), 50 + np.arange(20.0)])
    assert found({"height": inner}, 20)["height"] <= ALPHA
    # more than 64 values, in groups of equal ranks
    assert found({"height": np.arange(200.0)}, 100)["height"] <= ALPHA


def test_images_of_a_group_count_once():
    targets = np.repeat([0, 1], 30)
    member = np.repeat(np.arange(6), 10)
    column = {"height": np.repeat([1.0, 2.0], 30)}
    assert corrected_p(column, targets, member, FAMILIES, 0)["height"] > ALPHA
    assert corrected_p(column, targets, np.arange(60), FAMILIES, 0)["height"] <= ALPHA


@pytest.mark.parametrize(("per", "classes"), [(3, 2), (4, 2), (6, 2), (3, 3)])
def test_false_alarms_are_at_most_five_in_a_hundred_audits(per, classes):
    rng, count, alarms = np.random.default_rng(7), per * classes, 0
    for seed in range(60):
        columns = {
            "height": rng.choice([512.0, 768.0, 1024.0], count), "width": rng.random(count),
            "format": rng.choice(["a", "b"], count), "date": rng.integers(0, 30, count) * 1.0,
            "size": rng.choice([1.0, 2.0, 5.0], count),
        }  # fmt: skip
        alarms += min(found(columns, per, classes, seed).values()) <= ALPHA
    # twice the standard error above 5 %
    assert alarms <= 60 * 0.05 + 2 * (60 * 0.05 * 0.95) ** 0.5
