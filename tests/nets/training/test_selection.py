from __future__ import annotations

import pytest

from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.training.selection import AnomalyScale, KeptEpoch, OperatingPoint
from tests.models import card

EPOCH = {"epoch": 3, "monitor": "validation_loss", "value": 0.25, "rank": 1}
POINT = {"thresholds": {"sphere": 0.5}, "chosen_on": "validation part"}


def test_the_card_keeps_what_was_selected_and_what_it_does_not_know():
    about = card("tiny", checkpoint=EPOCH, operating_point={**POINT, "later": 1})
    made = make_card(about)
    assert made.checkpoint == KeptEpoch(**EPOCH)
    assert not made.checkpoint.last
    assert made.operating_point.thresholds == {"sphere": 0.5}
    assert made.as_dict()["checkpoint"] == EPOCH
    assert made.as_dict()["operating_point"] == {**POINT, "later": 1}


def test_a_card_without_them_is_one_of_an_earlier_version():
    made = make_card(card("tiny"))
    assert (made.checkpoint, made.operating_point, made.trained) == (None, None, None)
    assert "checkpoint" not in made.as_dict()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"operating_point": {**POINT, "thresholds": {"sphere": 1.5}}}, "'operating_point'"),
        ({"operating_point": {**POINT, "thresholds": {"rod": 0.5}}}, "thresholds of other classes"),
        ({"checkpoint": {**EPOCH, "epoch": 0}}, "'checkpoint'"),
        ({"checkpoint": {**EPOCH, "value": float("nan")}}, "'checkpoint'"),
    ],
)
def test_values_that_cannot_be_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        make_card(card("tiny", **values))


def test_an_operating_point_states_its_method():
    assert OperatingPoint(**POINT).method == "Youden's J"


SCALE = {
    "peaks": {"residual": [0.1, 0.2]},
    "tiles": 2,
    "tile_px": 96,
    "level": 1.0,
    "chosen_on": "others",
}


def autoencoder(**more):
    return {**card("autoencoder:2x2", task="reconstruction", **more), "classes": []}


def test_a_card_states_which_scores_are_usual():
    made = make_card(autoencoder(anomaly=SCALE))
    assert made.anomaly == AnomalyScale(**SCALE)
    assert made.as_dict()["anomaly"] == SCALE
    assert make_card(card("tiny")).anomaly is None


@pytest.mark.parametrize(
    "wrong", [{"peaks": {}}, {"peaks": {"residual": [0.2, 0.1]}}, {"tiles": 0}]
)
def test_impossible_scores_are_refused(wrong):
    with pytest.raises(ValueError, match="'anomaly'"):
        make_card(autoencoder(anomaly={**SCALE, **wrong}))
