"""Pairs of pixels at an offset, and what neighbours tell of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lazy import in_memory
from .tiling import middle

# share of the neighbours that differ in noise, and in an image that is smooth
_NOISY, _SMOOTH = 0.6, 0.1

# share of the pixels that are darker than the neighbours of black ones, at most
_DARKEST = 0.015

# side of the part that is checked for grey levels
_CHECKED = 2048

# levels of a smooth grey image, and the pieces that one of its levels lies in; labels lie in few
_LEVELS, _PIECES = 64, 4


def offset_pairs(image: Any, offset: tuple[int, int]) -> tuple[Any, Any]:
    """Views of the pixels that have a neighbour at an offset, and of these neighbours.

    Works for numpy and torch.
    """
    (down, across), (height, width) = offset, image.shape
    first = image[max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)]
    second = image[max(0, down) : height - max(0, -down), max(0, across) : width - max(0, -across)]
    return first, second


def looks_grey(plane: Any, most: int = 16) -> bool:
    """Whether integers are grey levels instead of labels.

    Labels are the same over a region. Grey levels differ from pixel to pixel; where the image is
    smooth, each of many levels lies in many pieces.

    Parameters
    ----------
    plane : (Y, X) integer array
        Numpy or dask; the middle of it is read.
    most : int
        Up to this many levels are labels, such as clusters of a noisy image.
    """
    if plane.shape[1] < 16 or plane.size < 1000:
        return False
    plane = in_memory(plane[middle(plane.shape, _CHECKED)])
    left, right = offset_pairs(plane, (0, 1))
    differ = left != right
    if float(differ.mean()) > _NOISY:
        return len(np.unique(plane)) > most
    # borders to the background are those of objects
    if float((differ & (left != 0) & (right != 0)).mean()) <= _SMOOTH:
        return False
    levels = len(np.unique(plane))
    if levels <= max(most, _LEVELS):
        return False
    from skimage.measure import label

    return int(label(plane, background=0, return_num=True)[1]) > _PIECES * levels


def zero_is_darkest(plane: Any) -> bool:
    """Whether pixels of 0 lie beside those of the lowest numbers, as black does in an image.

    Parameters
    ----------
    plane : (Y, X) integer array
        Without negative numbers, numpy or dask; the middle of it is read.
    """
    from scipy.ndimage import binary_dilation

    plane = in_memory(plane[middle(plane.shape, _CHECKED)])
    black = plane == 0
    beside = plane[binary_dilation(black, np.ones((3, 3), bool)) & ~black]
    if not beside.size:
        return False
    return bool(np.mean(plane[~black] < np.median(beside)) < _DARKEST)
