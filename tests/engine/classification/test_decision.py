from __future__ import annotations

import numpy as np
import pytest

from napari_visual_ccc.engine.classification.decision import (
    NONE,
    decide,
    name_of,
    thresholds_of,
)
from napari_visual_ccc.nets.card import make_card
from tests.models import card

POINT = {"thresholds": {"dendrite": 0.5, "sphere": 0.2, "alloy": 0.4}, "chosen_on": "validation"}
THREE = make_card(card("tiny", operating_point=POINT))
BARE = make_card(card("tiny"))
TWO = make_card(card("tiny", classes=["cube", "rod"]))


def test_the_most_probable_class_needs_no_threshold():
    assert thresholds_of(THREE, "highest probability") is None
    with pytest.raises(ValueError, match="choose decision='operating point'"):
        thresholds_of(THREE, "highest probability", "alloy=0.3")


def test_thresholds_are_those_of_the_card_unless_they_are_given():
    np.testing.assert_allclose(thresholds_of(THREE, "operating point"), [0.5, 0.2, 0.4])
    given = thresholds_of(THREE, "operating point", " alloy = .3; dendrite=1e-2 ")
    np.testing.assert_allclose(given, [0.01, 0.2, 0.3])


def test_with_two_classes_one_threshold_is_enough():
    np.testing.assert_allclose(thresholds_of(TWO, "operating point", "rod=0.7"), [0.3, 0.7])
    np.testing.assert_allclose(thresholds_of(TWO, "operating point", "cube=0.7"), [0.7, 0.3])
    both = thresholds_of(TWO, "operating point", "cube=0.7, rod=0.6")
    np.testing.assert_allclose(both, [0.7, 0.6])


def test_a_name_may_hold_a_comma_and_a_sign_of_equality():
    odd = make_card(card("tiny", classes=["a, b=c", "d"]))
    np.testing.assert_allclose(thresholds_of(odd, "operating point", "a, b=c=0.25"), [0.25, 0.75])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "",
            "no threshold for dendrite, sphere, alloy; give it, such as thresholds='dendrite=0.5'",
        ),
        ("sphere=0.2, alloy=0.1", "no threshold for dendrite"),
        ("rod=0.2", "no class 'rod'; it has dendrite, sphere, alloy"),
        ("sphere=1.2", "the threshold of sphere is 1.2; choose 0 to 1"),
        ("sphere=-.", "the threshold of sphere is -."),
        ("sphere", "write them as dendrite=0.5"),
        ("sphere=high", "write them as dendrite=0.5"),
    ],
)
def test_what_is_no_threshold_is_a_sentence(text, words):
    with pytest.raises(ValueError, match=words):
        thresholds_of(BARE, "operating point", text)


def test_the_class_that_exceeds_its_threshold_most_wins():
    limits = np.array([0.5, 0.2, 0.4])
    probabilities = np.array(
        [
            [0.9, 0.05, 0.05],  # one reaches its threshold
            [0.55, 0.4, 0.05],  # two: 0.05 and 0.2 above
            [0.45, 0.18, 0.37],  # none
            [0.5, 0.1, 0.4],  # two that just reach theirs: the first
        ]
    )
    found = decide(probabilities, limits)
    assert found.tolist() == [0, 1, -1, 0]
    assert [name_of(k, "abc") for k in found] == ["a", "b", NONE, "a"]
    assert decide(probabilities.reshape(2, 2, 3), limits).shape == (2, 2)


def test_thresholds_of_two_classes_that_add_up_to_one_always_decide():
    for threshold in (0.3, 0.1 + 0.2, 1 / 3, 0.7, 0.0, 1.0):
        for p in (0.0, threshold, np.nextafter(threshold, 0), np.nextafter(threshold, 1), 1.0):
            found = decide(np.array([1 - p, p]), np.array([1 - threshold, threshold]))
            assert found == (p >= threshold)


def test_equal_thresholds_are_those_of_the_most_probable_class(rng):
    probabilities = rng.dirichlet(np.ones(4), 200)
    np.testing.assert_array_equal(decide(probabilities, np.zeros(4)), probabilities.argmax(axis=1))
