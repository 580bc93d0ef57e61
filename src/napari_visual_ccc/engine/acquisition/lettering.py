"""Detect lettering: components of one height, side by side on a line."""

from __future__ import annotations

import numpy as np

# fewest letters, and what a scale bar counts for: "1 µm" with its bar is the shortest text
_LEAST, _SCALE = 5, 3

# more components are noise
_MOST = 1500

_ROWS, _BLOCK = 256, 512


def in_lines(boxes: np.ndarray, *, least: int = 3) -> np.ndarray:
    """Find components on one line with others of similar height, nearer than six heights.

    Parameters
    ----------
    boxes : (n, 5) integer array
        Left, top, width, height and area, as from OpenCV.
    least : int
        Fewest components of a line.

    Returns
    -------
    (n,) bool array
    """
    left, top, _, height, _ = boxes.T.astype(np.float32)
    foot = top + height
    found = np.zeros(len(boxes), bool)
    # a block at a time: all pairs of many components would not fit into memory
    for start in range(0, len(boxes), _BLOCK):
        one = slice(start, start + _BLOCK), None
        beside = np.abs(foot - foot[one]) <= np.maximum(1, 0.12 * height[one])
        # capitals and small letters
        beside &= (height >= 0.55 * height[one]) & (height <= 1.8 * height[one])
        beside &= np.abs(left - left[one]) <= 6 * height[one]
        found[one[0]] = beside.sum(axis=1) >= least
    return found


def is_written(ink: np.ndarray) -> bool:
    """Whether a mask contains letters, upright or rotated by 90 degrees.

    Parameters
    ----------
    ink : (Y, X) bool array
        Rows run along the longer side of an info bar.
    """
    if not 0 < ink.mean() <= 0.5:
        return False
    step = max(1, len(ink) // _ROWS)
    return any(_reads(mask) for mask in (ink[::step, ::step], ink[::step, ::step].T))


def _reads(ink: np.ndarray) -> bool:
    import cv2

    mask = np.ascontiguousarray(ink, np.uint8)
    boxes = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    left, top, width, height, area = boxes.T
    # components cut by the border of the bar are frames, cells or specimen
    whole = (left > 0) & (top > 0) & (left + width < ink.shape[1]) & (top + height < ink.shape[0])
    scale = whole & (width >= 4 * height) & (area >= 0.7 * width * height)
    parts = boxes[whole & (height >= 5) & (width <= 3 * height) & (height <= 10 * width)]
    if not 3 <= len(parts) <= _MOST:
        return False
    lines = in_lines(parts)
    if lines.sum() < 3 or lines.sum() + _SCALE * scale.any() < _LEAST:
        return False
    # few grains stand in a line by chance; those of a lattice have one shape
    width, height, area = parts[lines].T[2:]
    few, many = np.percentile((width, height, area / (width * height)), (10, 90), axis=1)
    return bool(lines.mean() >= 0.4 and (many / few).max() >= 1.25)
