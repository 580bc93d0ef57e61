from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

import napari_visual_ccc as ccc
from napari_visual_ccc import samples
from napari_visual_ccc.nets import checkpoint
from napari_visual_ccc.nets.card import read_card
from napari_visual_ccc.nets.checkpoint import load_model
from napari_visual_ccc.nets.layers import all_layers, find_layer, layer_table, layers_of
from napari_visual_ccc.nets.models.registry import ARCHITECTURES
from napari_visual_ccc.nets.seed import seeded
from tests.models import saved

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


def test_all_layers_have_shapes_and_every_parameter_counts_once():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 2),
    )  # fmt: skip
    rows = all_layers(net, 8, trained=("5.",))
    assert rows == [
        ("0", "Conv2d", (4, 6, 6), 40, 0),
        ("1", "ReLU", (4, 6, 6), 0, 0),
        ("3", "AdaptiveAvgPool2d", (4, 1, 1), 0, 0),
        ("4", "Flatten", (4,), 0, 0),
        ("5", "Linear", (2,), 10, 10),
    ]
    assert not any(module._forward_hooks for module in net.modules())


def test_shared_and_unused_parameters_and_those_of_the_network_itself_are_listed():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.zeros(3))
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
            self.two.weight = self.one.weight
            self.unused = nn.Linear(2, 2)

        def forward(self, x):
            return self.two(self.one(x.flatten(1)))

    net = Odd()
    rows = {row.name: row for row in all_layers(net, 2)}
    assert sum(row.parameters for row in rows.values()) == sum(p.numel() for p in net.parameters())
    assert rows["unused"].shape == ()
    assert rows[""].parameters == 3
    assert {rows["one"].parameters, rows["two"].parameters} == {20, 4}


@pytest.mark.parametrize("name", ["lite0-linear", "lite0-finetune", "visualcnn", "simple-cnn"])
def test_every_architecture_lists_its_parameters(name):
    with seeded(0):
        net = ARCHITECTURES[name].build(3, 64)
    rows = all_layers(net, 64, ARCHITECTURES[name].trained)
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in net.parameters())
    trained = sum(row.trained for row in rows)
    # 1280 features and a bias for each class
    assert trained == 3 * 1281 if name == "lite0-linear" else trained > 0


def test_a_table_of_layers_tells_what_is_trained(tmp_path):
    path = saved(tmp_path, "simple-cnn")
    model = load_model(path, torch.device("cpu"))
    table = layer_table(model)
    assert table.columns.tolist() == ["layer", "type", "output", "parameters", "trained"]
    assert table["trained"].equals(table["parameters"])
    sized = replace(model, extras={"size.weight": torch.zeros(3)})
    assert layer_table(sized).iloc[-1].tolist() == ["size", "Pixel size", "3", 3, 3]
    only = replace(model, card=model.card.model_copy(update={"trained": ["10."]}))
    assert layer_table(only)["trained"].sum() == table["parameters"].iloc[-1]
