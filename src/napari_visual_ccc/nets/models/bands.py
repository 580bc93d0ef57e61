"""Inverted residual blocks in bands of rows, so that their wide maps stay in the cache."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch.nn.functional import conv2d, pad

from ..device import at_a_time, side_by_side

# bytes of the wide maps of a band; more leave the cache of a processor, less are slowed down by the
# calls (measured with 1 to 24 MiB)
_BAND = 8 << 20

# least bytes of the wide maps of a part that has a core of its own
_PART = 1 << 20


def banded(block: Any, x: torch.Tensor) -> torch.Tensor:
    """Apply an inverted residual block, on a processor without its wide maps in main memory.

    The block expands its channels up to six times. Band by band of rows, or a few images of a batch
    at a time, the result is the same, and large images need no memory for the wide maps, which
    takes time as well; each core has parts of its own. Modules within the block may be called
    several times, so this is for layers without hooks and gradients.

    Parameters
    ----------
    block : nn.Module
        timm's `InvertedResidual` or `DepthwiseSeparableConv`, its norms folded into convolutions
        that are padded as `lite0.Conv2dSame` does.
    x : (B, C, H, W) tensor
        Its input.

    Returns
    -------
    (B, D, ceil(H / stride), ceil(W / stride)) tensor
    """
    middle = block.conv_dw
    row = x.element_size() * middle.in_channels * x.shape[0] * x.shape[3]
    if x.device.type != "cpu" or torch.is_grad_enabled():
        return block(x)
    cores, whole = at_a_time(x.device), row * x.shape[2]
    parts = max(math.ceil(whole / _BAND), min(cores, whole // _PART))
    if parts <= 1:
        return block(x)
    is_inference = torch.is_inference_mode_enabled()

    def apply(function: Any) -> torch.Tensor:
        # both modes belong to a thread
        with torch.inference_mode(is_inference), torch.no_grad():
            return function()

    # of several images some at a time, which need no rows beyond a band
    if whole // x.shape[0] <= _BAND and x.shape[0] > 1:
        some = x.split(math.ceil(x.shape[0] / min(parts, x.shape[0])))
        works = [functools.partial(block, one) for one in some]
        return torch.cat(list(side_by_side(apply, works, cores)))
    height = -(-x.shape[2] // middle.stride[0])
    # as many rows in each
    rows = math.ceil(height / min(parts, height))
    works = [
        functools.partial(_band, block, x, start, min(start + rows, height))
        for start in range(0, height, rows)
    ]
    return torch.cat(list(side_by_side(apply, works, cores)), dim=2)


def _band(block: Any, x: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """Rows [start, stop) of the output."""
    middle: Any = block.conv_dw
    (step, _), (kernel, _) = middle.stride, middle.kernel_size
    above, _ = _padding(x.shape[2], kernel, step)
    left, right = _padding(x.shape[3], middle.kernel_size[1], middle.stride[1])
    first, last = start * step - above, (stop - 1) * step - above + kernel
    part = x[:, :, max(first, 0) : min(last, x.shape[2])]
    expands = hasattr(block, "conv_pwl")
    wide = block.bn1(block.conv_pw(part)) if expands else part
    if first < 0 or last > x.shape[2]:
        wide = pad(wide, (0, 0, max(-first, 0), max(last - x.shape[2], 0)))
    weight = middle.weight
    if left != right:
        # a leading column of zeros, as in `Conv2dSame`
        weight = pad(weight, (right - left, 0, 0, 0))
    wide = conv2d(wide, weight, middle.bias, middle.stride, (0, right), groups=middle.groups)
    narrow = block.bn3(block.conv_pwl(block.bn2(wide))) if expands else block.bn2(
        block.conv_pw(block.bn1(wide))
    )  # fmt: skip
    return narrow + x[:, :, start:stop] if block.has_skip else narrow


def _padding(length: int, kernel: int, step: int) -> tuple[int, int]:
    """Rows or columns of zeros before and after, for ceil(length / step) outputs."""
    more = max(0, (-(-length // step) - 1) * step + kernel - length)
    return more // 2, more - more // 2
