from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from napari_visual_ccc.nets.card import file_hash
from napari_visual_ccc.nets.sam.model import load_sam

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["sam2", "sam", "sam_hq", "sam3_tracker"])
def test_a_folder_is_loaded_once(kind, tiny_sam):
    folder = tiny_sam(kind)
    sam = load_sam(folder, CPU)
    assert (sam.kind, sam.name, sam.device) == (kind, kind, CPU)
    assert sam.hash == file_hash(folder / "model.safetensors")
    assert load_sam(folder, CPU).net is sam.net
    assert not any(one.requires_grad for one in sam.net.parameters())


def test_half_precision_is_for_cuda(tiny_sam):
    sam = load_sam(tiny_sam("sam2"), CPU, "bf16")
    assert sam.precision == "fp32"
    with sam.autocast:
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32


def test_the_image_model_of_a_video_model_is_loaded(tiny_sam, tmp_path):
    """The hub's SAM 2.1 says that it is a video model."""
    folder = changed(tiny_sam("sam2"), tmp_path, model_type="sam2_video")
    assert load_sam(folder, CPU).kind == "sam2_video"


def changed(folder: Path, target: Path, **values) -> Path:
    copy = shutil.copytree(folder, target / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **values}))
    return copy


def test_other_models_are_refused(tiny_sam, tmp_path):
    with pytest.raises(ValueError, match="choose a model: a folder"):
        load_sam(None, CPU)
    with pytest.raises(FileNotFoundError, match="visual-ccc fetch someone/no-such-model"):
        load_sam(Path("someone/no-such-model"), CPU)
    with pytest.raises(ValueError, match=r"no config\.json"):
        load_sam(tmp_path, CPU)
    folder = changed(tiny_sam("sam2"), tmp_path, model_type="bert")
    with pytest.raises(ValueError, match="a model of type 'bert'"):
        load_sam(folder, CPU)
    with pytest.raises(ValueError, match="is a file"):
        load_sam(folder / "config.json", CPU)


def test_pickled_weights_are_not_read(tiny_sam, tmp_path):
    folder = changed(tiny_sam("sam2"), tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="is a pickle, which could run code"):
        load_sam(folder, CPU)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are those of Unix")
def test_a_pipe_in_the_folder_of_a_model_is_not_waited_for(tiny_sam, tmp_path):
    folder = changed(tiny_sam("sam2"), tmp_path)
    os.mkfifo(folder / "more.safetensors")
    with pytest.raises(ValueError, match=r"more\.safetensors: is no file, but a pipe"):
        load_sam(folder, CPU)


def test_damaged_and_missing_weights_are_named(tiny_sam, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = changed(tiny_sam("sam2"), tmp_path)
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"1 weights are missing, such as mask_decoder\.iou_token"):
        load_sam(folder, CPU)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="the model cannot be read"):
        load_sam(folder, CPU)
