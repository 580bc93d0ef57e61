"""Interpolation of coarse maps to pixels."""

from __future__ import annotations

import numpy as np


def to_pixels(
    coarse: np.ndarray,
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: float,
    first_centre: float,
) -> np.ndarray:
    """Interpolate a coarse map to pixels, with each cell at the centre of its receptive field.

    Parameters
    ----------
    coarse : (h, w) array
        One value for each cell.
    shape : (Y, X)
        Shape of the image.
    size : (height, width)
        Size of the network's input, which shows the whole image.
    stride, first_centre : float
        Input pixels between cells, and the input pixel of the centre of the first cell.

    Returns
    -------
    (Y, X) float64 array
        Bilinear; constant beyond the outermost centres.
    """
    rows, columns = (
        interpolation(cells, pixels, given, stride, first_centre, 0, pixels)
        for cells, pixels, given in zip(coarse.shape, shape, size, strict=True)
    )
    return rows @ coarse @ columns.T


def interpolation(
    cells: int, pixels: int, given: int, stride: float, first_centre: float, first: int, last: int
) -> np.ndarray:
    """Bilinear weights of the cells for the pixels in [first, last): (last - first, cells)."""
    centres = (np.arange(first, last) + 0.5) * given / pixels - 0.5
    place = np.clip((centres - first_centre) / stride, 0, cells - 1)
    low = np.minimum(place.astype(int), max(cells - 2, 0))
    weights, every = np.zeros((last - first, cells)), np.arange(last - first)
    weights[every, low] = 1 - (place - low)
    weights[every, np.minimum(low + 1, cells - 1)] += place - low
    return weights
