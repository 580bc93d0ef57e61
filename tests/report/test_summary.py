"""A result in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_visual_ccc.core.layers import ImageLayer, LabelsLayer
from napari_visual_ccc.core.result import Prediction, Result
from napari_visual_ccc.report.summary import summary

MAP, LABELS = ImageLayer(np.zeros((2, 2)), name="map"), np.ones((2, 2), int)


def prediction(**more):
    return Prediction(classes=("cube", "rod"), probabilities=np.array([0.25, 0.75]), **more)


def test_predictions_list_their_classes():
    assert summary(prediction()) == "rod 75.0 %, cube 25.0 %"
    text = summary(prediction(unknown=True, windows=4))
    assert text == "unknown; nearest rod 75.0 %, cube 25.0 % (mean of 4 windows)"


def test_heatmaps_name_the_class_they_explain():
    found = prediction()
    result = Result((MAP,), found.tables, prediction=found, target="cube")
    assert summary(result) == "evidence for cube; prediction: rod 75.0 %, cube 25.0 %"
    assert summary(Result((MAP, MAP), prediction=found)) == "map, map"


def test_slices_are_counted_by_verdict():
    table = pd.DataFrame({"verdict": ["rod", "cube", "rod"]})
    assert summary(Result(tables={"slices": table})) == "3 slices: 2 rod, 1 cube"


def test_areas_are_listed_where_a_table_has_them():
    table = pd.DataFrame({"label": [1, 2], "area_percent": [40.0, 60.0]})
    one = Result((LabelsLayer(LABELS, table=table, name="cluster 1"),))
    assert summary(one) == "40.00 % of the image area"
    named = table.assign(name=["a", "b"])
    several = Result((LabelsLayer(LABELS, table=named, name="classes"),))
    assert summary(several) == "a 40.00 %, b 60.00 %"


def test_other_results_are_named_or_counted():
    assert summary(Result((MAP,))) == "map"
    assert summary(Result((MAP,), {"drift": pd.DataFrame({"x": [1]})})) == "map"
    assert summary(Result(tables={"regions": pd.DataFrame({"label": [1, 2]})})) == "2 regions"


def test_the_class_by_thresholds_comes_first():
    text = summary(prediction(decided="cube", thresholds={"cube": 0.2, "rod": 0.8}))
    assert text == "cube at the operating point; rod 75.0 %, cube 25.0 %"
