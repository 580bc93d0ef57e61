"""The layers of a network that a class activation map can be made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .checkpoint import Model


def layers_of(model: Model) -> list[str]:
    """Names of the layers that give maps which could be explained, from the first to the last.

    Parameters
    ----------
    model : Model
        Loaded.

    Returns
    -------
    list of str
        Blocks and single layers down to the second level.
    """
    side = model.card["input_px"]
    found: dict[str, int] = {}
    handles = []

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and _is_map(output):
                found.setdefault(name, len(found))

        return hook

    for name, module in model.net.named_modules():
        if name and name.count(".") <= 1 and not isinstance(module, (nn.Dropout, nn.Identity)):
            handles.append(module.register_forward_hook(note(name)))
    try:
        with torch.no_grad():
            model.net(torch.zeros(1, 1, side, side, device=model.device))
    finally:
        for handle in handles:
            handle.remove()
    return sorted(found, key=lambda name: found[name])


def _is_map(output: torch.Tensor) -> bool:
    if output.ndim == 4:
        return min(output.shape[1:3]) > 1
    return output.ndim == 3 and output.shape[1] > 4


def find_layer(model: Model, name: str) -> nn.Module:
    """Look a layer up by name.

    Raises
    ------
    ValueError
        If there is none; the message lists what there is.
    """
    modules = dict(model.net.named_modules())
    if name not in modules or not name:
        raise ValueError(f"no layer {name!r}; there are {', '.join(layers_of(model))}")
    return modules[name]
