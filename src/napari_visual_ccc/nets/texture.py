"""Texture maps on a graphics processor, the same numbers as `engine.texture.glcm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from ..arrays.pairs import offset_pairs
from . import device as devices

# co-occurring pairs held at once while they are sorted
_SORTED_AT_ONCE = 1 << 27


def glcm_maps(
    quantised: Any,
    *,
    features: Sequence[str],
    window: int = 5,
    offsets: Sequence[tuple[int, int]] = ((0, 1), (1, 1), (1, 0), (1, -1)),
    levels: int = 32,
    symmetric: bool = True,
    device: str = "auto",
) -> dict[str, np.ndarray]:
    """Map co-occurrence features with torch.

    Parameters
    ----------
    quantised : (Y, X) array of integers
        Grey levels from 0 to ``levels - 1``, as `engine.texture.glcm.quantise` gives them.
    features : sequence of str
        Of `engine.texture.cooccurrence.FEATURES`.
    window, levels, symmetric
        As for `engine.texture.glcm`.
    offsets : sequence of (rows, columns)
        From a pixel to its neighbour; features are averaged over them.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where to compute.

    Returns
    -------
    dict of (Y, X) arrays by feature
        float64, on MPS float32 (it has no doubles): there within 1e-5.
    """
    target = devices.choose(device)
    half = window // 2
    levels_map = torch.from_numpy(np.ascontiguousarray(quantised)).to(target)
    padded = pad(levels_map.float()[None, None], (half,) * 4, mode="reflect")[0, 0].long()
    maps: dict[str, torch.Tensor] = {}
    for offset in offsets:
        found = _one_offset(padded, offset, features, window, levels, symmetric)
        for name, values in found.items():
            maps[name] = values + maps.get(name, 0)
    return {name: (maps[name] / len(offsets)).cpu().numpy() for name in features}


def _one_offset(
    padded: torch.Tensor,
    offset: tuple[int, int],
    features: Sequence[str],
    window: int,
    levels: int,
    symmetric: bool,
) -> dict[str, torch.Tensor]:
    real = devices.longest_float(padded.device)
    first, second = offset_pairs(padded, offset)
    box = (window - abs(offset[0]), window - abs(offset[1]))
    count = box[0] * box[1]
    apart = (first - second).abs()
    found = {}
    if "contrast" in features:
        found["contrast"] = _sum(apart * apart, box).to(real) / count
    if "dissimilarity" in features:
        found["dissimilarity"] = _sum(apart, box).to(real) / count
    if "homogeneity" in features:
        # whole numbers in units of 2^-38 keep the sums exact
        close = devices.doubles(torch.arange(256))
        whole = torch.round(2.0**38 / (1 + close**2)).long().to(padded.device)
        found["homogeneity"] = _sum(whole[apart], box).to(real) / (2.0**38 * count)
    if "correlation" in features:
        found["correlation"] = _correlation(first, second, box, symmetric, real)
    if not {"asm", "energy", "entropy"}.isdisjoint(features):
        order = _order(first, second, box, levels, symmetric, real)
        found |= {name: values for name, values in order.items() if name in features}
    return found


def _sum(values: torch.Tensor, box: tuple[int, int]) -> torch.Tensor:
    """Sum over every box, by running sums of whole numbers."""
    sums = pad(values.cumsum(0).cumsum(1), (1, 0, 1, 0))
    rows, columns = box
    return (sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]) + sums[
        :-rows, :-columns
    ]


def _correlation(
    first: torch.Tensor,
    second: torch.Tensor,
    box: tuple[int, int],
    symmetric: bool,
    real: torch.dtype,
) -> torch.Tensor:
    count = box[0] * box[1]
    sum_1, sum_2 = _sum(first, box), _sum(second, box)
    square_1, square_2 = _sum(first * first, box), _sum(second * second, box)
    product = _sum(first * second, box)
    if symmetric:
        both = sum_1 + sum_2
        # times 4 count²: still whole numbers, so zero is zero
        together = (4 * count * product - both * both).to(real)
        spread = (2 * count * (square_1 + square_2) - both * both).to(real)
    else:
        together = (count * product - sum_1 * sum_2).to(real)
        variance_1 = (count * square_1 - sum_1 * sum_1).to(real)
        variance_2 = (count * square_2 - sum_2 * sum_2).to(real)
        spread = variance_1.sqrt() * variance_2.sqrt()
    ones = torch.ones_like(spread)
    return torch.where(spread > 0, together / torch.where(spread > 0, spread, ones), ones)


def _order(
    first: torch.Tensor,
    second: torch.Tensor,
    box: tuple[int, int],
    levels: int,
    symmetric: bool,
    real: torch.dtype,
) -> dict[str, torch.Tensor]:
    if symmetric:
        first, second = torch.minimum(first, second), torch.maximum(first, second)
    codes = (first * levels + second).int()
    height, width = codes.shape[0] - box[0] + 1, codes.shape[1] - box[1] + 1
    count = box[0] * box[1]
    step = max(1, _SORTED_AT_ONCE // (width * count))
    logs = torch.arange(count + 1.0, device=codes.device, dtype=real)
    logs = logs * logs.clamp(min=1).log()
    bands = [
        _band(codes[start : min(start + step, height) + box[0] - 1], box, levels, symmetric, logs)
        for start in range(0, height, step)
    ]
    asm, entropy = (torch.cat(parts) for parts in zip(*bands, strict=True))
    return {"asm": asm, "energy": asm.sqrt(), "entropy": entropy}


def _band(
    codes: torch.Tensor, box: tuple[int, int], levels: int, symmetric: bool, logs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    count = box[0] * box[1]
    pairs = codes.unfold(0, box[0], 1).unfold(1, box[1], 1).flatten(2).sort(dim=2).values
    place = torch.arange(count, device=codes.device).expand_as(pairs)
    fresh = torch.ones_like(pairs, dtype=torch.bool)
    fresh[..., 1:] = pairs[..., 1:] != pairs[..., :-1]
    run = place - torch.where(fresh, place, 0).cummax(dim=2).values + 1
    equal = (pairs % (levels + 1) == 0) if symmetric else torch.zeros_like(fresh)
    squares = ((2 * run - 1) * (1 + equal.long())).sum(dim=2)
    total = (logs[run] - logs[run - 1]).sum(dim=2)
    entropy = float(np.log(count)) - total / count
    if symmetric:
        entropy += (count - equal.sum(dim=2)).to(entropy.dtype) * float(np.log(2) / count)
    return squares.to(logs.dtype) / (count * count * (2 if symmetric else 1)), entropy
