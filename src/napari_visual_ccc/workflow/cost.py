"""Forecast of what an operation needs: memory, tiles and time."""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays.lazy import BAND_PIXELS, CHUNK_SIDE, tile_workers
from ..core.memory import available as available
from ..core.settings.current import current

# seconds of `_yardstick` on the machine where the table was measured
_REFERENCE_S = 0.0015

# further chunks of a lazy image in memory at a time: neighbours, files read ahead
_AHEAD = 4


class Cost(NamedTuple):
    """Estimated resources of a run.

    Parameters
    ----------
    bytes : int
        Memory without that of the input: results and temporary arrays.
    tiles : int
        Number of pieces it is computed in.
    seconds : float
        On this machine with nothing else running; NaN where it is not known.
    """

    bytes: int
    tiles: int
    seconds: float


class Needs(NamedTuple):
    """What one pixel needs, measured on micrographs of 4 megapixels.

    Parameters
    ----------
    kept : float
        Bytes of the results.
    tile : float
        Bytes while a tile is computed.
    ns : float
        Nanoseconds on one core.
    plane : float
        Bytes while a whole plane is computed.
    shared : bool
        Whether several cores share the work.
    loaded : float
        Bytes that a loaded image needs meanwhile, such as a blurred copy.
    network : bool
        Whether it runs on a graphics processor where there is one; time was measured without.
    """

    kept: float
    tile: float
    ns: float
    plane: float = 0.0
    shared: bool = True
    loaded: float = 0.0
    network: bool = False


# dtype and choices → what a pixel needs
NeedsOf = Callable[[np.dtype, Mapping[str, Any]], Needs]


class OfRun(NamedTuple):
    """Cost of operations that depends on more than the pixels.

    Parameters
    ----------
    cost : callable
        Shape (Y, X) and choices → `Cost` on the reference machine.
    """

    cost: Callable[[tuple[int, int], Mapping[str, Any]], Cost]


