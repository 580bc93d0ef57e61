"""Detect lettering: strokes, and components of one height side by side on a line."""

from __future__ import annotations

import numpy as np

# more components are noise
_MOST = 1500

# widest band that is looked at
_WIDE = 4096

_BLOCK = 512

# grey levels among which that of the paper is the most frequent
_SHADES = 64

# parts of the width that may hold letters
_PLACES = 8

_NOTHING = {
    "letters": 0.0,
    "lined": 0.0,
    "slender": 1.0,
    "variety": 0.0,
    "wide": 0.0,
    "blank": 0.0,
    "contrast": 0.0,
    "clear": 0.0,
}


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


# strokes -----------------------------------------------------------------------------------------


def strokes(band: np.ndarray, *, turned: bool = False) -> dict[str, float]:
    """Measure how far a band is written on: strokes that are thin along its rows, in lines.

    Thin strokes outlast resampling and JPEG, where paper and letters become many grey levels.

    Parameters
    ----------
    band : (Y, X) float array
        Rows run along the longer side of an info bar.
    turned : bool
        Also look for letters that are upright in a bar at the side.

    Returns
    -------
    dict
        ``letters``: logarithm of their number, where words count by their length; ``lined``: share
        of the ink of single marks that stand in lines; ``slender``: width of strokes over height
        of letters; ``variety``: spread of widths, heights and filling; ``wide``: share of the width
        over which letters are spread; ``blank``: share of rows without ink; ``contrast``: that of
        strokes, as share of the range; ``clear``: logarithm of their height over that of what lies
        between them: letters stand out of their paper, strokes of noise do not.
    """
    import cv2

    found = [_strokes(one, mode) for one in _sized(band, turned)
             for mode in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]  # fmt: skip
    return max(found, key=lambda one: one["letters"] + 2 * one["lined"])


def solid(band: np.ndarray) -> float:
    """Measure how far the marks on a band fill their convex hulls: particles do, letters do not.

    Parameters
    ----------
    band : (Y, X) float array
        Rows run along the longer side of an info bar.

    Returns
    -------
    float
        Lower quartile over the marks or mean over their pixels, whichever is less; 0 without marks.
    """
    import cv2

    sized = _sized(band, False)[0]
    counts = np.convolve(np.histogram(sized, _SHADES, (0, 1))[0], np.ones(3), "same")
    away = np.abs(sized - (counts.argmax() + 0.5) / _SHADES)
    strong = float(np.quantile(away, 1 - max(0.002, 40 / away.size)))
    mask = (away > max(0.5 * strong, 0.1)).astype(np.uint8)
    _, marks, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    filled, areas = [], []
    for label, (x, y, width, height, area) in enumerate(boxes[:_MOST]):
        if label == 0 or height < 4 or area < 10 or width > 12 * height:
            continue
        part = (marks[y : y + height, x : x + width] == label).astype(np.uint8)
        outline, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        hull = cv2.convexHull(np.vstack(outline))
        # through the centres of pixels: half a pixel is missing all around
        filled.append(area / (cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1))
        areas.append(area)
    if not filled:
        return 0.0
    return float(min(np.quantile(filled, 0.25), np.average(filled, weights=areas)))


def _sized(band: np.ndarray, turned: bool) -> list[np.ndarray]:
    """Band of 0 to 1 with letters of 5 to 50 pixels, and if need be turned; none if it is plain."""
    import cv2

    low, high = np.percentile(band, (0.2, 99.8))
    if not high > low:
        return [np.zeros((8, 8), np.float32)]
    band = np.clip((band - low) / (high - low), 0, 1).astype(np.float32)
    rows, columns = band.shape
    sizes = [2.0 if rows < 48 else min(1.0, 96 / rows)]
    if turned:
        # letters of a wide panel are small
        sizes.append(min(1.0, _WIDE / 4 / columns))
    made = []
    for by in sizes:
        size = max(8, min(_WIDE, round(columns * by))), max(8, round(rows * by))
        how = cv2.INTER_CUBIC if by > 1 else cv2.INTER_AREA
        made.append(band if by == 1 else cv2.resize(band, size, interpolation=how))
    return [made[0], *(one.T for one in made[1:])]


def _strokes(band: np.ndarray, mode: int) -> dict[str, float]:
    import cv2

    band = np.ascontiguousarray(band)
    length = int(np.clip(0.4 * min(band.shape), 7, 31))
    thin = cv2.morphologyEx(band, mode, np.ones((1, length), np.uint8))
    # a few letters are enough
    strong = float(np.quantile(thin, 1 - max(0.002, 40 / thin.size)))
    if strong < 0.02:
        return dict(_NOTHING)
    # soft letters beside a sharp frame or sign: half of the strongest stroke nearby
    near = max(3, round(0.2 * min(band.shape)))
    nearby = cv2.dilate(thin, np.ones((near, 2 * near), np.uint8))
    mask = (thin > np.maximum(0.5 * nearby, 0.15 * strong)).astype(np.uint8)
    _, marks, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height, area = boxes.T
    whole = (top > 0) & (top + height < len(band)) & (height >= 4) & (area >= 5)
    parts = whole & (height <= 0.9 * len(band)) & (width <= 12 * height) & (height <= 10 * width)
    parts[0] = False
    if not 3 <= parts.sum() <= _MOST:
        return dict(_NOTHING)
    lines = parts.copy()
    lines[parts] = in_lines(boxes[parts])
    if not lines.any():
        return dict(_NOTHING)
    deep = np.zeros(len(boxes), np.float32)
    inside = mask > 0
    np.maximum.at(deep, marks[inside], cv2.distanceTransform(mask, cv2.DIST_L2, 3)[inside])
    left, width, height, area, deep = (one[lines] for one in (left, width, height, area, deep))
    places = np.unique((left + width / 2) * _PLACES // band.shape[1])
    few, many = np.percentile((width, height, area / (width * height)), (10, 90), axis=1)
    ink = mask.mean(axis=1)
    return {
        "letters": float(np.log1p(np.clip(width / (0.9 * height), 1, 12).sum())),
        "lined": float(area.sum() / boxes[parts, 4].sum()),
        "slender": float(np.median(2 * deep / height)),
        "variety": float(np.log(np.minimum(many / few, 6).max())),
        "wide": len(places) / _PLACES,
        "blank": float((ink <= 0.1 * ink.max()).mean()),
        "contrast": strong,
        "clear": float(np.log(strong / (0.01 + np.median(thin)))),
    }
