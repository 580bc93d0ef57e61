from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt

import napari_visual_ccc as ccc
from napari_visual_ccc.core.layers.palette import class_colours
from napari_visual_ccc.report.overlay import coloured
from napari_visual_ccc.widgets.form.table_form import TableForm
from napari_visual_ccc.workflow.operations import OPERATIONS


class Cluster(TableForm):
    family = "cluster"


class Correct(TableForm):
    family = "correct"


@pytest.fixture
def form(headless, discs):
    headless.add_image(discs, name="discs")
    return Cluster(headless)


def test_the_table_appears_with_the_first_result(form):
    assert not form.table.isVisibleTo(form.native)
    assert form.labels_layer is None
    (layer,) = form(clusters=2)
    assert form.table.isVisibleTo(form.native)
    assert list(form.table.frame["label"]) == [1, 2]
    assert form.labels_layer is layer


def test_the_table_is_named_after_its_layer(form, headless, discs):
    (layer,) = form(clusters=2)
    assert form.table.title.text() == layer.name
    headless.add_image(np.stack([discs, discs]), name="series")
    (layer,) = form(clusters=2)
    assert form.table.title.text() == f"{layer.name} (sum of 2 slices)"


def test_a_row_selects_its_label(form):
    (layer,) = form(clusters=3)
    form.table.select(2)
    assert layer.selected_label == 3


def test_a_table_outlives_its_labels(form, headless):
    (layer,) = form(clusters=2)
    headless.layers.remove(layer)
    assert form.labels_layer is None
    form.table.select(1)
    np.testing.assert_array_equal(form.table.frame["label"], [1, 2])


def test_a_result_without_table_hides_it(headless, discs):
    headless.add_image(np.stack([discs, np.roll(discs, 3, axis=1)]), name="series")
    form = Correct(headless)
    form.method.value = OPERATIONS["align_stack"].title
    form()
    assert form.table.isVisibleTo(form.native)
    form.method.value = OPERATIONS["subtract_background"].title
    form()
    assert not form.table.isVisibleTo(form.native)


def swatches(table):
    """Colours of the rows of a table, in bytes."""
    model = table._model
    indices = [model.index(row, 0) for row in range(model.rowCount())]
    return [model.data(one, Qt.ItemDataRole.DecorationRole).getRgb()[:3] for one in indices]


def shown(layer, labels):
    """Colours of labels on the canvas, in bytes."""
    return [tuple(np.round(255 * layer.get_color(one)[:3]).astype(int)) for one in labels]


def test_canvas_table_figures_and_overlays_have_the_same_colours(form, headless, tmp_path):
    (layer,) = form(clusters=5)
    labels = [1, 2, 3, 4, 5]
    colours = [tuple(np.round(255 * one).astype(int)) for one in class_colours(5)[:5]]
    assert shown(layer, labels) == swatches(form.table) == colours
    layer.opacity = 1.0
    layer.save(str(tmp_path / "a.png"), plugin="napari-visual-ccc")
    drawn = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3)
    assert set(colours) <= {tuple(one) for one in np.unique(drawn, axis=0)}
    result = ccc.kmeans(headless.layers["discs"].data, clusters=5).layer()
    over = coloured(result.data, result.palette)
    assert [tuple(over[layer.data == one][0, :3]) for one in labels] == colours


def test_colours_follow_the_number_of_classes_unless_the_user_has_others(form):
    (layer,) = form(clusters=2)
    assert shown(layer, [1, 2]) == swatches(form.table)
    two = shown(layer, [1, 2])
    form(clusters=4)
    assert shown(layer, [2]) != two[1:]
    assert shown(layer, [1, 2, 3, 4]) == swatches(form.table)
    form.undo()
    assert shown(layer, [1, 2]) == two
    layer.new_colormap()
    mine = shown(layer, [1, 2])
    form(clusters=3)
    assert shown(layer, [1, 2]) == mine


def test_the_table_is_of_the_result_that_undo_and_redo_leave(form):
    form(clusters=2)
    form(clusters=4)
    form.undo()
    assert len(form.table.frame) == 2
    assert form.table.isVisibleTo(form.native)
    form.undo()
    assert not form.table.isVisibleTo(form.native)
    form.redo()
    assert form.table.isVisibleTo(form.native)
    assert len(form.table.frame) == 2
    form.redo()
    assert len(form.table.frame) == 4


def test_words_of_another_image_or_method_hide_until_it_is_chosen_again(form, headless, discs):
    other = headless.add_image(discs[::-1], name="other")
    form(clusters=2, image=headless.layers["discs"])
    form.say("Two clusters.")

    def are_shown():
        return form.table.isVisibleTo(form.native), form.message.native.isVisibleTo(form.native)

    assert are_shown() == (True, True)
    form.fields["image"].value = other
    assert are_shown() == (False, False)
    form.fields["image"].value = headless.layers["discs"]
    assert are_shown() == (True, True)
    # the clusters that are listed are what one of them is selected of
    headless.layers.selection.active = form.results.shown[0].layer
    form.method.value = OPERATIONS["select_cluster"].title
    assert are_shown() == (True, True)
    form.method.value = OPERATIONS["kmeans"].title
    form.fields["image"].value = other
    form(clusters=3)
    assert are_shown()[0]
    assert len(form.table.frame) == 3
