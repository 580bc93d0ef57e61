from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from napari_visual_ccc.core.layers import PointsLayer
from napari_visual_ccc.engine.promptable.forecast import CPU_BATCH, forecast
from napari_visual_ccc.nets.sam import decode

SHAPE = (1024, 1024)


def test_the_batch_on_the_processor_is_that_of_the_decoder():
    assert CPU_BATCH == decode.CPU_BATCH


def test_more_prompts_take_longer_and_larger_batches_more_memory():
    window, batch = forecast(SHAPE, {}), forecast(SHAPE, {"preset": "batch"})
    assert (window.regions, batch.regions) == (1, 5)
    few = forecast(SHAPE, {"points_per_side": 16})
    assert few.seconds < window.seconds / 2
    assert batch.seconds > 5 * window.seconds
    assert batch.bytes > window.bytes
    tiled = forecast(SHAPE, {"tile_size": 512})
    assert tiled.regions == 9
    # on a graphics processor the batch is what is asked for
    sizes = [forecast(SHAPE, {"points_per_batch": n}, gpu=True).bytes for n in (8, 16, 24)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 300e6


def test_given_prompts_are_counted():
    points = PointsLayer(np.zeros((3, 2)))
    one = forecast(SHAPE, {"prompts": points})
    assert one.seconds < forecast(SHAPE, {"points_per_side": 2}).seconds
    # how many objects there are is not known before
    assert math.isnan(forecast(SHAPE, {"prompts_from": "watershed"}).seconds)
    assert math.isnan(forecast(SHAPE, {"prompts": np.ones(SHAPE, int)}).seconds)
    assert forecast(SHAPE, {"prompts": None}) == forecast(SHAPE, {})


def test_a_larger_model_needs_more(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(900_000_000)
    large, tiny = forecast(SHAPE, {"model": tmp_path}), forecast(SHAPE, {})
    assert large.bytes - tiny.bytes == pytest.approx(744e6, rel=0.01)
    assert large.seconds > tiny.seconds


def test_a_model_of_the_hub_is_as_large_as_its_files(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    name = "facebook/sam2.1-hiera-large"
    unknown = forecast(SHAPE, {"model": Path(name)})
    assert unknown == forecast(SHAPE, {})
    folder = tmp_path / "models--facebook--sam2.1-hiera-large" / "snapshots" / "1"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(900_000_000)
    assert forecast(SHAPE, {"model": Path(name)}).bytes - unknown.bytes == 744_000_000


def test_masks_of_a_large_image_are_counted():
    large = (4000, 6000)
    few, many = (forecast(large, {"points_per_side": n}).bytes for n in (2, 32))
    # a bit a pixel on a quarter of the image, for each point
    assert many - few == 1020 * 4000 * 6000 // 32
    # the mask that is enlarged is counted once, not for each prompt
    assert few < 1.6e9
