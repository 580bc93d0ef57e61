"""Tell letters from specimen: pieces of one height that stand side by side on a line."""

from __future__ import annotations

import numpy as np

# letters and a scale bar, which counts for three: "1 µm" with its bar is the least
_LEAST, _SCALE = 5, 3

# more pieces are noise
_MOST = 1500

_ROWS, _BLOCK = 256, 512


def in_lines(boxes: np.ndarray, *, least: int = 3) -> np.ndarray:
    """Find pieces that stand on one line with others of like height, nearer than six heights.

    Parameters
    ----------
    boxes : (n, 5) integer array
        Left, top, width, height and area, as OpenCV gives them.
    least : int
        How many stand together, the piece itself included.

    Returns
    -------
    (n,) bool array
    """
    left, top, _, height, _ = boxes.T.astype(np.float32)
    foot = top + height
    found = np.zeros(len(boxes), bool)
    # a block at a time: all pairs of many pieces would not fit into memory
    for start in range(0, len(boxes), _BLOCK):
        one = slice(start, start + _BLOCK), None
        beside = np.abs(foot - foot[one]) <= np.maximum(1, 0.12 * height[one])
        # capitals and small letters
        beside &= (height >= 0.55 * height[one]) & (height <= 1.8 * height[one])
        beside &= np.abs(left - left[one]) <= 6 * height[one]
        found[one[0]] = beside.sum(axis=1) >= least
    return found


def is_written(ink: np.ndarray) -> bool:
    """Whether there are letters in a mask, upright or turned by a quarter.

    Parameters
    ----------
    ink : (Y, X) bool array
        Rows run along the longer side of a label bar.
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
    # what the border of the bar cuts is a frame, a cell or specimen
    whole = (left > 0) & (top > 0) & (left + width < ink.shape[1]) & (top + height < ink.shape[0])
    scale = whole & (width >= 4 * height) & (area >= 0.7 * width * height)
    pieces = boxes[whole & (height >= 5) & (width <= 3 * height) & (height <= 10 * width)]
    if not 3 <= len(pieces) <= _MOST:
        return False
    lines = in_lines(pieces)
    if lines.sum() < 3 or lines.sum() + _SCALE * scale.any() < _LEAST:
        return False
    # grains may stand in a line by chance, but not most of them; those of a lattice are all alike
    width, height, area = pieces[lines].T[2:]
    few, many = np.percentile((width, height, area / (width * height)), (10, 90), axis=1)
    return bool(lines.mean() >= 0.4 and (many / few).max() >= 1.25)
