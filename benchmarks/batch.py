"""Batches against the bare functions: ``python -m benchmarks.batch [OPERATION ...] [--images N]``.

Many micrographs of 512 × 512 pixels, cut from a sample, are read and worked on by a loop of the
public functions in one process, and by `batch` with one and two threads and processes, tables
alone. The ways take turns, so that a neighbour on the machine slows all of them down alike; ratios
are medians over the rounds, with their range. The start of worker processes is not counted: it is
once a batch.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

import napari_visual_ccc as ccc
from napari_visual_ccc.core.memory import reuse_freed
from napari_visual_ccc.workflow.batch.job import make_job
from napari_visual_ccc.workflow.batch.run import Settings, batching
from napari_visual_ccc.workflow.save import NOTHING

from .timing import micrograph

SIDE = 512


def images(folder: Path, count: int) -> list[Path]:
    """Write cuts of a micrograph with noise of their own."""
    whole, random = micrograph(2048), np.random.default_rng(0)
    paths = []
    for number in range(count):
        y, x = random.integers(0, len(whole) - SIDE, 2)
        cut = whole[y : y + SIDE, x : x + SIDE] + random.normal(0, 4, (SIDE, SIDE))
        paths.append(folder / f"{number:05}.tif")
        tifffile.imwrite(paths[-1], cut.clip(0, 255).astype(np.uint8))
    return paths


def bare(operation: str, paths: list[Path]) -> float:
    """Seconds of a loop of the public functions."""
    function = getattr(ccc, operation)
    start = time.perf_counter()
    for path in paths:
        function(ccc.read(path))
    return time.perf_counter() - start


def bare_twice(operation: str, paths: list[Path]) -> float:
    """Seconds of two such loops in two processes, each on a half: the most that two can give."""
    context = multiprocessing.get_context("spawn")
    begin, end = context.Barrier(3), context.Barrier(3)
    halves = (paths[::2], paths[1::2])
    both = [context.Process(target=_loop, args=(operation, one, begin, end)) for one in halves]
    for process in both:
        process.start()
    begin.wait()
    start = time.perf_counter()
    end.wait()
    seconds = time.perf_counter() - start
    for process in both:
        process.join()
    return seconds


def _loop(operation: str, paths: list[Path], begin: Any, end: Any) -> None:
    reuse_freed()
    bare(operation, paths[:2])
    begin.wait()
    bare(operation, paths)
    end.wait()


def batched(operation: str, paths: list[Path], settings: Settings) -> float:
    """Seconds of a batch, from the first report of an image on, scaled to all images."""
    with tempfile.TemporaryDirectory() as place:
        job = make_job(operation, None, Path(place), formats=NOTHING)
        times: dict[int, float] = {}
        steps = batching(list(map(str, paths)), job, settings)
        for progress in steps:
            times.setdefault(progress.done, time.perf_counter())
        return after_first(times, len(paths), settings.workers)


def after_first(times: dict[int, float], count: int, workers: int) -> float:
    """Seconds of all images at the rate after the workers have each begun one."""
    first = next(done for done in sorted(times) if done >= workers)
    last = max(times)
    return (times[last] - times[first]) / (last - first) * count


WAYS: dict[str, Callable[[str, list[Path]], float]] = {
    "bare functions": bare,
    "bare functions, twice": bare_twice,
    "batch, 1 thread": lambda name, paths: batched(name, paths, Settings("threads", 1)),
    "batch, 2 threads": lambda name, paths: batched(name, paths, Settings("threads", 2)),
    "batch, 1 process": lambda name, paths: batched(name, paths, Settings("processes", 1)),
    "batch, 2 processes": lambda name, paths: batched(name, paths, Settings("processes", 2)),
}


# what two workers are compared with
ONE = {
    "bare functions, twice": "bare functions",
    "batch, 2 threads": "batch, 1 thread",
    "batch, 2 processes": "batch, 1 process",
}


def measured(operation: str, paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Images a second of each way in each round; the ways take turns."""
    reuse_freed()
    bare(operation, paths[:2])
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            found[name].append(len(paths) / way(operation, paths))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("operations", nargs="*", default=["threshold", "particles"])
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| operation | way | images/s | of the bare functions | of one worker |")
    print("|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        paths = images(Path(place), options.images)
        for operation in options.operations:
            found = measured(operation, paths, options.rounds)
            for name, rates in found.items():
                one = found[ONE.get(name, name)]
                print(f"| {operation} | {name} | {np.median(rates):.2f} | "
                      f"{ratio(rates, found['bare functions'])} | {ratio(rates, one)} |",
                      flush=True)  # fmt: skip


def ratio(rates: list[float], others: list[float]) -> str:
    """Median of the ratios of the rounds, with their range."""
    each: Any = np.divide(rates, others)
    return f"{np.median(each):.2f} ({each.min():.2f} to {each.max():.2f})"


if __name__ == "__main__":
    main()
