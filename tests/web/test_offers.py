from pathlib import Path

import pytest

from napari_visual_ccc.web import offers
from napari_visual_ccc.web.settings import Refused, Settings
from napari_visual_ccc.workflow import signature


def test_operations_that_read_files_or_train_are_not_offered():
    assert offers.OFFERED == ("classify", "explain", "threshold", "kmeans", "activations")
    assert "recipe" not in offers.names(Settings())
    assert offers.names(Settings(recipe=Path("a.yaml")))[-1] == "recipe"


def test_clients_choose_no_files_and_no_device():
    for name in offers.OFFERED:
        known = signature.parameters(name)
        assert set(known) - set(offers.parameters(name)) <= {"model", "device"}
        assert not any(offers.is_path(one) for one in offers.parameters(name).values())


def test_the_schema_is_the_signature():
    told = offers.schema("explain", Settings())["properties"]
    known = signature.parameters("explain")
    assert told["method"]["enum"][0] == "gradcam"
    assert told["method"]["description"] == known["method"].help
    assert told["target"]["x-class"]
    assert offers.schema("classify", Settings())["properties"]["stride"] == {
        "type": "integer", "default": 32, "minimum": 8, "maximum": 256, "title": "Stride",
        "description": signature.parameters("classify")["stride"].help,
    }  # fmt: skip


def test_text_of_a_form_becomes_numbers():
    given = {"sigma": "2", "classes": "3", "method": "otsu"}
    assert offers.chosen("threshold", given, Settings()) == {
        "sigma": 2.0, "classes": 3, "method": "otsu"
    }  # fmt: skip
    assert offers.chosen("classify", {"tta": "False"}, Settings()) == {"tta": False}


def test_the_model_is_that_of_the_server():
    settings = Settings(model=Path("mine.safetensors"))
    assert offers.chosen("classify", {}, settings) == {"model": Path("mine.safetensors")}
    assert offers.chosen("threshold", {}, settings) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "/etc/passwd"}, "no choice 'model'"),
        ({"device": "cuda"}, "no choice 'device'"),
        ({"stride": "1"}, "between 8 and 256"),
        ({"stride": "many"}, "stride must be a whole number"),
        ({"stride": "[8]"}, "stride must be a whole number"),
        ({"coverage": "1e400"}, "coverage must be a finite number"),
        ({"tta": "1"}, "tta must be true or false"),
        ({"thresholds": "x" * 201}, "longer than 200"),
        ({"decision": "mine"}, "choose"),
    ],
)
def test_wrong_choices_are_refused_in_a_sentence(given, message):
    with pytest.raises(Refused, match=message) as caught:
        offers.chosen("classify", given, Settings())
    assert caught.value.status == 422


# what clients send by mistake, as JSON
ODD = (None, "", "x", "4", True, False, 0, 1, -1, 4, 4.0, 0.5, 1e9, -1e9, [], [4], {}, "x" * 201)


@pytest.mark.parametrize("name", offers.OFFERED)
def test_what_the_schema_refuses_is_refused_and_what_it_takes_is_taken(name):
    jsonschema = pytest.importorskip("jsonschema")
    told = offers.schema(name, Settings())["properties"]
    for key, one in told.items():
        for value in (*ODD, *one.get("enum", ())):
            try:
                offers.chosen(name, {key: value}, Settings(), texts=False)
                taken = True
            except Refused as refused:
                taken = False
                assert key in refused.message
                assert refused.status == 422
            valid = jsonschema.Draft202012Validator(one).is_valid(value)
            assert taken == valid, (key, value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        # there are no labels, no further slices, and no transformer
        ("activations", {"rank_by": "class AUC"}),
        ("activations", {"rank_by": "mask correlation"}),
        ("activations", {"show": "attention"}),
        ("threshold", {"dimensions": "3D"}),
    ],
)
def test_what_could_only_fail_is_not_offered(name, given):
    [(key, value)] = given.items()
    assert value not in offers.schema(name, Settings())["properties"][key]["enum"]
    with pytest.raises(Refused, match="on this page choose"):
        offers.chosen(name, given, Settings())


def test_attention_is_offered_for_a_transformer(tmp_path):
    pytest.importorskip("timm")
    from ..models import saved_vit

    told = offers.schema("activations", Settings(model=saved_vit(tmp_path)))["properties"]["show"]
    assert told["enum"] == ["activations", "attention"]
