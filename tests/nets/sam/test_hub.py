"""Fetching weights, from a hub on this machine that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.sam import hub
from napari_visual_ccc.nets.sam.model import load_sam
from tests.hub_server import serve

NAME = "someone/tiny-sam"
NOT_TO_BE_FETCHED = ("pytorch_model.bin", "notes.txt")


@pytest.fixture(scope="module")
def files(tiny_sam) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in tiny_sam("sam2").iterdir()}
    return found | dict.fromkeys(NOT_TO_BE_FETCHED, b"pickle")


@pytest.fixture
def server(files, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serve(NAME, files) as hub_and_asked:
        yield hub_and_asked


def test_an_offer_states_name_size_and_hash_and_downloads_nothing(server, files):
    address, asked = server
    offer = hub.look_up_model(NAME, endpoint=address)
    weights = files["model.safetensors"]
    text = "\n".join(offer.lines)
    assert text.startswith(f"{NAME}, 1.")
    digest = hashlib.sha256(weights).hexdigest()
    assert f"model.safetensors: {len(weights):,} bytes, sha256 {digest}" in text
    assert not any(name in text for name in NOT_TO_BE_FETCHED)
    assert asked == []


def test_what_was_fetched_is_found_and_loads(server, tmp_path):
    address, asked = server
    assert hub.cached(NAME, folder=tmp_path) is None
    offer = hub.look_up_model(NAME, endpoint=address)
    notes = []
    folder = run(hub.fetch(offer, folder=tmp_path), notes.append)
    assert sorted(asked) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert hub.cached(NAME, folder=tmp_path) == folder
    assert load_sam(folder, torch.device("cpu")).kind == "sam2"
    assert {note.total for note in notes} == {3}


def test_a_file_that_differs_from_the_offer_is_removed(server, tmp_path):
    address, _ = server
    offer = hub.look_up_model(NAME, endpoint=address)
    wrong = tuple(
        hub.HubFile(one.name, one.size, "f" * 64) if one.sha256 else one for one in offer.files
    )
    with pytest.raises(ValueError, match=r"model\.safetensors of someone/tiny-sam has the SHA-256"):
        run(hub.fetch(replace(offer, files=wrong), folder=tmp_path))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_unknown_models_and_no_network_are_one_sentence(server):
    address, _ = server
    with pytest.raises(ValueError, match="does not give someone/else to everybody"):
        hub.look_up_model("someone/else", endpoint=address)
    with pytest.raises(ValueError, match="is not a name on the hub"):
        hub.look_up_model("not a name", endpoint=address)
    # nothing listens there
    with pytest.raises(ConnectionError, match="could not be reached for someone/tiny-sam"):
        hub.look_up_model(NAME, endpoint="http://127.0.0.1:9")
