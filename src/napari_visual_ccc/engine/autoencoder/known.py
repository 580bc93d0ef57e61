"""Known pixels of images: gaps, tiles without gaps, places with a score, and regions of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays.filling import filled
from ...core.pixel_size import PixelSize

if TYPE_CHECKING:
    import pandas as pd

# pixels around a tile that its scores depend on
MARGIN = 64

# pixels from one place of the features to the next, and pixels that sides are multiples of, as of
# the backbone
STRIDE, CELL = 8, 16

# what depends on filled pixels: their weight in a Gaussian window of this standard deviation
_SIGMA, _WEIGHT = 16.0, 0.02

# share of a tile that may be filled
_FILLED = 0.02


def scored(known: np.ndarray) -> np.ndarray:
    """Places whose score does not depend on filled pixels, (Y, X) bool.

    Filled pixels have at most 2 % of the weight of a Gaussian window of 16 pixels there. A gap of
    up to 5 x 5 pixels is within this; a wide one has no score in itself and within 33 pixels of it.
    The border of the array is no gap.
    """
    import cv2

    share = cv2.GaussianBlur(
        (~known).astype(np.float32), (0, 0), _SIGMA, borderType=cv2.BORDER_REFLECT
    )
    return share <= _WEIGHT


def places(image: np.ndarray) -> np.ndarray:
    """Values of a (Y, X) array at the places, the centres of blocks."""
    return image[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]


def places_scored(known: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Places of an image with a margin, and of whole cells, that filled pixels do not change.

    Parameters
    ----------
    known : (Y, X) bool array
        Known pixels of the image without its margin.
    shape : (Y, X)
        With it.
    """
    grow = [(MARGIN, whole - MARGIN - n) for n, whole in zip(known.shape, shape, strict=True)]
    wide = np.pad(known, grow, mode="symmetric")
    return places(wide if known.all() else scored(wide))


