from __future__ import annotations

import pytest
import torch

from napari_visual_ccc.nets.models import bands
from napari_visual_ccc.nets.models.lite0 import lite0


@pytest.fixture(scope="module")
def net():
    return lite0()


# an odd and an even side; the stage, and the channels that its first block takes
@pytest.mark.parametrize("shape", [(37, 30), (16, 21), (3, 40), (1, 2)])
@pytest.mark.parametrize(("stage", "channels"), [(0, 32), (1, 16), (2, 24), (3, 40), (6, 192)])
def test_bands_give_the_result_of_the_whole_block(net, monkeypatch, shape, stage, channels):
    # four rows of the first block: images, channels, columns, bytes
    wide = net.blocks[stage][0].conv_dw.in_channels
    monkeypatch.setattr(bands, "_BAND", 4 * 2 * wide * shape[1] * 4)
    torch.manual_seed(0)
    x = torch.randn(2, channels, *shape).to(memory_format=torch.channels_last)
    calls: list[int] = []
    hook = net.blocks[stage][0].conv_pw.register_forward_hook(lambda *_: calls.append(1))
    with hook, torch.inference_mode():
        for block in net.blocks[stage]:
            whole = block(x)
            torch.testing.assert_close(bands.banded(block, x), whole, atol=1e-5, rtol=1e-5)
            x = whole
    # once for the whole, and once for each of its bands
    assert len(calls) > 2 or shape[0] <= 4


def test_with_gradients_the_block_is_called_itself(net, monkeypatch):
    monkeypatch.setattr(bands, "_BAND", 1)
    block, x = net.blocks[1][0], torch.randn(1, 16, 8, 8, requires_grad=True)
    outputs: list[torch.Tensor] = []
    with block.conv_dw.register_forward_hook(lambda _, __, y: outputs.append(y)):
        found = bands.banded(block, x)
    assert [tuple(one.shape) for one in outputs] == [(1, 96, 4, 4)]
    (slope,) = torch.autograd.grad(found.sum(), x)
    assert slope.abs().max() > 0


def test_several_images_run_some_at_a_time_instead_of_in_bands(monkeypatch):
    block, x = lite0().blocks[1][1], torch.rand(5, 24, 6, 8).to(memory_format=torch.channels_last)
    # two images of the wide map
    monkeypatch.setattr(bands, "_BAND", 2 * 144 * 6 * 8 * 4)
    shapes: list[tuple[int, ...]] = []
    with torch.inference_mode():
        whole = block(x)
        block.conv_pw.register_forward_hook(lambda _, given, __: shapes.append(given[0].shape))
        torch.testing.assert_close(bands.banded(block, x), whole, atol=1e-5, rtol=1e-5)
    assert [tuple(one) for one in shapes] == [(2, 24, 6, 8), (2, 24, 6, 8), (1, 24, 6, 8)]


def test_each_core_has_parts_of_its_own_with_the_same_result(net, monkeypatch):
    block = net.blocks[2][1]
    for shape in ((1, 40, 96, 64), (6, 40, 64, 64)):
        x = torch.randn(*shape)
        found = {}
        for cores in (1, 2, 4):
            monkeypatch.setattr(bands, "at_a_time", lambda _, cores=cores: cores)
            with torch.inference_mode():
                found[cores] = bands.banded(block, x)
        with torch.inference_mode():
            whole = block(x)
        for one in found.values():
            assert one.is_inference()
            torch.testing.assert_close(one, whole, atol=1e-5, rtol=1e-5)
