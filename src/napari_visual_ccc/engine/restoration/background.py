"""Subtract an uneven background: illumination, shading, detector fall-off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.histogram import limits
from ...arrays.inputs import to_gray
from ...arrays.mapping import map_planes
from ...core.layers import ImageLayer
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Steps
from ...core.result import Result
from ..acquisition.noise import sample

# blocks along each side; surfaces are fitted to their medians
_BLOCKS = 48

_TRIALS, _REFITS = 300, 3

# largest radius of the ball in pixels of the downsampled image
_BALL = 16

# times the longer side of a plane: balls above that are flat on it
_FLAT = 10


def subtract_background(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    method: Literal["polynomial", "plane", "rolling ball"] = "polynomial",
    degree: Annotated[int, {"min": 1, "max": 6, "applies": {"method": ("polynomial",)}}] = 2,
    radius: Annotated[
        float, {"min": 0.0, "max": 1e6, "unit": "layer", "applies": {"method": ("rolling ball",)}}
    ] = 0.0,
    objects: Annotated[
        Literal["bright", "dark"], {"applies": {"method": ("rolling ball",)}}
    ] = "bright",
    remove: Literal["subtract", "divide"] = "subtract",
) -> Steps[Result]:
    """Remove an uneven background and keep its mean grey level.

    Surfaces are fitted to block medians by least median of squares and then with a Cauchy loss:
    objects that cover less than half of the image have little influence. The rolling ball is that
    of Sternberg (Computer 16 (1983) 22), rolled below the grey surface; for radii above 16 pixels
    on a downsampled image, as in ImageJ (within 3 % of the grey range of the full resolution).

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Slices of a stack are processed one by one.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    method : {'polynomial', 'plane', 'rolling ball'}
        Polynomial and plane for smooth shading; rolling ball for a background that varies
        locally, with objects smaller than the ball.
    degree : int
        Degree of the polynomial; 1 is a plane.
    radius : float
        Radius of the rolling ball, larger than that of the largest object; in the unit of the
        pixel size, or in pixels without one. 0: an eighth of the shorter side.
    objects : {'bright', 'dark'}
        Bright or dark objects on the background; for the rolling ball.
    remove : {'subtract', 'divide'}
        Divide for multiplicative shading, subtract for an additive background.

    Returns
    -------
    Result
        (..., Y, X) float32; NaN where the image is not finite. Lazy for dask.

    Raises
    ------
    ValueError
        If the method is unknown, a parameter is out of range, the ball is more than ten times as
        large as the image, no pixel is finite, or `remove` is divide and the image has grey values
        below zero.
    """
    if method not in ("polynomial", "plane", "rolling ball"):
        raise ValueError(f"no method {method!r}; choose polynomial, plane or rolling ball")
    if objects not in ("bright", "dark") or remove not in ("subtract", "divide"):
        raise ValueError("objects are bright or dark; remove is subtract or divide")
    if not 1 <= degree <= 6 or not 0 <= radius < np.inf:
        raise ValueError(f"degree is {degree}, radius {radius}; choose 1 to 6, and 0 or more")
    grey, notes = to_gray(image)
    pixel_size = PixelSize.of(spacing, unit)
    low = high = 0.0
    if method == "rolling ball" or remove == "divide":
        low, high = yield from limits(grey)
    else:
        sample(grey)  # raises where nothing is finite
    if remove == "divide" and low < 0:
        raise ValueError(
            f"the lowest grey value is {low:g}: division needs positive values; choose subtract"
        )
    if method == "rolling ball":
        pixels = _radius(radius, pixel_size, grey.shape[-2:])
        if pixels > (most := _FLAT * max(grey.shape[-2:])):
            raise ValueError(
                f"radius is {pixels:.4g} px, far larger than the image: choose at most {most} px"
            )
        notes = (*notes, f"radius of the ball: {pixels:.4g} px")
        find = _ball(pixels, float(low), float(high), objects)
    else:
        find = _surface(1 if method == "plane" else degree)
    data = yield from map_planes(_without(find, remove), grey, dtype=np.float32, note=method)
    return Result((ImageLayer(data, name="even"),), notes=notes)


def _radius(radius: float, pixel_size: PixelSize | None, shape: tuple[int, int]) -> float:
    if radius == 0:
        return max(min(shape) / 8, 1.0)
    # of the mean size where pixels are not square
    return radius if pixel_size is None else radius / pixel_size.mean


Find = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _without(find: Find, remove: str) -> Callable[[np.ndarray], np.ndarray]:
    def apply(plane: np.ndarray) -> np.ndarray:
        values = plane.astype(np.float64)
        known = np.isfinite(values)
        if not known.any():
            return np.full(plane.shape, np.nan, np.float32)
        found = find(values, known)
        level = float(found[known].mean())
        if remove == "divide":
            # a background near zero is not divided by
            values = values * (level / np.maximum(found, 1e-3 * level)) if level > 0 else values
        else:
            values = values - found + level
        values[~known] = np.nan
        return values.astype(np.float32)

    return apply


def _surface(degree: int) -> Find:
    def find(values: np.ndarray, known: np.ndarray) -> np.ndarray:
        from numpy.polynomial.legendre import leggrid2d, legvander2d
        from scipy.optimize import least_squares

        y, x, grey = _block_medians(values, known)
        # at least three blocks a term: a tiny image gets a simpler surface
        top = next(d for d in range(degree, -1, -1) if d == 0 or 3 * len(_terms(d)) <= len(grey))
        use = _terms(top)
        columns = legvander2d(y, x, (top, top))[:, [i * (top + 1) + j for i, j in use]]
        found = _start(columns, grey)
        for _ in range(_REFITS):
            # robust spread, that of the background
            spread = 1.4826 * float(np.median(np.abs(columns @ found - grey)))
            if spread <= 1e-9 * float(np.abs(grey).max()):
                break
            scaled, target = columns / spread, grey / spread
            found = least_squares(
                lambda c, a=scaled, b=target: a @ c - b, found, lambda _, a=scaled: a, loss="cauchy"
            ).x
        coefficients = np.zeros((top + 1, top + 1))
        coefficients[tuple(zip(*use, strict=True))] = found
        height, width = values.shape
        return leggrid2d(np.linspace(-1, 1, height), np.linspace(-1, 1, width), coefficients)

    return find


def _start(columns: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Initial surface near half of the blocks (least median of squares), from random samples.

    Starting from least squares alone, objects on one side would tilt the surface.
    """
    terms = columns.shape[1]
    whole = np.linalg.lstsq(columns, grey, rcond=None)[0]
    drawn = np.random.default_rng(0).integers(0, len(grey), (_TRIALS, terms))
    tried = np.linalg.pinv(columns[drawn]) @ grey[drawn][..., None]
    every = np.concatenate([whole[None], tried[..., 0]])
    off = np.median(np.abs(columns @ every.T - grey[:, None]), axis=0)
    return every[int(np.argmin(off))]


