from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from napari_visual_ccc.nets import legacy as foreign
from napari_visual_ccc.nets.legacy import read_visual_ccc
from napari_visual_ccc.nets.models.published import VisualCNN

TWO = {"Dendrites": 0, "Spheroids": 1}
THREE = {"Spheroids": 2, "Alloys": 0, "Dendrites": 1}
NAMES = {1: ["Dendrites", "Spheroids"], 3: ["Alloys", "Dendrites", "Spheroids"]}


class Theirs(nn.Module):
    """Layers, names and order of visual_ccc/visualcnn_model.py of DrAg0n-BoRn/SJTU_AI_toolkit."""

    def __init__(self, outputs: int):
        super().__init__()
        sides = [1, 32, 64, 128, 256]
        blocks = [
            [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2, 2)]
            for a, b in pairwise(sides)
        ]
        self.features = nn.Sequential(*[layer for block in blocks for layer in block])
        self.gap = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(256, outputs)

    def forward(self, x):
        return self.classifier(torch.flatten(self.gap(self.features(x)), 1))


def theirs(outputs: int) -> Theirs:
    """A net after one step of training, so that its batch norms are not those of a new one."""
    torch.manual_seed(outputs)
    net = Theirs(outputs)
    net(torch.rand(2, 1, 32, 32))
    return net.eval()


# Keys and values as dragon-ml-toolbox 20.5.0 writes them: names in ml_tools/keys/_keys.py
# (PyTorchCheckpointKeys), finalized file in ml_tools/ML_trainer/_dragon_trainer.py
# (finalize_model_training), checkpoint in ml_tools/ML_callbacks/_checkpoint.py.
def finalized(net: nn.Module, outputs: int, **more) -> dict:
    kind = {"task": "multiclass image classification", "class_map": THREE}
    if outputs == 1:
        kind = {"task": "binary image classification", "classification_threshold": 0.5}
        kind["class_map"] = TWO
    return {"epoch": 7, "model_state_dict": net.state_dict(), **kind, **more}


def training_checkpoint(net: nn.Module) -> dict:
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    net(torch.rand(1, 1, 32, 32)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)
    scheduler.step(0.6)
    return {
        "epoch": 1,
        "model_state_dict": net.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "best_score": 0.6,
        "history": {"train_loss": [0.7], "val_loss": [0.6], "lr": [1e-4]},
        "scheduler_state_dict": scheduler.state_dict(),
    }


def written(folder: Path, content, name: str = "weights.pth") -> Path:
    path = folder / name
    torch.save(content, path)
    return path


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    if logits.shape[1] > 1:
        return logits.softmax(1)
    second = logits.sigmoid()
    return torch.cat([1 - second, second], 1)


def assert_same(ours: nn.Module, original: nn.Module, side: int) -> None:
    x = torch.rand(2, 1, side, side)
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(x).softmax(1), probabilities(original(x)))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("kind", ["finalized", "checkpoint", "plain", "safetensors"])
def test_visualcnn_gives_the_same_probabilities(tmp_path, outputs, kind):
    net = theirs(outputs)
    path = tmp_path / "V-weights.safetensors"
    if kind == "safetensors":
        save_file(net.state_dict(), path)
    else:
        make = {"finalized": lambda: finalized(net, outputs), "plain": net.state_dict}
        content = make.get(kind, lambda: training_checkpoint(net))()
        path = written(tmp_path, content, "V-weights.pth")
    classes = () if kind == "finalized" else NAMES[outputs]
    architecture, weights, card = read_visual_ccc(path, classes=classes)
    assert architecture == card.architecture == "visualcnn"
    assert card.classes == NAMES[outputs]
    ours = VisualCNN(len(card.classes))
    ours.load_state_dict(weights)
    assert_same(ours, net, 64)


def test_a_positive_logit_means_the_class_of_index_1(tmp_path):
    net = theirs(1)
    nn.init.zeros_(net.classifier.weight)
    nn.init.constant_(net.classifier.bias, 2.0)
    turned = {"Spheroids": 1, "Dendrites": 0}
    path = written(tmp_path, finalized(net, 1, class_map=turned))
    _, weights, card = read_visual_ccc(path)
    ours = VisualCNN(2).eval()
    ours.load_state_dict(weights)
    assert card.classes[int(ours(torch.rand(1, 1, 32, 32)).argmax())] == "Spheroids"


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    from torchvision.models import alexnet

    torch.manual_seed(0)
    net = alexnet(weights=None, num_classes=1)
    # the toolkit replaces these two layers of torchvision's network
    net.features[0] = nn.Conv2d(1, 64, kernel_size=11, stride=4, padding=2)
    net.classifier[6] = nn.Linear(4096, 1)
    path = written(tmp_path_factory.mktemp("alexnet"), finalized(net.eval(), 1))
    yield net, path
    path.unlink()


