"""Layers of a network that have a class activation map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def layers_of(net: nn.Module, side: int) -> list[str]:
    """List the layers that return maps, in order of their execution.

    Parameters
    ----------
    net : nn.Module
        Classifier of one grey channel.
    side : int
        Of its input, in pixels.

    Returns
    -------
    list of str
        Names of blocks and layers down to the second level of modules.
    """
    found: dict[str, int] = {}
    handles = []

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and _is_map(output):
                found.setdefault(name, len(found))

        return hook

    for name, module in net.named_modules():
        if name and name.count(".") <= 1 and not isinstance(module, (nn.Dropout, nn.Identity)):
            handles.append(module.register_forward_hook(note(name)))
    try:
        with torch.no_grad():
            net(torch.zeros(1, 1, side, side, device=next(net.parameters()).device))
    finally:
        for handle in handles:
            handle.remove()
    return sorted(found, key=lambda name: found[name])


def _is_map(output: torch.Tensor) -> bool:
    if output.ndim == 4:
        return min(output.shape[1:3]) > 1
    return output.ndim == 3 and output.shape[1] > 4


def find_layer(net: nn.Module, name: str, side: int) -> nn.Module:
    """Look up a layer by name.

    Raises
    ------
    ValueError
        If there is none; the message lists the layers.
    """
    modules = dict(net.named_modules())
    if name not in modules or not name:
        raise ValueError(f"no layer {name!r}; there are {', '.join(layers_of(net, side))}")
    return modules[name]
