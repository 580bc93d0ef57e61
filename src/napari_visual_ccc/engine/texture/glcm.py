"""Texture maps of the grey-level co-occurrence matrix (GLCM) around every pixel."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.histogram import limits
from ...arrays.inputs import to_gray
from ...arrays.lazy import BAND_PIXELS, is_lazy
from ...arrays.mapping import map_planes
from ...arrays.stacks import Scope, check_scope, map_slices
from ...core.layers import ImageLayer
from ...core.progress import Steps
from ...core.result import Result
from ...core.settings.current import current
from .cooccurrence import FEATURES, Pairs, feature_maps, tile_pixels

Feature = Literal[
    "contrast", "dissimilarity", "homogeneity", "asm", "energy", "correlation", "entropy", "all"
]

# of features that have a unit: grey levels are those of the matrix
_UNITS = {"contrast": "squared grey levels", "dissimilarity": "grey levels", "entropy": "nat"}


def glcm_features(  # noqa: PLR0913
    image: Any,
    *,
    feature: Feature = "contrast",
    window: Annotated[int, {"min": 3, "max": 127, "step": 2, "unit": "px"}] = 5,
    distances: Annotated[str, {"unit": "px", "more": True}] = "1",
    angle: Annotated[
        Literal["all", "0", "45", "90", "135"], {"label": "Angle (degrees)", "more": True}
    ] = "all",
    levels: Annotated[int, {"min": 2, "max": 256, "label": "Grey levels", "more": True}] = 32,
    symmetric: Annotated[bool, {"more": True}] = True,
    scope: Scope = "stack",
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], {"more": True}] = "auto",
) -> Steps[Result]:
    """Map texture features of the grey-level co-occurrence matrix (GLCM) around every pixel.

    One matrix for each pixel, over a window centred on it, at full resolution; equal to
    `skimage.feature.graycomatrix` and `graycoprops` of every window. Features are averaged over
    distances and angles. Source: Haralick et al., IEEE Trans. Syst. Man Cybern.
    SMC-3 (1973) 610.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. The border is reflected.
    feature : {'contrast', 'dissimilarity', 'homogeneity', 'asm', 'energy', 'correlation', \
'entropy', 'all'}
        Contrast, dissimilarity: difference of neighbours. Homogeneity: their similarity. ASM
        (angular second moment), energy (its root): order of the texture. Correlation: linear
        dependence of neighbours. Entropy (in nats): disorder.
    window : int
        Side of the window in pixels, odd.
    distances : str
        Distance of neighbours in pixels; several separated by commas, as in ``"1, 2, 4"``.
    angle : {'all', '0', '45', '90', '135'}
        Direction from a pixel to its neighbour in degrees, 0 along a row.
    levels : int
        Number of grey levels between the darkest and the brightest pixel of the image.
    symmetric : bool
        Count each pair in both orders. Does not change contrast, dissimilarity and homogeneity.
    scope : {'stack', 'slice'}
        Quantise the grey range of the whole stack, or that of each slice.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where to compute; ``auto`` is the device of the settings, or else the processor. A GPU gives
        the same maps within 1e-9 ('mps': 1e-5); how fast it is was not measured.

    Returns
    -------
    Result
        (..., Y, X) float64 map, NaN where the pixel is not finite (to its neighbours it counts
        as darkest); with ``feature="all"`` one map a feature. ``facts``: the limits of the range,
        by slice a list of them. Lazy for dask: for a stack its limits are computed first; by
        slice they are not listed.

    Raises
    ------
    ValueError
        If a parameter is out of range, the image is smaller than the window, no pixel of it is
        finite, or the machine has no such device.
    """
    check_scope(scope)
    device = _chosen(device)
    grey, notes = to_gray(image)
    _check(grey, feature, window, levels)
    offsets = _offsets(_distances(distances, window), angle)
    names: list[str] = list(FEATURES) if feature == "all" else [feature]
    if scope == "slice" and grey.ndim > 2:
        one = functools.partial(
            glcm_features, window=window, distances=distances, angle=angle, levels=levels,
            symmetric=symmetric, device=device,
        )  # fmt: skip
        return (yield from _by_slice(one, grey, feature, names, notes))
    low, high = yield from limits(grey)
    quantised = quantise(low, high, levels, grey.dtype)
    pairs = Pairs(window, offsets, levels, symmetric)
    stack = yield from _mapped(grey, quantised, pairs, names, device)
    facts = {"limits": [float(low), float(high)]}
    maps = tuple(_layer(name, data) for name, data in zip(names, stack, strict=True))
    return Result(maps, facts=facts, notes=notes)


def _chosen(device: str) -> Any:
    """Device on which to compute; torch is not loaded for the processor."""
    if device == "cpu" or (device == "auto" and current().device in ("auto", "cpu")):
        return "cpu"
    from ...nets import device as devices

    return devices.choose(device).type


def _layer(name: str, data: Any = None) -> ImageLayer:
    quantity = f"{name}, {_UNITS.get(name, 'without unit')}"
    return ImageLayer(data, style="heat", name=f"GLCM {name}", quantity=quantity)


def _by_slice(
    one: Callable[..., Steps[Any]],
    grey: Any,
    feature: str,
    names: list[str],
    notes: tuple[str, ...],
) -> Steps[Result]:
    # each lazy map is computed on demand, separately
    groups = {name: [name] for name in names} if is_lazy(grey) else {feature: names}
    found: list[Result] = []
    for wanted, group in groups.items():
        of_slice = functools.partial(one, feature=wanted)
        result = yield from map_slices(
            of_slice, grey, 2, tuple(map(_layer, group)), dtype=np.float64, blank=np.nan,
            notes=notes,
        )  # fmt: skip
        found.append(result)
    layers = tuple(layer for result in found for layer in result.layers)
    return Result(layers, facts=found[0].facts, notes=found[0].notes)


def _check(grey: Any, feature: str, window: int, levels: int) -> None:
    if feature not in (*FEATURES, "all"):
        raise ValueError(f"no feature {feature!r}; choose {', '.join(FEATURES)} or all")
    if window % 2 == 0 or not 3 <= window <= 127:
        raise ValueError(f"window is {window}; choose an odd number from 3 to 127")
    if not 2 <= levels <= 256:
        raise ValueError(f"levels is {levels}; choose 2 to 256")
    if min(grey.shape[-2:]) < window:
        height, width = grey.shape[-2:]
        raise ValueError(
            f"window is {window} pixels, the image only {width} x {height}; take a smaller window"
        )


def _distances(text: str | int | Sequence[int], window: int) -> list[int]:
    parts: Sequence[Any] = (
        text.split(",") if isinstance(text, str) else np.atleast_1d(text).tolist()
    )
    try:
        distances = [int(part) for part in parts]
    except ValueError:
        raise ValueError(
            f"distances is {text!r}; write integers separated by commas, such as 1, 2, 4"
        ) from None
    if not distances or min(distances) < 1 or max(distances) >= window:
        raise ValueError(f"distances is {text!r}; each must be 1 to {window - 1} (window - 1)")
    return distances


def _offsets(distances: Sequence[int], angle: str) -> list[tuple[int, int]]:
    """(rows, columns) to the neighbour, rounded as scikit-image does."""
    choices = ("0", "45", "90", "135")
    if angle not in (*choices, "all"):
        raise ValueError(f"angle is {angle!r}; choose all, {', '.join(choices)}")
    angles = choices if angle == "all" else (angle,)
    offsets = []
    for distance in distances:
        for one in np.deg2rad([float(a) for a in angles]):
            offsets.append((round(np.sin(one) * distance), round(np.cos(one) * distance)))
    return offsets


def quantise(
    low: float, high: float, levels: int, dtype: Any
) -> Callable[[np.ndarray], np.ndarray]:
    """Function that quantises low..high evenly into levels (uint8, from 0)."""
    low, high = float(low), float(high)

    def formula(values: np.ndarray) -> np.ndarray:
        if high <= low:
            return np.zeros(values.shape, np.uint8)
        scaled = (values.astype(np.float64) - low) * (levels / (high - low))
        if values.dtype.kind == "f":
            scaled = np.nan_to_num(scaled, copy=False, nan=0, posinf=0, neginf=0)
        return np.clip(scaled, 0, levels - 1).astype(np.uint8)

    if np.dtype(dtype) == np.uint8 or np.dtype(dtype) == np.uint16:
        table = formula(np.arange(np.iinfo(dtype).max + 1))
        return lambda plane: table[plane]
    return formula


def _mapped(
    grey: Any,
    quantised: Callable[[np.ndarray], np.ndarray],
    pairs: Pairs,
    names: list[str],
    device: str,
) -> Steps[Any]:
    def some(names: list[str]) -> Callable[[np.ndarray], Steps[np.ndarray]]:
        def maps(plane: np.ndarray) -> Steps[np.ndarray]:
            if device == "cpu":
                found = yield from feature_maps(quantised(plane), pairs, names)
            else:
                found = on_device(quantised(plane), pairs, names, device)
            if plane.dtype.kind == "f":
                found[:, ~np.isfinite(plane)] = np.nan
            return found

        return maps

    pixels = tile_pixels(pairs, names) if device == "cpu" else BAND_PIXELS
    # about square: large windows have large halos
    lift = functools.partial(
        map_planes, dtype=np.float64, halo=pairs.window // 2, pixels=pixels,
        columns=math.isqrt(pixels), note="texture",
    )  # fmt: skip
    if not is_lazy(grey):
        return (yield from lift(some(names), grey, maps=len(names)))
    # each lazy map is computed on demand, separately
    lazy = []
    for name in names:
        lazy.append((yield from lift(_first_of(some([name])), grey)))
    return lazy


def on_device(levels: np.ndarray, pairs: Pairs, names: Sequence[str], device: str) -> np.ndarray:
    """What `feature_maps` gives, computed by torch."""
    from ...nets.texture import glcm_maps

    found = glcm_maps(
        levels, features=names, window=pairs.window, offsets=pairs.offsets, levels=pairs.levels,
        symmetric=pairs.symmetric, device=device,
    )  # fmt: skip
    return np.stack([found[name] for name in names]).astype(np.float64, copy=False)


def _first_of(
    maps: Callable[[np.ndarray], Steps[np.ndarray]],
) -> Callable[[np.ndarray], Steps[np.ndarray]]:
    def first(plane: np.ndarray) -> Steps[np.ndarray]:
        return (yield from maps(plane))[0]

    return first
