from __future__ import annotations

import pytest
from torch import nn

from napari_visual_ccc.nets.layers import find_layer, layers_of

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
