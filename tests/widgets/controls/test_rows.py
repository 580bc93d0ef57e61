from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton

from napari_visual_ccc.widgets.controls.rows import more_button
from napari_visual_ccc.widgets.form.fields import fields_of, values_of
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.choices import GIVEN
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.widgets.opening import dock

FORMS = [name for name, one in OPERATIONS.items() if one.has_form]


def shown(form):
    return [field.name for field in form if not field.native.isHidden()]


def unfold(form):
    form.native.findChild(QToolButton).setChecked(True)


@pytest.mark.parametrize("name", FORMS)
def test_conditions_name_parameters_and_inputs_of_the_operation(name):
    known = signature.parameters(name)
    for key, parameter in known.items():
        earlier = list(known)[: list(known).index(key)]
        for other, values in parameter.options.get("applies", {}).items():
            if other in signature.inputs(name):
                assert values in (GIVEN, (None,))
                continue
            # a condition may come later, if nothing hides it
            assert other in earlier or "applies" not in known[other].options
            if values != GIVEN:
                signature.checked(name, {other: values[0]})
        assert parameter.options.get("unit", "px") in {"px", "layer", *known}
        assert parameter.options.get("label_in", "labels") in {"labels", *signature.inputs(name)}


def test_fields_of_a_stack_are_for_stacks(headless):
    form = fields_of("threshold", headless)
    headless.add_image(np.zeros((3, 8, 8)), name="stack")
    headless.add_image(np.zeros((8, 8, 3)), name="colour", rgb=True)
    headless.add_image(np.zeros((8, 8)), name="plane")
    form.reset_choices()
    for name, both in (("stack", True), ("colour", False), ("plane", False), ("stack", True)):
        form["image"].value = headless.layers[name]
        assert {"scope", "dimensions"} <= set(shown(form)) or not both
        assert both or not {"scope", "dimensions"} & set(shown(form))
    form["dimensions"].value = "3D"
    assert values_of("threshold", form)["dimensions"] == "3D"
    # what a stack was given, is not asked of a plane
    form["image"].value = headless.layers["plane"]
    assert values_of("threshold", form)["dimensions"] == "2D"


def test_fields_follow_the_choices_that_they_belong_to(headless):
    form = fields_of("threshold", headless)
    assert "value" not in shown(form)
    form["classes"].value = 3
    assert not {"objects", "min_diameter"} & set(shown(form))
    form["method"].value = "manual"
    assert {"value", "objects", "min_diameter"} <= set(shown(form))
    assert "classes" not in shown(form)
    form = fields_of("kmeans", headless)
    assert "sigma" in shown(form)
    unfold(form)
    assert not {"sample", "seed"} & set(shown(form))
    form["features"].value = "texture"
    assert {"sample", "seed"} <= set(shown(form))
    assert "sigma" not in shown(form)


def test_more_is_offered_only_where_there_is_more(headless):
    form = fields_of("kmeans", headless)
    assert form.native.findChild(QToolButton).isHidden()
    form["features"].value = "texture"
    assert not form.native.findChild(QToolButton).isHidden()
    assert "seed" not in shown(form)


def test_what_the_card_names_stays_behind_more_without_a_layer(headless):
    form = dock(headless, "classify")
    for title in ("Explain (class activation map)", "Compare classes or methods"):
        form.method.value = title
        assert {"image", "method"} <= set(shown(form.fields))
        assert not {"layer", "device"} & set(shown(form.fields))


def test_labels_name_the_unit_of_the_layer(headless):
    form = fields_of("particles", headless)
    assert form["min_diameter"].label == "Min diameter (px)"
    layer = headless.add_image(np.zeros((8, 8)), scale=(2, 2), units="nm")
    form.reset_choices()
    form["image"].value = layer
    assert form["min_diameter"].label == "Min diameter (nm)"
    assert form["blur"].label == "Blur (px)"
    layer.units = "um"
    assert form["min_diameter"].label == "Min diameter (µm)"
    form = fields_of("morphology_map", headless)
    form["image"].value = layer
    assert form["window"].label == "Window (px)"
    form["length"].value = "unit"
    assert form["window"].label == "Window (µm)"


def test_lengths_are_typed_in_a_unit_that_suits_the_pixels(headless):
    data = np.zeros((8, 8))
    fine = headless.add_image(data, name="fine", scale=(2, 2), units="nm")
    coarse = headless.add_image(data, name="coarse", scale=(2614.5, 2614.5), units="nm")
    plain = headless.add_image(data, name="plain")
    form = fields_of("threshold", headless)
    field = form["min_diameter"]

    def values():
        return values_of("threshold", form)["min_diameter"]

    form["image"].value = fine
    field.value = 50
    assert (field.label, values()) == ("Min diameter (nm)", 50)
    # as long in another unit, and what a run gets is in that of the layer
    form["image"].value = coarse
    assert (field.label, field.value, values()) == ("Min diameter (µm)", 0.05, 50)
    form["image"].value = plain
    assert (field.label, field.value) == ("Min diameter (px)", 0)
    # an image that is given a pixel size keeps what was typed in pixels
    field.value = 12
    plain.scale, plain.units = (3, 3), ("nm", "nm")
    assert (field.label, field.value, values()) == ("Min diameter (nm)", 36, 36)
    assert form["sigma"].label == "Blur (sigma) (px)"


def test_a_label_is_one_of_the_layer(headless):
    form = fields_of("select_cluster", headless)
    assert form["cluster"].max == 2**31 - 1
    layer = headless.add_labels(np.array([[0, 4], [1, 2]]))
    form.reset_choices()
    form["labels"].value = layer
    assert (form["cluster"].min, form["cluster"].max) == (1, 4)
    form["cluster"].native.setValue(9)
    assert values_of("select_cluster", form)["cluster"] == 4


def test_the_largest_label_is_looked_for_again_only_after_a_change(headless):
    form = fields_of("select_cluster", headless)
    layer = headless.add_labels(np.array([[0, 4], [1, 2]]))
    form.reset_choices()
    form["labels"].value = layer
    # behind the back of napari: nothing tells of it, and no field asks for it
    layer.data[0, 0] = 6
    form["cluster"].native.setValue(2)
    assert form["cluster"].max == 4
    layer.paint((1, 1), 9)
    form["cluster"].native.setValue(3)
    assert form["cluster"].max == 9
    layer.data = np.array([[0, 3]])
    form["cluster"].native.setValue(1)
    assert form["cluster"].max == 3
    form.native.deleteLater()


def test_the_arrow_of_more_says_whether_it_is_open(qapp):
    button = more_button()
    assert button.arrowType() == Qt.ArrowType.RightArrow
    button.click()
    assert button.arrowType() == Qt.ArrowType.DownArrow
