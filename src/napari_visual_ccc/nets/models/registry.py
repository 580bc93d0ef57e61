"""The networks there are, and what has to be known of each to train, classify and explain.

All take one grey channel. A network for colour is adapted once: the weights of its first layer are
summed over the channels, which is what it would see of a grey image repeated three times.
"""

from __future__ import annotations

from .base import Architecture, timm_embed, timm_features, timm_head
from .lite0 import _LITE0
from .published import _alexnet_flat, _visualcnn, _xception, alexnet, simple_cnn

ARCHITECTURES: dict[str, Architecture] = {
    "lite0-linear": _LITE0,
    "lite0-finetune": Architecture(
        **{**_LITE0.__dict__, "stored": "", "tuned": ("",)},
    ),
    "visualcnn": Architecture(
        _visualcnn,
        features=lambda net, x: net.features(x),
        head=lambda net, maps: net.head(maps),
        embed=lambda net, maps: net.embed(maps),
        stride=8,
        first_centre=3.5,
        input_px=256,
    ),
    # 11 px, stride 4, padding 2, then two max poolings of 3 px and stride 2, the last one behind
    "alexnet-1ch": Architecture(
        alexnet,
        features=lambda net, x: net.features[:12](x),
        head=lambda net, maps: net.classifier(_alexnet_flat(net, maps)),
        embed=lambda net, maps: net.classifier[:6](_alexnet_flat(net, maps)),
        stride=16,
        first_centre=15.0,
        input_px=256,
        any_size=False,
        rate=3e-4,
    ),
    "simple-cnn": Architecture(
        simple_cnn,
        features=lambda net, x: net[:4](x),
        head=lambda net, maps: net[4:](maps),
        embed=lambda net, maps: net[4:9](maps),
        stride=1,
        first_centre=2.0,
        input_px=96,
        any_size=False,
    ),
    "xception": Architecture(
        _xception,
        timm_features,
        timm_head,
        timm_embed,
        stride=32,
        first_centre=15.5,
        input_px=299,
        warm=("fc.",),
        tuned=("block12.", "conv3.", "bn3.", "conv4.", "bn4.", "fc."),
        pretrained="timm:legacy_xception",
    ),
}


def architecture(name: str) -> Architecture:
    """Look an architecture up.

    Parameters
    ----------
    name : str
        One of the table, or ``"timm:"`` and the name of any image model of timm.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if name.startswith("timm:"):
        from .timm_models import timm_architecture

        return timm_architecture(name.removeprefix("timm:"))
    raise ValueError(
        f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}, and timm:NAME for any "
        "image model of timm"
    )
