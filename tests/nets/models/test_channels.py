"""Networks for several channels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_visual_ccc.nets.models.channels import input_channels, widened
from napari_visual_ccc.nets.models.network import choose_network
from napari_visual_ccc.nets.models.registry import ARCHITECTURES, architecture

SIDES = {"simple-cnn": 32, "alexnet-1ch": 64, "xception": 96}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_takes_channels_and_its_parts_agree(name):
    torch.manual_seed(0)
    side = SIDES.get(name, 64)
    design = architecture(name, 3)
    net = design.build(2, side)
    x = torch.rand(2, 3, side, side)
    assert input_channels(net) == design.channels == 3
    with torch.no_grad():
        maps = design.parts.features(net, x)
        logits = design.parts.head(net, maps)
        torch.testing.assert_close(net(x), logits)
        assert design.parts.embed(net, maps).ndim == 2
        if design.parts.split is not None:
            found = design.parts.split.early(net, x)
            for part in design.parts.split.late:
                found = part(net, found)
            torch.testing.assert_close(found, maps)
    assert logits.shape == (2, 2)
    assert architecture(name, 1) is architecture(name)


def test_equal_channels_give_the_output_of_the_grey_image():
    torch.manual_seed(0)
    net = ARCHITECTURES["lite0-finetune"].build(2, 64)
    x = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        grey = net(x)
        many = widened(net, 3)(x.repeat(1, 3, 1, 1))
    torch.testing.assert_close(many, grey, rtol=1e-4, atol=1e-5)


def test_repeated_weights_see_the_mean_of_channels_and_a_frozen_network_each_of_them():
    """Why a frozen network runs channel by channel."""
    torch.manual_seed(0)
    x = torch.rand(2, 2, 64, 64)
    repeated = widened(ARCHITECTURES["lite0-finetune"].build(2, 64), 2)
    frozen = architecture("lite0-linear", 2)
    net = frozen.build(2, 64)
    with torch.no_grad():
        torch.testing.assert_close(repeated(x), repeated(x.flip(1)), rtol=1e-4, atol=1e-5)
        one, other = (
            frozen.parts.embed(net, frozen.parts.features(net, y)) for y in (x, x.flip(1))
        )
    assert (one - other).abs().max() > 0.1
    torch.testing.assert_close(one[:, :1280], other[:, 1280:])


def test_a_first_layer_without_pretrained_weights_is_drawn_anew_by_the_seed():
    built = [choose_network("simple-cnn", 2, "random", seed, 2).build(32) for seed in (0, 0, 1)]
    first = [next(m for m in net.modules() if isinstance(m, nn.Conv2d)).weight for net in built]
    torch.testing.assert_close(first[0], first[1], rtol=0, atol=0)
    assert (first[0] != first[2]).any()
    assert (first[0][:, 0] != first[0][:, 1]).any()


def test_a_network_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="begin with a convolution of one channel"):
        widened(nn.Linear(3, 3), 2)
