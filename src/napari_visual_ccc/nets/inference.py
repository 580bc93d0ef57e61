"""Run a network on many windows or on one large image, within the memory there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from ..progress import Progress, Steps
from .architectures import Architecture

# windows at once: more is no faster on a processor, and Cancel would wait for it
BATCH = {"cpu": 16, "mps": 64, "cuda": 256}
# an image is looked at in tiles of this side (of the network's input), each with a margin
_TILE, _MARGIN = 1024, 256


def to_input(grey: torch.Tensor, side: tuple[int, int], channels: int) -> torch.Tensor:
    """Resize stretched windows and bring them into the network's range.

    Parameters
    ----------
    grey : (B, H, W) float tensor
        Between 0 and 1.
    side : (height, width)
        Of the network's input.
    channels : int
        How often the grey channel is repeated.

    Returns
    -------
    (B, channels, height, width) tensor
        ``(x - 0.5) / 0.5``.
    """
    shrinks = side[0] < grey.shape[1] or side[1] < grey.shape[2]
    resized = interpolate(
        grey[:, None], size=side, mode="bilinear", align_corners=False, antialias=shrinks
    )
    return ((resized - 0.5) / 0.5).expand(-1, channels, -1, -1)


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
            continue
        start = stop
        yield Progress(start, count, note)
    return np.concatenate(found)


def sentence(error: Exception, device: torch.device) -> RuntimeError:
    """Say what a person can do about an error of the machine."""
    if out_of_memory(error):
        where = "graphics" if device.type != "cpu" else "main"
        return RuntimeError(
            f"{where} memory is full: take a part of the image, or run on "
            f"{'the CPU' if where == 'graphics' else 'a machine with more memory'}"
        )
    return RuntimeError(f"the network failed on {device.type}: {str(error).splitlines()[0]}")


def out_of_memory(error: BaseException) -> bool:
    """Tell torch's ways of saying that memory is full from other errors."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate" in text


def feature_map(
    net: nn.Module,
    design: Architecture,
    image: np.ndarray,
    size: tuple[int, int],
    device: torch.device,
) -> Steps[torch.Tensor]:
    """Run the layers up to the one that is explained over an image of any size.

    Parameters
    ----------
    net : nn.Module
        Frozen.
    design : Architecture
        Of the net.
    image : (Y, X) float32 array
        Between 0 and 1.
    size : (height, width)
        That the image is resized to.
    device : torch.device
        Where the net is.

    Returns
    -------
    (1, features, h, w) tensor
        On the device. A tile sees 256 input pixels around itself, so a large image gives nearly
        what it would give at once.
    """
    source = torch.from_numpy(image)[None]
    if size[0] * size[1] <= (_TILE + _MARGIN) ** 2 or not design.any_size:
        yield Progress(0, 1, "network")
        # not inference_mode: gradients are taken of what comes behind
        with torch.no_grad():
            given = _whole_strides(to_input(source.to(device), size, design.channels), design)
            maps = design.features(net, given)
        yield Progress(1, 1, "network")
        return maps
    return (yield from _tiled(net, design, source, size, device))


def _whole_strides(given: torch.Tensor, design: Architecture) -> torch.Tensor:
    """Pad to whole strides: where padding goes within the network depends on what is left over."""
    if not design.any_size:
        return given
    bottom, right = (-n % design.stride for n in given.shape[2:])
    return pad(given, (0, right, 0, bottom), mode="replicate")


def _tiled(
    net: nn.Module,
    design: Architecture,
    source: torch.Tensor,
    size: tuple[int, int],
    device: torch.device,
) -> Steps[torch.Tensor]:
    stride = design.stride
    # the enlarged image stays out of the graphics memory
    padded = _whole_strides(to_input(source, size, 1), design)
    height, width = padded.shape[2:]
    corners = [(y, x) for y in range(0, height, _TILE) for x in range(0, width, _TILE)]
    maps: Any = None
    for done, (y, x) in enumerate(corners, start=1):
        top, left = max(y - _MARGIN, 0), max(x - _MARGIN, 0)
        tile = padded[:, :, top : y + _TILE + _MARGIN, left : x + _TILE + _MARGIN].to(device)
        with torch.no_grad():
            seen = design.features(net, tile.expand(-1, design.channels, -1, -1))
        if maps is None:
            maps = seen.new_empty((1, seen.shape[1], height // stride, width // stride))
        rows, columns = (min(_TILE, n - start) // stride for n, start in ((height, y), (width, x)))
        first, second = (y - top) // stride, (x - left) // stride
        maps[:, :, y // stride : y // stride + rows, x // stride : x // stride + columns] = seen[
            :, :, first : first + rows, second : second + columns
        ]
        yield Progress(done, len(corners), "tiles")
    return maps
