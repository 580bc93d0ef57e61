"""How the benchmarks time: the best of a few runs, both sides in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from napari_visual_ccc import samples


class Row(NamedTuple):
    """One comparison: seconds of the reference and of ours."""

    job: str
    reference: str
    reference_s: float
    ours_s: float


def best(function: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of `repeats` calls."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def micrograph(side: int) -> np.ndarray:
    """A real micrograph, mirrored until it is as large as asked for: (side, side) uint8."""
    image = samples.load("superalloy").data
    while len(image) < side:
        image = np.pad(image, ((0, len(image)), (0, len(image))), mode="symmetric")
    return np.ascontiguousarray(image[:side, :side])