def _terms(degree: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]


def _block_medians(
    values: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (from -1 to 1) and median of the blocks with finite pixels."""
    edges = [np.linspace(0, n, min(_BLOCKS, n) + 1).round().astype(int) for n in values.shape]
    found = []
    for top, bottom in pairwise(edges[0]):
        for left, right in pairwise(edges[1]):
            inside = values[top:bottom, left:right][known[top:bottom, left:right]]
            if inside.size:
                found.append((top + bottom - 1, left + right - 1, np.median(inside)))
    y, x, grey = np.array(found).T
    height, width = values.shape
    return y / max(height - 1, 1) - 1, x / max(width - 1, 1) - 1, grey


def _ball(radius: float, low: float, high: float, objects: str) -> Find:
    # the height of the ball is in levels of an 8-bit image, whatever the dtype
    scale = 255 / (high - low) if high > low else 1.0

    def find(values: np.ndarray, known: np.ndarray) -> np.ndarray:
        import cv2
        from skimage.restoration import ellipsoid_kernel, rolling_ball

        levels = (values - low) * scale if objects == "bright" else (high - values) * scale
        # missing pixels do not limit the ball
        levels[~known] = 255.0
        levels = np.asarray(cv2.blur(levels, (3, 3), borderType=cv2.BORDER_REFLECT), np.float64)
        step = max(int(np.ceil(radius / _BALL)), 1)
        small = _block_minima(levels, step)
        side = 2 * int(np.ceil(radius / step)) + 1
        under = rolling_ball(small, kernel=ellipsoid_kernel((side, side), radius))
        height, width = levels.shape
        whole = (small.shape[1] * step, small.shape[0] * step)
        found: Any = cv2.resize(under, whole, interpolation=cv2.INTER_LINEAR)[:height, :width]
        return low + found / scale if objects == "bright" else high - found / scale

    return find


def _block_minima(levels: np.ndarray, step: int) -> np.ndarray:
    height, width = levels.shape
    padded = np.pad(levels, ((0, -height % step), (0, -width % step)), mode="edge")
    rows, columns = (n // step for n in padded.shape)
    return padded.reshape(rows, step, columns, step).min(axis=(1, 3))
