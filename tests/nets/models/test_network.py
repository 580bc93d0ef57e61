from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.models import network as module
from napari_visual_ccc.nets.models.network import choose_network


def test_a_network_says_where_its_weights_are_from():
    linear = choose_network("lite0-linear", 3, "installed", 0)
    assert "ImageNet" in linear.origin["source"]
    assert not linear.architecture.tuned
    assert choose_network("visualcnn", 3, "installed", 0).origin == {"source": "random weights"}


def test_new_weights_follow_the_seed():
    first, second, other = (
        choose_network("visualcnn", 3, "installed", seed).build(64).state_dict()
        for seed in (1, 1, 2)
    )
    name = "classifier.weight"
    torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize("name", ["xception", "timm:test_resnet"])
def test_all_layers_of_a_network_with_random_weights_are_trained(name):
    network = choose_network(name, 3, "random", 0)
    assert network.name == name
    assert network.architecture.warm == ()
    assert network.architecture.tuned == ("",)


@pytest.mark.parametrize("weights", ["installed", "download"])
def test_without_its_weights_a_published_network_is_refused(monkeypatch, weights):
    def absent(*_):
        raise RuntimeError("the weights are not on this machine")

    monkeypatch.setattr(module, "pretrained", absent)
    with pytest.raises(RuntimeError, match="not on this machine"):
        choose_network("xception", 3, weights, 0)
    assert choose_network("xception", 3, "random", 0).origin == {"source": "random weights"}


def test_every_build_of_a_pretrained_network_is_a_copy():
    network = choose_network("timm:test_resnet", 3, "random", 0)
    first, second = network.build(64), network.build(64)
    with torch.no_grad():
        next(first.parameters()).zero_()
    assert next(second.parameters()).abs().sum() > 0


def test_a_network_of_fixed_input_says_so():
    assert choose_network("timm:test_vit", 2, "random", 0).architecture.fixed_input
    assert not choose_network("alexnet-1ch", 2, "random", 0).architecture.fixed_input
