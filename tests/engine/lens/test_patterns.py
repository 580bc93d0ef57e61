from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.lens.cells import open_model
from napari_visual_ccc.engine.lens.patterns import (
    CropsOfClasses,
    class_table,
    first_kernels,
    maximise_channels,
    maximise_classes,
    pattern_sheet,
    used_channels,
)
from napari_visual_ccc.nets.lens.tap import Tap
from tests.models import CLASSES


@pytest.fixture(scope="module")
def model(tiny):
    return run(open_model(tiny, "cpu"))


def test_a_made_input_excites_its_channel_more_than_random_images(model):
    tap = Tap(model, "features.4")
    made = run(maximise_channels(tap, [3, 9], 64, 0))
    rng = np.random.default_rng(0)

    def excitation(pictures):
        given = (torch.from_numpy(pictures.astype(np.float32))[:, None] / 255 - 0.5) / 0.5
        with torch.no_grad():
            return tap(given).mean(dim=(2, 3)).numpy()

    noise = excitation(rng.integers(0, 256, (20, 64, 64)))
    for channel, picture in made.items():
        assert excitation(picture[None])[0, channel] > noise[:, channel].max()
    again = run(maximise_channels(tap, [3, 9], 64, 0))
    np.testing.assert_array_equal(again[3], made[3])
    assert run(maximise_channels(tap, [3], 0, 0)) == {}


def test_what_a_class_looks_like(model, rng):
    crops = CropsOfClasses(model)
    bright = np.full((2, 64, 64), 0.9, np.float16)
    run(crops.add("a.png", "sphere", bright))
    run(crops.add("b.png", "", rng.random((3, 64, 64)).astype(np.float16)))
    made = run(maximise_classes(model, 2, 0))
    found = run(crops.patterns(made))
    assert "sphere" in found
    assert sum(one.crops for one in found.values()) == 5
    sphere = found["sphere"]
    assert sphere.top.shape == (5, 64, 64)
    assert sphere.names[0].endswith(" %")
    assert sphere.maximised.shape == (64, 64)
    shares = [part for _, part in sphere.channels]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1 + 1e-6
    assert class_table(found)["crops"].sum() == 5
    if sphere.crops == 2:
        assert abs(int(sphere.mean[30, 30]) - 229) <= 1


def test_channels_add_up_to_the_score_of_a_linear_head(model, rng):
    crops = rng.random((2, 64, 64)).astype(np.float32)
    found = used_channels(model, crops, CLASSES.index("alloy"), count=256)
    assert sum(part for _, part in found) == pytest.approx(1)


def test_kernels_of_the_first_layer_are_scaled_about_zero(model):
    found = first_kernels(model)
    assert found.shape == (32, 64, 64)
    weights = model.net.features[0].weight[0, 0]
    largest = int(weights.abs().argmax())
    expected = 255 if weights.flatten()[largest] > 0 else 0
    assert found[0, 10 + 21 * (largest // 3), 10 + 21 * (largest % 3)] == expected


def test_a_sheet_has_a_row_for_each_channel():
    patches = {4: np.zeros((9, 64, 64), np.uint8), 7: np.zeros((2, 64, 64), np.uint8)}
    made = {4: np.zeros((32, 32), np.uint8), 7: np.zeros((32, 32), np.uint8)}
    assert pattern_sheet(patches, made).shape == (2 * 66 - 2, 10 * 66 - 2)
    assert pattern_sheet(patches, {}).shape == (2 * 66 - 2, 9 * 66 - 2)
