"""Denoise with a strength that follows the estimated noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...arrays.mapping import map_planes
from ...arrays.tiling import blur_sides
from ...arrays.volumes import Dimensions, axes_of, map_volumes
from ...core.layers import ImageLayer
from ...core.pixel_size import PixelSize, Sizes, Spacing, voxel_shape
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.noise import Noise, estimate, least, sample, stabilise, tails, unstabilise
from .safeguard import Choice, Filter, choose, doubts, limits, white_share

Method = Literal["non-local means", "total variation", "wavelet", "median", "gaussian"]

_SQUARE: Sizes = (1.0, 1.0, 1.0)

# sides of the crop for the choice of parameters: rows, columns; slices, rows, columns
_TRIAL = {2: (256, 256), 3: (24, 96, 96)}

_SEED = 0

# patch and search window of non-local means; in a volume as Coupé et al., IEEE Trans. Med. Imaging
# 27 (2008) 425, with a smaller window, since its time grows with the cube
_PATCH, _REACH = {2: 5, 3: 3}, {2: 6, 3: 3}

_TV_STEPS = 40


def denoise(  # noqa: PLR0913
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    method: Method = "non-local means",
    strength: Annotated[float, {"min": 0.0, "max": 3.0, "step": 0.1}] = 1.0,
    noise: Annotated[Literal["auto", "gaussian", "poisson"], {"more": True}] = "auto",
    dimensions: Dimensions = "2D",
    cautious: Annotated[bool, {"more": True}] = True,
    denoised: Annotated[str, {"more": True, "label": "Denoised before by"}] = "",
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
        information. Gaussian and median reach as far across slices as within one, in the unit of
        the voxel; the other methods count in voxels.
    cautious : bool
        Keep the image from becoming worse where noise cannot be distinguished from texture: the
        lower of two estimates of the noise is taken, and less of the filter's change is kept the
        more the residual shows the specimen, down to none. Off: as in version 0.1.0.
    denoised : str
        Filter that denoised the image before, such as ``"median"``; that of its record when
        empty. If cautious, the image is then left unchanged: what a filter leaves cannot be
        distinguished from the specimen.

    Returns
    -------
    Result
        (..., Y, X) float32 in the grey values of the image; NaN where it is not finite. Lazy for
        dask. ``facts``: noise at the middle grey level (``sigma``), its ``gain``, the
        ``parameter`` chosen; if cautious, the ``share`` of the change that is kept, the
        share of the noise that is ``white``, and ``uncertain``: the ratio of the estimates of the
        noise at different frequencies; 1 at best, all three. ``kurtosis`` of the noise: 3 at best.
        Above, less is kept.

    Raises
    ------
    ValueError
        If the method is unknown, the strength is out of range or no pixel is finite.
    """
    _check(method, strength, noise)
    grey, notes = to_gray(image)
    axes = axes_of(dimensions, grey.shape)
    shape = voxel_shape(PixelSize.of(spacing, unit, axes)) if axes == 3 else _SQUARE
    yield Progress(0, 0, "noise")
    part = sample(grey)
    found, uncertain = least(part, noise) if cautious else (estimate(part, noise), 1.0)
    facts: dict[str, Any] = {"sigma": found.sigma, "gain": found.gain}
    nothing = found.sigma <= 1e-6 * max(float(np.ptp(part)), float(np.abs(part).max()), 1e-30)
    if why := _unchanged(nothing, strength, denoised if cautious else ""):
        facts |= {"share": 0.0} if cautious else {}
        data = yield from map_planes(
            lambda plane: plane.astype(np.float32), grey, dtype=np.float32, halo=0
        )
        return Result((_layer(data, denoised),), facts=facts, notes=(*notes, why))
    function, candidates, halo, pixels = _FILTERS[method]
    crops = _trials(part, grey, axes) if cautious else [_trial(part, grey, axes)]
    crops = [stabilise(crop, found) for crop in crops]
    if cautious:
        chosen, more, doubtful = yield from _cautious(method, crops, shape, part, noise, uncertain)
        facts, notes = facts | more, (*notes, *doubtful)
    else:
        chosen = Choice((yield from _best(function, candidates, crops[0], shape)), 1.0, 0.0)
    facts["parameter"] = chosen.parameter
    apply = _on_planes(function, chosen, strength, found, shape)
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
    layer = _layer(data, method if chosen.share else "")
    return Result((layer,), facts=facts, notes=(*notes, note))


