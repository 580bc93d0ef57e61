"""Activations of the first layers of a network, at the resolution of the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from .device import choose
from .models.lite0 import lite0

# stem and first two stages: strides 2, 2 and 4; deeper ones blur the borders of phases
STAGES = 2


def early_features(plane: np.ndarray, device: str = "auto") -> Callable[[slice], np.ndarray]:
    """Compute the first layers of EfficientNet-Lite0 for a plane.

    Parameters
    ----------
    plane : (Y, X) float32 array
        Between 0 and 1.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Device of the network.

    Returns
    -------
    callable
        Takes a slice of rows, returns (features, rows, X) float32, interpolated to the pixels.
    """
    target = choose(device)
    net: Any = lite0().to(target)
    image = torch.from_numpy(plane).to(target)[None, None]
    # whole blocks of 4, so that a coarse cell always covers the same pixels
    height, width = plane.shape
    image = pad(image, (0, -width % 4, 0, -height % 4), mode="replicate")
    with torch.inference_mode():
        x = net.bn1(net.conv_stem((image - 0.5) / 0.5))  # (1, 32, Y/2, X/2)
        maps = [(2, x)]
        for stage in net.blocks[:STAGES]:
            x = stage(x)  # (1, 16, Y/2, X/2), (1, 24, Y/4, X/4)
            maps.append((image.shape[3] // x.shape[3], x))
    return lambda rows: _at_rows(maps, rows, plane.shape)


def _at_rows(
    maps: list[tuple[int, torch.Tensor]], rows: slice, shape: tuple[int, ...]
) -> np.ndarray:
    found = []
    for stride, coarse in maps:
        first = max(rows.start // stride - 1, 0)
        last = min(-(-rows.stop // stride) + 1, coarse.shape[2])
        with torch.inference_mode():
            fine = interpolate(
                coarse[:, :, first:last],
                scale_factor=float(stride),
                mode="bilinear",
                align_corners=False,
            )
        start = rows.start - first * stride
        fine = fine[0, :, start : start + rows.stop - rows.start, : shape[1]]
        found.append(fine.cpu().numpy())
    return np.concatenate(found)
