"""What an operation will need, told before it begins: memory, tiles and time, about."""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays.lazy import BAND_PIXELS, CHUNK_SIDE, WORKERS

# seconds that `_yardstick` takes on the machine where the table was measured
_REFERENCE_S = 0.0015

# chunks of a lazy image that are in memory beside those worked on: neighbours, files read ahead
_AHEAD = 4


class Cost(NamedTuple):
    """What an operation needs.

    Parameters
    ----------
    bytes : int
        Memory beside that of its input: results, and what is needed for a while.
    tiles : int
        Pieces it is done in.
    seconds : float
        On this machine with nothing else to do; not a number where that is not known.
    """

    bytes: int
    tiles: int
    seconds: float


class _Work(NamedTuple):
    """Bytes a pixel: of results, of a tile in work, of a whole plane in work; nanoseconds a pixel.

    `beside` are bytes a pixel that a loaded image needs meanwhile, such as a blurred copy of it.

    Measured on micrographs of 4 megapixels; the nanoseconds are those of one core.
    """

    kept: float
    tile: float
    ns: float
    plane: float = 0.0
    # how many cores share it
    shared: bool = True
    beside: float = 0.0


_DENOISE = {
    "gaussian": _Work(4, 48, 19),
    "median": _Work(4, 27, 410),
    "wavelet": _Work(4, 0, 113, plane=58, shared=False),
    "total variation": _Work(4, 90, 720),
    "non-local means": _Work(4, 45, 880),
}

_FEATURES = {
    "multiscale": _Work(1, 110, 290, plane=4, shared=False),
    "texture": _Work(1, 165, 275, plane=4, shared=False),
    "network": _Work(1, 0, 2400, plane=310, shared=False),
}

_BACKGROUND = {
    "plane": _Work(4, 0, 107, plane=25, shared=False),
    "polynomial": _Work(4, 0, 108, plane=33, shared=False),
    "rolling ball": _Work(4, 0, 22, plane=33, shared=False),
}

_PLAIN = {
    "image_quality": _Work(0, 0, 30, plane=7, shared=False),
    "destripe": _Work(4, 0, 95, plane=41, shared=False),
    "align_stack": _Work(4, 0, 160, plane=27, shared=False),
    "detect_info_bar": _Work(1, 0, 1, plane=1, shared=False),
    "crop_info_bar": _Work(1, 0, 1, plane=1, shared=False),
    "edge_density": _Work(8, 18, 7),
    "select_cluster": _Work(1, 1, 2),
    "label_objects": _Work(4, 32, 30),
    "watershed_split": _Work(4, 0, 760, plane=95, shared=False),
    # of a micrograph full of small objects
    "region_table": _Work(2, 65, 600, shared=False),
    "evidence_regions": _Work(4, 0, 60, plane=40, shared=False),
}

# networks: at the scale that they were trained at, on the processor
_NETWORKS = {
    "classify": _Work(8, 0, 4100, plane=60, shared=False),
    "explain": _Work(4, 0, 1600, plane=180, shared=False),
    "compare": _Work(20, 0, 2400, plane=180, shared=False),
    "morphology_map": _Work(8, 0, 1700, plane=185, shared=False),
}

# methods that try channel by channel
_SLOW = ("scorecam", "ablationcam")


