"""The mask of particles without flaws, and their typical size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..distance import distances
from .shading import blurred

# blur as a share of the typical radius, and by noise over contrast; least, and limits of the most
_BLUR, _NOISE, _LIMITS = 0.06, 3.5, (0.8, 1.5, 4.0)

# percentiles beyond which grey levels do not widen the bins of a histogram
_OUTLIERS = (0.05, 99.95)

# shares of the typical radius: of an opening, of the radius of the smallest particle, and of the
# smallest one that stands out of noise
_OPENED, _LEAST, _LEAST_CLEAR = 0.15, 0.3, 0.15

# a hole is filled below this share of a typical particle, or if it is as round as a pore
_PORE, _ROUND = 0.02, 0.8

# below this radius an opening goes by the pixels of a disc: distances take longer
_SMALL = 16.0


def blur_for(plane: np.ndarray, grey: np.ndarray, mask: np.ndarray, radius: float) -> float:
    """Standard deviation of a blur that narrow gaps survive and noise does not.

    Parameters
    ----------
    plane, grey : (Y, X) float array
        As it is, and blurred and even.
    mask : (Y, X) bool array
        Particles of the first pass.
    radius : float
        Their typical radius in pixels.
    """
    if mask.all() or not mask.any():
        return _LIMITS[0]
    contrast = abs(float(np.median(grey[mask]) - np.median(grey[~mask])))
    noise = deviation(plane - blurred(plane, 1.0))
    wanted = max(_BLUR * radius, _NOISE * noise / max(contrast, 1e-6))
    return float(np.clip(wanted, _LIMITS[0], np.clip(0.12 * radius, *_LIMITS[1:])))


def otsu(values: np.ndarray) -> float:
    """Otsu's threshold, whatever the outliers.

    Raises
    ------
    ValueError
        If all values are alike.
    """
    from skimage.filters import threshold_otsu

    low, high = np.percentile(values, _OUTLIERS)
    if low == high:
        low, high = values.min(), values.max()
    if low == high:
        raise ValueError("image has 1 grey level: too few to tell particles from background")
    return float(threshold_otsu(np.clip(values, low, high), nbins=512))


def typical_radius(mask: np.ndarray) -> float:
    """Half width of the objects of a mask in pixels: the median by area.

    Every maximum of the distance to the background counts by its square, so that specks, however
    many, do not lower it.
    """
    import cv2

    far = distances(np.pad(mask, 1))[1:-1, 1:-1]
    peaks = (cv2.dilate(far, np.ones((5, 5), np.uint8)) == far) & (far > 0)
    radii = np.sort(far[peaks])
    if not len(radii):
        return 0.0
    weights = np.cumsum(radii.astype(np.float64) ** 2)
    return float(radii[np.searchsorted(weights, weights[-1] / 2)])


def cleaned(mask: np.ndarray, radius: float, least: float = 0.0) -> np.ndarray:
    """Fill pores, open and drop specks.

    Parameters
    ----------
    mask : (Y, X) bool array
    radius : float
        Typical radius of a particle in pixels.
    least : float
        Least area in pixels; 0: a share of a typical particle.
    """
    return without_specks(
        opened(filled(mask, radius), _OPENED * radius), least or least_area(radius)
    )


def least_area(radius: float) -> float:
    """Area in pixels of the smallest particle, given the typical radius."""
    return float(np.pi * (_LEAST * radius) ** 2)


def least_clear_area(radius: float) -> float:
    """The same of a particle that stands out of noise (`parts.without_faint`)."""
    return float(np.pi * (_LEAST_CLEAR * radius) ** 2)


def filled(mask: np.ndarray, radius: float) -> np.ndarray:
    """Fill holes that are pores; gaps between touching particles, which are hollow, stay."""
    import cv2

    _, holes, places, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    sizes = places[:, cv2.CC_STAT_AREA]
    whole = np.pi * radius**2
    # what fills so much of its place fills as much of its hull
    full = sizes > _ROUND * places[:, cv2.CC_STAT_WIDTH] * places[:, cv2.CC_STAT_HEIGHT]
    close = (sizes < max(_PORE * whole, 4)) | (full & (sizes < whole))
    close[0] = False
    for number in np.flatnonzero(~close & (sizes < whole)):
        if number:
            left, top, width, height, area = places[number].tolist()
            hole = holes[top : top + height, left : left + width] == number
            close[number] = area > _ROUND * convex_area(hole)
    close[rim_of(holes)] = False
    return np.asarray(mask | close.take(np.asarray(holes, np.int32)))


def without_holes(mask: np.ndarray) -> np.ndarray:
    """Fill every hole."""
    numbers, count = components(~mask)
    outside = np.zeros(count + 1, bool)
    outside[rim_of(numbers)] = True
    return np.asarray(mask | ~outside.take(numbers))


def convex_area(mask: np.ndarray) -> int:
    """Pixels whose centres lie in the convex hull of the pixels of a mask, one at least a row.

    A pixel is a square on its tip, as `skimage.measure.regionprops` takes it for solidity.
    """
    import cv2

    first = 2 * mask.argmax(axis=1)
    last = 2 * (mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1))
    rows = 2 * np.arange(len(mask))
    x = np.concatenate([first - 1, last + 1, first, first, last, last])
    y = np.concatenate([rows, rows, rows - 1, rows + 1, rows - 1, rows + 1])
    hull = cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32)).reshape(-1, 2).astype(np.int64)
    (x0, y0), (x1, y1) = hull.T, np.roll(hull, -1, axis=0).T
    up = y0 != y1
    x0, y0, x1, y1 = (one[up][:, np.newaxis] for one in (x0, y0, x1, y1))
    # in whole numbers: pixels may lie on the outline
    crossing = (rows >= np.minimum(y0, y1)) & (rows <= np.maximum(y0, y1))
    down = np.where(y1 > y0, 1, -1)
    over, by = down * (x0 * (y1 - y0) + (rows - y0) * (x1 - x0)), 2 * down * (y1 - y0)
    far = 2 * mask.shape[1]
    left = np.where(crossing, -(-over // by), far).min(axis=0)
    right = np.where(crossing, over // by, -far).max(axis=0)
    return int(np.maximum(right - left + 1, 0).sum())


def opened(mask: np.ndarray, reach: float) -> np.ndarray:
    """Opening by a disc of a radius in pixels."""
    import cv2

    if reach < 1:
        return mask
    framed = np.pad(mask, 1, mode="edge")
    if reach < _SMALL:
        disc = _disc(reach)
        small: Any = cv2.morphologyEx(framed.astype(np.uint8), cv2.MORPH_OPEN, disc)
        return np.asarray(small[1:-1, 1:-1] > 0)
    core = distances(framed) > reach
    if not core.any():
        return np.zeros_like(mask)
    return np.asarray((distances(~core) <= reach)[1:-1, 1:-1])


def _disc(reach: float) -> np.ndarray:
    """Pixels within a distance, in the precision of `distances`."""
    far = np.arange(-int(reach) - 1, int(reach) + 2, dtype=np.float64)
    away = np.sqrt(far**2 + far[:, np.newaxis] ** 2).astype(np.float32)
    return np.asarray(away <= reach, np.uint8)


def without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Drop objects of less than an area in pixels."""
    numbers, _ = components(mask)
    keep = np.bincount(numbers.ravel()) >= least
    keep[0] = False
    return np.asarray(keep.take(numbers))


def components(mask: np.ndarray, sides: int = 4) -> tuple[np.ndarray, int]:
    """Numbers of the connected objects of a mask, in any order, and how many there are."""
    import cv2

    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=sides)
    return np.asarray(numbers), count - 1


def rim_of(numbers: np.ndarray) -> np.ndarray:
    """Labels at the border of the image."""
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    return np.unique(np.concatenate(edges))


def deviation(values: np.ndarray, middle: float | None = None) -> float:
    """Robust standard deviation: by the median, which may be known."""
    if not values.size:
        return 0.0
    middle = float(np.median(values)) if middle is None else middle
    return 1.4826 * float(np.median(np.abs(values - middle)))
