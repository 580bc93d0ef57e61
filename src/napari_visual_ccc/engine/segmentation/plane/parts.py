"""Whether parts of a mask look like particles: their forms, and gaps between them."""

from __future__ import annotations

import numpy as np

from .foreground import deviation

# parts stand out of what is beside them: least height by their contrast, and by the noise
_CLEAR, _ABOVE = 0.4, 3.0

# distances in pixels between which a part's surroundings lie
_BESIDE = (2.0, 5.0)

# gain of roundness, and standard deviation of the logarithm of the area, of parts that are better
_ROUNDER, _ALIKE = 0.004, 0.35

# smaller parts have no form, in pixels
_LEAST = 12

# least depth of a gap between touching particles, as a share of their contrast
_DEPTH = 0.12


def gaps(grey: np.ndarray, mask: np.ndarray, width: float) -> np.ndarray:
    """Narrow, dark lines across a bright mask: gaps that its threshold does not reach.

    Parameters
    ----------
    grey : (Y, X) float array
        Blurred a little; objects are bright.
    mask : (Y, X) bool array
    width : float
        Of the widest gap in pixels.
    """
    import cv2

    if not mask.any() or mask.all():
        return np.zeros_like(mask)
    contrast = float(np.median(grey[mask]) - np.median(grey[~mask]))
    side = 2 * round(width / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    depth = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, kernel) - grey
    # most of the mask is no gap: its depths are those of noise and texture
    noise = float(np.median(depth[mask]))
    return np.asarray(mask & (depth > max(_DEPTH * contrast, 2 * noise)))


def forms(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure the parts of a plane.

    An ellipse of the same moments has the area of a convex particle, not that of a gap between
    particles.

    Returns
    -------
    labels, areas, roundness : (n,) arrays
        Of parts of 12 pixels or more; roundness is the area by that of the ellipse.
    """
    where = np.flatnonzero(parts)
    which = parts.ravel()[where]
    area = np.bincount(which)
    labels = np.flatnonzero(area >= _LEAST)
    # of numbers of half the size: a division of long ones takes several times longer
    y, x = np.divmod(where.astype(np.int32), np.int32(parts.shape[1]))
    count = np.maximum(area, 1)
    # about the own centre: sums of squares of places would lose digits
    y = y - (np.bincount(which, y) / count)[which]
    x = x - (np.bincount(which, x) / count)[which]
    yy, xx, yx = (np.bincount(which, one) / count for one in (y * y, x * x, y * x))
    ellipse = 4 * np.pi * np.sqrt(np.maximum(yy * xx - yx * yx, 0))
    return labels, area[labels], (area / np.maximum(ellipse, 1))[labels]


def roundness(parts: np.ndarray) -> float:
    """Mean by area of the area of parts over that of the ellipse of the same moments."""
    _, area, each = forms(parts)
    return float(np.average(each, weights=area)) if len(area) else 0.0


def are_rounder(parts: np.ndarray, objects: np.ndarray) -> bool:
    """Whether parts of objects are rounder, or about as round, many and alike in size."""
    gain = roundness(parts) - roundness(objects)
    area = np.bincount(parts.ravel())[1:]
    area = area[area > 0]
    many = len(area) > 3 * max(int(objects.max(initial=0)), 1)
    alike = many and float(np.sqrt(np.cov(np.log(area), aweights=area))) < _ALIKE
    return gain > _ROUNDER or (alike and gain > -5 * _ROUNDER)


def without_faint(parts: np.ndarray, grey: np.ndarray, least: float) -> np.ndarray:
    """Remove parts of less than an area that do not stand out, and number the others again.

    Parameters
    ----------
    parts : (Y, X) int array
        Labels 1, 2, ...
    grey : (Y, X) float array
        Blurred a little; parts are bright.
    least : float
        Area in pixels.
    """
    from scipy import ndimage

    mask = parts > 0
    small = np.flatnonzero(np.bincount(parts.ravel())[1:] < least) + 1
    if not len(small) or mask.all():
        return parts
    ground = grey[~mask]
    base = float(np.median(ground))
    clear = max(_CLEAR * (float(np.median(grey[mask])) - base), _ABOVE * deviation(ground))
    places, reach = ndimage.find_objects(parts), int(_BESIDE[1])
    faint = []
    for number in small:
        place = tuple(
            slice(max(one.start - reach, 0), one.stop + reach) for one in places[number - 1]
        )
        one = parts[place] == number
        far = ndimage.distance_transform_edt(~one)
        beside = (far > _BESIDE[0]) & (far <= _BESIDE[1]) & ~mask[place]
        level = float(np.median(grey[place][beside])) if beside.any() else base
        if float(grey[place][one].mean()) - level < clear:
            faint.append(number)
    kept = np.where(np.isin(parts, faint), 0, parts)
    return np.unique(kept, return_inverse=True)[1].reshape(parts.shape)


def without_cut(parts: np.ndarray) -> np.ndarray:
    """Remove parts at the border of the image, and number the others again."""
    rim = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    kept = np.where(np.isin(parts, rim), 0, parts)
    return np.unique(kept, return_inverse=True)[1].reshape(parts.shape)