def estimate(
    needs: Needs | NeedsOf | OfRun | str | None,
    shape: Sequence[int],
    dtype: Any,
    lazy: bool = False,
    choices: Mapping[str, Any] | None = None,
    *,
    room: int = 0,
) -> Cost | None:
    """Estimate what an operation needs.

    Parameters
    ----------
    needs : Needs, OfRun, callable, str or None
        ``cost`` of the operation in the catalogue.
    shape : sequence of int
        (..., Y, X) of the image, without colour.
    dtype : dtype
        Of the image.
    lazy : bool
        Whether it is a dask array: results are then computed and written chunk by chunk.
    choices : mapping, optional
        The operation's parameters; missing ones count as their defaults.
    room : int
        Bytes up to which results of a lazy image are held in memory, as the viewer does.

    Returns
    -------
    Cost or None
        None for operations that were never measured, and in three dimensions.
    """
    choices = choices or {}
    if isinstance(needs, OfRun):
        cost = needs.cost((shape[-2], shape[-1]), choices)
        slices = math.prod(shape[:-2])
        return Cost(cost.bytes, slices * cost.tiles, slices * cost.seconds * _slowness())
    if needs is None or isinstance(needs, str) or choices.get("dimensions") == "3D":
        return None
    kind = np.dtype(dtype)
    work = needs if isinstance(needs, Needs) else needs(kind, choices)
    plane, pixels = math.prod(shape[-2:]), math.prod(shape)
    at_work = work.tile * min(pixels, tile_workers() * BAND_PIXELS) + work.plane * plane
    if lazy:
        chunk = min(plane, CHUNK_SIDE**2)
        held = (work.kept + work.loaded + 2 * kind.itemsize) * chunk * (tile_workers() + _AHEAD)
        result = work.kept * pixels
        held += result if result <= room else 0
        tiles = math.prod(shape[:-2]) * math.prod(-(-n // CHUNK_SIDE) for n in shape[-2:])
    else:
        held = (work.kept + work.loaded) * pixels
        tiles = math.prod(shape[:-2]) * -(-plane // BAND_PIXELS)
    if work.plane:
        tiles = math.prod(shape[:-2])
    cores = tile_workers() if work.shared and tiles > 1 else 1
    seconds = work.ns * 1e-9 * pixels / cores * _slowness()
    if work.network and _has_graphics(choices):
        seconds = math.nan
    return Cost(int(held + at_work), tiles, seconds)


# operations whose needs depend on their choices ---------------------------------------------------

_DENOISE = {
    "gaussian": Needs(4, 48, 19),
    "median": Needs(4, 27, 410),
    "wavelet": Needs(4, 0, 113, plane=58, shared=False),
    "total variation": Needs(4, 90, 720),
    "non-local means": Needs(4, 45, 880),
}

_FEATURES = {
    "multiscale": Needs(1, 110, 290, plane=4, shared=False),
    "texture": Needs(1, 165, 275, plane=4, shared=False),
    "network": Needs(1, 0, 2400, plane=310, shared=False),
}

_BACKGROUND = {
    "plane": Needs(4, 0, 107, plane=25, shared=False),
    "polynomial": Needs(4, 0, 108, plane=33, shared=False),
    "rolling ball": Needs(4, 0, 22, plane=33, shared=False),
}

# methods of class activation mapping that try channel by channel
_SLOW = ("scorecam", "ablationcam")


def denoise(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `denoise`."""
    return _DENOISE[choices.get("method", "non-local means")]


def background(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `subtract_background`."""
    return _BACKGROUND[choices.get("method", "polynomial")]


def kmeans(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `kmeans`."""
    features = choices.get("features", "intensity")
    if features != "intensity":
        return _FEATURES[features]
    if choices.get("sigma", 1.0) > 0:
        # and the blurred image
        byte = kind.itemsize == 1
        return Needs(1, 2, 11, loaded=2) if byte else Needs(1, 25, 32, loaded=4)
    return Needs(1, 2, 4) if _counted(kind) else Needs(1, 25, 20)


def threshold(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `threshold`; the method is free, it works on the histogram."""
    blurred = choices.get("sigma", 1.0) > 0
    byte = kind.itemsize == 1
    # the mask; labels and the blurred image
    work = Needs(1, 4, 7 + 7 * blurred, loaded=1 + (2 if byte else 4) * blurred)
    if not byte and (blurred or not _counted(kind)):
        work = work._replace(tile=20, ns=32)
    if choices.get("min_diameter", 0) > 0:
        work = work._replace(plane=13, ns=work.ns + 12, shared=False)
    return work


def glcm_features(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `glcm_features`."""
    feature = choices.get("feature", "contrast")
    maps = 7 if feature == "all" else 1
    directions = 4 if choices.get("angle", "all") == "all" else 1
    directions *= str(choices.get("distances", "1")).count(",") + 1
    each = {"contrast": 2.5, "dissimilarity": 2.5, "homogeneity": 4, "correlation": 10}
    ns = each.get(feature, 53 * min((choices.get("window", 5) / 5) ** 2, 8))
    ns += sum(each.values()) if feature == "all" else 0
    return Needs(8 * maps, 8 + 8 * maps, 3 + directions * ns)


def network(kept: float, ns: float, plane: float) -> NeedsOf:
    """Needs of a network at the scale that it was trained at, on the processor."""

    def needs(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
        # auto takes the mean only where that is quick
        times = 8 if choices.get("smooth") == "on" else 1
        times *= 30 if choices.get("method") in _SLOW else 1
        return Needs(kept, 0, ns * times, plane=plane, shared=False, network=True)

    return needs


def concordance(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `concordance` with the image: regions are occluded, and classified at one size."""
    occluded = choices.get("occluded", 8)
    plane = 85 if occluded else 50
    return Needs(4, 0, 120 + 80 * occluded, plane=plane, shared=False, network=occluded > 0)


def _sam(shape: tuple[int, int], choices: Mapping[str, Any]) -> Cost:
    from ..engine.promptable.forecast import forecast

    gpu = _has_graphics(choices)
    needs = forecast(shape, choices, gpu=gpu)
    return Cost(needs.bytes, needs.regions, math.nan if gpu else needs.seconds)


SAM = OfRun(_sam)


def anomaly_map(kind: np.dtype, choices: Mapping[str, Any]) -> Needs:
    """Needs of `anomaly_map`; the features are those of a backbone."""
    by_features = choices.get("score", "features") == "features"
    ns, plane = (1060, 420) if by_features else (460, 230)
    return network(8, ns, plane=plane)(kind, choices)


def autoencoder(choices: Mapping[str, Any]) -> Cost:
    """Cost of `train_autoencoder`, which depends on its choices more than on the images."""
    from ..engine.autoencoder.trained import forecast

    needed, seconds = forecast(choices)
    return Cost(needed, 1, math.nan if _has_graphics(choices) else seconds * _slowness())


def _counted(kind: np.dtype) -> bool:
    """Whether every grey level has a bin of its own, so that no limits are needed first."""
    return kind.kind in "bui" and kind.itemsize <= 2


# this machine -------------------------------------------------------------------------------------


def _has_graphics(choices: Mapping[str, Any]) -> bool:
    """Whether a network would run on a graphics processor; False until torch is imported."""
    torch = sys.modules.get("torch")
    device = choices.get("device", "auto")
    if torch is None or (current().device if device == "auto" else device) == "cpu":
        return False
    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


@functools.cache
def _slowness() -> float:
    """Present time of the yardstick, relative to the machine of the measurements."""
    # the median: other processes slow a job down as well
    return sorted(_yardstick() for _ in range(7))[3] / _REFERENCE_S


def _yardstick() -> float:
    values = np.random.default_rng(0).random(1 << 18)
    start = time.perf_counter()
    np.sort(values)
    np.convolve(values, np.ones(9), "same")
    return time.perf_counter() - start


def describe(cost: Cost, free: int | None = None) -> str:
    """Describe a cost in words: ``needs ~3.1 GB of 8.0 GB, in 6 tiles, about 40 s``.

    Parameters
    ----------
    cost : Cost
        From `estimate`.
    free : int, optional
        Bytes of free memory; by default those of the machine.
    """
    free = available() if free is None else free
    parts = [f"needs ~{size(cost.bytes)} of {size(free)}"]
    parts.append(f"in {cost.tiles:,} tiles" if cost.tiles > 1 else "in one piece")
    if not math.isnan(cost.seconds):
        parts.append(duration(cost.seconds))
    return ", ".join(parts)


def size(count: int) -> str:
    """Describe a number of bytes in words: ``3.1 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def duration(seconds: float) -> str:
    """Describe a time in words: ``about 40 s``."""
    if seconds < 2:
        return "a moment"
    if seconds < 90:
        return f"about {_round(seconds)} s"
    return (
        f"about {_round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
    )


def _round(value: float) -> int:
    """Round to one digit, or to two below 20: the forecast is no more precise."""
    step = 1 if value < 20 else 10
    return max(1, round(value / step) * step)
