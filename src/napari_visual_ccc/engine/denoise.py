"""Take noise away, as strongly as the estimated noise asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import ImageResult
from .images import as_grey
from .noise import Noise, estimate, sample, stabilise, unstabilise
from .planes import map_planes

Method = Literal["non-local means", "total variation", "wavelet", "median", "gaussian"]
# stable image (noise of 1), parameter → denoised
Filter = Callable[[np.ndarray, float], np.ndarray]

# side of the crop that parameters are tried on
_TRIAL = 256
_SEED = 0
_PATCH, _REACH = 5, 6
_TV_STEPS = 40


def denoise(
    image: Any,
    *,
    method: Method = "non-local means",
    strength: Annotated[float, {"min": 0.0, "max": 3.0, "step": 0.1}] = 1.0,
    noise: Literal["auto", "gaussian", "poisson"] = "auto",
) -> Steps[ImageResult]:
    """Remove noise; how much of it there is, is estimated from the image.

    Where the noise grows with grey (counted electrons), the image is first made to have the same
    noise everywhere (generalised Anscombe transform) and turned back without bias. The free
    parameter of gaussian, median and total variation is the one of least estimated error
    (Monte-Carlo SURE: Ramani, Blu & Unser, IEEE Trans. Image Process. 17 (2008) 1540); wavelets
    choose theirs by BayesShrink, non-local means takes it from the noise.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. A stack shares one estimate of the noise,
        that of its middle slice.
    method : {'non-local means', 'total variation', 'wavelet', 'median', 'gaussian'}
        Non-local means keeps texture and edges best; total variation gives flat phases with
        sharp borders; wavelet, median and gaussian are quick.
    strength : float
        1 is what the estimated noise asks for; less keeps more detail, more is smoother.
    noise : {'auto', 'gaussian', 'poisson'}
        Whether noise grows with grey (poisson) or not (gaussian); auto looks.

    Returns
    -------
    ImageResult
        (..., Y, X) float32 in the grey values of the image; NaN where it was not finite. Lazy for
        dask. ``facts``: noise at the middle grey level (``sigma``), its ``gain``, and the
        ``parameter`` chosen.

    Raises
    ------
    ValueError
        If there is no such method, the strength is out of range or no pixel is finite.
    """
    if method not in _FILTERS:
        raise ValueError(f"no method {method!r}; choose {', '.join(_FILTERS)}")
    if not 0 <= strength <= 3:
        raise ValueError(f"strength is {strength}; choose 0 to 3")
    if noise not in ("auto", "gaussian", "poisson"):
        raise ValueError(f"noise is {noise!r}; choose auto, gaussian or poisson")
    grey, notes = as_grey(image)
    yield Progress(0, 0, "noise")
    part = sample(grey)
    found = estimate(part, noise)
    facts: dict[str, Any] = {"sigma": found.sigma, "gain": found.gain}
    nothing = found.sigma <= 1e-6 * max(float(np.ptp(part)), float(np.abs(part).max()), 1e-30)
    if nothing or strength == 0:
        why = "no noise was found: nothing was changed" if nothing else "strength 0: no change"
        data = yield from map_planes(
            lambda plane: plane.astype(np.float32), grey, dtype=np.float32, halo=0
        )
        return ImageResult(data, name="denoised", facts=facts, notes=(*notes, why))
    function, candidates, halo, pixels = _FILTERS[method]
    parameter = yield from _best(function, candidates, stabilise(part, found))
    facts["parameter"] = parameter
    data = yield from map_planes(
        _on_planes(function, parameter * strength, found),
        grey,
        dtype=np.float32,
        halo=halo,
        pixels=pixels,
        note=method,
    )
    kind = "grows with grey" if found.poisson else "is the same at all grey levels"
    note = f"estimated noise: {found.sigma:.3g} at middle grey; it {kind}"
    return ImageResult(data, name="denoised", facts=facts, notes=(*notes, note))


def _on_planes(
    function: Filter, parameter: float, noise: Noise
) -> Callable[[np.ndarray], np.ndarray]:
    middle = (noise.grey[0] + noise.grey[1]) / 2

    def apply(plane: np.ndarray) -> np.ndarray:
        missing = None
        values = plane.astype(np.float64)
        if plane.dtype.kind == "f":
            missing = ~np.isfinite(values)
            values[missing] = middle
        clean = unstabilise(function(stabilise(values, noise), parameter), noise)
        if missing is not None:
            clean[missing] = np.nan
        return clean.astype(np.float32)

    return apply


def _best(function: Filter, candidates: tuple[float, ...], stable: np.ndarray) -> Steps[float]:
    """Give the candidate of least error, estimated on a crop whose noise is 1."""
    if len(candidates) == 1:
        return candidates[0]
    rows, columns = (slice(max((n - _TRIAL) // 2, 0), (n + _TRIAL) // 2 + 1) for n in stable.shape)
    crop = stable[rows, columns]
    probe = np.random.default_rng(_SEED).normal(size=crop.shape)
    # the median is not smooth: the probe must be large enough to change ranks
    size = 0.1
    errors = []
    for done, parameter in enumerate(candidates):
        clean = function(crop, parameter)
        change = (function(crop + size * probe, parameter) - clean) / size
        errors.append(np.mean((clean - crop) ** 2) + 2 * np.mean(probe * change))
        yield Progress(done + 1, len(candidates), "parameter")
    return candidates[int(np.argmin(errors))]


def _gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.05), borderType=cv2.BORDER_REFLECT)


def _median(image: np.ndarray, radius: float) -> np.ndarray:
    from scipy.ndimage import median_filter

    side = 2 * round(radius) + 1
    return image if side == 1 else median_filter(image, size=side, mode="reflect")


def _total_variation(image: np.ndarray, weight: float) -> np.ndarray:
    from skimage.restoration import denoise_tv_chambolle

    # a fixed number of steps, each reaching one pixel further: bands give what the whole gives
    return denoise_tv_chambolle(image, weight=weight, eps=0, max_num_iter=_TV_STEPS)


def _wavelet(image: np.ndarray, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_wavelet

    return denoise_wavelet(image, sigma=strength, wavelet="db2", rescale_sigma=False)


def _non_local_means(image: np.ndarray, strength: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    return denoise_nl_means(
        image, patch_size=_PATCH, patch_distance=_REACH, h=0.8 * strength, sigma=strength
    )


# filter, candidates for its parameter (noise being 1), halo (None: whole planes), pixels of a band
_FILTERS: dict[str, tuple[Filter, tuple[float, ...], int | None, int]] = {
    "non-local means": (_non_local_means, (1.0,), _PATCH + _REACH + 2, 1 << 18),
    "total variation": (
        _total_variation, (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0), _TV_STEPS + 1, 1 << 18,
    ),
    "wavelet": (_wavelet, (1.0,), None, 1 << 20),
    "median": (_median, (0.0, 1.0, 2.0, 3.0), 9, 1 << 18),
    "gaussian": (_gaussian, (0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.7, 3.5, 5.0), 64, 1 << 20),
}  # fmt: skip
