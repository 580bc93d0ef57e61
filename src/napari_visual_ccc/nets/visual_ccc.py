"""Visual-CCC's own small network, built so that weights published for it fit by name."""

from __future__ import annotations

import torch
from torch import nn


class VisualCNN(nn.Module):
    """Four blocks of convolution, batch norm, ReLU and max pooling, then a linear layer.

    `features` ends at the last ReLU: the last max pooling has no parameters, so the names of the
    layers stay those of Visual-CCC, and a class activation map gets twice the resolution.

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
        """Give the outputs for what `features` gives: (B, 256, h, w) → (B, classes)."""
        return self.classifier(self.embed(maps))

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Give what the linear layer sees: (B, 256, h, w) → (B, 256)."""
        return self.pool(maps).mean(dim=(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify: (B, 1, H, W) → (B, classes)."""
        return self.head(self.features(x))