def at_pixels(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate places to the pixels of an image, without its margin.

    Pixels beside places without a score take that of the nearest place which has one.
    """
    import cv2

    coarse, _ = filled(coarse)
    sides = (coarse.shape[1] * STRIDE, coarse.shape[0] * STRIDE)
    fine = cv2.resize(coarse.astype(np.float32), sides, interpolation=cv2.INTER_LINEAR)
    return fine[MARGIN : MARGIN + shape[0], MARGIN : MARGIN + shape[1]]


def _corners_of_tiles(known: np.ndarray, side: int) -> np.ndarray:
    """Corners (y, x) of the tiles without gaps, as an (n, 2) array.

    Of tiles that filled pixels have no influence on where there are any; else of those of which
    at most 2 % are filled.
    """
    for allowed, least in ((scored(known), 1.0), (known, 1 - _FILLED)):
        sums = np.pad(np.cumsum(np.cumsum(allowed, axis=0), axis=1), ((1, 0), (1, 0)))
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side]
        inside = inside + sums[:-side, :-side]
        corners = np.argwhere(inside >= least * side * side)
        if len(corners):
            break
    return corners


def cut_windows(
    grey: np.ndarray,
    known: np.ndarray | None,
    side: int,
    count: int,
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, np.ndarray | None, bool]]:
    """Cut windows at random places of a grid, then at any.

    An image that is smaller than a tile, but not than half of it, is continued by reflection, and
    gives no more tiles than its area: more would be repetitions.
    Where pixels are missing, the places are those without gaps.

    Parameters
    ----------
    grey : (Y, X) array
        Image, its gaps filled.
    known : (Y, X) bool array or None
        From `filled`.
    side, count : int
        Side of a tile without its margin of `MARGIN` pixels, and number of tiles.
    rng : numpy Generator
        Of the places.

    Returns
    -------
    list of (window, known, overlaps)
        Known pixels of the window, None if all are; and whether its tile overlaps another.
    """
    if min(grey.shape) < (side + 1) // 2 or not grey.size:
        return []
    if min(grey.shape) < side:
        count = min(count, -(-grey.size // side**2))
    grow = [(0, max(0, side - n)) for n in grey.shape]
    grey = np.pad(grey, grow, mode="symmetric")
    if known is None:
        chosen, apart = _anywhere(grey.shape, side, count, rng)
    else:
        known = np.pad(known, grow, mode="symmetric")
        chosen, apart = _among(_corners_of_tiles(known, side), side, count, rng)
    full = side + 2 * MARGIN
    wide = np.pad(grey, MARGIN, mode="symmetric")
    there = None if known is None else np.pad(known, MARGIN, mode="symmetric")
    found = []
    for number, (y, x) in enumerate(chosen):
        place = np.s_[y : y + full, x : x + full]
        # a copy, which does not keep the whole image
        has = None if there is None or there[place].all() else there[place].copy()
        found.append((wide[place], has, number >= apart))
    return found


def _anywhere(
    shape: tuple[int, ...], side: int, count: int, rng: np.random.Generator
) -> tuple[list[tuple[int, int]], int]:
    """Corners of tiles, and how many of them, the first, do not overlap."""
    shift = [int(rng.integers(0, n % side + 1)) for n in shape]
    corners = [
        (y, x)
        for y in range(shift[0], shape[0] - side + 1, side)
        for x in range(shift[1], shape[1] - side + 1, side)
    ]
    chosen = [corners[k] for k in rng.permutation(len(corners))[:count]]
    apart = len(chosen)
    while len(chosen) < count:
        y, x = (int(rng.integers(0, n - side + 1)) for n in shape)
        chosen.append((y, x))
    return chosen, apart


def _among(
    corners: np.ndarray, side: int, count: int, rng: np.random.Generator
) -> tuple[list[tuple[int, int]], int]:
    """As `_anywhere`, of the corners that are allowed."""
    left = corners[rng.permutation(len(corners))]
    chosen: list[tuple[int, int]] = []
    while len(left) and len(chosen) < count:
        y, x = (int(n) for n in left[0])
        chosen.append((y, x))
        left = left[(np.abs(left - left[0]) >= side).any(axis=1)]
    apart = len(chosen)
    if apart:
        more = corners[rng.integers(0, len(corners), count - apart)]
        chosen += [(int(y), int(x)) for y, x in more]
    return chosen, apart


def regions_above(score: np.ndarray, least: int) -> np.ndarray:
    """Label what is above 1, the region of the largest score first."""
    from scipy.ndimage import maximum
    from skimage.measure import label

    regions = label(score > 1, connectivity=2)
    counts = np.bincount(regions.ravel())
    kept = np.flatnonzero(counts[1:] >= least) + 1
    order = kept[np.argsort(-np.asarray(maximum(score, regions, kept)), kind="stable")]
    number = np.zeros(len(counts), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    return number[regions]


def table_of(labels: np.ndarray, score: np.ndarray, pixel_size: PixelSize | None) -> pd.DataFrame:
    """List regions: area, highest and mean score, centroid, and whether the border cuts them."""
    import pandas as pd
    from skimage.measure import regionprops_table

    wanted = ("label", "area", "intensity_max", "intensity_mean", "centroid", "bbox")
    found = pd.DataFrame(regionprops_table(labels, score, properties=wanted))
    table = pd.DataFrame({"label": found["label"]})
    pixels = found["area"].astype(int)
    if pixel_size is not None:
        table[pixel_size.extent_column] = pixels * pixel_size.extent
    border = (found[["bbox-0", "bbox-1"]] == 0).any(axis=1)
    border |= (found[["bbox-2", "bbox-3"]] == list(labels.shape)).any(axis=1)
    return table.assign(
        area_px=pixels, peak=found["intensity_max"], mean=found["intensity_mean"],
        centroid_y_px=found["centroid-0"], centroid_x_px=found["centroid-1"],
        touches_border=border,
    )  # fmt: skip
