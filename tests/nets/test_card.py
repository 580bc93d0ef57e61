from __future__ import annotations

import json
import struct

import pytest
from safetensors.torch import load_file, save_file

from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import DEFAULT, FORMAT, Normalisation, View, make_card, read_card
from tests.models import card, saved


def test_the_card_of_the_shipped_model_is_typed():
    about = read_card()
    assert about.view == View(kind="window")
    assert about.normalisation == Normalisation(low=0.5, high=99.5, mean=0.5, std=0.5)
    assert about.is_calibrated
    assert about.ood.share == 0.95
    assert about.augmented_by_flips


@pytest.mark.parametrize(
    ("recipe", "flips"),
    [
        ({}, True), ({"augment": None}, True), ({"augment": {}}, True),
        ({"augment": {"flips": True}}, True), ({"augment": {"flips": False}}, False),
    ],
)  # fmt: skip
def test_a_model_is_augmented_by_flips_unless_its_recipe_has_none(recipe, flips):
    assert make_card(card("visualcnn", recipe=recipe)).augmented_by_flips is flips


def test_a_card_is_written_back_as_it_was_read():
    header = DEFAULT.read_bytes()
    length = int.from_bytes(header[:8], "little")
    text = json.loads(json.loads(header[8 : 8 + length])["__metadata__"]["card"])
    assert text.pop("format") == FORMAT
    assert read_card().as_dict() == text


def test_keys_of_a_later_version_are_kept(tmp_path):
    later = {"colour": [1, 2], "view": {"kind": "window", "angle": 3}}
    path = saved(tmp_path, **later)
    about = read_card(path)
    again = tmp_path / "again.safetensors"
    checkpoint.save(checkpoint.load_model(path, checkpoint.torch.device("cpu")), again)
    assert read_card(again) == about
    assert about.as_dict()["colour"] == [1, 2]
    assert about.view.as_dict() == later["view"]


def test_what_is_not_given_is_not_written():
    about = make_card(card("visualcnn"))
    assert not about.is_calibrated
    assert about.temperature == 1
    assert about.as_dict() == card("visualcnn")


@pytest.mark.parametrize("key", ["name", "classes", "normalisation", "use", "input_px"])
def test_a_missing_key_is_named_in_one_sentence(tmp_path, key):
    path = saved(tmp_path)
    text = {"format": FORMAT, **read_card(path).as_dict()}
    del text[key]
    save_file(load_file(path), path, metadata={"card": json.dumps(text)})
    with pytest.raises(ValueError, match=f"no usable '{key}'") as error:
        read_card(path)
    assert str(error.value).count("\n") == 0
    assert path.name in str(error.value)


def test_only_an_autoencoder_has_no_classes():
    about = {**card("autoencoder:2x2", task="reconstruction"), "classes": []}
    assert make_card(about).task == "reconstruction"
    assert make_card(card("tiny")).task == "classification"
    with pytest.raises(ValueError, match="two or more classes"):
        make_card({**about, "task": "classification"})
    with pytest.raises(ValueError, match="'task'"):
        make_card({**about, "task": "segmentation"})


def test_a_header_that_takes_long_to_read_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", 34_000_000) + b"{}" + b" " * 34_000_000)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_card(path)
