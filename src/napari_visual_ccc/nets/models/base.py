"""Rows of the table of architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Part = Callable[[Any, torch.Tensor], torch.Tensor]

# prefixes of models of timm, of a hub or of a folder, such as "timm:resnet18"
FOREIGN = ("timm:", "hf-hub:", "local-dir:")


@dataclass(frozen=True)
class Split:
    """A fully convolutional network cut at a layer of small maps.

    Parameters
    ----------
    early : callable
        Net, input → (B, C, H/stride, W/stride).
    late : tuple of callable
        From these to the features, one after the other: cancelling has to wait for one of them.
    stride : int
        Input pixels between two cells at the cut.
    halo : int
        Input pixels around a tile in the receptive field of its cells, a multiple of the stride.
    """

    early: Part
    late: tuple[Part, ...]
    stride: int
    halo: int


@dataclass(frozen=True)
class Explainable:
    """A classifier in two parts: up to its last maps, which are explained, and after them.

    Parameters
    ----------
    features : callable
        Net, (B, 1, H, W) → maps of the layer that is explained by default.
    head : callable
        Net, these maps → (B, classes).
    embed : callable
        Net, these maps → (B, d): the input of the last linear layer.
    stride : int
        Input pixels between neighbouring cells of that layer.
    first_centre : float
        Input pixel at the centre of the receptive field of its first cell.
    as_map : callable
        Net, maps → (B, C, h, w); for networks of tokens.
    split : Split, optional
        For exact inference in tiles.
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
        Default side of the input, in pixels.
    explainable : Explainable, optional
        The parts of a classifier; None for a network without classes.
    any_size : bool
        Whether the input may be larger than in training (fully convolutional up to a pooling).
    fixed_input : bool
        Whether `input_px` is the only side that the network can be built for.
    mean, std : float
        Of grey levels (0 to 1), as the first layer expects them.
    stored : str
        Prefix of the parameters in a model file; `build` provides the others.
    warm : tuple of str
        Prefixes of the parameters that are trained alone at first: a new head.
    tuned : tuple of str
        Prefixes of the parameters trained afterwards; empty if only the head is trained.
    rate : float
        Learning rate of new layers; pretrained layers get a tenth.
    source : str
        Of the weights that `build` brings along; empty where it draws random ones.
    pretrained : str
        Name of the same network with trained weights, as `timm_models.pretrained` takes it.
    channels : int
        Of the input: 1, or as many as `channels.for_channels` has made it for.
    code : str
        Layer of the code of an autoencoder, of a variational one the means.
    """

    build: Callable[[int, int], nn.Module]
    input_px: int
    explainable: Explainable | None = None
    any_size: bool = True
    fixed_input: bool = False
    mean: float = 0.5
    std: float = 0.5
    stored: str = ""
    warm: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ("",)
    rate: float = 1e-3
    source: str = ""
    pretrained: str = ""
    channels: int = 1
    code: str = ""

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

    @property
    def trained(self) -> list[str]:
        """Prefixes of the names of the parameters that a training changes; "" is all of them."""
        prefixes = {*self.warm, *self.tuned} or {"classifier"}
        return [""] if "" in prefixes else sorted(prefixes)


def frozen(net: nn.Module) -> nn.Module:
    """Set evaluation mode and disable gradients of the parameters."""
    return net.eval().requires_grad_(False)


def timm_features(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Input → the last maps of any model of timm."""
    return net.forward_features(x)


def timm_head(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → logits."""
    return net.forward_head(maps)


def timm_embed(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → input of the last linear layer."""
    return net.forward_head(maps, pre_logits=True)
