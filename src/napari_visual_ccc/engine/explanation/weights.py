"""Weights of the channels of a layer in class activation maps.

The only importer of ``pytorch_grad_cam`` beside `cam_sanity_checks`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from ...core.progress import Progress, Steps
from ...nets.device import at_a_time, side_by_side
from ...nets.models.base import Architecture

# products of numbers between two steps: about half a second of two cores
_PRODUCTS = 1e10

# first principal component of activations: its sign is arbitrary
_EIGEN = ("eigencam", "eigengradcam")

# channels evaluated one by one on an image larger than one window: those with the largest variance
_FEW_CHANNELS = 64


@dataclass(frozen=True)
class Target:
    """The score that a class activation map explains.

    Parameters
    ----------
    index : int
        Explained class.
    against : int or None
        Class whose score is subtracted.
    """

    index: int
    against: int | None = None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Compute the score: (..., classes) → (...)."""
        score = logits[..., self.index]
        return score if self.against is None else score - logits[..., self.against]


def class_activation_map(
    net: Any,
    layer: nn.Module,
    given: torch.Tensor,
    target: Target,
    method: str,
    as_map: Callable[[torch.Tensor], torch.Tensor],
) -> Steps[np.ndarray]:
    """Compute the weighted sum of the maps of a layer.

    Parameters
    ----------
    net : nn.Module
        Network of the scores.
    layer : nn.Module
        Layer of the net.
    given : (B, ...) tensor
        Input of the network.
    target : Target
        Score that is explained.
    method : str
        One of `explain.TITLES`, but not Score-CAM or FullGrad.
    as_map : callable
        Output of the layer → (B, C, h, w).

    Returns
    -------
    (B, h, w) float64 array
        Signed and not scaled.
    """
    import pytorch_grad_cam as grad_cam

    if method == "ablationcam":
        return (yield from ablation_cam(net, layer, given, target, as_map))
    yield Progress(0, 1, "weights")
    kinds = {
        "gradcam": grad_cam.GradCAM,
        "gradcam++": grad_cam.GradCAMPlusPlus,
        "hirescam": grad_cam.HiResCAM,
        "xgradcam": grad_cam.XGradCAM,
        "layercam": grad_cam.LayerCAM,
        "eigencam": grad_cam.EigenCAM,
        "eigengradcam": grad_cam.EigenGradCAM,
        "random": grad_cam.RandomCAM,
    }
    given = given.detach().requires_grad_(given.is_floating_point())
    raw = None
    with (
        torch.enable_grad(),
        kinds[method](model=net, target_layers=[layer], reshape_transform=as_map) as cam,
    ):
        scores = cam.activations_and_grads(given)
        if method not in ("eigencam", "random"):
            target(scores).sum().backward()
        activations = cam.activations_and_grads.activations[0].float().numpy()
        gradients = cam.activations_and_grads.gradients
        slopes = gradients[0].float().numpy() if gradients else np.zeros_like(activations)
        with _same_random_numbers():
            raw = cam.get_cam_image(given, layer, [target] * len(given), activations, slopes, False)
    # __exit__ of the library swallows an IndexError
    if raw is None:
        raise RuntimeError("grad-cam gave no map")
    raw = np.asarray(raw, np.float64)
    if method in _EIGEN:
        shown = activations if method == "eigencam" else activations * slopes
        signs = np.sign((raw * shown.mean(axis=1)).sum(axis=(1, 2)))
        # the sign of a principal component is arbitrary
        raw *= np.where(signs < 0, -1, 1)[:, None, None]
    return raw


