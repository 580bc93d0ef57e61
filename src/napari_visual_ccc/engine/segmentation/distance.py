"""Distances to the background that are right to the last digit, and maxima that are raised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# pixels or voxels of the tiles that are raised one by one
_TILE = 512**2

# largest distance in pixels whose square is right after it was found in single precision
_SINGLE = 1000.0

# dilations before a tile is looked at again, and before a corridor is followed pixel by pixel
_EACH, _MOST = 6, 600


def squared_distances(mask: np.ndarray) -> np.ndarray:
    """Square of the distance to the background in pixels; the border of the image is no edge.

    Parameters
    ----------
    mask : (Y, X) bool array

    Returns
    -------
    (Y, X) array
        Whole numbers, as float32 or, where they are large, float64.
    """
    import cv2

    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # the last digit depends on where the arrays lie in memory, and with it which maxima are equal;
    # squares are whole numbers, which are right up to some 1,300 pixels
    if found.size and float(found.max()) >= _SINGLE:
        found = found.astype(np.float64)
    np.multiply(found, found, out=found)
    return np.rint(found, out=found)


def distances(mask: np.ndarray) -> np.ndarray:
    """Distance to the background in pixels as float32; the border of the image is no edge."""
    return np.sqrt(squared_distances(mask)).astype(np.float32, copy=False)


def lowered(heights: np.ndarray, least: float, share: float) -> np.ndarray:
    """Heights less a tolerance: the same for all, or a share of each where that is more."""
    tolerance = np.maximum(least, share * heights) if share else least
    return np.maximum(heights - tolerance, 0)


def ranked(
    mask: np.ndarray, least: float, share: float = 0.0, shape: tuple[float, ...] | None = None
) -> tuple[np.ndarray, ...]:
    """Distances within a frame of background, and numbers of their order.

    Of a plane these are ranks, small whole numbers, which are dilated many times faster.

    Parameters
    ----------
    mask : (Y, X) or (Z, Y, X) bool array
    least, share : float
        Tolerance, as of `lowered`.
    shape : (y, x) or (z, y, x), optional
        Sides of a pixel that is not square, or of a voxel.

    Returns
    -------
    distance : float64 array
        Objects cut by the border are not wider than the image shows.
    low, high : arrays
        In the order of the lowered distances, and of the distances.
    """
    from scipy.ndimage import distance_transform_edt

    framed, inside = np.pad(mask, 1), (slice(1, -1),) * mask.ndim
    if mask.ndim == 2 and shape is None:
        squares = squared_distances(framed)[inside]
        if squares.dtype == np.float64:
            squares = np.rint(np.square(distance_transform_edt(framed)[inside]))
        place: np.ndarray = squares.astype(np.int32)
        heights = np.sqrt(np.arange(int(place.max(initial=0)) + 1, dtype=np.float64))
    else:
        distance = distance_transform_edt(framed, sampling=shape)[inside]
        if mask.ndim > 2:
            return distance, lowered(distance, least, share), distance
        heights, place = np.unique(distance, return_inverse=True)
        place = place.reshape(mask.shape)
    low = lowered(heights, least, share)
    every = np.unique(np.concatenate([heights, low]))
    kind = np.uint8 if len(every) < 2**8 else np.uint16 if len(every) < 2**16 else np.float32
    ranks = (np.searchsorted(every, values).astype(kind) for values in (low, heights))
    return heights.take(place), *(one.take(place) for one in ranks)


def raised(seed: np.ndarray, mask: np.ndarray) -> Iterator[None]:
    """Reconstruct in place by dilation under a mask, tile by tile until no tile changes.

    The result is that of the whole plane: a plane that no tile can raise any more is reconstructed,
    since the tiles overlap by the reach of a dilation. A tile is fast, and fits into the cache.
    """
    side = round(_TILE ** (1 / mask.ndim))
    grid = np.indices([-(-n // side) for n in mask.shape]).reshape(mask.ndim, -1).T
    tiles = [tuple(slice(max(i * side - 1, 0), (i + 1) * side + 1) for i in at) for at in grid]
    waiting = dict.fromkeys(range(len(tiles)))
    while waiting:
        number, _ = waiting.popitem()
        tile = tiles[number]
        higher = _reconstructed(seed[tile], mask[tile])
        changed = higher > seed[tile]
        seed[tile] = higher
        yield
        for other in np.flatnonzero(np.abs(grid - grid[number]).max(axis=1) == 1):
            shared = tuple(
                slice(max(a.start, b.start) - a.start, min(a.stop, b.stop) - a.start)
                for a, b in zip(tile, tiles[other], strict=True)
            )
            if changed[shared].any():
                waiting[int(other)] = None


def _reconstructed(seed: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Dilate under a mask until nothing changes; sorting all values, as for volumes, is slower."""
    import cv2
    from skimage.morphology import reconstruction

    if mask.ndim == 2:
        beside = np.ones((3, 3), np.uint8)
        for _ in range(0, _MOST, _EACH):
            before = seed
            for _ in range(_EACH):
                seed = cv2.min(cv2.dilate(seed, beside), mask)
            if np.array_equal(seed, before):
                return seed
    return reconstruction(seed, mask).astype(seed.dtype)
