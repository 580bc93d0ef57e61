"""Bands of rows in which formats take an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from .encode import EncodedImage
from .pyramid import Index

# sides of the tiles of a TIFF, rows of its strips, sides of the chunks of a Zarr
TILE, STRIP, CHUNK = 512, 128, 1024


def place_rows(
    stored: EncodedImage, levels: list[Any], level: int, index: Index, start: int, rows: np.ndarray
) -> None:
    """Write rows of a plane into the array of their level.

    Parameters
    ----------
    stored : EncodedImage
        The image.
    levels : list of arrays
        Arrays of the file, finest first.
    level : int
        Number of the level.
    index : tuple of int
        Of the plane.
    start : int
        First row.
    rows : (rows, X) or (rows, X, colours) array
        Colours go to the axis that the format has for them.
    """
    where: list[Any] = list(index)
    if stored.colour_axis is not None:
        rows = np.moveaxis(rows, -1, 0)
        where.insert(stored.colour_axis, slice(None))
    levels[level][(*where, slice(start, start + rows.shape[-2]))] = rows
