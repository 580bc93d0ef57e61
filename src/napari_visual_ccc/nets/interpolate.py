"""Interpolation of coarse maps to pixels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..arrays.lazy import CHUNK_SIDE, in_memory


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


def resized(
    image: Any, size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    """Compute a part of a resized image.

    Parameters
    ----------
    image : (Y, X) float32 array
        Numpy or dask.
    size : (height, width)
        Of the whole resized image.
    rows, columns : (first, last)
        The part of it.

    Returns
    -------
    (rows, columns) float32 array
        Bilinear, with a wider kernel where the image shrinks: within 1e-5 of
        `torch.nn.functional.interpolate` with ``antialias=True``.
    """
    down, top, bottom = _weights(image.shape[0], size[0], *rows)
    across, left, right = _weights(image.shape[1], size[1], *columns)
    found = np.zeros((down.shape[0], across.shape[0]), np.float32)
    # bands end at the borders of chunks, so that every chunk is read once
    edges = [top, *range((top // CHUNK_SIDE + 1) * CHUNK_SIDE, bottom, CHUNK_SIDE), bottom]
    for first, last in itertools.pairwise(edges):
        band = in_memory(image[first:last, left:right])
        found += down[:, first - top : last - top] @ (across @ band.T).T
    return found


def _weights(length: int, wanted: int, first: int, last: int) -> tuple[Any, int, int]:
    """Sparse matrix of resampling weights for a range of pixels, and the range of its columns."""
    from scipy.sparse import csr_array

    scale = length / wanted
    reach = max(scale, 1.0)
    centres = ((np.arange(first, last) + 0.5) * scale)[:, None]
    pixels = np.floor(centres - reach).astype(int) + np.arange(int(2 * reach) + 3)
    weights = np.maximum(1 - np.abs(pixels + 0.5 - centres) / reach, 0)
    weights[(pixels < 0) | (pixels >= length)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    row, column = np.nonzero(weights)
    taken = pixels[row, column]
    start, stop = int(taken.min()), int(taken.max()) + 1
    shape = (last - first, stop - start)
    values = weights[row, column].astype(np.float32)
    return csr_array((values, (row, taken - start)), shape=shape), start, stop
