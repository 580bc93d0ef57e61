"""Commands about model files."""

from __future__ import annotations

import shutil

import pytest

from napari_visual_ccc.cli.main import main
from tests.models import CLASSES, saved

EPOCH = {"epoch": 4, "monitor": "validation_loss", "value": 0.25, "rank": 0, "last": True}
POINT = {"thresholds": dict.fromkeys(CLASSES, 0.25), "chosen_on": "validation part"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with the checkpoint of its last epoch."""
    folder = tmp_path_factory.mktemp("models")
    path = saved(folder, "simple-cnn", operating_point=POINT, temperature=1.5)
    kept = folder / "simple-cnn_checkpoints"
    kept.mkdir()
    (folder / "other").mkdir()
    shutil.copy(
        saved(folder / "other", "simple-cnn", checkpoint=EPOCH), kept / "epoch_0004.safetensors"
    )
    return path


def test_layers_and_card_are_shown(model, capsys):
    assert main(["models", "show", str(model)]) == 0
    said = capsys.readouterr().out
    assert "classes: dendrite, sphere, alloy\nprobabilities: calibrated\n" in said
    assert "dendrite=0.25, sphere=0.25, alloy=0.25 (Youden's J, chosen on: validation part)" in said
    assert "input 1 × 64 × 64, 3 classes" in said
    assert "parameters: 3,696,483, of which 3,696,483 are trained" in said
    assert "7      Linear     128            3,686,528  yes" in said


def test_the_last_epoch_is_shown(model, capsys):
    assert main(["models", "show", str(model), "--checkpoint", "current"]) == 0
    said = capsys.readouterr().out
    assert "checkpoint: epoch 4, validation_loss 0.25" in said
    assert "probabilities: not calibrated" in said


def test_the_shipped_model_is_shown_and_has_no_checkpoints(capsys):
    assert main(["models", "show"]) == 0
    assert "parameters: 3,353,267, of which 3,843 are trained" in capsys.readouterr().out
    assert main(["models", "show", "--checkpoint", "current"]) == 1
    assert "the shipped model: there are no checkpoints beside it" in capsys.readouterr().err


def test_what_is_no_model_is_a_sentence(tmp_path, capsys):
    (tmp_path / "m.safetensors").write_bytes(b"no model")
    assert main(["models", "show", str(tmp_path / "m.safetensors")]) == 1
    assert "m.safetensors: not a model of napari-visual-ccc" in capsys.readouterr().err
