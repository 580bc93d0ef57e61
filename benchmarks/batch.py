"""Batches against the bare functions: ``python -m benchmarks.batch [OPERATION ...] [--images N]``.

Many micrographs of 512 × 512 pixels, cut from a sample, are read and worked on by a loop of the
public functions in one process, and by `batch` with one and two threads and processes, tables
alone. The ways take turns, so that a neighbour on the machine slows all of them down alike; ratios
are medians over the rounds, with their range: of the rates on the clock, and of the processor time
that an image takes, which other programs change little. The memory is that of this process and its
workers after a tenth of the images and at the end. The start of worker processes is not counted: it
is once a batch. Linux only: processor time and memory of workers are read from ``/proc``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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


class Reading(NamedTuple):
    """Seconds on the clock, of the processor, and MiB of this process and its children."""

    clock: float
    cpu: float
    memory: float


def read() -> Reading:
    """Read the clock, and what this process and its children have taken."""
    pids = [os.getpid(), *(one.pid for one in multiprocessing.active_children())]
    cpu = memory = 0.0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            # it has ended
            continue
        # fields 14, 15 and 24 of proc(5)
        cpu += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        memory += int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Reading(time.perf_counter(), cpu, memory)


class Run(NamedTuple):
    """Images a second, seconds of the processor an image, and MiB after a tenth and at the end."""

    rate: float
    cpu: float
    early: float
    late: float


def between(readings: dict[int, Reading], workers: int) -> Run:
    """Rates from when the workers have each begun an image to the last one."""
    first, last = next(done for done in sorted(readings) if done >= workers), max(readings)
    tenth = min(readings, key=lambda done: abs(done - last / 10))
    start, end = readings[first], readings[last]
    count = last - first
    return Run(
        count / (end.clock - start.clock), (end.cpu - start.cpu) / count,
        readings[tenth].memory, end.memory,
    )  # fmt: skip


def bare(operation: str, paths: list[Path]) -> Run:
    """Run a loop of the public functions."""
    function = getattr(ccc, operation)
    readings = {0: read()}
    for done, path in enumerate(paths, start=1):
        function(ccc.read(path))
        readings[done] = read()
    return between(readings, 0)


def bare_twice(operation: str, paths: list[Path]) -> Run:
    """Run two such loops in two processes, each on a half: the most that two can give."""
    context = multiprocessing.get_context("spawn")
    begin, end = context.Barrier(3), context.Barrier(3)
    halves = (paths[::2], paths[1::2])
    both = [context.Process(target=_loop, args=(operation, one, begin, end)) for one in halves]
    for process in both:
        process.start()
    begin.wait()
    readings = {0: read()}
    end.wait()
    readings[len(paths)] = read()
    for process in both:
        process.join()
    return between(readings, 0)


def _loop(operation: str, paths: list[Path], begin: Any, end: Any) -> None:
    reuse_freed()
    bare(operation, paths[:2])
    begin.wait()
    bare(operation, paths)
    end.wait()


def batched(operation: str, paths: list[Path], settings: Settings) -> Run:
    """Run a batch."""
    with tempfile.TemporaryDirectory() as place:
        job = make_job(operation, None, Path(place), formats=NOTHING)
        readings: dict[int, Reading] = {}
        for progress in batching(list(map(str, paths)), job, settings):
            if progress.done not in readings:
                readings[progress.done] = read()
        return between(readings, settings.workers)


WAYS: dict[str, Callable[[str, list[Path]], Run]] = {
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


def measured(
    operation: str, paths: list[Path], rounds: int, ways: list[str]
) -> dict[str, list[Run]]:
    """Run each way in each round; the ways take turns."""
    reuse_freed()
    bare(operation, paths[:2])
    found: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in ways:
            found[name].append(WAYS[name](operation, paths))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("operations", nargs="*", default=["threshold", "particles"])
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", type=int, default=len(WAYS), help="the first of them")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| operation | way | images/s | of the bare functions | of one worker | CPU, an "
          "image | bare functions / this | MiB after a tenth, at the end |")  # fmt: skip
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        paths = images(Path(place), options.images)
        for operation in options.operations:
            found = measured(operation, paths, options.rounds, list(WAYS)[: options.ways])
            for name in found:
                print(f"| {operation} | {name} | {row(found, name)} |", flush=True)


def row(found: dict[str, list[Run]], name: str) -> str:
    """Cells of a way."""
    runs, bare, one = found[name], found["bare functions"], found[ONE.get(name, name)]
    rates, cpu = [each.rate for each in runs], [each.cpu for each in runs]
    last = runs[-1]
    return " | ".join(
        (
            f"{np.median(rates):.2f}",
            ratio(rates, [each.rate for each in bare]),
            ratio(rates, [each.rate for each in one]),
            f"{np.median(cpu) * 1000:.1f} ms",
            ratio([each.cpu for each in bare], cpu),
            f"{last.early:.0f}, {last.late:.0f}",
        )
    )


def ratio(rates: list[float], others: list[float]) -> str:
    """Median of the ratios of the rounds, with their range."""
    each: Any = np.divide(rates, others)
    return f"{np.median(each):.2f} ({each.min():.2f} to {each.max():.2f})"


if __name__ == "__main__":
    main()
