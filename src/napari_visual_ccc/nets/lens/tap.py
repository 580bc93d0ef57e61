"""A layer of a network as a function of its input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from ..checkpoint import Model
from ..device import doubles
from ..layers import find_layer, layers_of, maps_of
from ..models.channels import input_channels
from ..models.geometry import measure_grid


class _Reached(Exception):
    """The layer was computed."""

    def __init__(self, output: torch.Tensor) -> None:
        self.output = output


class Geometry(NamedTuple):
    """Where the cells of a layer lie in the input of the network.

    Parameters
    ----------
    channels : int
        Number of maps.
    cells : int
        Along the side of an input of the size of the model card.
    stride : int
        Input pixels between neighbouring cells.
    first_centre : float
        Input pixel on which the first cell is centred.
    exact : bool
        Whether an input of n strides has n cells, so that it can be cut into tiles.
    """

    channels: int
    cells: int
    stride: int
    first_centre: float
    exact: bool


# by hash of the model file and name of the layer
_known: dict[tuple[str, str], Geometry] = {}
_reaches: dict[tuple[str, str], int] = {}


@dataclass(frozen=True, eq=False)
class Tap:
    """A layer of a model.

    Parameters
    ----------
    model : Model
        From `checkpoint.load_model`.
    layer : str
        Name of a module; empty for the last maps of a classifier, the code of an autoencoder (of a
        variational one its means), and of another network the layer with the fewest values.

    Raises
    ------
    ValueError
        If there is no such layer, or it gives no maps.
    """

    model: Model
    layer: str = ""

    def __post_init__(self) -> None:
        """Look up the layer."""
        if not self.layer and self.model.design.explainable is None:
            layer = self.model.design.code or _bottleneck(self.model)
            object.__setattr__(self, "layer", layer)
        if self.layer:
            find_layer(self.model.net, self.layer, self.model.card.input_px)

    @property
    def name(self) -> str:
        """Name of the layer, also of the default one."""
        return self.layer or "last maps"

    @property
    def depth(self) -> int:
        """Number of channels of the input."""
        return input_channels(self.model.net)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Input (B, 1, H, W), or with several channels → maps (B, C, h, w)."""
        net, design = self.model.net, self.model.design
        if not self.layer:
            return design.parts.as_map(net, design.parts.features(net, x))
        layer = find_layer(net, self.layer, self.model.card.input_px)
        return self._as_map(output_of(net, layer, x), x)

    def _as_map(self, found: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        if found.ndim == 3:
            prefix = int(getattr(self.model.net, "num_prefix_tokens", 0))
            grid = getattr(getattr(self.model.net, "patch_embed", None), "grid_size", None)
            if grid is not None and grid[0] * grid[1] == found.shape[1] - prefix:
                patches = found[:, prefix:]
                return patches.reshape(len(found), *grid, -1).permute(0, 3, 1, 2)
        if found.ndim == 4 and self.model.design.fixed_input:
            height, width = found.shape[1:3]
            # of a square input: channels come last
            if height == width != found.shape[3]:
                return found.permute(0, 3, 1, 2)
        if found.ndim != 4:
            side = self.model.card.input_px
            known = ", ".join(layers_of(self.model.net, side))
            raise ValueError(f"layer {self.layer!r} gives no maps; there are {known}")
        return found

    def geometry(self) -> Geometry:
        """Measure where the cells lie; of a layer of a model file once."""
        key = (self.model.hash, self.layer)
        if not self.model.hash:
            return self._measured()
        if key not in _known:
            _known[key] = self._measured()
        return _known[key]

    def _measured(self) -> Geometry:
        side = self.model.card.input_px
        maps = self._cells(side)
        channels, cells = int(maps[0]), int(maps[1])
        design = self.model.design
        step, first = self._grid(side, cells)
        exact = design.any_size and cells * step == side
        return Geometry(channels, cells, step, first, exact)

    def _grid(self, side: int, cells: int) -> tuple[int, float]:
        """Stride and first centre; of the last maps of a classifier those of the architecture."""
        parts = self.model.design.explainable
        if not self.layer and parts is not None:
            return parts.stride, parts.first_centre
        # a network without a head may go down and up again: it is measured at its own size
        multiple = side if parts is None else parts.stride
        try:
            grid = measure_grid(
                self, side, self.depth, multiple, self.model.device, goes_up=parts is None
            )
        except (AssertionError, RuntimeError, ValueError):
            # cells in an order of their own, or a layer without gradients: evenly
            step = max(1, round(side / cells))
            return step, (side - 1 - (cells - 1) * step) / 2
        return grid.stride, grid.first_centre

    def _cells(self, side: int) -> tuple[int, int]:
        with torch.no_grad():
            maps = self(torch.zeros(1, self.depth, side, side, device=self.model.device))
        return maps.shape[1], maps.shape[3]

    def seen_px(self, share: float = 0.95) -> int:
        """Side of the square of input pixels on which a cell depends, around its centre.

        The effective receptive field (Luo et al., NeurIPS 2016): the square that holds most of the
        gradient of the middle cell, for noise as the input.
        """
        about = self.geometry()
        side = self.model.card.input_px
        return int(min(side, max(about.stride, 2 * self._radius(side, share) + 1)))

    def reach_px(self) -> int:
        """Input pixels from the centre of a cell within which it depends on the input.

        As `seen_px`, but of an input three times as large where the network takes any size: the
        square of a deep layer is larger than the images of its training. Of a layer of a model file
        it is measured once.
        """
        key = (self.model.hash, self.layer)
        if not self.model.hash or key not in _reaches:
            side = self.model.card.input_px * (3 if self.model.design.any_size else 1)
            _reaches[key] = int(max(self.geometry().stride, self._radius(side, 0.95, images=1)))
        return _reaches[key]

    def _radius(self, side: int, share: float, images: int = 4) -> float:
        """Half of the side of the square that holds a share of the gradient of the middle cell."""
        device = self.model.device
        generator = torch.Generator().manual_seed(0)
        noise = (
            torch.randn(images, self.depth, side, side, generator=generator)
            .to(device)
            .requires_grad_()
        )
        maps = self(noise)
        row, column = maps.shape[2] // 2, maps.shape[3] // 2
        (gradient,) = torch.autograd.grad(maps[:, :, row, column].abs().sum(), noise)
        weight = doubles(gradient.abs().sum(dim=(0, 1)))
        about = self.geometry()
        centre = [about.first_centre + about.stride * place for place in (row, column)]
        grid = doubles(torch.arange(side))
        reach = torch.maximum(
            (grid[:, None] - centre[0]).abs().expand(side, side),
            (grid[None, :] - centre[1]).abs().expand(side, side),
        ).round()
        total, order = weight.sum(), reach.flatten().argsort()
        inside = weight.flatten()[order].cumsum(0) >= share * total
        if not float(total) or not bool(inside.any()):
            return side / 2
        return float(reach.flatten()[order][int(inside.int().argmax())])


def output_of(net: nn.Module, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Compute the output of one layer; the layers after it are not computed.

    Raises
    ------
    ValueError
        If the network does not use the layer, or it returns no tensor.
    """

    def stop(_: nn.Module, __: Any, output: Any) -> None:
        raise _Reached(output)

    handle = layer.register_forward_hook(stop)
    try:
        net(x)
    except _Reached as reached:
        if isinstance(reached.output, torch.Tensor):
            return reached.output
        raise ValueError("this layer returns no tensor; choose another one") from None
    finally:
        handle.remove()
    raise ValueError("the network does not use this layer; choose another one")


def _bottleneck(model: Model) -> str:
    """Name of the last of the layers with the fewest values."""
    sizes = {name: math.prod(s) for name, s in maps_of(model.net, model.card.input_px).items()}
    fewest = min(sizes.values(), default=0)
    return next((name for name in reversed(sizes) if sizes[name] == fewest), "")
