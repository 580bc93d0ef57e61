"""Take stripes away: jumps of the scan, charging, curtaining."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...arrays.mapping import map_planes
from ...core.layers import ImageLayer
from ...core.progress import Steps
from ...core.result import Result
from ..acquisition.noise import sample

_WAVELET = "db5"


def destripe(
    image: Any,
    *,
    direction: Literal["rows", "columns"] = "rows",
    max_width: Annotated[int, {"min": 1, "max": 512}] = 4,
    min_length: Annotated[float, {"min": 0.05, "max": 1.0, "step": 0.05}] = 0.5,
) -> Steps[Result]:
    """Remove stripes along rows (scan noise, charging) or columns (curtaining).

    Wavelets part detail along the stripes from the rest, level by level, and what hardly changes
    along a stripe is taken off by its Fourier transform (Münch, Trtik, Marone & Stampanoni, Opt.
    Express 17 (2009) 8567); edges of the specimen are clipped first, which on micrographs without
    stripes halves what is lost. Straight layers along the stripes are still damped.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Slices of a stack are treated one by one.
    direction : {'rows', 'columns'}
        How the stripes run: along rows (horizontal) or along columns (vertical).
    max_width : int
        Width of the widest stripes in pixels, across. Wider ones stay, and so does shading.
    min_length : float
        Length of the shortest stripes as a share of the image. Shorter takes away more of the
        specimen.

    Returns
    -------
    Result
        (..., Y, X) float32, of the same mean; NaN where the image was not finite. Lazy for dask.

    Raises
    ------
    ValueError
        If a parameter is out of range or no pixel is finite.
    """
    if direction not in ("rows", "columns"):
        raise ValueError(f"direction is {direction!r}; choose rows or columns")
    if not 1 <= max_width <= 512 or not 0.05 <= min_length <= 1:
        raise ValueError(
            f"max_width is {max_width}, min_length {min_length}; "
            "choose 1 to 512 pixels, and 0.05 to 1"
        )
    grey, notes = to_gray(image)
    sample(grey)  # raises where nothing is finite

    def apply(plane: np.ndarray) -> np.ndarray:
        values = plane.astype(np.float64)
        if not np.isfinite(values).any():
            return np.full(plane.shape, np.nan, np.float32)
        filled, missing = finite(values)
        turned = filled if direction == "rows" else filled.T
        clean = _without_stripes(turned, max_width, 0.5 / min_length)
        clean = clean if direction == "rows" else clean.T
        if missing is not None:
            clean = np.where(missing, np.nan, clean)
        return clean.astype(np.float32)

    data = yield from map_planes(apply, grey, dtype=np.float32, note="stripes")
    return Result((ImageLayer(data, name="without stripes"),), notes=notes)


def _without_stripes(plane: np.ndarray, max_width: int, cycles: float) -> np.ndarray:
    """Damp detail across the rows that makes fewer cycles along them than `cycles`."""
    import pywt
    from scipy.fft import dct, idct

    levels = min(
        int(np.ceil(np.log2(max_width))) + 1, pywt.dwt_max_level(min(plane.shape), _WAVELET)
    )
    if levels == 0:
        return plane
    rough, *details = pywt.wavedec2(plane, _WAVELET, level=levels)
    kept = []
    for along_rows, along_columns, diagonal in details:
        stripes = _clipped(along_rows)
        # a cosine transform, where the paper has Fourier's: the image goes on as its mirror image,
        # so that left and right border do not meet
        wave = dct(stripes, axis=1, norm="ortho")
        half_cycles = np.arange(wave.shape[1]) / 2
        wave *= np.exp(-(half_cycles**2) / (2 * cycles**2))
        kept.append((along_rows - idct(wave, axis=1, norm="ortho"), along_columns, diagonal))
    height, width = plane.shape
    return pywt.waverec2([rough, *kept], _WAVELET)[:height, :width]


def _clipped(coefficients: np.ndarray) -> np.ndarray:
    """Clip what stands out of its row: edges of the specimen, not stripes."""
    middle = np.median(coefficients, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(coefficients - middle), axis=1, keepdims=True)
    return np.clip(coefficients, middle - spread, middle + spread)
