"""The mask of particles without flaws, and their typical size."""

from __future__ import annotations

import numpy as np

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


def distances(mask: np.ndarray) -> np.ndarray:
    """Distance to the background in pixels; the border of the image is no edge."""
    import cv2

    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # the last digit depends on where the arrays lie in memory, and with it which maxima are equal;
    # squares are whole numbers, which are right up to some 1,300 pixels
    return np.sqrt(np.rint(np.square(found, dtype=np.float64))).astype(np.float32)


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
    from scipy import ndimage
    from skimage.measure import regionprops

    holes, count = ndimage.label(~mask)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    whole = np.pi * radius**2
    close = sizes < max(_PORE * whole, 4)
    middle = np.flatnonzero(~close & (sizes < whole))
    places = ndimage.find_objects(holes)
    for number in middle:
        if number and places[number - 1] is not None:
            (found,) = regionprops((holes[places[number - 1]] == number).astype(np.uint8))
            close[number] = found.solidity > _ROUND
    close[rim_of(holes)] = False
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


def rim_of(numbers: np.ndarray) -> np.ndarray:
    """Labels at the border of the image."""
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    return np.unique(np.concatenate(edges))


def deviation(values: np.ndarray) -> float:
    """Robust standard deviation: by the median."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0