def test_alexnet_gives_the_same_probabilities(alexnet):
    net, path = alexnet
    architecture, weights, card = read_visual_ccc(path)
    assert architecture == card.architecture == "alexnet-1ch"
    assert card.classes == NAMES[1]
    x = torch.rand(2, 1, 256, 256)
    with torch.inference_mode():
        expected = probabilities(net(x))
        last = net.classifier[6]
        net.classifier[6] = nn.Linear(4096, 2)
        net.load_state_dict(weights)
        torch.testing.assert_close(net(x).softmax(1), expected)
        net.classifier[6] = last


def flat_alexnet(outputs: int, channels: int = 1) -> dict[str, torch.Tensor]:
    """Right names and shapes, one number a layer: a file of a few kB."""
    shapes = {**foreign._shapes(outputs)["alexnet-1ch"]}
    shapes["features.0.weight"] = (64, channels, 11, 11)
    return {key: torch.full((1,), 0.1).expand(shape) for key, shape in shapes.items()}


def test_alexnet_of_three_classes_and_of_two_logits(tmp_path):
    path = written(tmp_path, {"model_state_dict": flat_alexnet(3), "class_map": THREE})
    architecture, weights, card = read_visual_ccc(path)
    assert (architecture, card.classes) == ("alexnet-1ch", NAMES[3])
    assert weights["classifier.6.weight"].shape == (3, 4096)
    path = written(tmp_path, flat_alexnet(2))
    _, weights, _ = read_visual_ccc(path, classes=["a", "b"])
    assert weights["classifier.6.bias"].tolist() == pytest.approx([0.1, 0.1])


def test_the_card_says_where_it_comes_from_and_what_is_seen(tmp_path):
    path = written(tmp_path, finalized(theirs(1), 1, classification_threshold=0.442814))
    card = read_visual_ccc(path)[2]
    assert json.loads(json.dumps(card.as_dict())) == card.as_dict()
    assert card.name == "weights"
    assert card.input_px == card.window_px == 256
    assert card.view.as_dict() == {"kind": "whole", "fraction": 256 / 307}
    assert card.normalisation.as_dict() == {
        "kind": "range",
        "mean": 0.0,
        "std": 1.0,
        "scope": "image",
    }
    assert card.use.startswith("imported from Visual-CCC; ")
    assert "Spheroids from a probability of 0.443" in card.use
    assert card.training_data == {
        "name": "Visual-CCC (imported)",
        "file": "weights.pth",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert card.licence.startswith("unknown")


def test_features_end_before_the_last_pooling():
    net = VisualCNN(3).eval()
    x = torch.rand(1, 1, 256, 256)
    maps = net.features(x)
    assert maps.shape == (1, 256, 32, 32)
    assert maps.min() >= 0
    torch.testing.assert_close(net.head(maps), net(x))


def test_half_precision_becomes_single(tmp_path):
    path = written(tmp_path, theirs(3).half().state_dict())
    weights = read_visual_ccc(path, classes=NAMES[3])[1]
    floats = {v.dtype for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    assert floats == {torch.float32}


@pytest.mark.parametrize(
    ("class_map", "words"),
    [
        ({"a": 0, "b": 1}, "need 3 class names, not 2"),
        ({"a": 0, "b": 1, "c": 3}, "does not number the classes"),
        ({"a": 0, "b": 1, "c": 1}, "does not number the classes"),
        ({"a": 0, "b": 1, "c": "2"}, "does not number the classes"),
        ({"a": False, "b": True, "c": 2}, "does not number the classes"),
        ({0: 0, 1: 1, 2: 2}, "no name"),
        ({"a": 0, " ": 1, "c": 2}, "no name"),
        ({}, "not 0"),
        (["a", "b", "c"], "does not number the classes"),
    ],
)
def test_a_class_map_that_does_not_fit_is_refused(tmp_path, class_map, words):
    path = written(tmp_path, finalized(theirs(3), 3, class_map=class_map))
    with pytest.raises(ValueError, match=words) as caught:
        read_visual_ccc(path, classes=["a", "b", "c"])
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((), "give their 2 names"),
        (["a"], "need 2 class names, not 1"),
        ("ab", "need 2 class names, not 1"),
        (["a", "a"], "give 2 names"),
        (["a", ""], "give 2 names"),
    ],
)
def test_names_are_asked_for_where_the_file_has_none(tmp_path, classes, words):
    path = written(tmp_path, theirs(1).state_dict())
    with pytest.raises(ValueError, match=words):
        read_visual_ccc(path, classes=classes)


