from __future__ import annotations

import numpy as np
import pytest

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow import signature, upgrade
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.upgrade import upgraded


def step(operation, **parameters):
    return upgraded({"steps": [{"operation": operation, "parameters": parameters}]})["steps"][0]


@pytest.mark.parametrize("old", upgrade.CHANGED)
def test_every_old_name_leads_to_what_exists(old):
    changed = upgrade.CHANGED[old]
    assert changed.name in OPERATIONS
    parameters = signature.parameters(changed.name)
    for new in changed.parameters.values():
        name, values = (new, {}) if isinstance(new, str) else new
        assert name in parameters
        for value in values.values():
            assert signature.checked(changed.name, {name: value}) == {name: value}
    assert signature.checked(changed.name, changed.extra) == changed.extra


def test_operations_and_parameters_get_their_names_of_now():
    made = step("otsu", smallest=3, sigma=0.5)
    assert made["operation"] == "threshold"
    assert made["parameters"] == {**upgrade.CHANGED["otsu"].extra, "min_size": 3, "sigma": 0.5}
    made = step("destripe", widest=2, shortest=0.4)
    assert made["parameters"] == {"max_width": 2, "min_length": 0.4}


def test_a_step_of_now_stays_as_it_is():
    assert step("threshold", min_size=3)["parameters"] == {"min_size": 3}
    assert step("threshold", objects="evidence")["parameters"] == {"objects": "evidence"}
    assert step("classify", stride=32) == {
        "operation": "classify",
        "parameters": {"stride": 32},
    }


@pytest.mark.parametrize("old", [{"operation": "otsu"}, {"operation": "threshold"}])
def test_a_threshold_of_records_takes_the_class_at_the_border_for_background(old):
    from napari_visual_ccc import samples

    image = samples.load("powder").data
    record = {"source": {"name": "powder"}, "steps": [{**old, "parameters": {"objects": "auto"}}]}
    kept = ccc.replay(record, image)
    assert kept.facts["objects"] == "dark"
    assert ccc.threshold(image).facts["objects"] == "bright"


def test_a_comparison_without_the_choice_of_views_is_that_of_one_view():
    assert step("compare", method="gradcam")["parameters"]["smooth"] == "off"
    assert step("compare", smooth="auto")["parameters"]["smooth"] == "auto"
    # of 0.1.0: a flag
    kept = signature.checked("explain", step("explain", smooth=False)["parameters"])
    assert kept["smooth"] == "off"
    assert signature.checked("explain", {"smooth": True})["smooth"] == "on"


def test_shortcuts_of_records_were_looked_for_in_the_bar_of_any_model():
    for name in ("shortcuts", "detect_shortcuts"):
        assert step(name, bar="auto")["parameters"]["bar"] == "include"
        assert step(name, bar="none")["parameters"]["bar"] == "none"


def test_what_is_no_step_is_left_to_the_check_of_records():
    assert upgraded({"steps": [3, {"operation": ["a"]}]})["steps"] == [3, {"operation": ["a"]}]


def test_a_layer_of_0_1_0_is_the_output_under_its_name_of_now():
    steps = [{"operation": "info_bar", "output": "label bar"}, {"operation": "number_objects"}]
    made = upgraded({"steps": steps, "output": "objects"})
    assert [step.get("output") for step in made["steps"]] == ["info bar", None]
    assert made["output"] == "objects"
    made = upgraded({"steps": steps[:1], "output": "label bar"})
    assert made["output"] == made["steps"][0]["output"] == "info bar"


def test_a_chain_of_0_1_0_through_the_label_bar_is_replayed(discs):
    record = {
        "source": {"name": "discs"},
        "steps": [
            {
                "operation": "info_bar",
                "parameters": {"find": "by hand", "bottom": 20},
                "inputs": {"image": "discs"},
                "output": "label bar",
            },
            {
                "operation": "number_objects",
                "parameters": {"smallest": 0},
                "inputs": {"labels": "label bar"},
                "output": "objects",
            },
        ],
        "output": "objects",
    }
    expected = np.zeros(discs.shape, int)
    expected[-20:] = 1
    np.testing.assert_array_equal(ccc.replay(record, discs).labels, expected)
    assert "layer('info bar')" in ccc.to_script(record)
