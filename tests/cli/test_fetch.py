from __future__ import annotations

import pytest

from napari_visual_ccc.cli.main import main
from napari_visual_ccc.nets.sam import hub


@pytest.fixture
def no_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_without_a_name_the_known_models_are_listed(no_cache, capsys):
    assert main(["fetch"]) == 0
    assert capsys.readouterr().out.splitlines() == list(hub.KNOWN)
    snapshot = no_cache / "models--facebook--sam-vit-base" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert "(fetched)" not in listed(capsys)
    (snapshot / "model.safetensors").write_bytes(b"")
    assert "facebook/sam-vit-base  (fetched)" in listed(capsys)


def listed(capsys) -> str:
    main(["fetch"])
    return capsys.readouterr().out


def test_without_a_network_it_is_one_sentence(no_cache, capsys, monkeypatch):
    # nothing listens there
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert main(["fetch", hub.KNOWN[0]]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        "visual-ccc: the hub of Hugging Face could not be reached for facebook/"
    )
    assert error.count("\n") == 1
    assert not list(no_cache.rglob("*.safetensors"))
