"""Table of network architectures.

All take one grey channel; `channels` makes them for several. The first layer of a network for
colour is summed over its channels, which is equivalent to a grey image repeated three times.
"""

from __future__ import annotations

from .autoencoder import AUTOENCODER, VARIATIONAL, autoencoder_architecture
from .base import Architecture
from .channels import for_channels
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
