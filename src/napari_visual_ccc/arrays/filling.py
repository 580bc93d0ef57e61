"""Replace a part of an image by its surroundings."""

from __future__ import annotations

from typing import Literal

import numpy as np

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