def _layer(data: Any, by: str) -> ImageLayer:
    return ImageLayer(data, name="denoised", facts={"denoised": by} if by else {})


def _unchanged(nothing: bool, strength: float, denoised: str) -> str:
    """Why the image stays as it is; empty where it does not."""
    if denoised and not nothing and strength:
        return (
            f"already denoised by {denoised}: the image is unchanged; to remove more, denoise the "
            "original with a higher strength"
        )
    why = "no noise detected" if nothing else "strength 0" if strength == 0 else ""
    return why and f"{why}: the image is unchanged"


def _check(method: str, strength: float, noise: str) -> None:
    if method not in _FILTERS:
        raise ValueError(f"no method {method!r}; choose {', '.join(_FILTERS)}")
    if not 0 <= strength <= 3:
        raise ValueError(f"strength is {strength}; choose 0 to 3")
    if noise not in ("auto", "gaussian", "poisson"):
        raise ValueError(f"noise is {noise!r}; choose auto, gaussian or poisson")


def _cautious(
    method: Method, crops: list[np.ndarray], shape: Sizes, part: np.ndarray, noise: str,
    uncertain: float,
) -> Steps[tuple[Choice, dict[str, float], tuple[str, ...]]]:  # fmt: skip
    """Choice for crops whose noise is 1, with the facts that limit it and notes on them."""
    function, candidates, *_ = _FILTERS[method]
    white = white_share(_non_local_means, 0.8, crops)
    # non-local means finds at every candidate what is white
    variance = 1.0 if method == "non-local means" else white
    tried = _WEAKER.get(method, candidates)
    chosen = yield from choose(function, tried, crops, shape, variance)
    kurtosis = tails(part, noise)
    certain, even = limits(white, uncertain, kurtosis)
    notes = doubts(chosen.share, white, uncertain, certain, even)
    chosen = chosen._replace(share=chosen.share * certain * even)
    facts = {"share": chosen.share, "white": white, "uncertain": uncertain, "kurtosis": kurtosis}
    return chosen, facts, notes


def _on_planes(
    function: Filter, chosen: Choice, strength: float, noise: Noise, shape: Sizes
) -> Callable[[np.ndarray], np.ndarray]:
    middle = (noise.grey[0] + noise.grey[1]) / 2
    parameter = chosen.parameter * strength
    share = min(chosen.share * max(strength, 1.0), 1.0)

    def apply(plane: np.ndarray) -> np.ndarray:
        missing = None
        values = plane.astype(np.float64)
        if plane.dtype.kind == "f":
            missing = ~np.isfinite(values)
            values[missing] = middle
        if share == 0:
            return plane.astype(np.float32)
        given = stabilise(values, noise)
        clean = function(given, parameter, shape)
        if share < 1:
            clean = given + share * (clean - given)
        clean = unstabilise(clean, noise)
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


def _trials(plane: np.ndarray, grey: Any, axes: int) -> list[np.ndarray]:
    """Crops of a quarter of the area from the four quarters of a large plane; else one crop."""
    rows, columns = (side // 2 for side in _TRIAL[2])
    if axes == 3 or plane.shape[0] < 2 * rows or plane.shape[1] < 2 * columns:
        return [_trial(plane, grey, axes)]
    # the middle of each quarter, so that one empty part of the image does not decide alone
    return [
        plane[y - rows // 2 : y + rows // 2, x - columns // 2 : x + columns // 2]
        for y in (plane.shape[0] // 4, 3 * plane.shape[0] // 4)
        for x in (plane.shape[1] // 4, 3 * plane.shape[1] // 4)
    ]


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

        return gaussian_filter(image, blur_sides(sigma, shape, image.shape), mode="reflect")
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

# weaker candidates for methods whose parameter is the noise itself
_WEAKER: dict[str, tuple[float, ...]] = {
    "non-local means": (1.0, 0.8, 0.6, 0.4), "wavelet": (1.0, 0.7, 0.4),
}  # fmt: skip

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
