"""One result for all operations: tables, short ways for scripts, a line that describes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_visual_ccc.core.layers import ImageLayer, LabelsLayer, Placement
from napari_visual_ccc.core.result import Prediction, Result, prediction_of


@pytest.fixture
def table():
    return pd.DataFrame({"label": [1, 2], "pixels": [5, 7]})


def test_tables_of_labels_count_as_tables_of_the_result(table):
    labels = LabelsLayer(np.ones((2, 2), np.uint8), table=table, name="objects")
    assert Result((labels,)).tables == {"objects": table}
    assert list(Result((replace(labels, name=""),)).tables) == ["labels"]
    other = pd.DataFrame({"x": [1]})
    assert list(Result((labels,), {"more": other}).tables) == ["objects", "more"]
    assert Result((labels,), {"objects": other}).table is other


def test_changed_layers_bring_their_new_tables(table):
    labels = LabelsLayer(np.ones((2, 2), np.uint8), table=table, name="objects")
    other, new = pd.DataFrame({"x": [1]}), pd.DataFrame({"label": [3]})
    result = Result((labels,), {"more": other}, notes=("kept",))
    changed = result.with_layers(lambda layer: replace(layer, name="parts", table=new))
    assert changed.tables == {"parts": new, "more": other}
    assert changed.notes == ("kept",)


def test_scripts_take_what_they_need_in_a_word(table):
    grey, heat = ImageLayer(np.zeros((2, 3)), name="a"), ImageLayer(np.ones((2, 3)), name="b")
    labels = LabelsLayer(np.full((2, 3), 4), table=table, name="c")
    result = Result((labels, grey, heat))
    assert result.data is grey.data
    assert result.labels is labels.data
    assert result.table is table
    assert result.layer() is labels
    assert result.layer("b") is heat
    assert list(result.maps) == ["c", "a", "b"]
    np.testing.assert_array_equal(np.asarray(result), labels.data)


@pytest.mark.parametrize("name", ["data", "labels", "table"])
def test_what_a_result_has_not_is_said(name):
    with pytest.raises(AttributeError, match=r"the result has no .*; it is Result\(\)"):
        getattr(Result(), name)


def test_a_layer_that_is_none_is_named_beside_those_there_are():
    with pytest.raises(ValueError, match="no layer 'x'; it has 'a'"):
        Result((ImageLayer(np.zeros((2, 2)), name="a"),)).layer("x")
    with pytest.raises(ValueError, match="no layers at all"):
        np.asarray(Result())


def test_a_result_is_described_in_one_line(table):
    layer = ImageLayer(np.zeros((2, 3), np.uint8), name="map", placement=Placement(4))
    text = repr(Result((layer,), {"objects": table}, notes=("2 objects",)))
    assert text == "Result(image 'map': 2 x 3 uint8; table 'objects': 2 rows; '2 objects')"


def prediction(**more):
    return Prediction(classes=("a", "b", "c"), probabilities=np.array([0.2, 0.7, 0.1]), **more)


def test_a_prediction_lists_its_classes_the_most_probable_first():
    found = prediction(prediction_set=("b", "a"), spread=np.array([0.1, 0.2, 0.3]))
    assert found.label == found.verdict == "b"
    assert found.top(2) == [("b", 0.7), ("a", 0.2)]
    assert found.table["class"].tolist() == ["b", "a", "c"]
    assert found.table["prediction_set"].tolist() == [True, True, False]
    assert found.row["second"] == "a 20.0%"
    assert replace(found, unknown=True).verdict == "unknown"


def test_labels_of_windows_are_no_table_of_a_prediction(table):
    found = prediction(layers=(LabelsLayer(np.ones((2, 2)), table=table, name="classes"),))
    assert "probability" in found.tables["classes"]
    assert list(found.tables) == ["classes"]


def test_the_prediction_is_found_in_what_explains_it():
    found = prediction()
    assert prediction_of(found) is prediction_of(Result(prediction=found)) is found
    assert prediction_of(Result()) is None


def test_a_row_of_a_decided_class_states_its_own_probability():
    chances = np.array([0.5, 0.3, 0.2])
    found = Prediction(classes=("a", "b", "c"), probabilities=chances, decided="b")
    assert (found.row["verdict"], found.row["probability"]) == ("b", 0.3)
    assert found.row["second"] == "a 50.0%"
