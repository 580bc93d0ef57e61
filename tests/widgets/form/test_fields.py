from __future__ import annotations

import numpy as np
import pytest
from magicgui.widgets import Container, Label
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton

from napari_visual_ccc.engine.promptable.presets import PRESETS
from napari_visual_ccc.widgets.form import fields
from napari_visual_ccc.workflow import signature
from napari_visual_ccc.workflow.operations import OPERATIONS

FORMS = [name for name, one in OPERATIONS.items() if one.has_form]


@pytest.mark.parametrize("name", FORMS)
def test_fields_are_inputs_and_parameters_with_their_defaults(name, headless):
    form = fields.fields_of(name, headless)
    expected = [*signature.inputs(name), *signature.parameters(name)]
    assert [field.name for field in form] == expected
    assert all(field.tooltip for field in form)
    defaults = {key: one.default for key, one in signature.parameters(name).items()}
    assert fields.values_of(name, form) == defaults


def test_near_limits_make_a_slider(qapp):
    kinds = {
        ("denoise", "strength"): "FloatSlider",
        ("glcm_features", "window"): "Slider",
        ("kmeans", "sample"): "SpinBox",
        ("watershed_split", "only"): "SpinBox",
    }
    for (name, key), kind in kinds.items():
        parameter = signature.parameters(name)[key]
        field = fields.field_of(parameter)
        assert type(field).__name__ == kind
        assert field.label == parameter.options.get("label", key.capitalize())


@pytest.mark.parametrize("value", [0.4321, 0.00012, -1e-9, 123_456.789, 1e9])
def test_a_form_keeps_the_decimals_of_a_grey_value(value, headless):
    form = fields.fields_of("threshold", headless)
    form["method"].value = "manual"
    box = form["value"].native
    box.lineEdit().setText(box.locale().toString(value, "f", 9))
    box.interpretText()
    assert fields.values_of("threshold", form)["value"] == value
    form["value"].value = 0.0
    form["value"].value = value
    assert form["value"].value == value
    form["value"].value = 41.5
    box.stepUp()
    assert form["value"].value == 42.5


def test_choices_seldom_needed_are_behind_more(headless, qtbot):
    form = fields.fields_of("particles", headless)
    qtbot.addWidget(form.native)
    form.show()
    folded = [key for key, p in signature.parameters("particles").items() if "more" in p.options]
    assert folded
    (button,) = form.native.findChildren(QToolButton)
    assert button.text() == "More"
    assert form["objects"].visible
    for wanted in (False, True, False):
        button.setChecked(wanted)
        assert all(form[key].visible == wanted for key in folded)
    layout = form.native.layout()
    assert layout.indexOf(button) + len(folded) + 1 == layout.count()


def test_an_empty_path_is_none(headless, tmp_path):
    form = fields.fields_of("classify", headless)
    form["model"].line_edit.value = ""
    assert fields.values_of("classify", form)["model"] is None
    form["model"].value = tmp_path / "mine.safetensors"
    assert fields.values_of("classify", form)["model"] == tmp_path / "mine.safetensors"


def test_a_layer_is_chosen_for_the_input_of_its_kind(headless):
    form = fields.fields_of("region_table", headless)
    image = headless.add_image(np.ones((9, 9)), name="image")
    labels = headless.add_labels(np.ones((9, 9), int), name="labels")
    fields.choose_layers("region_table", form, labels, headless.layers)
    fields.choose_layers("region_table", form, image, headless.layers)
    assert form["labels"].value is labels
    # an input that may be left out does not follow the selection
    assert form["intensity"].value is None
    points = headless.add_points([(1, 1)])
    fields.choose_layers("region_table", form, points, headless.layers)
    assert form["labels"].value is labels
    assert fields.layer_kind("labels") is Labels
    assert fields.layer_kind("image") is Image


def test_layers_are_listed_anew_only_where_they_or_their_names_have_changed(headless):
    form = fields.fields_of("region_table", headless)
    first, second = (headless.add_labels(np.ones((9, 9), int), name=name) for name in "ab")
    box = form["labels"]
    fields.choose_layers("region_table", form, second, headless.layers)
    filled = []
    box.native.model().rowsInserted.connect(lambda *_: filled.append(1))
    box.native.model().dataChanged.connect(lambda *_: filled.append(1))
    fields.choose_layers("region_table", form, first, headless.layers)
    assert box.value is first
    assert not filled
    second.name = "c"
    fields.choose_layers("region_table", form, first, headless.layers)
    assert [box.native.itemText(k) for k in range(box.native.count())] == ["a", "c"]
    headless.layers.remove(first)
    other = headless.add_labels(np.ones((9, 9), int), name="a")
    fields.choose_layers("region_table", form, second, headless.layers)
    assert set(box.choices) == {second, other}
    assert box.value is second


