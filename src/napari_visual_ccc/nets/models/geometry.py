"""Where the cells of a layer lie in the input of a network: measured on the network itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from ..device import doubles

# pixels by which a second input is wider: a multiple of the usual strides, so that padding and
# what remains at the border do not count in the difference
_WIDER = 128

# inputs of noise over which gradients are averaged
_INPUTS = 2

# share of the stride up to which a centre counts as that of patches: the measurement is less exact
_EVEN = 0.1

# cells along the side of the input at which a layer for any size is measured
_CELLS = 8

# cells after which a layer may repeat, how much larger the input is at which that is found, and the
# share of the standard deviation up to which maps are the same
_PERIODS, _LARGER, _SAME = (1, 2, 4, 8, 16, 32), 3, 0.02


class Grid(NamedTuple):
    """Places of the cells of a layer, the same along both axes.

    Parameters
    ----------
    stride : int
        Input pixels between neighbouring cells.
    first_centre : float
        Input pixel on which the first cell is centred.
    any_size : bool
        Whether the layer takes other sizes of the input.
    """

    stride: int
    first_centre: float
    any_size: bool


def measure_grid(
    maps_of: Callable[[torch.Tensor], torch.Tensor],
    side: int,
    channels: int = 1,
    multiple: int = 1,
    device: torch.device | None = None,
    *,
    goes_up: bool = False,
) -> Grid:
    """Measure stride and centre of the cells of a layer.

    The stride is the difference of two sizes of the input over that of the numbers of cells: the
    size over the number is wrong where convolutions without padding or a remainder take a part.
    The centre is that of the effective receptive field (Luo et al., NeurIPS 2016), the energy of
    the gradients of a cell for noise as the input, so that asymmetric padding counts. A network
    that pads to a multiple of its stride is measured at such a size. Where a network makes finer
    cells of coarse ones, neighbouring cells lie differently in the coarse one that they are of:
    the mean over one period of them counts.

    Parameters
    ----------
    maps_of : callable
        (B, channels, H, W) → (B, C, h, w).
    side : int
        Of the input for which the network is made, in pixels.
    channels : int
        Of the input.
    multiple : int
        Of which the side of an input is one for a layer that takes any size: the stride of the
        whole network for a layer within it.
    device : torch.device, optional
        Of the network.
    goes_up : bool
        Whether the network may make finer cells of coarse ones, such as those of a decoder.

    Returns
    -------
    Grid

    Raises
    ------
    ValueError
        If the cells are not in the order of the image.
    """

    def cells(length: int) -> int:
        with torch.no_grad():
            given = torch.zeros(1, channels, length, length, device=device)
            return int(maps_of(given).shape[-1])

    count = cells(side)
    stride, any_size = side / count, False
    try:
        more = cells(side + _WIDER) - count
        any_size = more > 0
    except (AssertionError, RuntimeError, ValueError):
        # one size only
        more = 0
    if more > 0:
        stride = _WIDER / more
    step = max(1, round(stride))
    if any_size:
        side = -(-_CELLS * step // multiple) * multiple
        count = cells(side)
    # convolutions keep the order of the image, tokens may have one of their own
    places: tuple[int, ...] = (count // 2,) if any_size else (count // 2, count // 4)
    if any_size and goes_up:
        period = _period(maps_of, channels, step, max(side, multiple), device)
        places = tuple(range(count // 2, min(count // 2 + period, count)))
    centres = _centres(maps_of, (channels, side, side), places, device)
    # of cells that share the input evenly
    even = (side - 1 - (count - 1) * step) / 2
    if not all(math.isfinite(centre) for pair in centres for centre in pair):
        return Grid(step, even, any_size)
    first = [sum(pair) / 2 - place * step for pair, place in zip(centres, places, strict=True)]
    skew = [y - x for y, x in centres]
    if any_size:
        first, skew = [sum(first) / len(first)], [sum(skew) / len(skew)]
    if max(first) - min(first) > step or max(map(abs, skew)) > step:
        raise ValueError("the cells are not in the order of the image")
    if abs(first[0] - even) > step and not goes_up:
        # attention sees the whole image: what a cell sees most of, near to where it must lie
        near_even = [place * step + even for place in places]
        centres = _centres(maps_of, (channels, side, side), places, device, near_even, step)
        first = [sum(pair) / 2 - place * step for pair, place in zip(centres, places, strict=True)]
        first = [sum(first) / len(first)]
    # at full resolution the unevenness of trained weights is larger than that of the padding
    near = step == 1 or abs(first[0] - even) <= _EVEN * step
    return Grid(step, even if near else round(2 * first[0]) / 2, any_size)


def _period(
    maps_of: Callable[[torch.Tensor], torch.Tensor],
    channels: int,
    step: int,
    side: int,
    device: torch.device | None,
) -> int:
    """Cells after which a layer repeats: it moves with the input when that moves by so many."""
    side *= _LARGER
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, channels, side, side, generator=generator).to(device)
    with torch.no_grad():
        maps = maps_of(noise)
        middle = slice(maps.shape[-1] * 3 // 8, maps.shape[-1] * 5 // 8)
        # away from the border, which padding has an influence on
        still = maps[..., middle, middle]
        for period in _PERIODS:
            if period * step > side // 8:
                break
            moved = maps_of(noise.roll((period * step, period * step), (2, 3)))
            back = moved.roll((-period, -period), (2, 3))[..., middle, middle]
            if float((back - still).std()) <= _SAME * float(still.std()):
                return period
    return 1


def _centres(
    maps_of: Callable[[torch.Tensor], torch.Tensor],
    shape: tuple[int, int, int],
    places: tuple[int, ...],
    device: torch.device | None,
    starts: Sequence[float] = (),
    reach: float = math.inf,
) -> list[tuple[float, float]]:
    """Row and column of the centre of the receptive field of cells (k, k).

    With a start for each cell, only what is as near to it as `reach` counts.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(_INPUTS, *shape, generator=generator).to(device).requires_grad_()
    found = []
    with torch.enable_grad():
        maps = maps_of(noise)
        signs = torch.randn(maps.shape[1], generator=generator).to(device)
        for place, start in zip(places, starts or [math.nan] * len(places), strict=True):
            total = (maps[:, :, place, place] * signs).sum()
            (gradient,) = torch.autograd.grad(total, noise, retain_graph=place != places[-1])
            energy = doubles(gradient).abs().sum(dim=(0, 1))
            row, column = energy.sum(dim=1), energy.sum(dim=0)
            found.append((_centre(row, start, reach), _centre(column, start, reach)))
    return found


def _centre(profile: torch.Tensor, start: float = math.nan, most: float = math.inf) -> float:
    """Centre of a profile without what it is everywhere, such as from means over the image."""
    profile = (profile - profile.median()).clamp(min=0)
    places = doubles(torch.arange(len(profile)))
    mean = (profile * places).sum() / profile.sum()
    mean = mean if math.isnan(start) else torch.tensor(start)
    # once more around it, evenly to both sides: the border cuts one off
    for _ in range(3):
        reach = min(float(mean), len(profile) - 1 - float(mean), most)
        near = profile * ((places - mean).abs() <= reach)
        mean = (near * places).sum() / near.sum()
    return float(mean)
