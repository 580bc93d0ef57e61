from __future__ import annotations

import pytest
import torch
from torch import nn

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.nets.layers import find_layer, layers_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def crop():
    return samples.load("nanoparticles").data[90:170, 100:190]


NET = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))


def test_layers_that_return_maps_are_listed_in_order():
    assert layers_of(NET, 8) == ["0", "1"]


def test_hooks_are_removed():
    layers_of(NET, 8)
    assert not any(module._forward_hooks for module in NET.modules())


def test_an_unknown_layer_lists_those_there_are():
    assert find_layer(NET, "1", 8) is NET[1]
    with pytest.raises(ValueError, match="no layer '9'; there are 0, 1"):
        find_layer(NET, "9", 8)


def test_any_layer_can_be_explained(crop):
    model = checkpoint.load_model(None, CPU)
    names = layers_of(model.net, model.card.input_px)
    assert names[0] == "conv_stem"
    assert names.index("blocks.2") < names.index("blocks.5") < names.index("conv_head")
    assert names == read_card().layers
    for name in ("blocks.2", "blocks.5"):
        found = ccc.explain(crop, target="cube", layer=name)
        assert found.data.max() == pytest.approx(1)
    assert not any(m._forward_hooks for m in model.net.modules())
    with pytest.raises(ValueError, match="no layer 'nowhere'; there are conv_stem"):
        find_layer(model.net, "nowhere", model.card.input_px)
