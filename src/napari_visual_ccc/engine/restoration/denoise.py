"""Denoise with a strength that follows the estimated noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...arrays.mapping import map_planes
from ...arrays.volumes import Dimensions, axes_of, map_volumes
from ...core.layers import ImageLayer
from ...core.pixel_size import PixelSize, Sizes, Spacing, voxel_shape
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.noise import Noise, estimate, sample, stabilise, unstabilise

Method = Literal["non-local means", "total variation", "wavelet", "median", "gaussian"]

# from an image or volume with noise of 1, a parameter, sides of a voxel in pixels to the result
Filter = Callable[[np.ndarray, float, Sizes], np.ndarray]

_SQUARE: Sizes = (1.0, 1.0, 1.0)

# sides of the crop for the choice of parameters: rows, columns; slices, rows, columns
_TRIAL = {2: (256, 256), 3: (24, 96, 96)}

_SEED = 0

# patch and search window of non-local means; in a volume as Coupé et al., IEEE Trans. Med. Imaging
# 27 (2008) 425, with a smaller window, since its time grows with the cube
_PATCH, _REACH = {2: 5, 3: 3}, {2: 6, 3: 3}

_TV_STEPS = 40


def denoise(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    method: Method = "non-local means",
    strength: Annotated[float, {"min": 0.0, "max": 3.0, "step": 0.1}] = 1.0,
    noise: Literal["auto", "gaussian", "poisson"] = "auto",
    dimensions: Dimensions = "2D",
) -> Steps[Result]:
    """Denoise an image; the noise level is estimated from the image.

    Noise that grows with grey (counted electrons) is stabilised first by the generalised Anscombe
    transform, with an unbiased inverse. The parameter of gaussian, median and total variation
    minimises the estimated error (Monte-Carlo SURE: Ramani, Blu & Unser, IEEE Trans. Image
    Process. 17 (2008) 1540); wavelets use BayesShrink, non-local means the noise level.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. A stack shares one estimate of the noise,
        that of its middle slice.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel.
    unit : str
        Of `spacing`, such as ``"nm"``.
    method : {'non-local means', 'total variation', 'wavelet', 'median', 'gaussian'}
        Non-local means keeps texture and edges best; total variation gives flat phases with
        sharp borders; wavelet, median and gaussian are quick.
    strength : float
        1 matches the estimated noise; less keeps more detail, more is smoother.
    noise : {'auto', 'gaussian', 'poisson'}
        Whether noise grows with grey (poisson) or not (gaussian); auto: estimated.
    dimensions : {'2D', '3D'}
        Filter each slice, or the volume of the last three axes: neighbouring slices then add
        information. Gaussian and median reach as far across slices as within one, in `unit`; the
        other methods count in voxels.

    Returns
    -------
    Result
        (..., Y, X) float32 in the grey values of the image; NaN where it is not finite. Lazy for
        dask. ``facts``: noise at the middle grey level (``sigma``), its ``gain``, and the
        ``parameter`` chosen.

    Raises
    ------
    ValueError
        If the method is unknown, the strength is out of range or no pixel is finite.
    """
    if method not in _FILTERS:
        raise ValueError(f"no method {method!r}; choose {', '.join(_FILTERS)}")
    if not 0 <= strength <= 3:
        raise ValueError(f"strength is {strength}; choose 0 to 3")
    if noise not in ("auto", "gaussian", "poisson"):
        raise ValueError(f"noise is {noise!r}; choose auto, gaussian or poisson")
    grey, notes = to_gray(image)
    axes = axes_of(dimensions, grey.shape)
    shape = voxel_shape(PixelSize.of(spacing, unit, axes)) if axes == 3 else _SQUARE
    yield Progress(0, 0, "noise")
    part = sample(grey)
    found = estimate(part, noise)
    facts: dict[str, Any] = {"sigma": found.sigma, "gain": found.gain}
    nothing = found.sigma <= 1e-6 * max(float(np.ptp(part)), float(np.abs(part).max()), 1e-30)
    if nothing or strength == 0:
        why = (
            "no noise detected: the image is unchanged"
            if nothing
            else "strength 0: the image is unchanged"
        )
        data = yield from map_planes(
            lambda plane: plane.astype(np.float32), grey, dtype=np.float32, halo=0
        )
        return Result((ImageLayer(data, name="denoised"),), facts=facts, notes=(*notes, why))
    function, candidates, halo, pixels = _FILTERS[method]
    trial = _trial(part, grey, axes)
    parameter = yield from _best(function, candidates, stabilise(trial, found), shape)
    facts["parameter"] = parameter
    apply = _on_planes(function, parameter * strength, found, shape)
    if axes == 2:
        data = yield from map_planes(
            apply, grey, dtype=np.float32, halo=halo, pixels=pixels, note=method
        )
    else:
        halo = _REACH[3] + _PATCH[3] + 2 if method == "non-local means" else halo
        counted = (halo, halo, halo) if halo is not None else None
        if counted and method in _BY_LENGTH:
            z, y, x = (int(np.ceil(n / side)) for n, side in zip(counted, shape, strict=True))
            counted = (z, y, x)
        elif max(shape) > 1.001 * min(shape):
            notes = (*notes, f"{method} treats voxels as cubes")
        data = yield from map_volumes(
            apply, grey, dtype=np.float32, halo=counted, voxels=pixels, note=method
        )
    kind = "grows with grey" if found.poisson else "does not depend on grey"
    note = f"estimated noise: {found.sigma:.3g} at middle grey; it {kind}"
    return Result((ImageLayer(data, name="denoised"),), facts=facts, notes=(*notes, note))


def _on_planes(
    function: Filter, parameter: float, noise: Noise, shape: Sizes
) -> Callable[[np.ndarray], np.ndarray]:
    middle = (noise.grey[0] + noise.grey[1]) / 2

    def apply(plane: np.ndarray) -> np.ndarray:
        missing = None
        values = plane.astype(np.float64)
        if plane.dtype.kind == "f":
            missing = ~np.isfinite(values)
            values[missing] = middle
        clean = unstabilise(function(stabilise(values, noise), parameter, shape), noise)
        if missing is not None:
            clean[missing] = np.nan
        return clean.astype(np.float32)

    return apply


def _trial(plane: np.ndarray, grey: Any, axes: int) -> np.ndarray:
    """Central crop of the plane of the noise estimate; in 3D of the middle volume."""
    image = plane
    if axes == 3:
        image = grey[tuple(n // 2 for n in grey.shape[:-3])]
    cut = tuple(
        slice(max((n - side) // 2, 0), (n + side) // 2 + 1)
        for n, side in zip(image.shape, _TRIAL[axes], strict=True)
    )
    crop = np.asarray(image[cut]).astype(np.float64)
    # an empty centre: one slice with finite pixels replaces it
    return finite(crop)[0] if np.isfinite(crop).any() else _trial(plane, grey, 2)[np.newaxis]


def _best(
    function: Filter, candidates: tuple[float, ...], crop: np.ndarray, shape: Sizes
) -> Steps[float]:
    """Candidate of least error, estimated on a crop whose noise is 1."""
    if len(candidates) == 1:
        return candidates[0]
    probe = np.random.default_rng(_SEED).normal(size=crop.shape)
    # the median is not smooth: the probe must be large enough to change ranks
    size = 0.1
    errors = []
    for done, parameter in enumerate(candidates):
        clean = function(crop, parameter, shape)
        change = (function(crop + size * probe, parameter, shape) - clean) / size
        errors.append(np.mean((clean - crop) ** 2) + 2 * np.mean(probe * change))
        yield Progress(done + 1, len(candidates), "parameter")
    return candidates[int(np.argmin(errors))]


def _gaussian(image: np.ndarray, sigma: float, shape: Sizes) -> np.ndarray:
    sigma = max(sigma, 0.05)
    if image.ndim == 3:
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(image, np.divide(sigma, shape), mode="reflect")
    import cv2

    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _median(image: np.ndarray, radius: float, shape: Sizes) -> np.ndarray:
    from scipy.ndimage import median_filter

    sides = tuple(2 * round(round(radius) / side) + 1 for side in shape[-image.ndim :])
    return image if max(sides) == 1 else median_filter(image, size=sides, mode="reflect")


def _total_variation(image: np.ndarray, weight: float, _: Sizes) -> np.ndarray:
    from skimage.restoration import denoise_tv_chambolle

    # a fixed number of steps, each reaching one pixel further: tiles equal the whole
    return denoise_tv_chambolle(image, weight=weight, eps=0, max_num_iter=_TV_STEPS)


def _wavelet(image: np.ndarray, strength: float, _: Sizes) -> np.ndarray:
    from skimage.restoration import denoise_wavelet

    # a level of the transform needs six slices
    few = [(0, max(0, 6 - n) if image.ndim == 3 else 0) for n in image.shape]
    wide = np.pad(image, few, mode="symmetric") if np.any(few) else image
    clean = denoise_wavelet(wide, sigma=strength, wavelet="db2", rescale_sigma=False)
    return clean[tuple(slice(0, n) for n in image.shape)]


def _non_local_means(image: np.ndarray, strength: float, _: Sizes) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    patch, reach = _PATCH[image.ndim], _REACH[image.ndim]
    return denoise_nl_means(
        image, patch_size=patch, patch_distance=reach, h=0.8 * strength, sigma=strength
    )


# methods that reach as far in `unit` along every axis
_BY_LENGTH = ("median", "gaussian")

# filter, candidates for its parameter (noise being 1), halo (None: whole planes), pixels of a band
_FILTERS: dict[str, tuple[Filter, tuple[float, ...], int | None, int]] = {
    "non-local means": (_non_local_means, (1.0,), _PATCH[2] + _REACH[2] + 2, 1 << 18),
    "total variation": (
        _total_variation, (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0), _TV_STEPS + 1, 1 << 18,
    ),
    "wavelet": (_wavelet, (1.0,), None, 1 << 20),
    "median": (_median, (0.0, 1.0, 2.0, 3.0), 9, 1 << 18),
    "gaussian": (_gaussian, (0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.7, 3.5, 5.0), 64, 1 << 20),
}  # fmt: skip
