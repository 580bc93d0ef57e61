"""Table of network architectures.

All take one grey channel; `channels` makes them for several. The first layer of a network for
colour is summed over its channels, which is equivalent to a grey image repeated three times.
"""

from __future__ import annotations

import functools

import torch
from torch import nn

from .autoencoder import AUTOENCODER, VARIATIONAL, autoencoder_architecture
from .base import Architecture
from .channels import for_channels, widened
from .lite0 import LITE0_FINETUNE, LITE0_LINEAR
from .published import ALEXNET, SIMPLE_CNN, VISUALCNN, XCEPTION

ARCHITECTURES: dict[str, Architecture] = {
    "lite0-linear": LITE0_LINEAR,
    "lite0-finetune": LITE0_FINETUNE,
    "visualcnn": VISUALCNN,
    "alexnet-1ch": ALEXNET,
    "simple-cnn": SIMPLE_CNN,
    "xception": XCEPTION,
}


def architecture(name: str, channels: int = 1) -> Architecture:
    """Look up an architecture.

    Parameters
    ----------
    name : str
        One of the table, ``"timm:"`` and the name of any image model of timm, or
        ``"autoencoder:"`` and channels x halvings of an autoencoder.
    channels : int
        Number of channels of the input.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if channels > 1:
        return for_channels(architecture(name), channels)
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if name.startswith("timm:"):
        from .timm_models import timm_architecture

        return timm_architecture(name.removeprefix("timm:"))
    if name.startswith((AUTOENCODER, VARIATIONAL)):
        return autoencoder_architecture(name)
    raise ValueError(
        f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}, and timm:NAME for any "
        "image model of timm"
    )


@functools.lru_cache(maxsize=64)
def shapes_of(name: str, channels: int, classes: int, side: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors that a model file of an architecture holds, without their memory.

    A file may name any network, and any number of classes: its tensors are compared before a
    network is built that may be larger than all memory. They are kept, as a build takes longer than
    the rest of loading a small model; callers must not change them.

    Parameters
    ----------
    name, channels
        As for `architecture`.
    classes, side : int
        As for `Architecture.build`.

    Raises
    ------
    ValueError
        If there is no such architecture.
    """
    net = without_weights(name, channels, classes, side)
    stored = "" if name.startswith("timm:") else architecture(name, channels).stored
    return {
        key: tuple(value.shape) for key, value in net.state_dict().items() if key.startswith(stored)
    }


def without_weights(name: str, channels: int, classes: int, side: int) -> nn.Module:
    """Build a network on torch's meta device: it has shapes and takes no memory.

    Parameters
    ----------
    name, channels, classes, side
        As for `shapes_of`.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        if name.startswith("timm:"):
            from .timm_models import untrained

            # its row in the table is measured on a network with weights
            net: nn.Module = untrained(name.removeprefix("timm:"), classes)
            return widened(net, channels) if channels > 1 else net
        return architecture(name, channels).build(classes, side)