def estimate(
    name: str,
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
    name : str
        Of the catalogue.
    shape : sequence of int
        (..., Y, X) of the image, without colour.
    dtype : dtype
        Of the image.
    lazy : bool
        Whether it is dask's: results are then computed and written chunk by chunk.
    choices : mapping, optional
        The operation's choices; what is missing counts as its default.
    room : int
        Bytes up to which results of a lazy image are held in memory, as the viewer does.

    Returns
    -------
    Cost or None
        None for operations that nothing is known of, and in three dimensions.
    """
    kind = np.dtype(dtype)
    work = _work(name, kind, dict(choices or {}))
    if work is None or (choices or {}).get("dimensions") == "3D":
        return None
    plane, pixels = math.prod(shape[-2:]), math.prod(shape)
    at_work = work.tile * min(pixels, WORKERS * BAND_PIXELS) + work.plane * plane
    if lazy:
        chunk = min(plane, CHUNK_SIDE**2)
        held = (work.kept + work.beside + 2 * kind.itemsize) * chunk * (WORKERS + _AHEAD)
        result = work.kept * pixels
        held += result if result <= room else 0
        tiles = math.prod(shape[:-2]) * math.prod(-(-n // CHUNK_SIDE) for n in shape[-2:])
    else:
        held = (work.kept + work.beside) * pixels
        tiles = math.prod(shape[:-2]) * -(-plane // BAND_PIXELS)
    if work.plane:
        tiles = math.prod(shape[:-2])
    cores = WORKERS if work.shared and tiles > 1 else 1
    seconds = work.ns * 1e-9 * pixels / cores * _slowness()
    if name in _NETWORKS and _has_graphics(choices or {}):
        seconds = math.nan
    return Cost(int(held + at_work), tiles, seconds)


def _work(name: str, kind: np.dtype, choices: dict[str, Any]) -> _Work | None:
    if name == "threshold":
        return _threshold(kind, choices)
    if name == "glcm_features":
        return _glcm_features(choices)
    if name == "denoise":
        return _DENOISE[choices.get("method", "non-local means")]
    if name == "subtract_background":
        return _BACKGROUND[choices.get("method", "polynomial")]
    if name == "kmeans":
        features = choices.get("features", "intensity")
        if features != "intensity":
            return _FEATURES[features]
        return _Work(1, 2, 4) if _counted(kind) else _Work(1, 25, 20)
    if name in _NETWORKS:
        work = _NETWORKS[name]
        times = 8 if choices.get("smooth") else 1
        times *= 30 if choices.get("method") in _SLOW else 1
        return work._replace(ns=work.ns * times)
    return _PLAIN.get(name)


def _counted(kind: np.dtype) -> bool:
    """Whether grey levels are counted one by one, without a look for their limits first."""
    return kind.kind in "bui" and kind.itemsize <= 2


def _threshold(kind: np.dtype, choices: dict[str, Any]) -> _Work:
    blurred = choices.get("sigma", 1.0) > 0
    byte = kind.itemsize == 1
    # the mask; labels and the blurred image
    work = _Work(1, 4, 7 + 7 * blurred, beside=1 + (2 if byte else 4) * blurred)
    if not byte and (blurred or not _counted(kind)):
        work = work._replace(tile=20, ns=32)
    if choices.get("min_size", 0) > 1:
        work = work._replace(plane=13, ns=work.ns + 12, shared=False)
    return work


def _glcm_features(choices: dict[str, Any]) -> _Work:
    feature = choices.get("feature", "contrast")
    maps = 7 if feature == "all" else 1
    directions = 4 if choices.get("angle", "all") == "all" else 1
    directions *= str(choices.get("distances", "1")).count(",") + 1
    each = {"contrast": 2.5, "dissimilarity": 2.5, "homogeneity": 4, "correlation": 10}
    ns = each.get(feature, 53 * min((choices.get("window", 5) / 5) ** 2, 8))
    ns += sum(each.values()) if feature == "all" else 0
    return _Work(8 * maps, 8 + 8 * maps, 3 + directions * ns)


def _has_graphics(choices: Mapping[str, Any]) -> bool:
    """Whether a network would run where nothing was measured; asked only once torch is there."""
    torch = sys.modules.get("torch")
    if torch is None or choices.get("device") == "cpu":
        return False
    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


@functools.cache
def _slowness() -> float:
    """How many times slower this machine is now than the one that was measured on."""
    # the one in the middle: what else runs here slows a job down as well
    return sorted(_yardstick() for _ in range(7))[3] / _REFERENCE_S


def _yardstick() -> float:
    values = np.random.default_rng(0).random(1 << 18)
    start = time.perf_counter()
    np.sort(values)
    np.convolve(values, np.ones(9), "same")
    return time.perf_counter() - start


def available() -> int:
    """Bytes of memory that are free for a job."""
    import psutil

    return int(psutil.virtual_memory().available)


def sentence(cost: Cost, free: int | None = None) -> str:
    """Say what an operation needs: ``needs ~3.1 GB of 8.0 GB, in 6 tiles, about 40 s``.

    Parameters
    ----------
    cost : Cost
        From `estimate`.
    free : int, optional
        Bytes there are; those of the machine without it.
    """
    there = available() if free is None else free
    parts = [f"needs ~{_size(cost.bytes)} of {_size(there)}"]
    parts.append(f"in {cost.tiles:,} tiles" if cost.tiles > 1 else "in one piece")
    if not math.isnan(cost.seconds):
        parts.append(_time(cost.seconds))
    return ", ".join(parts)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def _time(seconds: float) -> str:
    if seconds < 2:
        return "a moment"
    if seconds < 90:
        return f"about {_round(seconds)} s"
    return (
        f"about {_round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
    )


def _round(value: float) -> int:
    """One digit, or two below 20: more would be a pretence."""
    step = 1 if value < 20 else 10
    return max(1, round(value / step) * step)
