from __future__ import annotations

import inspect

import pytest
from qtpy.QtCore import QUrl

import napari_visual_ccc as ccc
from napari_visual_ccc.widgets.form.batch import fields as made
from napari_visual_ccc.widgets.form.batch import session


@pytest.fixture
def fields(qapp):
    return made.fields_of_batch()


def test_the_fields_are_those_of_the_signature_with_its_defaults(fields):
    known = inspect.signature(ccc.batch).parameters
    assert set(fields) <= set(known)
    values = made.values_of_batch(fields)
    given = {name: one.default for name, one in known.items() if one.kind is one.KEYWORD_ONLY}
    del given["report"]
    assert values == given
    # the text of the parameter is the tooltip
    assert "Format of the layers" in fields["layers"].tooltip
    assert set(made.are_more()) >= {"scheduler", "workers", "force"}


def test_the_address_of_a_scheduler_is_typed(fields):
    field = fields["scheduler"]
    assert field.address.native.isHidden()
    field.kind.value = made.CLUSTER
    assert not field.address.native.isHidden()
    with pytest.raises(ValueError, match="address of the dask scheduler"):
        made.values_of_batch(fields)
    field.address.value = " tcp://node1:8786 "
    assert made.values_of_batch(fields)["scheduler"] == "tcp://node1:8786"
    field.value = "processes"
    assert field.value == "processes"
    assert field.address.native.isHidden()
    field.value = "scheduler.json"
    assert (field.kind.value, field.value) == (made.CLUSTER, "scheduler.json")


@pytest.mark.parametrize(
    ("text", "size"), [("", None), ("0,5", 0.5), ("2.5", 2.5), ("10 2 2", (10.0, 2.0, 2.0))]
)
def test_a_pixel_size_is_one_number_or_three(fields, text, size):
    fields["spacing"].line.value = text
    fields["spacing"].unit.value = "µm"
    values = made.values_of_batch(fields)
    assert (values["spacing"], values["unit"]) == (size, "µm")


def test_a_pixel_size_that_is_no_number_is_refused(fields):
    fields["spacing"].line.value = "two"
    with pytest.raises(ValueError, match="pixel size is 'two'"):
        made.values_of_batch(fields)


def test_no_number_of_workers_is_said_in_words(fields):
    assert fields["workers"].native.text() == "one a core"
    fields["workers"].value = 3
    assert made.values_of_batch(fields)["workers"] == 3
    assert fields["workers"].native.text() == "3"


def test_the_last_values_come_back(fields):
    session.remember(layers="none", scheduler="tcp://a:1", spacing=(3.0, 1.0, 1.0), unit="µm")
    values = made.values_of_batch(made.fields_of_batch())
    assert values["layers"] == "none"
    assert values["scheduler"] == "tcp://a:1"
    assert (values["spacing"], values["unit"]) == ((3.0, 1.0, 1.0), "µm")


def test_a_place_is_typed_chosen_or_dropped(qapp, tmp_path):
    answers = iter(["", str(tmp_path)])
    place = made.Place("images", "Images", "", "a folder", Folder=lambda: next(answers))
    place.value = "typed"
    place.buttons[0].native.click()
    assert place.value == "typed"
    place.buttons[0].native.click()
    assert place.value == str(tmp_path)
    place.line.value = QUrl.fromLocalFile(str(tmp_path / "a b")).toString()
    assert place.value == str(tmp_path / "a b")
