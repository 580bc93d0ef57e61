from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.engine.classification.crops import normalised
from napari_visual_ccc.engine.classification.windows import Windows, run_network
from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.predict import predict
from tests.models import saved


@pytest.mark.parametrize(("side", "stride"), [(64, 32), (64, 64), (9, 4), (8, 16)])
def test_windows_are_centred_on_their_cells(side, stride):
    y, x = np.mgrid[:200, :230].astype(float)
    windows = Windows(y * 1000 + x, side, stride)
    assert windows.shape == tuple(int(n / stride + 0.5) for n in (200, 230))
    found = windows.read(0, windows.count).reshape(*windows.shape, side, side)
    row, column = windows.shape[0] // 2, windows.shape[1] // 2
    middle = found[row, column].mean()
    centre = (row * stride + (stride - 1) / 2) * 1000 + column * stride + (stride - 1) / 2
    # an odd window on an even cell lies half a pixel off
    assert middle == pytest.approx(centre, abs=500.5 if side % 2 != stride % 2 else 1e-9)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(saved(tmp_path_factory.mktemp("model")), torch.device("cpu"), shared=True)


def test_only_windows_that_show_something_go_through_the_network(model, rng):
    plane = np.zeros((256, 256))
    plane[64:192, 64:224] = rng.normal(size=(128, 160))
    output = run(run_network(model, plane, None, tta=False))
    shown = output.informative
    assert 0 < len(shown) < output.windows.count
    assert not output.logits[~output.content].any()
    every = Windows(normalised(plane, model.card), 32, 32)
    logits, features = run(predict(model, every.read, every.count))
    np.testing.assert_allclose(output.logits[shown], logits[shown], atol=1e-5)
    np.testing.assert_allclose(output.features[shown], features[shown], rtol=1e-4, atol=1e-4)


def test_all_windows_of_an_image_without_any_content_go_through_it(model):
    output = run(run_network(model, np.zeros((192, 192)), None, tta=False))
    assert not output.content.any()
    assert output.logits.any(axis=1).all()
