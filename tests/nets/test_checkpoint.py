from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_visual_ccc.nets import card as cards
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import make_card
from napari_visual_ccc.nets.models.registry import ARCHITECTURES, architecture
from tests.models import CLASSES, card, saved

CPU = torch.device("cpu")


@pytest.mark.parametrize("architecture", ["lite0-linear", "alexnet-1ch"])
def test_what_is_saved_is_loaded(tmp_path, architecture):
    path = saved(tmp_path, architecture)
    model = checkpoint.load_model(path, CPU)
    net, about = model.net, model.card
    assert about.classes == CLASSES
    assert model.hash == cards.file_hash(path)
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    again = checkpoint.load_model(path, CPU).net
    x = torch.rand(1, 1, 256, 256)
    torch.testing.assert_close(net(x), again(x), rtol=0, atol=0)


def test_a_linear_model_is_small_and_leaves_no_half_file(tmp_path):
    path = saved(tmp_path)
    assert path.stat().st_size < 50_000
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_the_shipped_model_is_honest():
    about = cards.read_card()
    assert about.classes == ["cube", "octahedron", "sphere"]
    assert about.use == "Cu nanoparticle TEM only"
    assert about.window_px == 64
    assert about.metrics["test_accuracy"] >= 0.97
    assert about.training_data["licence"] == "CC BY 4.0"


def test_a_card_is_read_without_torch():
    code = (
        "import sys; from napari_visual_ccc.nets.card import read_card; read_card();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/napari-visual-ccc-was-unpickled", "w"))


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a safetensors file"),
        (b"not a model", "not a safetensors file"),
        (struct.pack("<Q", 2**60) + b"{}", "not a safetensors file"),
        (header(b"{broken"), "not a safetensors file"),
        (header(b"[1, 2]"), "not a safetensors file"),
        (header(b"{}"), "no card"),
        (header(b'{"__metadata__": {"card": "{}"}}'), "card"),
        (header(b'{"__metadata__": {"card": "[]"}}'), "card"),
        (header(b"[" * 200_000), "not a safetensors file"),
        (header(b'{"__metadata__": {"card": "' + b"[" * 200_000 + b'"}}'), "card"),
        (pickle.dumps(Bomb()), "not a safetensors file"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        checkpoint.load_model(path, CPU)
    assert "foreign.safetensors" in str(error.value)


def test_a_pickled_network_is_refused_unopened(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"weights": torch.zeros(3), "bomb": Bomb()}, path)
    with pytest.raises(ValueError, match=r"net\.pt"):
        checkpoint.load_model(path, CPU)
    from pathlib import Path

    assert not Path("/tmp/napari-visual-ccc-was-unpickled").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "resnet9000"}, "resnet9000"),
        ({"classes": ["one"]}, "two or more classes"),
        ({"classes": ["a", "b"]}, "weights do not fit"),
        ({"layers": 5}, "no usable 'layers'"),
        ({"window_px": 0}, "impossible size"),
        ({"use": None}, "'use'"),
        ({"format": "other"}, "does not say"),
        ({"classes": ["a", "a", "b"]}, "each once"),
        ({"classes": [str(n) for n in range(300_000)]}, "do not fit"),
        ({"normalisation": {"low": "x"}}, "impossible limits"),
        ({"normalisation": {"low": 60, "high": 40}}, "impossible limits"),
        ({"normalisation": {"limits": [1]}}, "impossible limits"),
        ({"normalisation": {"limits": [float("nan"), 1]}}, "impossible limits"),
        ({"normalisation": {"limits": [5, 5]}}, "impossible limits"),
        ({"normalisation": {"std": 0}}, "'normalisation'"),
        ({"temperature": 0}, "'temperature'"),
        ({"temperature": "hot"}, "'temperature'"),
        ({"view": {"kind": "sideways"}}, "'view'"),
        ({"view": {"kind": "physical"}}, "'view'"),
        ({"view": []}, "'view'"),
        ({"familiar": {"threshold": None}}, "'familiar'"),
        ({"conformal": [0.1, "x"]}, "'conformal'"),
        ({"pixel_size_nm": [0, 1]}, "'pixel_size_nm'"),
        ({"pixel_size_input": {"log10_mean": []}}, "'pixel_size_input'"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path, change, words):
    path = saved(tmp_path)
    weights = load_file(path)
    text = json.dumps({"format": cards.FORMAT, **cards.read_card(path).as_dict(), **change})
    save_file(weights, path, metadata={"card": text})
    with pytest.raises(ValueError, match=words):
        checkpoint.load_model(path, CPU)


