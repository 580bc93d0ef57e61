"""Class probabilities as bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QProgressBar

from napari_visual_ccc.core.layers.palette import class_colours, hexadecimal
from napari_visual_ccc.core.result import Prediction, Result
from napari_visual_ccc.widgets.parts.bars import Bars, ScoreCard, Similar, pixmap
from tests.widgets.opening import texts


@pytest.fixture
def bars(qtbot):
    bars = Bars()
    qtbot.addWidget(bars)
    return bars


def test_classes_are_listed_the_most_probable_first(bars):
    prediction = Prediction(classes=("rod", "<b>"), probabilities=np.array([0.25, 0.75]))
    bars.show_prediction("a&b", prediction, "rod")
    assert texts(bars) == ["a&amp;b: <b>&lt;b&gt;</b>", "<b>", "75.0%", "rod ◂ explained", "25.0%"]
    assert [bar.value() for bar in bars.findChildren(QProgressBar)] == [750, 250]


def test_bars_have_the_colours_of_the_class_map(bars):
    prediction = Prediction(classes=("a", "b", "c"), probabilities=np.array([0.2, 0.5, 0.3]))
    bars.show_prediction("image", prediction)
    colours = [hexadecimal(one) for one in class_colours(3)]

    def shown():
        found = bars.findChildren(QProgressBar)
        return [next(c for c in colours if c in bar.styleSheet()) for bar in found]

    assert shown() == [colours[1], colours[2], colours[0]]
    # an occlusion lists the classes in another order
    table = pd.DataFrame({"class": ["c", "a"], "before": 0.5, "after": 0.4, "change": -0.1})
    bars.show_occlusion("image", Result(tables={"classes": table}, facts={"covered_share": 0.25}))
    assert shown() == [colours[2], colours[0]]


def test_occlusion_shows_the_change_of_each_class(bars):
    table = pd.DataFrame(
        {"class": ["rod", "cube"], "before": [0.9, 0.1], "after": [0.4, 0.6], "change": [-0.5, 0.5]}
    )
    bars.show_occlusion("a", Result(tables={"classes": table}, facts={"covered_share": 0.25}))
    assert texts(bars)[0] == "a, 25.0% occluded: score of one view, not the prediction"
    assert "40.0% (-50.0)" in texts(bars)
    assert "60.0% (+50.0)" in texts(bars)


def test_similar_images_have_class_and_distance(qtbot):
    similar = Similar()
    qtbot.addWidget(similar)
    one = {"name": "r1", "class": "rod", "distance": 0.123, "thumbnail": np.zeros((8, 8), np.uint8)}
    similar.show_images([one])
    assert "rod\n0.12" in texts(similar)
    similar.show_images(())
    assert similar.isHidden()


def test_the_score_card_takes_tables_of_tests_only(qtbot):
    card = ScoreCard()
    qtbot.addWidget(card)
    card.show_table(pd.DataFrame({"verdict": ["good"], "test": ["Weights"], "meaning": ["<ok>"]}))
    assert "Weights" in card.text()
    assert "&lt;ok&gt;" in card.text()
    card.show_table(pd.DataFrame({"label": [1]}))
    assert card.isHidden()


def test_thumbnails_keep_their_aspect(qtbot):
    found = pixmap(np.zeros((10, 20), np.uint8), 60)
    assert (found.width(), found.height()) == (60, 30)


def test_thresholds_stand_beside_the_probabilities(bars):
    prediction = Prediction(
        classes=("rod", "cube"), probabilities=np.array([0.25, 0.75]), decided="rod",
        thresholds={"rod": 0.2, "cube": 0.8},
    )  # fmt: skip
    bars.show_prediction("a", prediction)
    assert texts(bars) == [
        "a: <b>rod</b> at the operating point", "cube", "75.0% (threshold 80.0%)", "rod",
        "25.0% (threshold 20.0%)",
    ]  # fmt: skip
