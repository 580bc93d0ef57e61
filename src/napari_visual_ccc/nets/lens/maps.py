"""Maps of a layer for an image of any size, in tiles or windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad

from ...core.progress import Progress, Steps
from ..inference import TILES, Tiles, in_tiles, to_input
from ..interpolate import resized
from ..models.base import Architecture
from ..predict import grey_range
from .tap import Geometry, Tap

# largest maps that are computed, in values: 1 GiB
MOST_VALUES = 1 << 28

# above this many input pixels the image is resized tile by tile
_AT_ONCE = 1 << 24

# a network that cannot be cut into tiles exactly sees up to this many input pixels at once
_IN_ONE = 1 << 20

_WINDOWS = 8


class LayerMaps(NamedTuple):
    """Maps of a layer, and where their cells lie in the image.

    Parameters
    ----------
    maps : (C, h, w) float32 array
        One map a channel.
    stride : float
        Image pixels between neighbouring cells.
    origin : float
        Image pixel on which the first cell is centred.
    windows : int
        Number of windows that were blended; 0 where the image was seen at once or in tiles.
    """

    maps: np.ndarray
    stride: float
    origin: float
    windows: int = 0


def layer_maps(
    tap: Tap,
    image: Any,
    scale: float,
    tiles: Tiles = TILES,
    values: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Steps[LayerMaps]:
    """Compute the maps of a layer for a whole image.

    A network that takes any size sees the image at once, or in tiles with a margin: exactly the
    same as at once where the margin holds what a cell depends on. A network of one input size sees
    windows that overlap by half; where they do, their maps are blended, the middle of a window
    counts most.

    Parameters
    ----------
    tap : Tap
        The layer.
    image : (Y, X) float32 array
        0 to 1, numpy or dask; (C, Y, X) numpy for a network of several channels.
    scale : float
        Input pixels per image pixel.
    tiles : Tiles
        Sides of tiles.
    values : callable, optional
        Instead of the layer: input (B, 1, H, W) → (B, C, h, w) with the cells of the layer.

    Raises
    ------
    ValueError
        If the maps would be too large.
    """
    about, design = tap.geometry(), tap.model.design
    size = tuple(max(about.stride, round(n * scale)) for n in image.shape[-2:])
    shown = tuple(_count(n, about) for n in size)
    if about.channels * shown[0] * shown[1] > MOST_VALUES:
        height, width = image.shape[-2:]
        raise ValueError(
            f"the maps of {tap.name} for an image of {height} x {width} would be "
            f"larger than {MOST_VALUES * 4 / 2**30:.0f} GiB: choose a deeper layer, or take a part"
        )
    place = (about.stride / scale, (about.first_centre + 0.5) / scale - 0.5)
    windows = 0
    compute = values or tap
    if about.exact or (design.any_size and size[0] * size[1] <= _IN_ONE):
        given = _Input(image, size, grey_range(tap.model), _multiple(about, design))
        found = yield from in_tiles(
            compute, given, tap.model.device, about.stride, tiles.whole, tiles.whole_margin
        )
        maps = found[0].float().cpu().numpy()
    else:
        maps, windows = yield from _blended(tap, compute, about, image, size)
    return LayerMaps(np.ascontiguousarray(maps[:, : shown[0], : shown[1]]), *place, windows)


def _count(length: int, about: Geometry) -> int:
    """Cells whose centre lies in the image."""
    return max(1, int((length - 0.5 - about.first_centre) // about.stride) + 1)


def _multiple(about: Geometry, design: Architecture) -> int:
    """Sides of the input are multiples of this: padding within a network depends on the rest."""
    parts = design.explainable
    return max(about.stride, 1 if parts is None else parts.stride)


class _Input:
    """Input of a network, of which parts are taken as of a (1, C, H, W) tensor.

    Parameters
    ----------
    image : (Y, X) array
        Numpy or dask, 0 to 1.
    size : (height, width)
        Of the resized image.
    grey : (mean, std)
        That the network expects.
    multiple : int
        The border is repeated until the sides are multiples of it.
    """

    def __init__(
        self, image: Any, size: tuple[int, ...], grey: tuple[float, float], multiple: int
    ) -> None:
        self.image, self.size, self.grey = image, (size[0], size[1]), grey
        self.shape = (1, 1, *(-(-n // multiple) * multiple for n in size))
        self._whole: torch.Tensor | None = None
        if image.ndim > 2 or (isinstance(image, np.ndarray) and size[0] * size[1] <= _AT_ONCE):
            given = to_input(torch.from_numpy(image)[None], self.size, *grey)
            bottom, right = (n - m for n, m in zip(self.shape[2:], self.size, strict=True))
            self._whole = pad(given, (0, right, 0, bottom), mode="replicate")

    def __getitem__(self, place: tuple[slice, ...]) -> torch.Tensor:
        if self._whole is not None:
            return self._whole[place]
        mean, std = self.grey
        wanted = [one.indices(n)[:2] for one, n in zip(place[2:], self.shape[2:], strict=True)]
        inside = [(min(a, n - 1), min(b, n)) for (a, b), n in zip(wanted, self.size, strict=True)]
        part = resized(self.image, self.size, *inside)
        beyond = [(0, (b - a) - (d - c)) for (a, b), (c, d) in zip(wanted, inside, strict=True)]
        return torch.from_numpy((np.pad(part, beyond, mode="edge") - mean) / std)[None, None]


def _blended(
    tap: Tap,
    compute: Callable[[torch.Tensor], torch.Tensor],
    about: Geometry,
    image: Any,
    size: tuple[int, ...],
) -> Steps[tuple[np.ndarray, int]]:
    """Run the network on overlapping windows, whose cells lie on one grid."""
    side, cells, step = tap.model.card.input_px, about.cells, about.stride
    move = max(1, cells // 2)
    rows, columns = (max(0, -(-(n - side) // (move * step))) + 1 for n in size)
    shape = tuple((count - 1) * move + cells for count in (rows, columns))
    # windows end beyond the image: it is mirrored there, as at its border in training
    wide = [(count - 1) * move * step + side for count in (rows, columns)]
    mean, std = grey_range(tap.model)
    shown = to_input(torch.from_numpy(np.asarray(image))[None], (size[0], size[1]), 0.0, 1.0)
    padding = [(0, 0), *((0, max(0, n - m)) for n, m in zip(wide, size, strict=True))]
    given = torch.from_numpy((np.pad(shown[0].numpy(), padding, mode="symmetric") - mean) / std)
    edge = np.hanning(cells + 2)[1:-1] + 1e-3
    weight = np.outer(edge, edge).astype(np.float32)
    total: Any = None
    weights = np.zeros(shape, np.float32)
    corners = [(y, x) for y in range(rows) for x in range(columns)]
    for start in range(0, len(corners), _WINDOWS):
        yield Progress(start, len(corners), "windows")
        some = [(y * move, x * move) for y, x in corners[start : start + _WINDOWS]]
        parts = [given[:, y * step : y * step + side, x * step : x * step + side] for y, x in some]
        with torch.no_grad():
            found = compute(torch.stack(parts).to(tap.model.device)).float().cpu().numpy()
        if total is None:
            total = np.zeros((found.shape[1], *shape), np.float32)
        for (y, x), one in zip(some, found, strict=True):
            total[:, y : y + cells, x : x + cells] += weight * one
            weights[y : y + cells, x : x + cells] += weight
    return total / weights, len(corners)
