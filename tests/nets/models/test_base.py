from __future__ import annotations

import torch
from torch import nn

from napari_visual_ccc.nets.models.base import Explainable, frozen


def test_a_frozen_network_evaluates_and_learns_nothing():
    net = frozen(nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)))
    assert not net.training
    assert not any(value.requires_grad for value in net.parameters())


def test_maps_of_a_convolution_need_no_conversion():
    parts = Explainable(None, None, None, stride=8, first_centre=3.5)
    maps = torch.rand(1, 2, 3, 4)
    assert parts.as_map(None, maps) is maps
    assert parts.split is None
