from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.inference import in_tiles
from napari_visual_ccc.nets.models.autoencoder import (
    HALO_CELLS,
    Autoencoder,
    autoencoder_name,
    cell_of,
)
from napari_visual_ccc.nets.models.registry import architecture
from napari_visual_ccc.nets.seed import seeded


def made(name: str):
    with seeded(0):
        return architecture(name).build(0, 32)


@pytest.mark.parametrize("name", ["autoencoder:3x2", "variational-autoencoder:3x2"])
def test_any_size_comes_back_and_the_code_is_small(name):
    net, x = made(name), torch.rand(2, 1, 20, 36)
    assert net(x).shape == x.shape
    assert net.encode(x).shape == (2, 3, 5, 9)
    assert not any(one.requires_grad for one in net.parameters())


@pytest.mark.parametrize("depth", [1, 3])
def test_tiles_give_the_result_of_the_whole(depth):
    net, cell = made(f"autoencoder:2x{depth}"), 2**depth
    x = torch.rand(1, 1, 22 * cell, 26 * cell)
    steps = in_tiles(net, x, torch.device("cpu"), 1, 4 * cell, HALO_CELLS * cell)
    torch.testing.assert_close(run(steps), net(x), atol=1e-6, rtol=1e-5)


def test_only_a_variational_code_is_random():
    x = torch.rand(1, 1, 16, 16)
    plain, variational = made("autoencoder:2x2"), made("variational-autoencoder:2x2")
    same, nats = plain.sampled(x)
    assert torch.equal(same, plain(x))
    assert nats.abs().max() == 0
    with seeded(1):
        one, nats = variational.sampled(x)
    with seeded(2):
        two, _ = variational.sampled(x)
    assert not torch.equal(one, two)
    assert nats.shape == x.shape
    assert nats.min() >= 0


def test_the_divergence_is_that_of_normal_distributions():
    net = Autoencoder(2, 1, variational=True).eval()
    with torch.no_grad():
        net.code.weight.zero_()
        # means 1 and 0, variances 1 and e: 0.5 + (e - 2) / 2 nats a cell of 4 pixels
        net.code.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 1.0]))
        _, nats = net.sampled(torch.rand(1, 1, 4, 4))
    assert nats.mean().item() == pytest.approx((0.5 + (2.718281828 - 2) / 2) / 4, abs=1e-6)


def test_names_say_the_sizes():
    assert autoencoder_name(8, 3, False) == "autoencoder:8x3"
    assert autoencoder_name(8, 3, True) == "variational-autoencoder:8x3"
    assert cell_of("autoencoder:8x3") == 8
    for name in ("autoencoder:8", "autoencoder:0x3", "autoencoder:8x9", "autoencoder:axb"):
        with pytest.raises(ValueError, match="1 to 64 channels and 1 to 5 halvings"):
            architecture(name)
