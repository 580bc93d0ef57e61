"""Masks of particles: their typical size, holes filled, roughness and specks removed."""

from __future__ import annotations

import numpy as np

# shares of the typical radius: of an opening, and of the radius of the smallest particle
_OPENED, _LEAST = 0.15, 0.3

# a hole is filled below this share of a typical particle, or if it is as round as a pore
_PORE, _ROUND = 0.02, 0.9


def distances(mask: np.ndarray) -> np.ndarray:
    """Distance to the background in pixels; the border of the image is no edge."""
    import cv2

    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found)


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
    return without_specks(opened(filled(mask, radius), _OPENED * radius), least or _area(radius))


def _area(radius: float) -> float:
    return float(np.pi * (_LEAST * radius) ** 2)


def filled(mask: np.ndarray, radius: float) -> np.ndarray:
    """Fill holes that are pores; gaps between touching particles, which are hollow, stay."""
    from scipy import ndimage
    from skimage.measure import regionprops

    holes, count = ndimage.label(~mask)
    rim = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    whole = np.pi * radius**2
    close = sizes < max(_PORE * whole, 4)
    middle = np.flatnonzero(~close & (sizes < whole))
    places = ndimage.find_objects(holes)
    for number in middle:
        if number and places[number - 1] is not None:
            (found,) = regionprops((holes[places[number - 1]] == number).astype(np.uint8))
            close[number] = found.solidity > _ROUND
    close[rim] = False
    close[0] = False
    return mask | close[holes]


def opened(mask: np.ndarray, reach: float) -> np.ndarray:
    """Opening by a disc of a radius in pixels."""
    if reach < 1:
        return mask
    core = distances(np.pad(mask, 1, mode="edge")) > reach
    if not core.any():
        return np.zeros_like(mask)
    return np.asarray((distances(~core) <= reach)[1:-1, 1:-1])


def without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Drop objects of less than an area in pixels."""
    from scipy import ndimage

    numbers, _ = ndimage.label(mask)
    keep = np.bincount(numbers.ravel()) >= least
    keep[0] = False
    return np.asarray(keep[numbers])
