"""Performance of a classifier in the dock."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.engine.evaluation.metrics import evaluation
from napari_visual_ccc.widgets.parts.report import FIGURES, TABLES, Mistakes, Report
from tests.report.evaluations import pointed, robust


@pytest.fixture(scope="module")
def judged():
    truth = np.repeat([0, 1], 6)
    probabilities = np.where(np.eye(2)[truth] > 0, 0.8, 0.2)
    probabilities[0] = 0.1, 0.9
    names = [f"image {k}" for k in range(12)]
    return evaluation(["cube", "rod"], probabilities, truth, names=names, groups=names)


def test_figures_and_tables_are_shown_one_at_a_time(qtbot, judged):
    report = Report()
    qtbot.addWidget(report)
    report.show_evaluation(judged)
    assert "91.7%" in report.headline.text()
    assert "12 images from 12 independent groups" in report.headline.text()
    for name in (*FIGURES, *TABLES):
        report.view.setCurrentText(name)
        assert report.canvas.isHidden() == (name in TABLES)
        assert report.table.isHidden() == (name in FIGURES)


def test_misclassified_images_are_listed_and_chosen(qtbot, judged):
    mistakes = Mistakes()
    qtbot.addWidget(mistakes)
    mistakes.show_mistakes(judged, {"image 0": np.zeros((8, 8), np.uint8)})
    assert mistakes.count() == 1
    assert mistakes.item(0).text() == "cube, predicted rod (90%)"
    assert not mistakes.item(0).icon().isNull()
    with qtbot.waitSignal(mistakes.chosen) as chosen:
        mistakes.itemClicked.emit(mistakes.item(0))
    assert chosen.args == ["image 0"]


def test_parts_layers_and_further_tables_are_offered_where_they_are_known(qtbot, judged):
    report = Report()
    qtbot.addWidget(report)
    validation = pointed(judged, here=True)
    layers = pd.DataFrame({"layer": ["conv"], "parameters": [40]})
    report.show_evaluation(judged, validation, layers)
    report.view.setCurrentText("Layers")
    assert report.table.frame is layers
    report.view.setCurrentText("ROC")
    assert report.view.findText("Operating point") == -1
    assert report.view.findText("Robustness: blur") == -1
    report.part.setCurrentText("Validation")
    # what was shown of the one part is shown of the other
    assert report.view.currentText() == "ROC"
    assert "the numbers are optimistic" in report.headline.text()
    report.view.setCurrentText("Operating point")
    assert report.table.frame["class"].tolist() == ["cube", "rod"]
    report.show_evaluation(robust())
    assert report.part.isHidden()
    report.view.setCurrentText("Robustness: blur")
    assert "blur" in report.canvas.figure.axes[0].get_xlabel()