def test_inputs_are_read_from_the_layers_chosen(headless):
    labels = headless.add_labels(np.ones((9, 9), int), scale=(2, 2), units="nm")
    operation = OPERATIONS["region_table"]
    chosen = {"labels": labels, "intensity": None}
    sources = fields.take_inputs(operation, chosen, headless)
    assert list(sources) == ["labels"]
    assert sources["labels"].micrograph.spacing == (2.0, 2.0)
    with pytest.raises(ValueError, match="needs a Labels layer: open or choose one"):
        fields.take_inputs(operation, {"labels": None, "intensity": None}, headless)
    with pytest.raises(ValueError, match="needs an Image layer"):
        fields.take_inputs(OPERATIONS["kmeans"], {"image": None}, headless)


def test_a_second_input_is_taken_on_the_level_of_the_first(headless):
    labels = np.ones((64, 64), int)
    grey = np.ones((64, 64), np.float32)
    chosen = {
        "labels": headless.add_labels([labels, labels[::2, ::2]], multiscale=True),
        "intensity": headless.add_image([grey, grey[::2, ::2]], multiscale=True),
    }
    sources = fields.take_inputs(OPERATIONS["region_table"], chosen, headless, level=1)
    assert [source.micrograph.data.shape for source in sources.values()] == [(32, 32)] * 2


def test_long_texts_wrap(qapp):
    label = Label(value="long " * 40)
    fields.wrapped(label)
    # the name of a layer may look like HTML
    assert label.native.textFormat() == Qt.TextFormat.PlainText
    assert label.native.wordWrap()
    assert label.native.sizePolicy().hasHeightForWidth()


def test_a_call_is_dropped_with_its_widget(qtbot):
    called = []
    kept, gone = Container(), Container()
    fields.later(kept.native, 1, lambda: called.append("kept"))
    fields.later(gone.native, 1, lambda: called.append("gone"))
    gone.native.deleteLater()
    qtbot.waitUntil(lambda: "kept" in called)
    qtbot.wait(20)
    assert called == ["kept"]


def test_custom_shows_the_values_of_the_preset_chosen_before(viewer):
    form = fields.fields_of("sam_masks", viewer)
    viewer.window.add_dock_widget(form)
    assert fields.values_of("sam_masks", form)["points_per_batch"] is None
    assert form["points_per_batch"].native.isHidden()
    form["preset"].value = "batch"
    form["preset"].value = "custom"
    assert not form["points_per_batch"].native.isHidden()
    values = fields.values_of("sam_masks", form)
    assert {key: values[key] for key in PRESETS["batch"]} == dict(PRESETS["batch"])
    form["points_per_side"].value = 12
    assert fields.values_of("sam_masks", form)["points_per_side"] == 12
    form["preset"].value = "window"
    assert form["points_per_side"].native.isHidden()
    assert fields.values_of("sam_masks", form)["points_per_side"] is None


def test_points_are_chosen_as_prompts_but_labels_only_by_hand(headless):
    image = headless.add_image(np.zeros((8, 8)))
    form = fields.fields_of("sam_masks", headless)
    labels = headless.add_labels(np.ones((8, 8), int))
    fields.choose_layers("sam_masks", form, labels, headless.layers)
    assert form["prompts"].value is None
    points = headless.add_points([[1, 2]])
    fields.choose_layers("sam_masks", form, points, headless.layers)
    assert form["prompts"].value is points
    taken = fields.take_inputs(
        OPERATIONS["sam_masks"], {"image": image, "prompts": points}, headless
    )
    np.testing.assert_allclose(taken["prompts"].data.data, [[1, 2]])
    form.reset_choices()
    form["prompts"].value = labels
    taken = fields.take_inputs(
        OPERATIONS["sam_masks"], {"image": image, "prompts": labels}, headless
    )
    assert taken["prompts"].data.shape == (8, 8)
