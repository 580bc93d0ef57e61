"""What every architecture states of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Part = Callable[[Any, torch.Tensor], torch.Tensor]

# names that are looked up in timm, on a hub or in a folder: "timm:resnet18"
FOREIGN = ("timm:", "hf-hub:", "local-dir:")


@dataclass(frozen=True)
class Split:
    """A fully convolutional network cut where its maps have become small.

    Parameters
    ----------
    early, late : callable
        Net, input → (B, C, H/stride, W/stride); net, these → features.
    stride : int
        Input pixels between two cells at the cut.
    halo : int
        Input pixels around a tile that its cells see, a multiple of the last stride.
    """

    early: Part
    late: Part
    stride: int
    halo: int


@dataclass(frozen=True)
class Explainable:
    """A classifier in two parts: up to its last maps, which are explained, and behind them.

    Parameters
    ----------
    features : callable
        Net, (B, 1, H, W) → maps of the layer that is explained unless another is chosen.
    head : callable
        Net, these maps → (B, classes).
    embed : callable
        Net, these maps → (B, d): the input of the last linear layer.
    stride : int
        Input pixels between two cells of that layer.
    first_centre : float
        Input pixel on which the receptive field of its first cell is centred.
    as_map : callable
        Net, maps → (B, C, h, w); for networks of tokens.
    split : Split, optional
        How a large image is run through in tiles, exactly.
    """

    features: Part
    head: Part
    embed: Part
    stride: int
    first_centre: float
    as_map: Part = lambda _, maps: maps
    split: Split | None = None


@dataclass(frozen=True)
class Architecture:
    """One row of the table of networks.

    Parameters
    ----------
    build : callable
        Number of classes, side of the input → frozen net in evaluation mode,
        (B, 1, H, W) → (B, classes).
    input_px : int
        Side of the input unless another is chosen.
    explainable : Explainable, optional
        Of a classifier: its parts.
    any_size : bool
        Whether the input may be larger than in training (fully convolutional up to a pooling).
    mean, std : float
        Of grey (0 to 1), as the first layer expects it.
    stored : str
        Prefix of the parameters that a model file holds; the others come with `build`.
    warm : tuple of str
        Prefixes of the parameters trained alone at first: a new head on trained layers.
    tuned : tuple of str
        Prefixes of those trained afterwards; nothing where only the head is ever trained.
    rate : float
        Learning rate of what is new; trained layers get a tenth.
    source : str
        Of the weights that `build` brings along; empty where it draws random ones.
    pretrained : str
        Name of the same network with trained weights, as `timm_models.pretrained` takes it.
    """

    build: Callable[[int, int], nn.Module]
    input_px: int
    explainable: Explainable | None = None
    any_size: bool = True
    mean: float = 0.5
    std: float = 0.5
    stored: str = ""
    warm: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ("",)
    rate: float = 1e-3
    source: str = ""
    pretrained: str = ""

    @property
    def parts(self) -> Explainable:
        """The parts of a classifier.

        Raises
        ------
        ValueError
            If the network is none.
        """
        if self.explainable is None:
            raise ValueError("this network gives no maps of classes that could be explained")
        return self.explainable


def frozen(net: nn.Module) -> nn.Module:
    """Put a net into evaluation mode and stop gradients to its parameters."""
    return net.eval().requires_grad_(False)


def timm_features(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Input → the last maps of any model of timm."""
    return net.forward_features(x)


def timm_head(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → logits."""
    return net.forward_head(maps)


def timm_embed(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → what the last linear layer sees."""
    return net.forward_head(maps, pre_logits=True)
