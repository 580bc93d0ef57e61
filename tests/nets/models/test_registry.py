from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.models.base import Architecture
from napari_visual_ccc.nets.models.registry import ARCHITECTURES, architecture, shapes_of


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [*ARCHITECTURES, "timm:resnet10t", "autoencoder:8x2"])
def test_shapes_are_known_without_weights(name, channels):
    design = architecture(name, channels)
    classes = 0 if design.explainable is None else 4
    state = torch.get_rng_state()
    shapes = shapes_of(name, channels, classes, design.input_px)
    assert torch.equal(state, torch.get_rng_state())
    built = design.build(classes, design.input_px).state_dict()
    assert not any(one.is_meta for one in built.values())
    kept = {key: tuple(one.shape) for key, one in built.items() if key.startswith(design.stored)}
    assert shapes == kept
