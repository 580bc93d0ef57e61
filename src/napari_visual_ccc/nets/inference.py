"""Run a network on many windows or on one large image, within the memory there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from ..core.progress import Progress, Steps
from .models.base import Architecture

# windows at once: more is no faster on a processor, and Cancel would wait for it
BATCH = {"cpu": 16, "mps": 64, "cuda": 256}

# sides of tiles and their margins, in pixels of the network's input; small tiles up to the cut stay
# in the processor's cache, which is what makes them fast
_TILE = 512

_LATE, _LATE_MARGIN = 5120, 512

_WHOLE, _MARGIN = 1024, 256

# cells along a tile below which a smaller one would not help
_LEAST_CELLS = 4

FALLBACK_NOTE = "graphics memory is full: going on with the processor, which takes longer"


def to_input(
    grey: torch.Tensor, side: tuple[int, int], mean: float = 0.5, std: float = 0.5
) -> torch.Tensor:
    """Resize stretched windows and bring them into the network's range.

    Parameters
    ----------
    grey : (B, H, W) float tensor
        Between 0 and 1.
    side : (height, width)
        Of the network's input.
    mean, std : float
        Of grey, as the network expects it.

    Returns
    -------
    (B, 1, height, width) tensor
        ``(x - mean) / std``.
    """
    x = grey[:, None]
    if side != tuple(grey.shape[1:]):
        shrinks = side[0] < grey.shape[1] or side[1] < grey.shape[2]
        x = interpolate(x, size=side, mode="bilinear", align_corners=False, antialias=shrinks)
    return (x - mean) / std


def batched(
    function: Callable[[torch.Tensor], torch.Tensor],
    read: Callable[[int, int], np.ndarray],
    count: int,
    device: torch.device,
    note: str = "windows",
) -> Steps[np.ndarray]:
    """Apply a network to many windows, with smaller batches when memory runs out.

    Parameters
    ----------
    function : callable
        (B, H, W) tensor on the device → (B, ...) tensor.
    read : callable
        Gives the (B, H, W) float32 windows from a start to a stop.
    count : int
        How many windows there are.
    device : torch.device
        Where to compute.
    note : str
        For the progress bar.

    Returns
    -------
    (count, ...) float32 array

    Raises
    ------
    RuntimeError
        If a single window does not fit into memory.
    """
    size, start, found = BATCH.get(device.type, 16), 0, []
    while start < count:
        stop = min(start + size, count)
        try:
            with torch.inference_mode():
                batch = torch.from_numpy(np.ascontiguousarray(read(start, stop))).to(device)
                found.append(function(batch).float().cpu().numpy())
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or size == 1:
                raise
            size = max(1, size // 2)
            release_memory(device)
            continue
        start = stop
        yield Progress(start, count, note)
    return np.concatenate(found)


def scores_and_features(net: nn.Module, design: Architecture, x: torch.Tensor) -> torch.Tensor:
    """Logits and what the last layer sees, side by side: (B, 1, H, W) → (B, classes + d)."""
    maps = design.parts.features(net, x)
    return torch.cat([design.parts.head(net, maps), design.parts.embed(net, maps)], dim=1)


def user_message(error: Exception, device: torch.device) -> RuntimeError:
    """Say what a person can do about an error of the machine."""
    if out_of_memory(error):
        where = "graphics" if device.type != "cpu" else "main"
        return RuntimeError(
            f"{where} memory is full: take a part of the image, or run on "
            f"{'the CPU' if where == 'graphics' else 'a machine with more memory'}"
        )
    return RuntimeError(f"the network failed on {device.type}: {str(error).splitlines()[0]}")


def can_fall_back(error: BaseException, device: torch.device) -> bool:
    """Whether what failed on a device may go well on the processor."""
    return out_of_memory(error) and device.type != "cpu"


def release_memory(device: torch.device) -> None:
    """Let go of graphics memory that torch keeps in hand after it was full."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """Tell torch's ways of saying that memory is full from other errors."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate" in text


def feature_map(
    net: nn.Module,
    design: Architecture,
    given: torch.Tensor,
    device: torch.device,
) -> Steps[torch.Tensor]:
    """Run the layers up to the one that is explained over an image of any size.

    Parameters
    ----------
    net : nn.Module
        Frozen.
    design : Architecture
        Of the net.
    given : (1, 1, H, W) tensor
        The image as `to_input` gives it; it may stay in main memory.
    device : torch.device
        Where the net is.

    Returns
    -------
    (1, features, h, w) tensor
        On the device. Where the architecture has a `Split`, tiles up to the cut give exactly what
        the whole gives; behind it, images above 5120² input pixels are seen in tiles with a wide
        margin, which is nearly the same.
    """
    split = design.parts.split
    if not design.any_size:
        yield Progress(0, 1, "network")
        with torch.no_grad():
            return design.parts.features(net, given.to(device))
    given = whole_strides(given, design)
    if split is None:
        features = lambda x: design.parts.features(net, x)  # noqa: E731
        return (yield from _in_tiles(features, given, device, design.parts.stride, _WHOLE, _MARGIN))
    early = yield from _in_tiles(
        lambda x: split.early(net, x), given, device, split.stride, _TILE, split.halo
    )
    cells = split.stride
    return (
        yield from _in_tiles(
            lambda x: split.late(net, x),
            early,
            device,
            design.parts.stride // cells,
            _LATE // cells,
            _LATE_MARGIN // cells,
        )
    )


def whole_strides(given: torch.Tensor, design: Architecture) -> torch.Tensor:
    """Pad to whole strides: where padding goes within the network depends on what is left over."""
    bottom, right = (-n % design.parts.stride for n in given.shape[2:])
    return pad(given, (0, right, 0, bottom), mode="replicate") if bottom or right else given


def _in_tiles(
    function: Callable[[torch.Tensor], torch.Tensor],
    given: torch.Tensor,
    device: torch.device,
    stride: int,
    tile: int,
    margin: int,
) -> Steps[torch.Tensor]:
    """Apply layers tile by tile, each with a margin of what lies around it.

    A tile that is too large for the memory there is, is done in four.
    """
    height, width = given.shape[2:]
    # the last one first
    todo = [(y, x, tile) for y in range(0, height, tile) for x in range(0, width, tile)][::-1]
    maps: Any = None
    done = 0
    while todo:
        yield Progress(done, done + len(todo), "network")
        y, x, side = todo.pop()
        top, left = max(y - margin, 0), max(x - margin, 0)
        try:
            part = given[:, :, top : y + side + margin, left : x + side + margin].to(device)
            # not inference_mode: gradients are taken of what comes behind
            with torch.no_grad():
                seen = function(part)
        except (RuntimeError, MemoryError) as error:
            half = -(-side // (2 * stride)) * stride
            if not out_of_memory(error) or half < _LEAST_CELLS * stride:
                raise
            release_memory(device)
            quarters = [(y + down, x + across) for down in (half, 0) for across in (half, 0)]
            todo += [(v, u, half) for v, u in quarters if v < height and u < width]
            continue
        done += 1
        if done == 1 and not todo:
            return seen
        if maps is None:
            maps = seen.new_empty((1, seen.shape[1], height // stride, width // stride))
        rows, columns = (
            -(-min(side, n - first) // stride) for n, first in ((height, y), (width, x))
        )
        first, second = (y - top) // stride, (x - left) // stride
        maps[:, :, y // stride : y // stride + rows, x // stride : x // stride + columns] = seen[
            :, :, first : first + rows, second : second + columns
        ]
    return maps
