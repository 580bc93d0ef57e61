"""Layers of a network: all of them with their parameters, and those with an activation map."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from .checkpoint import SIZE, Model
from .models.channels import PerChannel, input_channels

if TYPE_CHECKING:
    import pandas as pd


def layers_of(net: nn.Module, side: int) -> list[str]:
    """List the layers that return maps, in order of their execution.

    Parameters
    ----------
    net : nn.Module
        Network.
    side : int
        Of its input, in pixels.

    Returns
    -------
    list of str
        Names of blocks and layers down to the second level of modules; none of a network that
        runs on each channel by itself.
    """
    return list(maps_of(net, side))


def maps_of(net: nn.Module, side: int) -> dict[str, tuple[int, ...]]:
    """List the layers as `layers_of`, with the shape of their output for one image."""
    if isinstance(net, PerChannel):
        return {}
    found: dict[str, tuple[int, ...]] = {}
    handles = []

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and _is_map(output):
                found.setdefault(name, tuple(output.shape[1:]))

        return hook

    for name, module in net.named_modules():
        if name and name.count(".") <= 1 and not isinstance(module, (nn.Dropout, nn.Identity)):
            handles.append(module.register_forward_hook(note(name)))
    _run_hooked(net, side, handles)
    return found


def _run_hooked(net: nn.Module, side: int, handles: list[Any]) -> None:
    """Run a network on an empty input, and remove the hooks that look at it."""
    try:
        with torch.no_grad():
            depth, device = input_channels(net), next(net.parameters()).device
            net(torch.zeros(1, depth, side, side, device=device))
    finally:
        for handle in handles:
            handle.remove()


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
    if name not in modules or not name or isinstance(net, PerChannel):
        there = ", ".join(layers_of(net, side)) or "none but the last map"
        raise ValueError(f"no layer {name!r}; there are {there}")
    return modules[name]


def multiplications(net: nn.Module, side: int) -> float:
    """Multiplications of a pass through convolutions and linear layers, for each input pixel.

    Parameters
    ----------
    net : nn.Module
        Network.
    side : int
        Of its input, in pixels.
    """
    total = 0.0
    handles = []

    def count(module: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        channels = output.shape[1] if output.ndim == 4 else output.shape[-1]
        total += weight.numel() * output[0].numel() / channels

    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            handles.append(module.register_forward_hook(count))
    _run_hooked(net, side, handles)
    return total / side**2


def largest_output(net: nn.Module, side: int) -> int:
    """Numbers in the largest output of a layer for one input of a side in pixels."""
    shapes: dict[str, tuple[int, ...]] = {}
    handles = [
        module.register_forward_hook(_note_shape(shapes, name))
        for name, module in net.named_modules()
    ]
    _run_hooked(net, side, handles)
    return max(math.prod(one) for one in shapes.values())


class LayerRow(NamedTuple):
    """One layer of a network.

    Parameters
    ----------
    name : str
        Of the module; empty for parameters that the network itself holds.
    kind : str
        Class of the module.
    shape : tuple of int
        Of its output for one image, without the batch; empty if a pass does not reach it.
    parameters, trained : int
        Number of its parameters, and of those that a training changes.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    trained: int


def all_layers(net: nn.Module, side: int, trained: Sequence[str] = ("",)) -> list[LayerRow]:
    """List the layers of a network in the order of their execution.

    These are the modules without parts, and those that hold parameters themselves; a module that
    does nothing, and a function between modules (an addition), has no row.

    Parameters
    ----------
    net : nn.Module
        Classifier of one grey channel.
    side : int
        Of its input, in pixels.
    trained : sequence of str
        Prefixes of the names of the parameters that are trained.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    own = {
        name: module
        for name, module in net.named_modules()
        if not list(module.children()) or list(module.parameters(recurse=False))
    }
    handles = [m.register_forward_hook(_note_shape(shapes, name)) for name, m in own.items()]
    _run_hooked(net, side, handles)
    place = {name: number for number, name in enumerate(shapes)}
    seen: set[int] = set()
    rows = []
    for name in sorted(own, key=lambda one: place.get(one, len(place))):
        # a parameter that two layers share counts once
        mine = {
            f"{name}.{key}" if name else key: one
            for key, one in own[name].named_parameters(recurse=False)
            if id(one) not in seen
        }
        seen |= {id(one) for one in mine.values()}
        changed = sum(one.numel() for key, one in mine.items() if key.startswith(tuple(trained)))
        total = sum(one.numel() for one in mine.values())
        kind, shape = type(own[name]).__name__, shapes.get(name, ())
        if total or (shape and kind != "Identity"):
            rows.append(LayerRow(name, kind, shape, total, changed))
    return rows


def _note_shape(shapes: dict[str, tuple[int, ...]], name: str) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            shapes.setdefault(name, tuple(output.shape[1:]))

    return hook


def layer_table(model: Model) -> pd.DataFrame:
    """List the layers of a model in the order of their execution.

    Parameters
    ----------
    model : Model
        From `checkpoint.load_model` or a training.

    Returns
    -------
    DataFrame
        ``layer``, ``type``, ``output`` (its shape for one image, channels first), number of
        ``parameters`` and of those that are ``trained``. A training changes those; the others
        keep the weights that the network started from.
    """
    import pandas as pd

    rows = [
        (one.name or "(network)", one.kind, _shape(one.shape), one.parameters, one.trained)
        for one in all_layers(model.net, model.card.input_px, _trained(model))
    ]
    size = model.extras.get(SIZE)
    if size is not None:
        rows.append(("size", "Pixel size", _shape(tuple(size.shape)), size.numel(), size.numel()))
    return pd.DataFrame(rows, columns=["layer", "type", "output", "parameters", "trained"])


def _trained(model: Model) -> list[str]:
    if model.card.trained is not None:
        return model.card.trained
    # the card of an earlier version: what its architecture trains
    backbone = model.card.backbone
    source = str(backbone.get("source", "")) if isinstance(backbone, Mapping) else ""
    return [""] if source.startswith("random") else model.design.trained


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "–"
