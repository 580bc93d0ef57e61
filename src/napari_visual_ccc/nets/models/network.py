"""A network to be trained: its architecture and the source of its first weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from torch import nn

from ..seed import seeded
from .base import FOREIGN, Architecture
from .channels import adapted, for_channels
from .registry import architecture
from .timm_models import Weights, pretrained


@dataclass(frozen=True)
class Network:
    """A network before its training.

    Parameters
    ----------
    name : str
        Name of the architecture on the model card.
    architecture : Architecture
        Its parts, and which of its parameters are trained.
    build : callable
        Side of the input in pixels → network with a new classifier.
    origin : mapping
        ``source`` of its weights and, for weights from elsewhere, their ``sha256``.
    """

    name: str
    architecture: Architecture
    build: Callable[[int], nn.Module]
    origin: Mapping[str, str]


def choose_network(
    name: str, classes: int, weights: Weights, seed: int, channels: int = 1
) -> Network:
    """Look up a network to train.

    Parameters
    ----------
    name : str
        An architecture of the registry, or a model that `timm_models.pretrained` takes.
    classes : int
        Number of classes.
    weights : {'installed', 'download', 'random'}
        Source of pretrained weights.
    seed : int
        Seed of new weights.
    channels : int
        Number of channels of the images.

    Raises
    ------
    ValueError
        If there is no such network.
    RuntimeError
        If its weights are not on this machine and may not or cannot be downloaded.
    """
    grey = _for_grey(name, classes, weights, seed)
    if channels == 1:
        return grey
    widen = adapted(grey.architecture, channels, classes)

    def build(side: int) -> nn.Module:
        with seeded(seed):
            return widen(grey.build(side))

    return replace(grey, architecture=for_channels(grey.architecture, channels), build=build)


def _for_grey(name: str, classes: int, weights: Weights, seed: int) -> Network:
    if name.startswith(FOREIGN):
        network = _pretrained(name, classes, weights, seed)
        if weights == "random":
            return replace(network, architecture=_from_scratch(network.architecture))
        return network
    found = architecture(name)
    source = found.source or "random weights"
    if found.pretrained and weights != "random":
        network = _pretrained(found.pretrained, classes, weights, seed)
        return replace(network, name=name, architecture=found)
    if found.pretrained:
        found = _from_scratch(found)

    def build(side: int) -> nn.Module:
        with seeded(seed):
            return found.build(classes, side)

    return Network(name, found, build, {"source": source})


def _pretrained(name: str, classes: int, weights: Weights, seed: int) -> Network:
    with seeded(seed):
        name, net, origin = pretrained(name, classes, weights)
    # cross-validation trains the network several times
    return Network(name, architecture(name), lambda _: copy.deepcopy(net), origin)


def _from_scratch(found: Architecture) -> Architecture:
    """Without pretrained weights all layers are trained, from the first epoch on."""
    return replace(found, warm=(), tuned=("",))
