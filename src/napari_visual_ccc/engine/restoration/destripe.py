"""Remove stripes: scan noise, charging, curtaining."""

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
    max_width: Annotated[int, {"min": 1, "max": 512, "label": "Widest stripe", "unit": "px"}] = 4,
    min_length: Annotated[
        float, {"min": 0.05, "max": 1.0, "step": 0.05, "label": "Shortest stripe (share)"}
    ] = 0.5,
) -> Steps[Result]:
    """Remove stripes along rows (scan noise, charging) or columns (curtaining).

    Combined wavelet-Fourier filter: in the wavelet details along the stripes, low frequencies are
    damped level by level (Münch, Trtik, Marone & Stampanoni, Opt. Express 17 (2009) 8567). Edges of
    the specimen are clipped first, which halves the loss on micrographs without stripes. Straight
    layers along the stripes are still damped.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Slices of a stack are processed one by one.
    direction : {'rows', 'columns'}
        Direction of the stripes: along rows (horizontal) or along columns (vertical).
    max_width : int
        Width of the widest stripes in pixels. Wider stripes and shading remain.
    min_length : float
        Length of the shortest stripes as a share of the image. Smaller values remove more of the
        specimen.

    Returns
    -------
    Result
        (..., Y, X) float32, of the same mean; NaN where the image is not finite. Lazy for dask.

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
    sample(grey)  # raises if no pixel is finite

    def apply(plane: np.ndarray) -> np.ndarray:
        values = plane.astype(np.float64)
        if not np.isfinite(values).any():
            return np.full(plane.shape, np.nan, np.float32)
        filled, missing = finite(values)
        rotated = filled if direction == "rows" else filled.T
        clean = _without_stripes(rotated, max_width, 0.5 / min_length)
        clean = clean if direction == "rows" else clean.T
        if missing is not None:
            clean = np.where(missing, np.nan, clean)
        return clean.astype(np.float32)

    data = yield from map_planes(apply, grey, dtype=np.float32, note="stripes")
    return Result((ImageLayer(data, name="without stripes"),), notes=notes)


def _without_stripes(plane: np.ndarray, max_width: int, cycles: float) -> np.ndarray:
    """Damp stripes along rows: details with fewer than `cycles` cycles along a row."""
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
        # cosine instead of Fourier transform: the image continues as its mirror image, so that its
        # left and right borders do not interact
        wave = dct(stripes, axis=1, norm="ortho")
        half_cycles = np.arange(wave.shape[1]) / 2
        wave *= np.exp(-(half_cycles**2) / (2 * cycles**2))
        kept.append((along_rows - idct(wave, axis=1, norm="ortho"), along_columns, diagonal))
    height, width = plane.shape
    return pywt.waverec2([rough, *kept], _WAVELET)[:height, :width]


def _clipped(coefficients: np.ndarray) -> np.ndarray:
    """Clip outliers of each row: edges of the specimen, not stripes."""
    middle = np.median(coefficients, axis=1, keepdims=True)
    spread = 1.4826 * np.median(np.abs(coefficients - middle), axis=1, keepdims=True)
    return np.clip(coefficients, middle - spread, middle + spread)
