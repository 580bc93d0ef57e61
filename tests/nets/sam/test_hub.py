"""Fetching weights, from a hub on this machine that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.sam import hub
from napari_visual_ccc.nets.sam.model import load_sam

NAME, COMMIT = "someone/tiny-sam", "0" * 39 + "1"
NOT_TO_BE_FETCHED = ("pytorch_model.bin", "notes.txt")


@pytest.fixture(scope="module")
def files(tiny_sam) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in tiny_sam("sam2").iterdir()}
    return found | dict.fromkeys(NOT_TO_BE_FETCHED, b"pickle")


@pytest.fixture
def server(files, monkeypatch):
    """A hub with one model; ``asked`` lists what was downloaded."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_HEAD(self):
            self.do_GET(body=False)

        def do_GET(self, body=True):
            path = self.path.split("?")[0].strip("/")
            if path == f"api/models/{NAME}":
                self.answer(json.dumps(about(files)).encode(), body)
            elif path.startswith(f"{NAME}/resolve/{COMMIT}/"):
                name = path.rsplit("/", 1)[1]
                if body:
                    asked.append(name)
                self.answer(files[name], body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def answer(self, content, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def about(files):
    siblings = []
    for name, content in files.items():
        one = {"rfilename": name, "size": len(content)}
        if name.endswith(".safetensors"):
            digest = hashlib.sha256(content).hexdigest()
            one["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
        siblings.append(one)
    return {"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": siblings}


def test_an_offer_states_name_size_and_hash_and_downloads_nothing(server, files):
    address, asked = server
    offer = hub.look_up(NAME, endpoint=address)
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
    offer = hub.look_up(NAME, endpoint=address)
    notes = []
    folder = run(hub.fetch(offer, endpoint=address, folder=tmp_path), notes.append)
    assert sorted(asked) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert hub.cached(NAME, folder=tmp_path) == folder
    assert load_sam(folder, torch.device("cpu")).kind == "sam2"
    assert {note.total for note in notes} == {3}


def test_a_file_that_differs_from_the_offer_is_removed(server, tmp_path):
    address, _ = server
    offer = hub.look_up(NAME, endpoint=address)
    wrong = tuple(
        hub.HubFile(one.name, one.size, "f" * 64) if one.sha256 else one for one in offer.files
    )
    with pytest.raises(ValueError, match=r"model\.safetensors of someone/tiny-sam has the SHA-256"):
        run(hub.fetch(hub.Offer(NAME, COMMIT, wrong), endpoint=address, folder=tmp_path))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_unknown_models_and_no_network_are_one_sentence(server):
    address, _ = server
    with pytest.raises(ValueError, match="does not give someone/else to everybody"):
        hub.look_up("someone/else", endpoint=address)
    with pytest.raises(ValueError, match="is not a name on the hub"):
        hub.look_up("not a name", endpoint=address)
    # nothing listens there
    with pytest.raises(ConnectionError, match="could not be reached for someone/tiny-sam"):
        hub.look_up(NAME, endpoint="http://127.0.0.1:9")
