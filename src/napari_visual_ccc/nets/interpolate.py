"""Coarse maps resampled to pixels."""

from __future__ import annotations

import numpy as np


# pixels ------------------------------------------------------------------------------------------
def to_pixels(
    coarse: np.ndarray,
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: float,
    first_centre: float,
) -> np.ndarray:
    """Interpolate a map of cells to the pixels of the image, each cell at its receptive field.

    Parameters
    ----------
    coarse : (h, w) array
        One value a cell.
    shape : (Y, X)
        Of the image.
    size : (height, width)
        Of the network's input, which shows the whole image.
    stride, first_centre : float
        Input pixels between cells, and the one the first cell is centred on.

    Returns
    -------
    (Y, X) float64 array
        Bilinear; beyond the outermost centres the nearest cell goes on.
    """
    rows, columns = (
        interpolation(cells, pixels, given, stride, first_centre, 0, pixels)
        for cells, pixels, given in zip(coarse.shape, shape, size, strict=True)
    )
    return rows @ coarse @ columns.T


def interpolation(
    cells: int, pixels: int, given: int, stride: float, first_centre: float, first: int, last: int
) -> np.ndarray:
    """Weights of the cells at the pixels from the first to the last: (last - first, cells)."""
    centres = (np.arange(first, last) + 0.5) * given / pixels - 0.5
    place = np.clip((centres - first_centre) / stride, 0, cells - 1)
    low = np.minimum(place.astype(int), max(cells - 2, 0))
    weights, every = np.zeros((last - first, cells)), np.arange(last - first)
    weights[every, low] = 1 - (place - low)
    weights[every, np.minimum(low + 1, cells - 1)] += place - low
    return weights
