from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from magicgui.widgets import Container, FileEdit, LineEdit

from napari_visual_ccc.widgets.form import card_choices
from napari_visual_ccc.widgets.form.card_choices import CardChoices, model_path, offer


def fields():
    return Container(widgets=[FileEdit(name="model", nullable=True), LineEdit(name="layer")])


def test_a_field_of_text_becomes_a_choice_of_what_the_card_names(qtbot):
    box, known = fields(), CardChoices()
    offer(box, "layer", lambda: [(name, name) for name in known.names(box, "layers")])
    assert box["layer"].choices[0] == "conv_stem"
    assert known.names(box, "classes") == ["cube", "octahedron", "sphere"]


def test_a_file_that_is_no_model_is_reported_once(qtbot, tmp_path):
    box, known = fields(), CardChoices()
    box["model"].value = tmp_path / "none.safetensors"
    with patch.object(card_choices, "report") as reported:
        assert known.names(box, "layers") == []
        assert known.names(box, "layers") == []
    assert reported.call_count == 1


def test_an_empty_field_is_no_path():
    assert model_path(None) is model_path(Path()) is None
    assert model_path(Path("a")) == Path("a")
