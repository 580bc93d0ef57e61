"""Networks beside other programs: ``python -m benchmarks.neighbour [PROCESSES]``.

The same classification in a process of its own: alone, and beside as many busy processes as there
are cores (or PROCESSES), whose threads wait by spinning (the default of OpenMP) or asleep (that of
this package).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_REPEATS = 3

_CLASSIFY = """
import time
import numpy as np
import napari_visual_ccc as ccc
from napari_visual_ccc import samples
image = samples.load("nanoparticles").data
ccc.classify(image)
start = time.perf_counter()
for _ in range(4):
    ccc.classify(image)
print(time.perf_counter() - start)
"""


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep processes busy that do nothing but compute."""
    running = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


# what OpenMP does where nothing is set: GNU's (Linux) in turns, Intel's in milliseconds
_SPIN = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}


def seconds(more: dict[str, str]) -> float:
    """Shortest time of a classification in a process of its own."""
    times = []
    for _ in range(_REPEATS):
        done = subprocess.run(
            [sys.executable, "-c", _CLASSIFY],
            env=os.environ | more,
            capture_output=True,
            check=True,
        )
        times.append(float(done.stdout))
    return min(times)


def main(processes: int) -> None:
    """Print the table."""
    print(f"{os.cpu_count()} cores, {processes} busy processes beside\n")
    print("| threads that wait | alone | beside the others | ratio |")
    print("|---|---:|---:|---:|")
    for name, more in (("spin", _SPIN), ("sleep", {})):
        alone = seconds(more)
        with busy(processes):
            beside = seconds(more)
        print(f"| {name} | {alone:.2f} s | {beside:.2f} s | {beside / alone:.1f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count() or 1)
