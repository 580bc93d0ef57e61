"""Figures of the performance of a classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from napari_visual_ccc.core.layers.palette import class_colours
from napari_visual_ccc.engine.evaluation.metrics import evaluation
from napari_visual_ccc.engine.evaluation.operating_point import at
from napari_visual_ccc.report import plots
from tests.report.evaluations import CASES, evaluated, pointed, robust, ten, two

DRAWINGS = [
    plots.draw_confusion,
    plots.draw_report,
    plots.draw_per_class,
    plots.draw_roc,
    plots.draw_precision_recall,
    plots.draw_reliability,
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("draw", DRAWINGS)
def test_drawings_bear_every_case(draw, case):
    figure = Figure(figsize=(5, 5), layout="constrained")
    draw(figure.subplots(), CASES[case]())
    figure.canvas.draw()


def test_only_the_ten_largest_classes_are_in_the_legend():
    counts = np.arange(1, 13)
    truth = np.repeat(np.arange(12), counts)
    result = evaluated(truth, truth, [f"kind {k}" for k in range(12)])
    axes = Figure().subplots()
    plots.draw_roc(axes, result)
    named = {text.get_text().split("  ")[1] for text in axes.get_legend().get_texts()}
    assert named == {f"kind {k}" for k in range(2, 12)}


def test_confusion_writes_counts_and_shares_with_room():
    axes = Figure(figsize=(6, 6)).subplots()
    plots.draw_confusion(axes, two())
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    assert texts == ["8\n80.0 %", "2\n20.0 %", "10\n100.0 %"]
    small = Figure(figsize=(2, 2)).subplots()
    plots.draw_confusion(small, ten())
    assert all(text.get_text().isdigit() for text in small.texts if text.get_text())


def test_reliability_shows_what_was_before():
    before = [[0.99, 0.01]] * 20
    facts = {"probabilities_before": before, "ece_before": 0.49, "ece_after": 0.1}
    axes = Figure().subplots()
    plots.draw_reliability(axes, two(facts=facts))
    assert "uncalibrated" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert "before calibration 49.0 %, after 10.0 %" in axes.get_title()


@pytest.mark.parametrize(
    "columns",
    [
        ["loss", "validation_loss", "accuracy", "validation_accuracy"],
        ["accuracy"],
        ["validation_loss"],
        [],
    ],
)
def test_history_draws_the_columns_there_are(columns):
    history = pd.DataFrame({"epoch": [1, 2, 3], **{name: [0.2, 0.5, 0.9] for name in columns}})
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    plots.draw_history(axes, history)
    figure.canvas.draw()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [name.replace("_", " ") for name in columns]
    assert len(axes.lines) == sum("loss" in name for name in columns)


def test_long_and_odd_class_names_fit():
    assert plots.short("Films_Coated_Surface") == "Films_Coated_Surface"
    assert len(plots.short("MEMS_devices_and_electrodes_2024")) == 26
    assert plots.short("$x$") == r"\$x\$"


def test_the_learning_rate_is_drawn_below():
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "learning_rate": [1e-3, 5e-4, 1e-5]}
    )
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    plots.draw_history(axes, history)
    figure.canvas.draw()
    below = figure.axes[-2] if figure.axes[-1].get_ylabel() == "accuracy" else figure.axes[-1]
    np.testing.assert_array_equal(below.lines[0].get_ydata(), history["learning_rate"])
    assert below.get_xlabel() == "epoch"
    assert below.get_position().y1 < axes.get_position().y0
    assert below.get_xlim() == axes.get_xlim()


def test_circles_mark_the_operating_point():
    axes = Figure().subplots()
    plots.draw_roc(axes, pointed(two()))
    circles = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(one.get_xydata().tolist()[0] for one in circles) == [[0.0, 0.8], [0.2, 1.0]]
    curves = [to_rgba(line.get_color()) for line in axes.legend_.get_lines()]
    assert [to_rgba(one.get_markeredgecolor()) for one in circles] == curves
    assert curves == [to_rgba(one) for one in class_colours(2)[:2]]


def test_a_class_that_the_legend_does_not_list_has_no_circle():
    targets = np.arange(33) % 11
    chances = np.full((33, 11), 0.05)
    chances[np.arange(33), targets] = 0.5
    judged = evaluation([f"class {k}" for k in range(11)], chances, targets)
    axes = Figure().subplots()
    plots.draw_roc(axes, at(judged, dict.fromkeys(judged.classes, 0.3), "validation part"))
    assert sum(line.get_marker() == "o" for line in axes.lines) == 10
    assert len(axes.legend_.get_lines()) == 10


def test_levels_of_degradation_have_the_same_room():
    axes = Figure().subplots()
    plots.draw_robustness(axes, robust(), "Gaussian noise")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["none", "0.1", "0.2"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [100, 90, 50])
    # none of the images can be unknown: the model has nothing to compare with
    assert len(axes.lines) == 2


def test_points_of_the_reliability_have_their_95_percent_interval():
    axes = Figure().add_subplot()
    plots.draw_reliability(axes, two())
    (bars,) = (one for one in axes.collections if isinstance(one, LineCollection))
    (points,) = (one for one in axes.collections if not isinstance(one, LineCollection))
    for (low, high), (x, y) in zip(bars.get_segments(), points.get_offsets(), strict=True):
        assert low[0] == high[0] == pytest.approx(x)
        assert 0 <= low[1] <= y <= high[1] <= 1
        assert high[1] > low[1]
