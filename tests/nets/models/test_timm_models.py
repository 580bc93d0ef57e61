"""Models by name; those with weights are tiny, random, and saved to a folder first."""

from __future__ import annotations

import math

import pytest
import timm
import torch
from timm.models import save_for_hf

from napari_visual_ccc.nets.models.registry import architecture
from napari_visual_ccc.nets.models.timm_models import digest, pretrained, timm_architecture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository in timm's format, for colour, as a hub would give it."""
    place = tmp_path_factory.mktemp("hub") / "model"
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", pretrained=False, num_classes=7)
    save_for_hf(net, place, model_config={"num_classes": 7})
    return place, net.eval()


@pytest.mark.parametrize(
    "name", ["resnet10t", "test_vit", "test_convnext", "test_efficientnet", "vit_tiny_patch16_224"]
)
def test_features_and_head_are_the_network(name):
    design = architecture(f"timm:{name}")
    torch.manual_seed(0)
    net = design.build(3, design.input_px)
    x = torch.rand(2, 1, design.input_px, design.input_px)
    with torch.no_grad():
        maps = design.parts.features(net, x)
        torch.testing.assert_close(design.parts.head(net, maps), net(x), rtol=1e-4, atol=1e-5)
        shown = design.parts.as_map(net, maps)
        assert shown.ndim == 4
        # the last cell may see less than a stride
        assert shown.shape[-1] == math.ceil(design.input_px / design.parts.stride)
        assert design.parts.embed(net, maps).ndim == 2


@pytest.mark.case("S08")
@pytest.mark.parametrize("name", ["eva02_tiny_patch14_224", "vit_tiny_patch16_224", "test_vit3"])
def test_a_head_gives_the_last_block_what_the_network_gives_it(name):
    design = architecture(f"timm:{name}")
    torch.manual_seed(0)
    net = design.build(3, design.input_px)
    for value in net.parameters():
        value.data = torch.randn_like(value) * 0.1 if value.ndim > 1 else value + 0.02
    x = torch.rand(2, 1, design.input_px, design.input_px)
    maps = design.parts.features(net, x).requires_grad_()
    whole, head = net(x), design.parts.head(net, maps)
    torch.testing.assert_close(head, whole, rtol=1e-4, atol=1e-5)
    # explanations need the gradient, and the network stays as it was
    (gradient,) = torch.autograd.grad(head[:, 1].sum(), maps)
    assert float(gradient.abs().max()) > 0
    torch.testing.assert_close(net(x), whole)


def test_a_network_is_measured_without_touching_random_numbers():
    timm_architecture.cache_clear()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = architecture("timm:test_byobnet").parts.first_centre
    assert torch.equal(torch.random.get_rng_state(), before)
    timm_architecture.cache_clear()
    torch.manual_seed(4)
    assert architecture("timm:test_byobnet").parts.first_centre == first


def test_a_model_that_is_not_there_is_said_so():
    with pytest.raises(ValueError, match="timm has no model 'resnet9000'"):
        architecture("timm:resnet9000")
    with pytest.raises(ValueError, match="there are lite0-linear"):
        architecture("resnet18")


def test_weights_of_a_folder_are_taken_and_adapted_to_grey(folder):
    place, colour = folder
    name, net, origin = pretrained(f"local-dir:{place}", 3)
    assert name == "timm:test_resnet"
    assert origin["source"] == f"local-dir:{place}"
    # the checksum is that of the weights which were found, whatever was put behind them
    assert origin["sha256"] == pretrained(f"local-dir:{place}", 2)[2]["sha256"] != digest(net)
    x = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        grey = net.forward_features(x)
        torch.testing.assert_close(
            grey, colour.forward_features(x.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4
        )
    assert net(x).shape == (1, 3)


def test_weights_that_are_not_on_this_machine_are_not_fetched_unasked(monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError("somebody wants the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("timm:resnet10t", "timm:legacy_xception"):
        with pytest.raises(RuntimeError, match="allow the download"):
            pretrained(name, 3)


def test_random_weights_need_nothing():
    name, net, _ = pretrained("timm:resnet10t", 3, "random")
    assert name == "timm:resnet10t"
    assert net(torch.rand(1, 1, 64, 64)).shape == (1, 3)


def test_an_empty_folder_is_refused_by_name(tmp_path):
    with pytest.raises(RuntimeError, match="no model of timm in that folder"):
        pretrained(f"local-dir:{tmp_path}", 2)
