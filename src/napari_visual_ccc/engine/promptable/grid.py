"""Where prompts are set and on which parts of an image: grids, crops and tiles."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

# overlap of neighbouring crops, as in Segment Anything: share of the short side of the image
CROP_OVERLAP = 512 / 1500

# overlap of neighbouring tiles: share of their side; objects up to this size lie whole in one
TILE_OVERLAP = 0.25


class Region(NamedTuple):
    """Part of an image that is embedded by itself.

    Parameters
    ----------
    top, left, bottom, right : int
        First row and column, and those after the last.
    layer : int
        0: the image or a tile of it; 1, 2, ...: crops of that, ever smaller.
    tile : int
        Number of the tile that it is part of.
    """

    top: int
    left: int
    bottom: int
    right: int
    layer: int = 0
    tile: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns in the image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def holds(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether places (x, y) from one corner to another lie on its pixels."""
        across = self.left - 0.5 <= left and right <= self.right - 0.5
        return across and self.top - 0.5 <= top and bottom <= self.bottom - 0.5


def point_grid(per_side: int) -> np.ndarray:
    """Points (n², 2) of a square grid, as (x, y) shares of the width and height."""
    places = (np.arange(per_side) + 0.5) / per_side
    x, y = np.meshgrid(places, places)
    return np.stack([x, y], axis=-1).reshape(-1, 2)


def tiles(shape: tuple[int, int], side: int) -> list[Region]:
    """Tiles that cover an image and overlap by a quarter.

    Parameters
    ----------
    shape : (rows, columns)
        Of the image.
    side : int
        Of a tile; 0, or one that covers the image, gives a single region.
    """
    height, width = shape
    if side <= 0 or (side >= height and side >= width):
        return [Region(0, 0, height, width)]
    found: list[Region] = []
    for top in _starts(height, side):
        for left in _starts(width, side):
            corner = (min(top + side, height), min(left + side, width))
            found.append(Region(top, left, *corner, tile=len(found)))
    return found


def _starts(length: int, side: int) -> list[int]:
    if side >= length:
        return [0]
    overlap = round(side * TILE_OVERLAP)
    count = math.ceil((length - overlap) / (side - overlap))
    return [round(place) for place in np.linspace(0, length - side, count)]


def crops(tile: Region, layers: int) -> list[Region]:
    """The tile and its crops: 2 × 2 in the first layer, 4 × 4 in the second, and so on."""
    height, width = tile.size
    found = [tile]
    for layer in range(1, layers + 1):
        count = 2**layer
        overlap = int(CROP_OVERLAP * min(height, width) * (2 / count))
        rows, columns = (math.ceil((overlap * (count - 1) + n) / count) for n in (height, width))
        for across in range(count):
            for down in range(count):
                top, left = (rows - overlap) * down, (columns - overlap) * across
                bottom, right = min(top + rows, height), min(left + columns, width)
                found.append(
                    Region(
                        tile.top + top, tile.left + left, tile.top + bottom, tile.left + right,
                        layer, tile.tile,
                    )
                )  # fmt: skip
    return found


def points_of(region: Region, per_side: int, downscale: int) -> np.ndarray:
    """Grid of a region, (P, 2) in its (x, y) pixels; crops have fewer points."""
    count = max(1, int(per_side / downscale**region.layer))
    return point_grid(count) * region.size[::-1]


def region_at(regions: list[Region], x: float, y: float) -> int:
    """Number of the region in whose middle a place lies best."""
    distances = [
        max(
            abs(x - (one.left + one.right) / 2) / max(1, one.right - one.left),
            abs(y - (one.top + one.bottom) / 2) / max(1, one.bottom - one.top),
        )
        for one in regions
    ]
    return int(np.argmin(distances))
