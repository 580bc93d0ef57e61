from __future__ import annotations

import numpy as np
import pytest

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
