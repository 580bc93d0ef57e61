"""Patches of images: where they are, their pictures, and sheets of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# side of a patch on a sheet, in pixels
THUMB = 64

# pixels between patches
_GAP = 2


def cut_patch(plane: np.ndarray, centre: tuple[float, float], side: float) -> np.ndarray:
    """Cut a square patch, mirrored at the border of the image, as a small picture.

    Parameters
    ----------
    plane : (Y, X) float array
        0 to 1.
    centre : (y, x)
        Pixel in the middle of the patch.
    side : float
        Of the patch, in pixels.

    Returns
    -------
    (64, 64) uint8 array
    """
    import torch

    from ...nets.inference import to_input

    wide = max(2, round(side))
    places = []
    for middle, length in zip(centre, plane.shape, strict=True):
        wanted = round(middle - (wide - 1) / 2) + np.arange(wide)
        # mirrored, as often as the patch is wider than the image
        period = 2 * length
        folded = np.mod(wanted, period)
        places.append(np.where(folded < length, folded, period - 1 - folded))
    patch = np.ascontiguousarray(plane[np.ix_(*places)], np.float32)
    small = to_input(torch.from_numpy(patch)[None], (THUMB, THUMB), 0.0, 1.0)[0, 0].numpy()
    return (np.clip(small, 0, 1) * 255).round().astype(np.uint8)


def sheet(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Lay out pictures of one size row by row, with white lines between them.

    Parameters
    ----------
    pictures : sequence of (h, w) uint8 arrays
        At least one.
    columns : int
        Pictures in a row.

    Returns
    -------
    (Y, X) uint8 array
    """
    height, width = pictures[0].shape
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    made = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP), 255, np.uint8)
    for number, one in enumerate(pictures):
        y, x = number // columns * (height + _GAP), number % columns * (width + _GAP)
        made[y : y + height, x : x + width] = one
    return made


def peaks(coarse: np.ndarray, most: int, apart: int = 1) -> list[tuple[int, int, float]]:
    """Find the highest cells, none within `apart` cells of a higher one.

    Returns
    -------
    list of (row, column, height)
        The highest first; where cells are equal, the first of them.
    """
    left = np.where(np.isnan(coarse), -np.inf, np.array(coarse, np.float64))
    found: list[tuple[int, int, float]] = []
    while len(found) < most:
        row, column = (int(n) for n in np.unravel_index(left.argmax(), left.shape))
        height = float(left[row, column])
        if not np.isfinite(height):
            break
        found.append((row, column, height))
        left[
            max(row - apart, 0) : row + apart + 1, max(column - apart, 0) : column + apart + 1
        ] = -np.inf
    return found


def hits_table(found: list[dict[str, Any]], columns: tuple[str, ...], most: int) -> pd.DataFrame:
    """Sort hits of several images, the most similar first."""
    import pandas as pd

    table = pd.DataFrame(found, columns=list(columns))
    table = table.sort_values("similarity", ascending=False, kind="stable").head(most)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table.reset_index(drop=True)


def patch_side(stride: float) -> float:
    """Side of the patch that stands for a cell, in pixels."""
    return max(3 * stride, 8.0)
