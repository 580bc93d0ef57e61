"""Replace a part of an image, or its missing pixels, by the surroundings."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .inputs import missing_pixels

Fill = Literal["surroundings", "mean", "blur"]


def covered_image(stretched: np.ndarray, mask: np.ndarray, fill: Fill) -> np.ndarray:
    """Replace the pixels of a mask.

    Parameters
    ----------
    stretched : (Y, X) float32 array
        0 to 1.
    mask : (Y, X) bool array
        Pixels that are replaced.
    fill : {'surroundings', 'mean', 'blur'}
        Replacement; surroundings are inpainted by the fast marching method (Telea, J. Graphics
        Tools 9 (2004) 23) on a grid of at most 256 pixels per side.

    Returns
    -------
    (Y, X) float32 array
    """
    import cv2

    if not mask.any():
        return stretched
    filled = stretched.copy()
    if mask.all() or fill == "mean":
        filled[mask] = stretched.mean() if mask.all() else stretched[~mask].mean()
        return filled
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    around = max(4, max(height, width) // 4)
    box = tuple(
        slice(max(0, int(places[0]) - around), int(places[-1]) + 1 + around)
        for places in (rows, columns)
    )
    part, hole = stretched[box], mask[box]
    if fill == "blur":
        sigma = max(height, width) / 4
        filled[box][hole] = cv2.GaussianBlur(part, (0, 0), float(sigma))[hole]
        return filled
    step = max(1.0, max(part.shape) / 256)
    small = tuple(max(2, round(n / step)) for n in part.shape[::-1])
    levels = cv2.resize((part * 255).astype(np.uint8), small, interpolation=cv2.INTER_AREA)
    where = (cv2.resize(hole.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0).astype(
        np.uint8
    )
    drawn = cv2.inpaint(levels, where, 5, cv2.INPAINT_TELEA).astype(np.float32) / 255
    whole = cv2.resize(drawn, part.shape[::-1], interpolation=cv2.INTER_LINEAR)
    filled[box][hole] = whole[hole]
    return filled


def filled(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Fill pixels that are NaN or infinite with the nearest known pixel.

    The nearest pixel continues the grey levels and the noise of the surroundings: a constant, such
    as the median, would be an edge and a texture of its own.

    Parameters
    ----------
    plane : (Y, X) array
        Any real dtype.

    Returns
    -------
    filled : (Y, X) array
        The plane itself where nothing is missing.
    known : (Y, X) bool array or None
        Where it is finite; None if it is everywhere.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    missing = missing_pixels(plane)
    if missing is None:
        return plane, None
    return from_nearest(plane, ~missing), ~missing


def from_nearest(plane: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Copy of a plane in which every pixel that is not known has the value of the nearest known."""
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return plane[tuple(nearest)]


def known_values(plane: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Values that are known, for percentiles."""
    return plane if known is None else plane[known]


def known_everywhere(planes: np.ndarray) -> np.ndarray | None:
    """Pixels that are finite in all channels: (Y, X) bool, or None if all are.

    Parameters
    ----------
    planes : (Y, X) or (C, Y, X) array
        Any real dtype.
    """
    if planes.dtype.kind != "f":
        return None
    known = np.isfinite(planes)
    known = known if planes.ndim == 2 else known.all(axis=0)
    return None if known.all() else known


def missing_around(
    known: np.ndarray, rows: np.ndarray, columns: np.ndarray, sigma: float
) -> np.ndarray:
    """Share of missing pixels in a Gaussian window around the places of a grid.

    Parameters
    ----------
    known : (Y, X) bool array
        Pixels that are not missing.
    rows, columns : (h,) and (w,) arrays
        Of the places, in pixels.
    sigma : float
        Standard deviation of the window, in pixels. The border of the array is no gap.

    Returns
    -------
    (h, w) float32 array
    """
    import cv2

    # a wide window on a coarse grid
    step = max(1, int(sigma / 4))
    size = tuple(-(-n // step) for n in known.shape)
    missing = cv2.resize((~known).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    missing = cv2.GaussianBlur(missing, (0, 0), sigma / step, borderType=cv2.BORDER_REFLECT)
    y, x = (
        ((places + 0.5) * (n / full) - 0.5).astype(np.float32)
        for places, n, full in zip((rows, columns), size, known.shape, strict=True)
    )
    across, down = np.meshgrid(x, y)
    return cv2.remap(missing, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