# one thread at a time: the global generator is shared
_numbers = threading.Lock()


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Seed the global generator of numpy, which Random-CAM uses, and restore it."""
    with _numbers:
        state = np.random.get_state()
        np.random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(state)


def _channels(maps: torch.Tensor, few: bool) -> torch.Tensor:
    """Indices of all channels, or of those with the largest variance."""
    count = len(maps)
    if not few or count <= _FEW_CHANNELS:
        return torch.arange(count, device=maps.device)
    return maps.std(dim=(1, 2)).topk(_FEW_CHANNELS).indices.sort().values


def _step(net: nn.Module, given: torch.Tensor) -> int:
    """How often a network runs on an input between two steps: less than a second, if it can."""
    count = 0

    def add(layer: Any, _: Any, output: torch.Tensor) -> None:
        nonlocal count
        # the weights that each number of the output is made of
        count += output.numel() * layer.weight[0].numel()

    layers = [one for one in net.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    handles = [one.register_forward_hook(add) for one in layers]
    try:
        with torch.no_grad():
            net(given)
    finally:
        for handle in handles:
            handle.remove()
    return int(_PRODUCTS // max(1, count))


def ablation_cam(
    net: Any,
    layer: nn.Module,
    given: torch.Tensor,
    target: Target,
    as_map: Callable[[torch.Tensor], torch.Tensor],
) -> Steps[np.ndarray]:
    """Ablation-CAM (Desai & Ramaswamy, WACV 2020): relative drop of the score without a channel."""
    seen: list[torch.Tensor] = []
    off: list[int] = []

    def hook(_: nn.Module, __: Any, output: torch.Tensor) -> torch.Tensor | None:
        if not off:
            seen.append(output)
            return None
        changed = output.clone()
        # channels of tokens and of channels-last maps are the last axis
        behind = changed.ndim == 3 or as_map(output).shape[1] != output.shape[1]
        for k, channel in enumerate(off):
            rows = slice(k * count, (k + 1) * count)
            if behind:
                changed[rows, ..., channel] = 0
            else:
                changed[rows, channel] = 0
        return changed

    count = len(given)
    handle = layer.register_forward_hook(hook)
    try:
        with torch.no_grad():
            before = target(net(given))  # (B,)
            maps = as_map(seen[0])
            channels = list(range(maps.shape[1]))
            weights = torch.zeros(count, maps.shape[1], device=maps.device)
            at_once = max(1, min(32, int(3e7 // max(1, maps.numel())), _step(net, given)))
            for start in range(0, len(channels), at_once):
                yield Progress(start, len(channels), "channels")
                off[:] = channels[start : start + at_once]
                scores = target(net(given.repeat(len(off), *[1] * (given.ndim - 1))))
                fall = (before - scores.reshape(len(off), count)) / (before.abs() + 1e-12)
                weights[:, off] = fall.T
        return (weights[:, :, None, None] * maps).sum(dim=1).cpu().double().numpy()
    finally:
        handle.remove()


def score_cam_of_layer(
    net: Any,
    layer: nn.Module,
    given: torch.Tensor,
    target: Target,
    as_map: Callable[[torch.Tensor], torch.Tensor],
    few: bool = False,
) -> Steps[np.ndarray]:
    """Score-CAM of a chosen layer: see `score_cam`."""
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda *parts: seen.append(parts[2]))
    try:
        with torch.no_grad():
            net(given)
    finally:
        handle.remove()
    return (yield from score_cam(net, given, as_map(seen[0]), target, few))


def score_cam(
    net: Any, given: torch.Tensor, maps: torch.Tensor, target: Target, few: bool = False
) -> Steps[np.ndarray]:
    """Score-CAM (Wang et al., CVPR Workshops 2020): score of the image masked by each channel.

    Parameters
    ----------
    net : nn.Module
        (B, 1, H, W) → (B, classes).
    given : (B, 1, H, W) tensor
        Input.
    maps : (B, C, h, w) tensor
        Maps of the explained layer.
    target : Target
        Score that is explained.
    few : bool
        Use only the 64 channels with the largest variance.
    """
    weights = torch.full(maps.shape[:2], -torch.inf, device=maps.device)
    cores = at_a_time(given.device)
    at_once = max(1, min(32, int(4e6 // given[0].numel()) // cores, _step(net, given[:1])))

    def score(channels: tuple[int, torch.Tensor]) -> tuple[int, torch.Tensor, torch.Tensor]:
        number, some = channels
        with torch.no_grad():
            masks = interpolate(maps[number, some][:, None], size=given.shape[2:], mode="bilinear")
            low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
            masks = (masks - low) / (high - low).clamp(min=1e-8)
            return number, some, target(net(given[number : number + 1] * masks)).float()

    every = [_channels(one, few) for one in maps]
    parts = [(number, some) for number, one in enumerate(every) for some in one.split(at_once)]
    count, done = sum(map(len, every)), 0
    yield Progress(0, count, "channels")
    for number, some, scores in side_by_side(score, parts, cores):
        weights[number, some] = scores
        done += len(some)
        yield Progress(done, count, "channels")
    return (weights.softmax(dim=1)[:, :, None, None] * maps).sum(dim=1).cpu().double().numpy()


def full_grad(net: nn.Module, given: torch.Tensor, target: Target) -> np.ndarray:
    """FullGrad (Srinivas & Fleuret, NeurIPS 2019): input and bias gradients of all layers.

    As ``pytorch_grad_cam.FullGrad``, but the channels of a layer are summed before they are
    enlarged, not after: the same result, a hundred times faster.
    """
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def hook(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
        bias = layer.bias
        if bias is not None and isinstance(layer, nn.BatchNorm2d):
            norm: Any = layer
            bias = bias - norm.running_mean * norm.weight / (norm.running_var + norm.eps).sqrt()
        if bias is None:
            return output
        # the following layers may work in place
        output = output.clone()
        output.retain_grad()
        seen.append((bias.detach(), output))
        return output.clone()

    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        with torch.enable_grad():
            given = given.detach().requires_grad_()
            target(net(given)).sum().backward()
        grad = given.grad
        assert grad is not None
        total = _unit((grad * given).abs().detach()).sum(dim=1, keepdim=True)
        for bias, output in seen:
            if output.grad is not None:
                part = _unit((bias[:, None, None] * output.grad).abs()).sum(dim=1, keepdim=True)
                total = total + interpolate(part, size=total.shape[2:], mode="bilinear")
        return total[:, 0].detach().cpu().double().numpy()
    finally:
        for handle in handles:
            handle.remove()


def _unit(maps: torch.Tensor) -> torch.Tensor:
    """Scale every map of (B, C, h, w) to 0..1."""
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low + 1e-7)


class Head(nn.Module):
    """The layers after the explained one as a network; its first layer is the identity."""

    def __init__(self, net: Any, design: Architecture) -> None:
        super().__init__()
        self.net = net
        self.design = design
        self.maps = nn.Identity()
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps → (B, classes)."""
        return self.design.parts.head(self.net, self.maps(x))


@contextlib.contextmanager
def detached(layer: nn.Module) -> Iterator[None]:
    """Detach the output of a layer, so that the layers before it are not differentiated."""
    handle = layer.register_forward_hook(lambda *given: given[2].detach().requires_grad_())
    try:
        yield
    finally:
        handle.remove()
