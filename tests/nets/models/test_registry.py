from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.models.base import Architecture
from napari_visual_ccc.nets.models.registry import ARCHITECTURES, architecture


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_classifier_can_be_explained(name):
    design = architecture(name)
    assert design.parts.stride >= 1
    assert 0 <= design.parts.first_centre < design.input_px


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"there are lite0-linear, .*timm:NAME"):
        architecture("resnet9000")


def test_a_network_without_classes_needs_no_parts():
    design = Architecture(lambda classes, side: None, 64)
    with pytest.raises(ValueError, match="could be explained"):
        _ = design.parts


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_head_after_features_is_the_network(name):
    design = ARCHITECTURES[name]
    torch.manual_seed(0)
    net = design.build(4, 96)
    x = torch.randn(2, 1, 256, 256) if name != "simple-cnn" else torch.randn(2, 1, 96, 96)
    with torch.no_grad():
        maps = design.parts.features(net, x)
        torch.testing.assert_close(design.parts.head(net, maps), net(x))
        assert design.parts.embed(net, maps).ndim == 2
    assert not any(p.requires_grad for p in net.parameters())
