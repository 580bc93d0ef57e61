"""Forecast and measured peak of memory, one process a case: ``python -m benchmarks.memory``.

Linux only: the peak is read from ``/proc``.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

import napari_visual_ccc as ccc
from napari_visual_ccc.workflow.cost import estimate
from napari_visual_ccc.workflow.operations import OPERATIONS

CASES: tuple[tuple[str, dict[str, object], str, int], ...] = (
    ("threshold", {}, "uint8", 4096),
    ("threshold", {"sigma": 0.0}, "uint8", 4096),
    ("threshold", {}, "float32", 4096),
    ("kmeans", {}, "uint8", 4096),
    ("kmeans", {"sigma": 0.0}, "uint8", 4096),
    ("kmeans", {"sigma": 0.0}, "float32", 4096),
    ("kmeans", {}, "float32", 4096),
    ("glcm_features", {}, "uint8", 4096),
    ("glcm_features", {"feature": "all", "angle": "0"}, "uint8", 2048),
)


def main() -> int:
    """Print a row a case; the exit status tells whether all are within a factor of two."""
    print("| operation | parameters | image | forecast | measured | ratio |")
    print("|---|---|---|---:|---:|---:|")
    good = True
    for name, choices, dtype, side in CASES:
        words = [sys.executable, "-m", __spec__.name, json.dumps([name, choices, dtype, side])]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        measured = int(done.stdout)
        cost = estimate(OPERATIONS[name].cost, (side, side), dtype, choices=choices)
        assert cost is not None
        ratio = cost.bytes / measured
        good &= 0.5 < ratio < 2
        parameters = ", ".join(f"{key}={value}" for key, value in choices.items())
        sizes = f"{cost.bytes / 1e6:,.0f} MB | {measured / 1e6:,.0f} MB"
        print(f"| {name} | {parameters} | {side}² {dtype} | {sizes} | {ratio:.2f} |", flush=True)
    return 0 if good else 1


def measure(name: str, choices: dict[str, object], dtype: str, side: int) -> int:
    """Run an operation on a large image and give the bytes it took at its peak."""
    image = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8).astype(dtype)
    # a small image first, so that the libraries are loaded
    getattr(ccc, name)(image[:300, :300], **choices)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = memory("VmRSS")
    result = getattr(ccc, name)(image, **choices)
    peak = memory("VmHWM") - before
    del result
    return peak


def memory(key: str) -> int:
    """Bytes of this process that the system lists under a key."""
    with open("/proc/self/status") as file:
        line = next(one for one in file if one.startswith(key))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(*json.loads(sys.argv[1])))
    else:
        sys.exit(main())