class Bomb:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_the_bomb_is_live(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "marker"))).close()
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("kind", ["pickle", "torch", "old torch", "beside weights"])
def test_nothing_is_ever_executed(tmp_path, name, kind):
    path, bomb = tmp_path / name, Bomb(tmp_path / "marker")
    if kind == "pickle":
        path.write_bytes(pickle.dumps(bomb))
    else:
        content = finalized(theirs(1), 1, history=bomb) if kind == "beside weights" else bomb
        torch.save(content, path, _use_new_zipfile_serialization=kind != "old torch")
    with pytest.raises(ValueError, match=name):
        read_visual_ccc(path)
    assert not bomb.marker.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"not a model", b"PK\x03\x04", b"\x80\x02."]
)
def test_other_files_are_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"damaged, incomplete or of another kind.*choose"
    ) as caught:
        read_visual_ccc(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.pth: no such file; choose"):
        read_visual_ccc(tmp_path / "gone.pth")
    with pytest.raises(FileNotFoundError, match="a folder, not a file"):
        read_visual_ccc(tmp_path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.9999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = written(tmp_path, finalized(theirs(1), 1))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="damaged, incomplete"):
        read_visual_ccc(path)


def with_pickle(path: Path, code: bytes, times: int = 1) -> Path:
    """Put another pickle into an archive of torch."""
    start = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, start)
    with zipfile.ZipFile(start) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            if not member.endswith("data.pkl"):
                new.writestr(member, old.read(member))
                continue
            for copy in range(times):
                new.writestr(member.replace("data", f"data{copy}" if copy else "data"), code)
    return path


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (b"\x80\x02}(" + b")" + b"\x85" * 300_000 + b"K\x01u.", "nested far deeper"),
        (b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b".", "no named weights"),
        (b"\x80\x02" + b"}K\x01" * 150_000 + b"}" + b"s" * 150_000 + b".", "its layers"),
        (b"\x80\x02" + b"N" * 5_000_000 + b".", "far larger"),
        (b"\x80\x02}.", "no named weights"),
        (b"\x80\x02}", "damaged"),
        (b"", "damaged"),
    ],
)
def test_strange_pickles_are_refused(tmp_path, code, words):
    with pytest.raises(ValueError, match=words):
        read_visual_ccc(with_pickle(tmp_path / "weights.pth", code))


def test_programs_and_bombs_of_an_archive_are_refused(tmp_path):
    path = with_pickle(tmp_path / "weights.pth", b"\x80\x02}.", times=2)
    with pytest.raises(ValueError, match="a program or an archive"):
        read_visual_ccc(path)
    good, bomb = written(tmp_path, finalized(theirs(1), 1)), tmp_path / "bomb.pth"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, bytes(len(old.read(member))) if "/data/" in member else
                         old.read(member))  # fmt: skip
    with pytest.raises(ValueError, match="far larger"):
        read_visual_ccc(bomb)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("features.0.weight", torch.zeros(32, 3, 3, 3), r"features\.0\.weight is \(32, 3, 3, 3\)"),
        ("features.0.weight", torch.full((32, 1, 3, 3), torch.nan), "not finite"),
        ("features.0.weight", torch.full((32, 1, 3, 3), 1e300, dtype=torch.float64), "not finite"),
        ("features.0.weight", torch.zeros(32, 1, 3, 3, dtype=torch.int64), "no decimal numbers"),
        ("features.0.weight", torch.zeros(32, 1, 3, 3, dtype=torch.cfloat), "no decimal numbers"),
        ("features.0.weight", torch.zeros(32, 1, 3, 3).to_sparse(), "no tensor of numbers"),
        ("features.0.weight", torch.zeros(32, 1, 3, 3, device="meta"), "no tensor of numbers"),
        ("features.0.weight", [0.0], "no tensor of numbers"),
        ("features.1.running_var", -torch.ones(32), "impossible"),
        ("classifier.weight", torch.zeros(()), r"classifier\.weight is \(\)"),
        ("classifier.weight", torch.zeros(0, 256), r"classifier\.weight is \(0, 256\)"),
        ("classifier.weight", torch.zeros(1).expand(10**12, 256), r"classifier\.bias is \(1,\)"),
        ("features.20.weight", torch.zeros(1), "its layers are neither"),
        (7, torch.zeros(1), "its layers are neither"),
    ],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
def test_weights_that_do_not_fit_are_refused(tmp_path, key, value, words):
    path = written(tmp_path, {**theirs(1).state_dict(), key: value})
    with pytest.raises(ValueError, match=words) as caught:
        read_visual_ccc(path, classes=NAMES[1])
    assert "choose a .pth file that Visual-CCC saved" in str(caught.value)


def test_other_networks_are_refused(tmp_path):
    path = written(tmp_path, {"model_state_dict": nn.Linear(3, 2).state_dict()})
    with pytest.raises(ValueError, match="its layers are neither"):
        read_visual_ccc(path, classes=NAMES[1])
    path = written(tmp_path, {"model_state_dict": 3})
    with pytest.raises(ValueError, match="holds no weights"):
        read_visual_ccc(path, classes=NAMES[1])
    path = written(tmp_path, flat_alexnet(1, channels=3))
    with pytest.raises(ValueError, match=r"features\.0\.weight is \(64, 3, 11, 11\)"):
        read_visual_ccc(path, classes=NAMES[1])
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="its layers are neither"):
        read_visual_ccc(tmp_path / "other.safetensors", classes=NAMES[1])
