from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers import PointsLayer, ShapesLayer
from napari_visual_ccc.core.micrograph import InfoBar, Micrograph
from napari_visual_ccc.core.progress import run
from napari_visual_ccc.workflow.recipe import to_yaml
from napari_visual_ccc.workflow.record import (
    Drawn,
    explained,
    fingerprint,
    make_record,
    read_record,
)
from napari_visual_ccc.workflow.run import execute
from napari_visual_ccc.workflow.signature import defaults


def test_all_parameters_are_recorded_with_their_defaults(discs):
    outcome = run(execute("kmeans", {"image": Micrograph(discs, name="discs")}, {"clusters": 4}))
    record = outcome.record.plain()
    assert record["steps"][0]["parameters"] == {**defaults("kmeans"), "clusters": 4}
    assert record["versions"]["napari-visual-ccc"] == ccc.__version__
    assert record["facts"]["inertia"] > 0
    assert record["source"]["name"] == record["steps"][0]["inputs"]["image"] == "discs"


def test_plain_values_come_back_as_they_were():
    values = {
        "source": {"name": "a", "path": None, "spacing": [2.0, 2.0], "unit": "nm", "by": "hand"},
        "steps": [
            {"operation": "classify", "parameters": {"mark_unknown": True},
             "inputs": {"image": "a"}, "output": "",
             "plane": [3], "info_bar": {"top": 0, "bottom": 9, "left": 0, "right": 0}}
        ],
        "output": "", "facts": {}, "versions": {"numpy": "2"}, "print": "00ff", "layer": "1-2",
    }  # fmt: skip
    record = read_record(values)
    assert record.plain() == values
    assert record.last.bar == InfoBar(bottom=9)
    assert record.of("probability", level=2.0).plain()["steps"][0]["level"] == 2.0


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"operation": 3}, "an operation that does not exist: 3"),
        ({"parameters": "sigma"}, "parameters of kmeans must be names with values"),
        ({"plane": [0.5]}, "plane of kmeans must be a list of slice numbers"),
        ({"level": 0.5}, "level of kmeans must be how many times coarser it is"),
        ({"level": "2"}, "level of kmeans must be how many times coarser it is"),
        ({"level": True}, "level of kmeans must be how many times coarser it is"),
        ({"info_bar": {"bottom": -1}}, "info_bar of kmeans must be pixels at the borders"),
        ({"info_bar": {"middle": 1}}, "info_bar of kmeans must be pixels at the borders"),
    ],
)
def test_an_error_names_the_file_the_part_and_what_it_must_be(step, words):
    with pytest.raises(ValueError) as error:
        read_record({"steps": [{"operation": "kmeans", **step}]}, "how.yaml")
    assert str(error.value).startswith("how.yaml")
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_pixel_size_that_is_none_is_refused():
    with pytest.raises(ValueError, match="record: source must be a name, a path"):
        read_record({"steps": [{"operation": "kmeans"}], "source": {"spacing": "wide"}})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"steps": [{"operation": "explode"}], "source": {}}, "explode"),
        ({"something": "else"}, "steps"),
        ({"steps": [], "source": {}}, "no steps"),
        ({"steps": [{"operation": ["threshold"]}], "source": {}}, "does not exist"),
        (
            {"steps": [{"operation": "threshold", "inputs": [1]}], "source": {}},
            "inputs of threshold",
        ),
        ({"steps": [{"operation": "threshold"}], "source": 7}, "no source"),
        (
            {"steps": [{"operation": "threshold", "parameters": {"sigma": "x"}}], "source": {}},
            "sigma",
        ),
        (
            {"steps": [{"operation": "threshold", "parameters": {"colour": 1}}], "source": {}},
            "no parameter 'colour'",
        ),
        (
            {"steps": [{"operation": "kmeans", "parameters": {"clusters": 99_999}}], "source": {}},
            "clusters is 99999; choose 2 to 65535",
        ),
    ],
)
def test_a_record_that_is_wrong_is_refused_in_words(record, words, discs):
    with pytest.raises(ValueError, match=words):
        ccc.replay(record, discs)


@pytest.mark.parametrize("side", [100, 2500])
def test_fingerprints_tell_arrays_apart(rng, side):
    data = rng.integers(0, 255, (side, side)).astype(np.uint8)
    other = data.copy()
    assert fingerprint(data) == fingerprint(other)
    other[:9] = 1
    assert fingerprint(data) != fingerprint(other)


def test_a_step_may_say_nothing_of_its_inputs(discs):
    record = {"steps": [{"operation": "threshold", "inputs": None}], "source": None}
    np.testing.assert_array_equal(ccc.replay(record, discs).labels, ccc.threshold(discs).labels)


def test_fields_without_a_value_have_their_defaults(discs):
    values = {
        "source": {"name": None, "path": None, "spacing": None, "unit": None},
        "steps": [{"operation": "threshold", "output": None, "level": 1}],
        "output": None,
    }
    record = read_record(values)
    assert (record.source.name, record.output, record.last.output) == ("", "", "")
    np.testing.assert_array_equal(ccc.replay(values, discs).labels, ccc.threshold(discs).labels)


@pytest.mark.parametrize("size", [2, 2.5])
def test_one_number_is_the_size_of_a_square_pixel(size, discs):
    values = {"source": {"spacing": size, "unit": "nm"}, "steps": [{"operation": "threshold"}]}
    assert read_record(values).source.spacing == [size, size]
    expected = ccc.threshold(discs, spacing=(size, size), unit="nm").table
    assert ccc.replay(values, discs).table.equals(expected)


def test_points_and_shapes_are_recorded_with_their_features():
    labels = pd.DataFrame({"label": ["positive", "negative"]})
    points = PointsLayer(np.array([[1.25, 2], [3, 4]]), features=labels)
    box = np.array([[1, 2], [1, 9], [5, 9], [5, 2.5]])
    shapes = ShapesLayer([box, box[:3]], kinds=("rectangle", "polygon"))
    made = make_record("kmeans", {}, {}, source={}, drawn={"a": points, "b": shapes})
    found = yaml.safe_load(to_yaml(made))
    kept = read_record(found).last.drawn
    assert kept["a"].layer().features.equals(labels)
    np.testing.assert_array_equal(kept["a"].layer().data, points.data)
    assert kept["b"].layer().kind_of_each == shapes.kind_of_each
    for one, other in zip(kept["b"].layer().data, shapes.data, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="drawn of kmeans must be points or shapes"):
        read_record({"steps": [{"operation": "kmeans", "drawn": {"a": 3}}]})
    assert Drawn.of(kept["a"].layer()) == kept["a"]


@pytest.mark.parametrize(
    ("operation", "output", "target"),
    [
        ("explain", "Grad-CAM cube", "cube"),
        ("explain", "Grad-CAM cube not sphere", "cube"),
        ("compare", "HiResCAM truncated cube", "truncated cube"),
        ("compare", "", ""),
    ],
)
def test_a_record_names_the_class_and_the_model_of_a_heatmap(operation, output, target):
    record = {
        "steps": [
            {"operation": operation, "output": output, "parameters": {"model": "a.safetensors"}}
        ],
        "facts": {"probabilities": {"cube": 0.5, "truncated cube": 0.3, "sphere": 0.2}},
    }
    assert explained(record) == {"target": target, "model": Path("a.safetensors")}
    record["steps"][0]["operation"] = "kmeans"
    assert explained(record) == explained(None) == {}
