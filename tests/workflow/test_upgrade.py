from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label

import napari_visual_ccc as ccc
from napari_visual_ccc.core.pixel_size import diameter_of
from napari_visual_ccc.workflow import signature, upgrade
from napari_visual_ccc.workflow.operations import OPERATIONS
from napari_visual_ccc.workflow.upgrade import in_pixels, lengths_in, lengths_of, upgraded


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
    smallest = {"min_diameter": diameter_of(3)}
    assert made["parameters"] == {**upgrade.CHANGED["otsu"].extra, **smallest, "sigma": 0.5}
    assert made["lengths"] == "px"
    made = step("destripe", widest=2, shortest=0.4)
    assert made["parameters"] == {"max_width": 2, "min_length": 0.4}


def test_a_step_of_now_stays_as_it_is():
    assert step("threshold", min_diameter=3.0)["parameters"] == {"min_diameter": 3.0}
    now = {"objects": "auto", "min_diameter": 0.0}
    assert step("threshold", **now)["parameters"] == now
    # every parameter of today is recorded
    now = {"stride": 32, "mark_unknown": True}
    assert step("classify", **now) == {"operation": "classify", "parameters": now}


def test_the_weighed_side_is_called_auto_as_that_of_particles():
    now = {"objects": "auto", "min_diameter": 0.0}
    once = step("threshold", objects="evidence")
    assert once["parameters"] == now
    assert step("threshold", **once["parameters"])["parameters"] == now
    made = step("threshold", objects="evidence", min_diameter=4.0)
    assert made["parameters"] == {"objects": "auto", "min_diameter": 4.0}
    made = step("threshold", objects="evidence", min_size=0)
    assert made["parameters"] == now


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
    # the map of classes did not tell unknown windows apart
    assert step("classify", stride=32)["parameters"]["mark_unknown"] is False
    assert step("classify", mark_unknown=True)["parameters"]["mark_unknown"] is True
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


@pytest.mark.parametrize("size", [None, (0.0013, 0.0017), (2614.5, 2614.5)])
@pytest.mark.parametrize("name", ["threshold", "label_objects", "watershed_split", "region_table"])
def test_the_smallest_object_of_old_records_is_in_pixels_of_any_image(name, size, rng):
    mask = rng.random((48, 64)) > 0.6
    kept = np.bincount(label(mask, connectivity=1).ravel())[1:]
    source = {"spacing": (3.0, 3.0), "unit": "nm"}
    for old in ("smallest", "min_size"):
        steps = [{"operation": name, "parameters": {old: 7}}]
        if name == "region_table":
            steps = [{"operation": "number_objects", "parameters": {"smallest": 1}}, *steps]
        given = mask.astype(float) if name == "threshold" else mask
        steps[0]["parameters"] |= {"sigma": 0.0, "objects": "bright"} if name == "threshold" else {}
        unit = "µm" if size else "px"
        # a record states the pixel size of its image; an array has the one that is given
        about = {"source": source} if size else {}
        found = ccc.replay({**about, "steps": steps}, given, spacing=size, unit=unit)
        if name == "region_table":
            assert len(found.table) == (kept >= 7).sum()
        elif name == "watershed_split":
            assert found.table["pixels"].min() >= 7
        else:
            pixels = np.asarray(found.labels) > 0
            assert pixels.sum() == kept[kept >= 7].sum()
        assert found.record.last.lengths == unit


@pytest.mark.parametrize("size", [None, (0.0013, 0.0017)])
def test_the_smallest_region_of_old_records_of_maps_is_in_pixels(size, rng):
    heat = np.zeros((40, 60))
    for number, side in enumerate((1, 2, 3, 4, 5)):
        heat[2 : 2 + side, 10 * number : 10 * number + side] = 1
    for old, pixels, left in (("smallest", 9, 3), ("min_size", 0, 5), ("min_size", 1, 5)):
        steps = [{"operation": "evidence_regions", "parameters": {old: pixels}}]
        unit = "µm" if size else "px"
        found = ccc.replay({"steps": steps}, heat, spacing=size, unit=unit)
        assert len(found.table) == left
        assert found.record.last.lengths == unit
    # without a choice they have 20 pixels in any unit
    assert len(ccc.evidence_regions(heat, size, unit).table) == 1
    for name in ("find_similar", "anomaly_map"):
        made = step(name, min_size=64)
        assert made["parameters"] == {"min_diameter": diameter_of(64)}
        assert made["lengths"] == "px"


def test_lengths_of_a_record_are_those_of_its_image_in_any_unit(discs):
    found = ccc.threshold(discs, spacing=2, unit="nm", min_diameter=24)
    again = ccc.replay(found.record, discs, spacing=(0.002, 0.002), unit="µm")
    assert again.record.last.parameters["min_diameter"] == pytest.approx(0.024)
    np.testing.assert_array_equal(found.labels, again.labels)
    with pytest.raises(ValueError, match="min_diameter in nm, which is no length in 1/nm"):
        ccc.replay(found.record, discs, spacing=(2.0, 2.0), unit="1/nm")
    # those that do not follow the pixel size stay, and so does 0
    assert lengths_in("threshold", {"sigma": 2.0, "min_diameter": 0.0}, "nm", (1, 1), "1/nm") == {
        "sigma": 2.0, "min_diameter": 0.0,
    }  # fmt: skip
    assert lengths_of("morphology_map", {"window": 5.0, "length": "px"}) == []
    assert lengths_of("morphology_map", {"window": 5.0, "length": "unit"}) == ["window"]


def test_lengths_become_pixels_where_the_size_was_wrong():
    made = in_pixels(
        {"operation": "threshold", "parameters": {"min_diameter": 24.0}, "lengths": "nm"},
        {"spacing": [0.002, 0.002], "unit": "µm"},
    )
    assert made["parameters"] == {"min_diameter": pytest.approx(12)} and made["lengths"] == "px"
    assert in_pixels(made, {"spacing": [1, 1], "unit": "µm"}) == made


def test_clusters_without_the_choice_of_a_blur_are_those_of_the_levels_as_they_are(discs):
    assert step("kmeans", clusters=4)["parameters"] == {"clusters": 4, "sigma": 0.0}
    assert step("kmeans", sigma=2.0)["parameters"]["sigma"] == 2.0
    assert step("concordance_folder")["parameters"]["sigma"] == 0.0
    steps = [{"operation": "kmeans", "parameters": {"clusters": 3}}]
    old = ccc.replay({"source": {"name": "discs"}, "steps": steps}, discs).labels
    np.testing.assert_array_equal(old, ccc.kmeans(discs, clusters=3, sigma=0).labels)
    assert (old != ccc.kmeans(discs, clusters=3).labels).any()
