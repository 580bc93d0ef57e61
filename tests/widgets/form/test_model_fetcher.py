from __future__ import annotations

import pytest
from napari.utils.notifications import notification_manager

from napari_visual_ccc.nets.sam import hub
from napari_visual_ccc.widgets.docks.families import Segment
from napari_visual_ccc.workflow.operations import OPERATIONS
from tests.hub_server import serve

FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"}


@pytest.fixture
def form(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    form = Segment(viewer)
    viewer.window.add_dock_widget(form)
    form.method.value = OPERATIONS["sam_masks"].title
    form.fetcher.open.value = True
    return form


def test_size_and_hash_are_shown_before_the_download(form, finish, tmp_path, monkeypatch):
    fetcher = form.fetcher
    assert fetcher.download_button.native.isHidden()
    with serve(hub.KNOWN[0], FILES) as (address, asked):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        fetcher.look_button.native.click()
        finish(form)
        assert hub.KNOWN[0] in fetcher.text.value
        assert "model.safetensors: 7 bytes, sha256 " in fetcher.text.value
        assert not fetcher.download_button.native.isHidden()
        assert asked == []
        # another name is another offer
        fetcher.name_box.value = hub.KNOWN[1]
        assert fetcher.download_button.native.isHidden()
        fetcher.name_box.value = hub.KNOWN[0]
        fetcher.look_button.native.click()
        finish(form)
        fetcher.download_button.native.click()
        finish(form)
    assert sorted(asked) == ["config.json", "model.safetensors"]
    folder = form.fields["model"].value
    assert folder == hub.cached(hub.KNOWN[0], folder=tmp_path)
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert not fetcher.open.value
    assert "sam2.1-hiera-tiny" in form.message.value


def test_without_a_network_one_sentence_says_so(form, finish, monkeypatch):
    # nothing listens there
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    form.fetcher.look_button.native.click()
    finish(form)
    assert "could not be reached" in notification_manager.records[-1].message
    assert form.fetcher.download_button.native.isHidden()


def test_other_operations_have_no_models_on_the_hub(form):
    assert not form.fetcher.native.isHidden()
    form.method.value = OPERATIONS["threshold"].title
    assert form.fetcher.native.isHidden()
