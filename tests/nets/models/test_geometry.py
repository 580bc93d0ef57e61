"""Places of cells, of layers with known arithmetic and of tiny networks with random weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from napari_visual_ccc.nets.lens.tap import output_of
from napari_visual_ccc.nets.models.geometry import measure_grid
from napari_visual_ccc.nets.models.registry import architecture


def layers(*convolutions):
    """Even means of (kernel, stride, padding in front, padding behind)."""
    parts = []
    for kernel, stride, front, behind in convolutions:
        layer = nn.Conv2d(1, 1, kernel, stride, bias=False)
        nn.init.constant_(layer.weight, 1 / kernel**2)
        parts += [nn.ZeroPad2d((front, behind, front, behind)), layer.requires_grad_(False)]
    return nn.Sequential(*parts)


@pytest.mark.parametrize(
    ("convolutions", "side", "stride", "first"),
    [
        (((4, 4, 0, 0), (2, 2, 0, 0)), 64, 8, 3.5),  # patches
        (((3, 2, 1, 1), (3, 2, 1, 1), (3, 2, 1, 1)), 64, 8, 0),  # as ResNet
        (((3, 2, 0, 1), (3, 2, 0, 1), (3, 2, 0, 1)), 64, 8, 7),  # "same" padding of TensorFlow
        (((3, 2, 0, 0), (3, 1, 0, 0), (3, 2, 0, 0)), 75, 4, 5),  # without padding
        (((7, 3, 3, 3),), 40, 3, 0),
    ],
)
def test_cells_lie_where_arithmetic_says(convolutions, side, stride, first):
    grid = measure_grid(layers(*convolutions), side)
    assert (grid.stride, grid.any_size) == (stride, True)
    assert grid.first_centre == pytest.approx(first, abs=0.1 * stride)


@pytest.mark.parametrize("far", [2, 3])
def test_cells_that_see_more_of_other_places_lie_where_they_must(far):
    patches = layers((8, 8, 0, 0))
    # as attention mixes them
    grid = measure_grid(lambda x: patches(x) + 3 * patches(x).roll((far, far), (2, 3)), 64)
    assert (grid.stride, grid.first_centre) == (8, 3.5)


@pytest.mark.parametrize("factors", [(2,), (4,), (2, 2)])
def test_finer_cells_of_coarse_ones_share_them_evenly(factors):
    patches = layers((8, 8, 0, 0))
    for factor in factors:
        patches.append(nn.Upsample(scale_factor=factor))
    stride = 8 // math.prod(factors)
    grid = measure_grid(patches, 64, multiple=64, goes_up=True)
    # the first of the finer cells was centred where the coarse one is
    assert grid == (stride, (stride - 1) / 2, True)


def test_the_cells_of_an_autoencoder_are_centred_on_the_coarse_ones_that_they_are_made_of():
    torch.manual_seed(2)
    net = architecture("autoencoder:8x3").build(0, 64)

    def measured(name, **more):
        layer = net.get_submodule(name)
        return measure_grid(lambda x: output_of(net, layer, x), 64, 1, 64, **more)

    raised = [k for k, layer in enumerate(net.decoder) if isinstance(layer, nn.Upsample)]
    assert len(raised) == 2
    for number in raised:
        coarse, fine = (measured(f"decoder.{k}", goes_up=True) for k in (number - 1, number))
        assert fine.stride == coarse.stride / 2
        assert abs(coarse.first_centre - fine.stride / 2 - fine.first_centre) <= 0.5
    # what only goes down is as it was
    for name in ("encoder.0", "encoder.6", "encoder.15", "code"):
        assert measured(name, goes_up=True) == measured(name)


def test_a_network_of_one_size_has_the_stride_of_its_cells():
    patches = layers((8, 8, 0, 0))

    def maps(x):
        if x.shape[-1] != 64:
            raise AssertionError("one size only")
        return patches(x)

    assert measure_grid(maps, 64) == (8, 3.5, False)


def test_cells_in_another_order_are_refused():
    patches = layers((8, 8, 0, 0))

    def maps(x):
        if x.shape[-1] != 64:
            raise AssertionError("one size only")
        return patches(x).transpose(2, 3).flip(3)

    with pytest.raises(ValueError, match="order of the image"):
        measure_grid(maps, 64)


FAMILIES = (
    "test_resnet", "test_convnext", "test_efficientnet", "test_byobnet", "test_mambaout",
    "test_nfnet", "test_vit", "test_vit3", "mobilenetv3_small_050", "regnetx_002",
    "tf_mobilenetv3_small_minimal_100", "tinynet_e",
)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_of_timm_networks_lie_on_what_they_show(name):
    design = architecture(f"timm:{name}")
    parts, stride = design.parts, design.parts.stride
    torch.manual_seed(5)
    net = design.build(2, design.input_px)
    for key, value in net.named_parameters():
        if value.ndim == 1 and not key.endswith("bias") and float(value.abs().max()) < 0.01:
            value.data.fill_(0.5)
    side = 8 * stride if design.any_size else design.input_px
    off = []
    for share in (np.arange(8) + 0.5) / 8:
        centre = side // 2 - stride // 2 + int(share * stride)
        even = torch.full((1, 1, side, side), 0.3)
        spot = even.clone()
        spot[..., centre - 2 : centre + 3, centre - 2 : centre + 3] = 2.5
        with torch.no_grad():
            one, other = (parts.as_map(net, parts.features(net, x)) for x in (spot, even))
        profile = (one - other).pow(2).sum(dim=1)[0].sum(dim=0).numpy()
        profile = (profile - np.median(profile)).clip(0)
        cell = (profile * np.arange(len(profile))).sum() / profile.sum()
        off.append(cell * stride + parts.first_centre - centre)
    assert abs(np.mean(off)) < stride / 4


@pytest.mark.case("S07", "E07b")
@pytest.mark.parametrize("name", ["resnet10t", "test_efficientnet", "tinynet_e"])
def test_a_stride_does_not_depend_on_the_size_of_the_input(name):
    design = architecture(f"timm:{name}")
    assert design.parts.stride == 32
    net = design.build(2, design.input_px)
    with torch.no_grad():
        maps = design.parts.features(net, torch.zeros(1, 1, design.input_px, design.input_px))
    assert maps.shape[-1] == math.ceil(design.input_px / 32)