def test_a_truncated_model_and_a_sick_one_are_refused(tmp_path):
    path = saved(tmp_path)
    weights = load_file(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_model(path, CPU)
    weights["classifier.bias"][0] = np.nan
    save_file(
        weights, path, metadata={"card": json.dumps(card("lite0-linear", format=cards.FORMAT))}
    )
    with pytest.raises(ValueError, match="not finite"):
        checkpoint.load_model(path, CPU)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        cards.read_card(tmp_path / "nowhere.safetensors")


def test_a_card_without_what_it_needs_is_not_saved(tmp_path):
    from napari_visual_ccc.nets.models.lite0 import lite0

    about = cards.make_card(card("lite0-linear")).model_copy(update={"use": None})
    with pytest.raises(ValueError, match="use"):
        checkpoint.save(checkpoint.Model(lite0(3), about), tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_header_with_a_shape_that_is_none_is_refused(tmp_path):
    path = saved(tmp_path)
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    inside = json.loads(whole[8 : 8 + length])
    for name in inside:
        if name != "__metadata__":
            inside[name]["shape"] = 3
    path.write_bytes(header(json.dumps(inside).encode()) + whole[8 + length :])
    with pytest.raises(ValueError, match="do not fit"):
        cards.read_card(path)


@pytest.mark.parametrize(
    ("name", "sick"),
    [
        ("reference.features", torch.ones(2, 7)),
        ("reference.thumbnails", torch.zeros(2, 4, 4)),
        ("size.weight", torch.full((3,), torch.nan)),
    ],
)
def test_what_does_not_fit_the_network_is_refused(tmp_path, name, sick):
    shipped = checkpoint.load_model(None, CPU)
    extras = {key: value[:2] for key, value in shipped.extras.items() if key != "size.weight"}
    card = shipped.card.model_copy(update={"references": shipped.card.references[:2]})
    path = tmp_path / "model.safetensors"
    checkpoint.save(checkpoint.Model(shipped.net, card, extras), path)
    assert checkpoint.load_model(path, CPU).extras.keys() == extras.keys()
    checkpoint.save(checkpoint.Model(shipped.net, card, {**extras, name: sick}), path)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_model(path, CPU)


def tensors(model) -> list[torch.Tensor]:
    return [*model.net.parameters(), *model.net.buffers(), *model.extras.values()]


def same_tensors(first, second) -> bool:
    pairs = zip(tensors(first), tensors(second), strict=True)
    return all(one is other for one, other in pairs)


def test_a_loaded_model_is_kept_by_content_and_device(tmp_path):
    path = saved(tmp_path)
    first = checkpoint.load_model(path, CPU)
    assert same_tensors(checkpoint.load_model(path, CPU), first)
    os.utime(path, ns=(1, 1))
    assert same_tensors(checkpoint.load_model(path, CPU), first)
    elsewhere = tmp_path / "copy.safetensors"
    elsewhere.write_bytes(path.read_bytes())
    assert same_tensors(checkpoint.load_model(elsewhere, CPU), first)
    saved(tmp_path, use="something else")
    changed = checkpoint.load_model(path, CPU)
    assert not same_tensors(changed, first)
    assert changed.card.use == "something else"
    assert changed.hash == cards.file_hash(path) != first.hash


def test_few_models_stay_in_memory(tmp_path):
    places = [tmp_path / name for name in "abc"]
    for place in places:
        place.mkdir()
    paths = [saved(place, use=place.name) for place in places]
    first = checkpoint.load_model(paths[0], CPU)
    for path in paths[1:]:
        checkpoint.load_model(path, CPU)
    assert not same_tensors(checkpoint.load_model(paths[0], CPU), first)


NAMES = [*ARCHITECTURES, "timm:test_resnet", "timm:test_vit", "timm:test_convnext"]


@pytest.mark.parametrize("name", NAMES)
def test_each_caller_has_modules_of_its_own(tmp_path, name):
    design = architecture(name)
    side = design.input_px
    path = tmp_path / "model.safetensors"
    about = make_card(card(name, input_px=side, window_px=side))
    checkpoint.save(checkpoint.Model(design.build(len(about.classes), side), about), path)
    first, second = (checkpoint.load_model(path, CPU) for _ in range(2))
    assert same_tensors(first, second)
    assert not set(first.net.modules()) & set(second.net.modules())
    given = torch.rand(1, 1, side, side)
    with torch.no_grad():
        before = second.net(given)
        for module in first.net.modules():
            module.register_forward_hook(lambda *parts: parts[2] * 0)
        first.net.train()
        assert not any(module.training or module._forward_hooks for module in second.net.modules())
        assert torch.equal(second.net(given), before)
        assert torch.equal(checkpoint.load_model(path, CPU).net(given), before)


def test_a_kept_model_does_not_follow_its_file(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(cards.DEFAULT.read_bytes())
    model = checkpoint.load_model(path, CPU)
    before = {name: value.clone() for name, value in model.extras.items()}
    # in place: the same file as far as the system knows
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(bytes(cards.DEFAULT.stat().st_size))
    assert all(torch.equal(value, model.extras[name]) for name, value in before.items())


def test_new_weights_are_put_into_a_copy():
    model = checkpoint.load_model(None, torch.device("cpu"))
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    last = checkpoint.randomized(model, 0, True).net.state_dict()
    every = checkpoint.randomized(model, 0, False).net.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, last[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert all(not torch.equal(v, every[name]) for name, v in before.items() if v.ndim == 4)
    assert all(torch.equal(v, model.net.state_dict()[name]) for name, v in before.items())
    again = checkpoint.randomized(model, 0, True).net.state_dict()
    assert all(torch.equal(value, last[name]) for name, value in again.items())
    assert last["classifier.weight"].std() == pytest.approx(
        float(before["classifier.weight"].std()), rel=0.1
    )


def test_an_autoencoder_is_loaded_as_what_it_is(stripes_model):
    path, trained = stripes_model
    with pytest.raises(ValueError, match="an autoencoder, which names no classes"):
        checkpoint.load_model(path, torch.device("cpu"))
    for task in ("reconstruction", None):
        model = checkpoint.load_model(path, torch.device("cpu"), task=task)
        x = torch.rand(1, 1, 20, 28)
        assert torch.equal(model.net(x), trained.model.net(x))
        assert set(model.extras) == set(trained.model.extras)
    with pytest.raises(ValueError, match="a classifier, which reconstructs nothing"):
        checkpoint.load_model(None, torch.device("cpu"), task="reconstruction")


def test_a_small_file_that_claims_a_giant_network_is_refused_at_once(tmp_path):
    """2 billion parameters, and a layer of 15 GB: neither is built."""
    path = tmp_path / "giant.safetensors"
    weights = load_file(saved(tmp_path))
    giant = card("timm:vit_gigantic_patch14_clip_224")
    save_file(weights, path, {"card": json.dumps({**giant, "format": cards.FORMAT})})
    with pytest.raises(ValueError, match="do not fit timm:vit_gigantic"):
        checkpoint.load_model(path, CPU)
    many = card("lite0-linear", classes=[str(k) for k in range(1_000_000)])
    weights["classifier.bias"] = torch.zeros(1_000_000, 0)
    save_file(weights, path, {"card": json.dumps({**many, "format": cards.FORMAT})})
    with pytest.raises(ValueError, match="do not fit lite0-linear with 1000000 classes"):
        checkpoint.load_model(path, CPU)


def test_a_full_gpu_means_the_processor_and_another_fault_a_sentence(tmp_path, monkeypatch):
    path, load = saved(tmp_path), checkpoint._load
    fault = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    def loaded(path, device):
        if device.type != "cpu":
            raise fault
        return load(path, device)

    monkeypatch.setattr(checkpoint, "_load", loaded)
    with pytest.warns(UserWarning, match="GPU memory is full: continuing on the CPU"):
        assert checkpoint.load_model(path, torch.device("cuda")).device.type == "cpu"
    fault = RuntimeError("CUDA error: no kernel image is available\nfor execution on the device")
    with pytest.raises(RuntimeError, match=r"failed on cuda: .*available; choose device cpu$"):
        checkpoint.load_model(path, torch.device("cuda"))
