from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.models.published import VisualCNN, simple_cnn


def test_layers_have_the_published_names():
    names = set(VisualCNN(2).state_dict())
    assert {"features.0.weight", "features.1.running_mean", "classifier.bias"} <= names
    assert VisualCNN(2).features[-1].__class__ is torch.nn.ReLU


def test_pooling_twice_more_does_not_change_the_mean_of_constant_maps():
    net = VisualCNN(3).eval()
    maps = torch.ones(1, 256, 4, 4) * torch.arange(256.0)[None, :, None, None]
    torch.testing.assert_close(net.embed(maps), torch.arange(256.0)[None])


@pytest.mark.parametrize("side", [7, 513])
def test_an_impossible_input_is_refused(side):
    with pytest.raises(ValueError, match="8 to 512"):
        simple_cnn(2, side)
