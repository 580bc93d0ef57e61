"""Find an uneven background, however much of the image objects cover; reduce and blur planes."""

from __future__ import annotations

import numpy as np

from ....arrays.filling import from_nearest
from ....arrays.tiling import blur_halo

# side of the reduced image that a surface is fitted to
_SIDE = 96

# degree of the surface; 4 follows a vignette
_DEGREE = 4

_ROUNDS = 12

# a surface is subtracted where its spread is this share of that within the classes
_UNEVEN = 0.5

# and is not where the classes spread less without it, away from outlines, by this factor
_WITHOUT = 0.9

# least share of the image that lies away from outlines for a spread of its own
_INSIDE = 0.01


def find_shading(plane: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """Fit a smooth surface that two classes of grey levels share.

    Grey = level of the class + polynomial of the place: classes (by Otsu's threshold) and
    polynomial are improved in turn, as fields are in magnetic resonance images (Wells et al., IEEE
    Trans. Med. Imaging 15 (1996) 429). Unlike a surface through the background alone, this needs no
    background that prevails. Of two beginnings, grey levels and what remains of them without
    the coarse structure, the one with the lesser rest counts.

    Parameters
    ----------
    plane : (Y, X) float array
    known : (Y, X) bool array
        Pixels that count.

    Returns
    -------
    (Y, X) float32 array or None
        Mean zero. None where the image is even: what varies is less than the classes' own spread.
    """
    import cv2

    height, width = plane.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(round(width * scale), 4), max(round(height * scale), 4))
    if min(size) < 12:
        return None
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    grey = cv2.resize(
        np.where(known, plane, 0).astype(np.float32), size, None, 0, 0, cv2.INTER_AREA
    )
    use = weight > 0.3
    grey = np.where(use, grey / np.maximum(weight, 1e-6), 0).astype(np.float64)
    terms = _terms(size)
    coarse = _coarse(grey, use, max(size) / 6)
    best: tuple[float, np.ndarray, float] | None = None
    for start in (grey, grey - coarse):
        found = _fitted(grey, start, use, terms)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    if best is None or best[2] < _UNEVEN:
        return None
    if _spread_inside(grey, use) < _WITHOUT * _spread_inside(grey - best[1], use):
        # it follows the blurred rim of a particle: without rims the classes are even as they are
        return None
    surface = cv2.resize(best[1].astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(surface)


def _terms(size: tuple[int, int]) -> np.ndarray:
    """Columns of the polynomial without its constant."""
    from numpy.polynomial.legendre import legvander

    x, y = (legvander(np.linspace(-1, 1, n), _DEGREE) for n in size)
    every = [
        np.outer(y[:, i], x[:, j]).ravel()
        for i in range(_DEGREE + 1)
        for j in range(_DEGREE + 1 - i)
        if i + j
    ]
    return np.stack(every, axis=1)


def _coarse(grey: np.ndarray, use: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    def blur(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))

    return blur(np.where(use, grey, 0)) / np.maximum(blur(use.astype(np.float64)), 1e-6)


def _fitted(
    grey: np.ndarray, start: np.ndarray, use: np.ndarray, terms: np.ndarray
) -> tuple[float, np.ndarray, float] | None:
    """Spread within the classes, surface, and the surface's spread relative to that."""
    from skimage.filters import threshold_otsu

    values, columns, even = grey[use], terms[use.ravel()], start[use]
    if values.size < 4 * terms.shape[1] or np.ptp(even) <= 1e-6 * np.ptp(values):
        return None
    surface, inside = np.zeros(values.shape), np.zeros(values.shape, bool)
    for _ in range(_ROUNDS):
        bright = even > threshold_otsu(even)
        if (bright == inside).all():
            break
        inside = bright
        both = np.concatenate([np.stack([inside, ~inside], axis=1), columns], axis=1)
        # Legendre polynomials are nearly orthogonal: the normal equations are well conditioned
        found = np.linalg.lstsq(both.T @ both, both.T @ values, rcond=None)[0]
        surface = columns @ found[2:]
        even = values - surface
    levels = np.where(inside, even[inside].mean(), even[~inside].mean())
    rest = float(np.std(even - levels))
    if rest <= 0:
        return None
    whole = terms @ found[2:]
    whole -= whole[use.ravel()].mean()
    return rest, whole.reshape(grey.shape), float(np.std(surface)) / rest


def _spread_inside(grey: np.ndarray, use: np.ndarray) -> float:
    """Spread within Otsu's classes away from their outlines, where grey levels are mixed."""
    import cv2
    from skimage.filters import threshold_otsu

    bright = grey > threshold_otsu(grey[use])
    classes = [bright & use, ~bright & use]
    inside = [cv2.erode(one.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for one in classes]
    if sum(one.sum() for one in inside) < _INSIDE * use.sum():
        # a fine pattern is all outline
        inside = classes
    rest = np.concatenate([grey[one] - grey[one].mean() for one in inside if one.any()])
    return float(rest.std())


def blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur in float32; a ValueError if nothing of the plane would remain."""
    import cv2

    blur_halo(sigma, plane.shape)
    blur = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blur, np.float32)


def complete(plane: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fill pixels that do not count with the nearest that do, in float32."""
    if not known.any():
        raise ValueError("image has no finite pixel outside of lettering")
    values, everywhere = plane.astype(np.float64), bool(known.all())
    values -= np.median(values if everywhere else values[known])
    even = values.astype(np.float32)
    return (even if everywhere else from_nearest(even, known)), known


def resized(plane: np.ndarray, scale: float) -> np.ndarray:
    """Reduce a plane by its block means."""
    import cv2

    if scale == 1:
        return plane
    height, width = (max(round(n * scale), 1) for n in plane.shape)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA))


def enlarged(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Enlarge a reduced plane or mask to a shape."""
    import cv2

    if plane.shape == shape:
        return plane
    how = cv2.INTER_NEAREST if plane.dtype == bool else cv2.INTER_LINEAR
    wide = cv2.resize(plane.astype(np.float32), shape[::-1], interpolation=how)
    return np.asarray(wide, plane.dtype)


def sampled(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a plane at the pixels of another number of rows and columns: the nearest."""
    rows, columns = (
        ((np.arange(m) + 0.5) * n / m).astype(int) for m, n in zip(shape, plane.shape, strict=True)
    )
    return np.asarray(plane[np.ix_(rows, columns)])
