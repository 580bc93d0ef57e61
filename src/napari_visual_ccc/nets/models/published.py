"""Networks that others published: of Visual-CCC and of the Electron Microscope Assistant.

Layers keep the published names, so that published weights fit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..device import spare_triton
from .base import Architecture, Explainable, frozen, timm_embed, timm_features, timm_head


class VisualCNN(nn.Module):
    """Four blocks of convolution, batch norm, ReLU and max pooling, then a linear layer.

    `features` ends at the last ReLU. The last max pooling has no parameters, so the names of the
    layers stay those of Visual-CCC, and a class activation map has twice the resolution.

    Parameters
    ----------
    classes : int
        Number of outputs.
    """

    def __init__(self, classes: int):
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 32), (32, 64), (64, 128), (128, 256)):
            layers += [
                nn.Conv2d(before, after, kernel_size=3, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.features = nn.Sequential(*layers[:-1])  # (B, 1, H, W) → (B, 256, H/8, W/8)
        self.pool = layers[-1]
        self.classifier = nn.Linear(256, classes)

    def head(self, maps: torch.Tensor) -> torch.Tensor:
        """Classify the maps of `features`: (B, 256, h, w) → (B, classes)."""
        return self.classifier(self.embed(maps))

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Compute the input of the linear layer: (B, 256, h, w) → (B, 256)."""
        return self.pool(maps).mean(dim=(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify: (B, 1, H, W) → (B, classes)."""
        return self.head(self.features(x))


def alexnet(classes: int, side: int = 256) -> nn.Module:
    """Torchvision's AlexNet for one channel, without weights: Visual-CCC's network."""
    spare_triton()
    from torchvision.models import alexnet as build

    net: Any = build(weights=None, num_classes=classes)
    net.features[0] = nn.Conv2d(1, 64, kernel_size=11, stride=4, padding=2)
    for layer in net.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return frozen(net)


def _alexnet_flat(net: Any, maps: torch.Tensor) -> torch.Tensor:
    return net.avgpool(net.features[12:](maps)).flatten(1)


def _visualcnn(classes: int, side: int = 256) -> nn.Module:
    return frozen(VisualCNN(classes))


VISUALCNN = Architecture(
    _visualcnn,
    256,
    Explainable(
        features=lambda net, x: net.features(x),
        head=lambda net, maps: net.head(maps),
        embed=lambda net, maps: net.embed(maps),
        stride=8,
        first_centre=3.5,
    ),
)

# 11 px, stride 4, padding 2, then two max poolings of 3 px and stride 2; the head has the last one
ALEXNET = Architecture(
    alexnet,
    256,
    Explainable(
        features=lambda net, x: net.features[:12](x),
        head=lambda net, maps: net.classifier(_alexnet_flat(net, maps)),
        embed=lambda net, maps: net.classifier[:6](_alexnet_flat(net, maps)),
        stride=16,
        first_centre=15.0,
    ),
    any_size=False,
    rate=3e-4,
)


def simple_cnn(classes: int, side: int) -> nn.Module:
    """Two 3 x 3 convolutions of 32, pooling, dense 128: the Assistant's first network."""
    if not 8 <= side <= 512:
        raise ValueError(f"simple-cnn needs an input of 8 to 512 pixels, not {side}")
    cells = (side - 4) // 2
    return frozen(
        nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(32 * cells * cells, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, classes),
        )
    )


def _xception(classes: int, side: int = 299) -> nn.Module:
    spare_triton()
    import timm

    return frozen(
        timm.create_model("legacy_xception", pretrained=False, num_classes=classes, in_chans=1)
    )


SIMPLE_CNN = Architecture(
    simple_cnn,
    96,
    Explainable(
        features=lambda net, x: net[:4](x),
        head=lambda net, maps: net[4:](maps),
        embed=lambda net, maps: net[4:9](maps),
        stride=1,
        first_centre=2.0,
    ),
    any_size=False,
)

XCEPTION = Architecture(
    _xception,
    299,
    Explainable(timm_features, timm_head, timm_embed, stride=32, first_centre=15.5),
    warm=("fc.",),
    tuned=("block12.", "conv3.", "bn3.", "conv4.", "bn4.", "fc."),
    pretrained="timm:legacy_xception",
)
