"""Networks for images of several channels, made of those for one.

A network that is trained gets a wider first layer. Pretrained weights for one channel are repeated
and divided by the number of channels: equal channels give the output of the grey image, and
training tells the channels apart. Without pretrained weights the layer is drawn anew: with repeated
weights, small networks learnt which of two channels has a pattern in one of three trainings, with
new ones in all. A frozen network could not tell channels apart at all: its first layer would only
see their mean. It runs on each channel by itself, and the linear layer gets the features of all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from .base import Architecture, Explainable, Part, frozen


def for_channels(found: Architecture, count: int) -> Architecture:
    """Make an architecture for grey images one for images of several channels.

    Parameters
    ----------
    found : Architecture
        Of a network for (B, 1, H, W).
    count : int
        Number of channels; 1 changes nothing.
    """
    if count == 1:
        return found
    made = replace(
        found, channels=count, build=lambda classes, side: adapted(found, count, classes)(
            found.build(classes, side)
        ),
    )  # fmt: skip
    if found.tuned or found.explainable is None:
        return made
    return replace(made, explainable=_by_channel(found.explainable, count))


def adapted(found: Architecture, count: int, classes: int) -> Callable[[nn.Module], nn.Module]:
    """Function that makes a network for one channel one for several."""
    if count == 1:
        return lambda net: net
    if found.tuned:
        return functools.partial(widened, count=count, anew=not found.warm)
    return functools.partial(PerChannel, parts=found.parts, count=count, classes=classes)


def input_channels(net: nn.Module) -> int:
    """Number of channels that a network takes."""
    if isinstance(net, PerChannel):
        return net.count
    first = next((one for one in net.modules() if isinstance(one, nn.Conv2d)), None)
    return 1 if first is None else first.in_channels


def widened(net: nn.Module, count: int, *, anew: bool = False) -> nn.Module:
    """Make the first convolution one of several channels.

    Parameters
    ----------
    net : nn.Module
        For one channel; it is changed.
    count : int
        Number of channels.
    anew : bool
        Draw its weights; otherwise those of the one channel are repeated, divided by `count`.

    Raises
    ------
    ValueError
        If the network does not begin with a convolution of one channel.
    """
    first = next((one for one in net.modules() if isinstance(one, nn.Conv2d)), None)
    if first is None or first.in_channels != 1:
        raise ValueError("the network does not begin with a convolution of one channel")
    trained = first.weight.requires_grad
    with torch.no_grad():
        first.weight = nn.Parameter(first.weight.repeat(1, count, 1, 1) / count)
    first.in_channels = count
    if anew:
        first.reset_parameters()
    first.requires_grad_(trained)
    return net


class PerChannel(nn.Module):
    """A frozen network that runs on each channel, and a linear layer on the features of all.

    Parameters
    ----------
    net : nn.Module
        For one channel.
    parts : Explainable
        Its parts.
    count : int
        Number of channels.
    classes : int
        Outputs of the linear layer.
    """

    def __init__(self, net: Any, parts: Explainable, count: int, classes: int) -> None:
        super().__init__()
        width = net.classifier.in_features
        net.classifier = nn.Identity()
        self.net, self.parts, self.count = net, parts, count
        self.classifier = nn.Linear(width * count, classes)
        frozen(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify: (B, C, H, W) → (B, classes)."""
        maps = _joined(self.parts.features)(self, x)
        return self.classifier(_joined(self.parts.embed)(self, maps))


def _by_channel(parts: Explainable, count: int) -> Explainable:
    embed = _joined(parts.embed)
    split = parts.split
    return replace(
        parts,
        features=_joined(parts.features),
        head=lambda net, maps: net.classifier(embed(net, maps)),
        embed=embed,
        split=split
        and replace(
            split, early=_joined(split.early), late=tuple(_joined(one) for one in split.late)
        ),
    )


def _joined(part: Part) -> Part:
    """Run a part of a network on each channel, and join what it gives along the channels."""

    def joined(net: PerChannel, x: torch.Tensor) -> torch.Tensor:
        # (B, C f, ...) → (B C, f, ...) → (B, C g, ...)
        one = x.reshape(len(x) * net.count, x.shape[1] // net.count, *x.shape[2:])
        found = part(net.net, one)
        return found.reshape(len(x), net.count * found.shape[1], *found.shape[2:])

    return joined
