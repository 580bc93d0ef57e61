"""Gaussian blur of images of any size, before their grey levels are counted."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from ...core.pixel_size import Sizes
from ...core.progress import Steps
from ..histogram import extremes
from ..inputs import subtract_level
from ..mapping import map_planes
from ..tiling import blur_halo, blur_sides
from ..volumes import map_volumes

# a blur that a person chooses
SIGMA = {"min": 0, "max": 20, "step": 0.5, "label": "Blur (sigma)", "unit": "px"}
Sigma = Annotated[float, SIGMA]

# fractions of a grey level that an 8-bit image is blurred in
_FINE = np.uint16(256)


class Smooth(NamedTuple):
    """A blurred image; its value ``v`` stands for grey ``v * step + zero``."""

    image: Any
    step: float = 1.0
    zero: float = 0.0

    def value_of(self, grey: float) -> float:
        """Value of the blurred image that stands for a grey value."""
        return (float(grey) - self.zero) / self.step

    def grey_of(self, values: Any) -> Any:
        """Grey values that values of the blurred image stand for."""
        return values * self.step + self.zero


def smoothed(grey: Any, sigma: float, shape: Sizes | None = None) -> Steps[Smooth]:
    """Blur slices, or volumes of voxels of a `shape`, by a Gaussian.

    Missing pixels have no weight and stay missing.

    Parameters
    ----------
    grey : (..., Y, X) array
        Any real dtype, numpy or dask.
    sigma : float
        Standard deviation in pixels of a slice; 0 gives the image itself.
    shape : (z, y, x), optional
        Sides of a voxel, relative to the pixel of a slice: a blur in three dimensions.

    Returns
    -------
    Smooth
        8-bit slices in integers of 1/256 grey level, everything else in float32, which holds
        differences from the darkest pixel. Of dask it is lazy.

    Raises
    ------
    ValueError
        If the blur is below 0 or so wide that nothing of the image remains.
    """
    if not sigma >= 0:
        raise ValueError(f"the blur (sigma) is {sigma:.3g} pixels; choose 0 or more")
    if sigma == 0:
        return Smooth(grey)
    if grey.dtype == np.uint8 and shape is None:
        return Smooth((yield from _blur_bytes(grey, sigma)), 1 / float(_FINE))
    dark, bright, missing = yield from extremes(grey)
    # the blur of a constant image differs in its last digits and must not give classes
    if bright <= dark:
        return Smooth(grey)
    zero = float(dark)
    return Smooth((yield from _blur(grey, sigma, zero, missing, shape)), zero=zero)


def _blur_bytes(grey: Any, sigma: float) -> Steps[Any]:
    """Blur 8 bit in integers of 1/256 grey level, which are counted in one pass."""
    import cv2

    def blur(plane: np.ndarray) -> np.ndarray:
        fine = plane.astype(np.uint16) * _FINE
        return cv2.GaussianBlur(fine, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)

    halo = blur_halo(sigma, grey.shape[-2:])
    return (yield from map_planes(blur, grey, dtype=np.uint16, halo=halo, note="blur"))


def _blur(
    grey: Any, sigma: float, zero: float, has_missing: bool, shape: Sizes | None
) -> Steps[Any]:
    """Blur in float32; `has_missing` is that of the whole image, so that all tiles are alike."""
    import cv2

    sides = blur_sides(sigma, shape, grey.shape[-3:]) if shape else np.zeros(3)
    halo = blur_halo(sigma, grey.shape[-3 if shape else -2 :])

    def smooth(values: np.ndarray) -> np.ndarray:
        if shape is None:
            return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(values, sides, mode="reflect")

    def blur(plane: np.ndarray) -> np.ndarray:
        plane = subtract_level(plane, zero)
        if not has_missing:
            return smooth(plane)
        # missing pixels have no weight and stay missing
        known = np.isfinite(plane)
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = smooth(np.where(known, plane, np.float32(0))) / smooth(known.astype("f4"))
        return np.where(known, filled, np.float32(np.nan))

    if shape is None:
        return (yield from map_planes(blur, grey, dtype=np.float32, halo=halo, note="blur"))
    z, y, x = (blur_halo(side, grey.shape[-3:]) for side in sides)
    return (yield from map_volumes(blur, grey, dtype=np.float32, halo=(z, y, x), note="blur"))
