"""Image models of timm, of the Hugging Face Hub or of a folder, by name."""

from __future__ import annotations

import copy
import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import nn

from ...core.settings.current import check_download, weights_folder
from ..device import spare_triton
from ..seed import seeded
from .base import FOREIGN, Architecture, Explainable, frozen, timm_embed, timm_features, timm_head
from .geometry import measure_grid

Weights = Literal["installed", "download", "random"]

# scales of blocks (layer scale, normalisation) that are smaller have not been trained
_ASLEEP = 0.01

# relative noise of weights for the measurement of receptive fields: some layers subtract means
_UNEVEN = 0.2


@functools.lru_cache(maxsize=8)
def timm_architecture(name: str) -> Architecture:
    """Build the row of a model of timm for one grey channel.

    Parameters
    ----------
    name : str
        As timm lists it, such as ``"resnet18"`` or ``"vit_tiny_patch16_224"``.

    Raises
    ------
    ValueError
        If timm has no such model, or it returns no maps.
    """
    # weights of every session are the same, and so is what is measured with them
    with seeded(0):
        net: Any = untrained(name, 2)
    about = net.pretrained_cfg
    side = int(about.get("input_size", (3, 224, 224))[-1])
    tokens = _is_vit(net)
    features, head = (_vit_features, _vit_head) if tokens else (timm_features, timm_head)
    _wake(net)
    x = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            maps = features(net, x)
            whole, parts = net(x), head(net, maps)
        _level(net)
        grid = measure_grid(lambda x: _as_map(net, features(net, x)), side)
    except (TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(f"timm's {name} gives no maps that could be explained") from error
    if not torch.allclose(whole, parts, rtol=1e-3, atol=1e-4 * float(whole.abs().max())):
        raise ValueError(
            f"timm's {name} gives no maps that could be explained: its scores are not those of its "
            "last maps alone"
        )
    last = about.get("classifier", "")
    heads = tuple(f"{one}." for one in (last if isinstance(last, (tuple, list)) else (last,)))
    any_size = not about.get("fixed_input_size", False) and maps.ndim == 4 and grid.any_size
    return Architecture(
        lambda classes, _: untrained(name, classes),
        side,
        Explainable(
            features,
            head,
            _vit_embed if tokens else timm_embed,
            stride=grid.stride,
            first_centre=grid.first_centre,
            as_map=_as_map,
        ),
        any_size=any_size,
        fixed_input=not any_size,
        mean=_grey(about.get("mean"), 0.5),
        std=_grey(about.get("std"), 0.5),
        warm=heads,
    )


def _grey(colours: Any, otherwise: float) -> float:
    return float(sum(colours) / len(colours)) if colours else otherwise


def untrained(name: str, classes: int) -> nn.Module:
    """Build a model of timm with random weights for one grey channel.

    Raises
    ------
    ValueError
        If timm has no such model.
    """
    spare_triton()
    import timm

    if not timm.is_model(name):
        raise ValueError(f"timm has no model {name!r}: `timm.list_models()` lists its names")
    return frozen(timm.create_model(name, pretrained=False, num_classes=classes, in_chans=1))


def _is_vit(net: Any) -> bool:
    return all(hasattr(net, part) for part in ("blocks", "norm", "num_prefix_tokens"))


def _vit_features(net: Any, x: torch.Tensor) -> torch.Tensor:
    """Tokens before the last block: after it, only the class token reaches the classifier."""
    seen: list[torch.Tensor] = []
    hook = net.blocks[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        net.forward_features(x)
    finally:
        hook.remove()
    return seen[0]


def _vit_head(net: Any, maps: torch.Tensor) -> torch.Tensor:
    rest, x = _from_last_block(net, maps)
    scores: torch.Tensor = rest(x)
    return scores


def _vit_embed(net: Any, maps: torch.Tensor) -> torch.Tensor:
    rest, x = _from_last_block(net, maps)
    found: torch.Tensor = rest.forward_head(rest.forward_features(x), pre_logits=True)
    return found


def _from_last_block(net: Any, maps: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """Network whose blocks before the last are left out, and an input for it.

    Everything else is the network's own, such as the rotary positions that it gives each block.
    """
    rest = copy.copy(net)
    rest._modules = dict(net._modules)
    passed = [_Pass() for _ in net.blocks[:-1]]
    blocks = [*passed, _Given(net.blocks[-1], maps)]
    in_order = isinstance(net.blocks, nn.Sequential)
    rest.blocks = nn.Sequential(*blocks) if in_order else nn.ModuleList(blocks)
    rest.blocks.train(net.training)
    height, width = net.patch_embed.img_size
    channels = next(one for one in net.modules() if isinstance(one, nn.Conv2d)).in_channels
    return rest, maps.new_zeros(len(maps), channels, height, width)


class _Pass(nn.Module):
    """Block that does nothing."""

    def forward(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return x


class _Given(nn.Module):
    """Block with an input of its own; the other arguments are those of the network."""

    def __init__(self, block: nn.Module, given: torch.Tensor) -> None:
        super().__init__()
        self.block, self.given = block, given

    def forward(self, _: torch.Tensor, *further: Any, **named: Any) -> Any:
        return self.block(self.given, *further, **named)


def _wake(net: nn.Module) -> None:
    """Set scales of blocks, which begin at next to nothing, so that blocks take part."""
    for name, value in net.named_parameters():
        if value.ndim == 1 and not name.endswith("bias") and float(value.abs().max()) < _ASLEEP:
            nn.init.constant_(value, 0.5)


def _level(net: nn.Module) -> None:
    """Make convolutions almost even means, whose receptive fields have a sharp centre."""
    generator = torch.Generator().manual_seed(0)
    for value in net.parameters():
        if value.ndim == 4:
            noise = torch.randn(value.shape, generator=generator)
            value.copy_((1 + _UNEVEN * noise) / value[0].numel())


def _as_map(net: Any, maps: torch.Tensor) -> torch.Tensor:
    """Tokens (B, N, C) or (B, h, w, C) as a map (B, C, h, w)."""
    if maps.ndim == 3:
        height, width = net.patch_embed.grid_size
        patches = maps[:, getattr(net, "num_prefix_tokens", 0) :]
        return patches.reshape(len(maps), height, width, -1).permute(0, 3, 1, 2)
    channels = getattr(net, "num_features", maps.shape[1])
    if maps.ndim == 4 and maps.shape[1] != channels and maps.shape[3] == channels:
        return maps.permute(0, 3, 1, 2)
    if maps.ndim != 4:
        raise ValueError(f"features of {maps.ndim} axes are no map")
    return maps


def pretrained(
    name: str, classes: int, weights: Weights = "installed"
) -> tuple[str, nn.Module, dict[str, str]]:
    """Build a network with pretrained weights and a new classifier.

    Parameters
    ----------
    name : str
        ``"timm:NAME"``, ``"hf-hub:OWNER/NAME"`` (a repository in timm's format) or
        ``"local-dir:FOLDER"`` (the same, downloaded or saved before).
    classes : int
        Outputs of the new classifier.
    weights : {'installed', 'download', 'random'}
        Only weights on this machine; download them if needed (into the cache of huggingface_hub);
        or none.

    Returns
    -------
    name : str
        Name of the architecture on the model card, ``"timm:..."``.
    net : nn.Module
        For one grey channel, frozen.
    origin : dict
        ``source`` and ``sha256`` of the weights.

    Raises
    ------
    ValueError
        If there is no such model.
    RuntimeError
        If its weights are not on this machine and may not or cannot be downloaded.
    PermissionError
        If the settings do not allow downloads.
    """
    spare_triton()
    import timm

    if not name.startswith(FOREIGN):
        raise ValueError(f"no model {name!r}: names start with {', '.join(FOREIGN)}")
    if weights == "download" and not name.startswith("local-dir:"):
        check_download(name)
    wanted = name.removeprefix("timm:")
    if name.startswith("timm:"):
        timm_architecture(wanted)
    if weights == "random" and name.startswith("timm:"):
        net, heads = untrained(wanted, classes), timm_architecture(wanted).warm
        return name, net, {"source": f"{name}, random weights", "sha256": digest(net, heads)}
    try:
        with _offline(weights != "download"):
            # without the hub, timm would fall back to the original address of the weights
            stay: dict[str, Any] = (
                {"pretrained_cfg_overlay": {"url": ""}} if weights != "download" else {}
            )
            net = timm.create_model(
                wanted, pretrained=weights != "random", num_classes=classes, in_chans=1, **stay
            )
    # the client of the hub raises errors of three packages, most of them OSError
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RuntimeError(_not_there(name, weights, error)) from error
    about: Any = net.pretrained_cfg
    found = f"timm:{about['architecture']}"
    _check_rebuilds(name, found, net, classes)
    heads = timm_architecture(found.removeprefix("timm:")).warm
    return found, frozen(net), {"source": name, "sha256": digest(net, heads)}


def _check_rebuilds(name: str, found: str, net: nn.Module, classes: int) -> None:
    again = untrained(found.removeprefix("timm:"), classes).state_dict()
    shapes = {key: value.shape for key, value in net.state_dict().items()}
    if {key: value.shape for key, value in again.items()} != shapes:
        raise ValueError(
            f"{name} was built with custom options; only timm's {found} as it is can be saved"
        )


def _not_there(name: str, weights: Weights, error: Exception) -> str:
    reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
    if name.startswith("local-dir:"):
        return f"{name}: no model of timm in that folder ({reason[0]})"
    if weights == "download":
        return f"{name} could not be downloaded: is this machine online? ({reason[0]})"
    return (
        f"the weights of {name} are not on this machine; allow the download (weights='download'), "
        "give a folder (local-dir:FOLDER), or start from random weights (weights='random')"
    )


@contextmanager
def _offline(on: bool) -> Iterator[None]:
    """Restrict huggingface_hub to its cache, which the settings may place elsewhere."""
    from huggingface_hub import constants

    cache = constants.HF_HUB_CACHE
    constants.HF_HUB_CACHE = str(weights_folder() or cache)
    before, word = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    if on:
        constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE = before, cache
        if on and word is None:
            del os.environ["HF_HUB_OFFLINE"]
        elif word is not None:
            os.environ["HF_HUB_OFFLINE"] = word


def digest(net: nn.Module, heads: tuple[str, ...] = ()) -> str:
    """SHA-256 of the names and values of all weights except those of the new classifier."""
    found = hashlib.sha256()
    for name, value in net.state_dict().items():
        if name.startswith(heads):
            continue
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
