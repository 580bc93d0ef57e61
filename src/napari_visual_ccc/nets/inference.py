"""Inference on many windows or on one large image, within the available memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from ..core.progress import Progress, Steps
from .device import at_a_time, side_by_side
from .models.base import Architecture

# part of the input → maps
Layers = Callable[[torch.Tensor], torch.Tensor]

# first row and column of a tile, and its side
Place = tuple[int, int, int]

# pixels of inputs that a processor works on at a time
AT_ONCE_PX = 16 * 512**2


class Tiles(NamedTuple):
    """Sides of tiles and their margins, in pixels of the network's input.

    Parameters
    ----------
    early : int
        Side for early layers.
    late, late_margin : int
        Of late layers.
    whole, whole_margin : int
        Of architectures without a `Split`.
    """

    early: int = 1024
    late: int = 5120
    late_margin: int = 512
    whole: int = 1024
    whole_margin: int = 256


TILES = Tiles()

# sides of tiles of early layers where there are thousands of cores to keep busy, and copies to save
_EARLY = {"cuda": 2048, "mps": 2048}


def tiles_on(device: torch.device) -> Tiles:
    """Sides of tiles that suit a device; where they do not fit into its memory they are split."""
    return TILES._replace(early=_EARLY.get(device.type, TILES.early))


# cells along the side of a tile; smaller tiles do not save memory
_LEAST_CELLS = 4

FALLBACK_NOTE = "GPU memory is full: continuing on the CPU, which takes longer"


def with_channels(images: torch.Tensor) -> torch.Tensor:
    """Images as a batch with channels: (B, H, W) → (B, 1, H, W); (B, C, H, W) stays."""
    return images[:, None] if images.ndim == 3 else images


def to_input(
    grey: torch.Tensor, side: tuple[int, int], mean: float = 0.5, std: float = 0.5
) -> torch.Tensor:
    """Resize normalised windows and scale them as the network expects.

    Parameters
    ----------
    grey : (B, H, W) or (B, C, H, W) float tensor
        Between 0 and 1.
    side : (height, width)
        Size of the network's input.
    mean, std : float
        Mean and standard deviation of grey levels that the network expects.

    Returns
    -------
    (B, 1 or C, height, width) tensor
        ``(x - mean) / std``.
    """
    x = with_channels(grey)
    if side != tuple(x.shape[2:]):
        shrinks = side[0] < x.shape[2] or side[1] < x.shape[3]
        x = interpolate(x, size=side, mode="bilinear", align_corners=False, antialias=shrinks)
    return (x - mean) / std


def scores_and_features(net: nn.Module, design: Architecture, x: torch.Tensor) -> torch.Tensor:
    """Logits and input of the last layer, concatenated: (B, C, H, W) → (B, classes + d)."""
    maps = design.parts.features(net, x)
    return torch.cat([design.parts.head(net, maps), design.parts.embed(net, maps)], dim=1)


def user_message(error: Exception, device: torch.device) -> RuntimeError:
    """Turn an error of torch into a message that says what to do."""
    if out_of_memory(error):
        where = "GPU" if device.type != "cpu" else "main"
        return RuntimeError(
            f"{where} memory is full: take a part of the image, or run on "
            f"{'the CPU' if where == 'GPU' else 'a machine with more memory'}"
        )
    remedy = "" if device.type == "cpu" else "; choose device cpu"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return RuntimeError(f"the network failed on {device.type}: {reason}{remedy}")


def can_fall_back(error: BaseException, device: torch.device) -> bool:
    """Whether an operation that failed on a device may succeed on the CPU."""
    return out_of_memory(error) and device.type != "cpu"


def release_memory(device: torch.device) -> None:
    """Free the GPU memory that torch caches."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full, in any of torch's wordings."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "not enough memory" in text or "can't allocate" in text


def feature_map(
    net: nn.Module,
    design: Architecture,
    given: torch.Tensor,
    device: torch.device,
    tiles: Tiles | None = None,
) -> Steps[torch.Tensor]:
    """Compute the maps of the explained layer for an image of any size.

    Parameters
    ----------
    net : nn.Module
        Frozen.
    design : Architecture
        Architecture of the net.
    given : (1, C, H, W) tensor
        Input from `to_input`; it may stay in main memory.
    device : torch.device
        Device of the net.
    tiles : Tiles, optional
        Their sides and margins; those of `tiles_on` by default.

    Returns
    -------
    (1, features, h, w) tensor
        On the device. If the architecture has a `Split`, the early layers run tile by tile with
        exactly the same result as on the whole image. The late layers run on tiles with a wide
        margin for inputs above 5120² pixels, which is an approximation.
    """
    split, tiles = design.parts.split, tiles or tiles_on(device)
    if not design.any_size:
        yield Progress(0, 1, "network")
        with torch.no_grad():
            return design.parts.features(net, given.to(device))
    given = whole_strides(given, design)
    if split is None:
        features = functools.partial(design.parts.features, net)
        sides = (tiles.whole, tiles.whole_margin)
        return (yield from in_tiles(features, given, device, design.parts.stride, *sides))
    early = yield from in_tiles(
        lambda x: split.early(net, x), given, device, split.stride, tiles.early, split.halo
    )
    cells = split.stride
    return (
        yield from in_tiles(
            [functools.partial(one, net) for one in split.late],
            early,
            device,
            design.parts.stride // cells,
            tiles.late // cells,
            tiles.late_margin // cells,
        )
    )


def whole_strides(given: torch.Tensor, design: Architecture) -> torch.Tensor:
    """Pad to a multiple of the stride: the padding within the network depends on the remainder."""
    bottom, right = (-n % design.parts.stride for n in given.shape[2:])
    return pad(given, (0, right, 0, bottom), mode="replicate") if bottom or right else given


def in_tiles(
    layers: Layers | Sequence[Layers],
    given: Any,
    device: torch.device,
    stride: int,
    tile: int,
    margin: int,
) -> Steps[torch.Tensor]:
    """Apply layers tile by tile, each with a margin.

    A tile that does not fit into memory is split into four.

    Parameters
    ----------
    layers : callable, or several
        Part of the input → maps; several follow each other, with progress between them.
    given : (1, 1, H, W) tensor
        Or what gives parts as a tensor does; the sides are multiples of the stride.
    device : torch.device
        Device of the network.
    stride : int
        Input pixels between neighbouring cells.
    tile, margin : int
        Side of a tile and of its margin, multiples of the stride.
    """
    height, width = given.shape[2:]
    several = layers if isinstance(layers, Sequence) else [layers]
    todo = [(y, x, tile) for y in range(0, height, tile) for x in range(0, width, tile)]
    maps: Any = None
    done = 0

    def cut(place: Place) -> tuple[Place, torch.Tensor]:
        y, x, side = place
        top, left = max(y - margin, 0), max(x - margin, 0)
        part = given[:, :, top : y + side + margin, left : x + side + margin]
        return place, part.to(device)

    cores = max(1, min(at_a_time(device), AT_ONCE_PX // (tile + 2 * margin) ** 2))
    while todo:
        places, todo, at_work = todo, [], cores
        total = done + len(places)
        if len(several) == 1:
            yield Progress(done, total, "network")
        parts = map(cut, places)
        answers = (
            side_by_side(functools.partial(_maps, several[0]), parts, at_work)
            if len(several) == 1
            else _in_turn(several, parts, done, total)
        )
        for answer in answers:
            if isinstance(answer, Progress):
                yield answer
                continue
            place, found = answer
            if isinstance(found, Exception):
                release_memory(device)
                # one at a time from here on, and smaller if it was alone
                quarters = [place] if at_work > 1 else _quarters(place, stride, found)
                cores = 1
                todo += [one for one in quarters if one[0] < height and one[1] < width]
                continue
            (y, x, side), done = place, done + 1
            if total == 1:
                return found
            if maps is None:
                maps = found.new_empty((1, found.shape[1], height // stride, width // stride))
            top, left = y // stride, x // stride
            first, second = top - max(y - margin, 0) // stride, left - max(x - margin, 0) // stride
            # a tile at the border is smaller
            part = maps[:, :, top : top + -(-side // stride), left : left + -(-side // stride)]
            part[:] = found[:, :, first:, second:][:, :, : part.shape[2], : part.shape[3]]
            if len(several) == 1:
                yield Progress(done, total, "network")
    return maps


def _quarters(place: Place, stride: int, error: Exception) -> list[Place]:
    """Quarters of a tile that does not fit into memory; of a small one the error is raised."""
    y, x, side = place
    half = -(-side // (2 * stride)) * stride
    if half < _LEAST_CELLS * stride:
        raise error
    return [(y + down, x + across, half) for down in (0, half) for across in (0, half)]


def _maps(layers: Layers, cut: tuple[Place, torch.Tensor]) -> tuple[Place, Any]:
    """Place of a tile, and its maps, or the error where it does not fit into memory."""
    place, part = cut
    try:
        # not inference_mode: gradients are taken of the layers that follow
        with torch.no_grad():
            return place, layers(part)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        # its traceback would keep the maps in memory
        return place, error.with_traceback(None)


def _in_turn(
    layers: Sequence[Layers], cut: Iterable[tuple[Place, torch.Tensor]], done: int, total: int
) -> Iterator[Progress | tuple[Place, Any]]:
    """Apply several layers to tiles, with progress before each."""
    for number, (place, part) in enumerate(cut, start=done):
        found: Any = part
        for step, layer in enumerate(layers):
            yield Progress(number * len(layers) + step, total * len(layers), "network")
            _, found = _maps(layer, (place, found))
            if isinstance(found, Exception):
                break
        yield place, found
