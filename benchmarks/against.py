"""This state against another: ``python -m benchmarks.against CHECKOUT [JOB ...] [--data DATA]``.

CHECKOUT is a working tree of another commit (``git worktree add --detach old 39916e3``). Each state
has a process of its own, and they take turns, so that a neighbour on the machine slows both down
alike. Ratios are medians over the rounds, with their range: of processor time, which other programs
change little, and of the time on the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from .batch import ratio
from .neighbour import busy

HERE = Path(__file__).parents[1]

# runs in either state; the names of choices have changed since
WORKER = """
import inspect, json, os, resource, sys, tempfile, time
from pathlib import Path
import numpy as np, torch
import napari_visual_ccc as ccc
from napari_visual_ccc import samples

torch.set_num_threads(int(sys.argv[1]))
DATA = Path(sys.argv[2])

def micrograph(side):
    image = samples.load("superalloy").data
    while len(image) < side:
        image = np.pad(image, ((0, len(image)), (0, len(image))), mode="symmetric")
    return np.ascontiguousarray(image[:side, :side])

def one_view(function):
    default = inspect.signature(function).parameters["smooth"].default
    # of a named class nothing is classified, so that both do the same work
    return {"smooth": "off" if isinstance(default, str) else False, "target": "cube"}

def explain(side, **how):
    image = micrograph(int(side))
    return lambda: ccc.explain(image, **how, **one_view(ccc.explain))

def explain_default(side):
    image = micrograph(int(side))
    return lambda: ccc.explain(image)

def classify(side):
    image = micrograph(int(side))
    return lambda: ccc.classify(image)

def folder(count):
    place = Path(tempfile.mkdtemp())
    for name in sorted(DATA.glob("nanoshapes/crops/test/*/*.png"))[:: max(1, 219 // int(count))]:
        (place / name.name).write_bytes(name.read_bytes())
    return lambda: ccc.classify_folder(place)

def train(model, **how):
    place = Path(tempfile.mkdtemp())
    known = inspect.signature(ccc.train).parameters
    how = {name: value for name, value in how.items() if name in known}
    # older states wrote the model themselves
    output = {"output": place / "model.safetensors"} if "output" in known else {}
    return lambda: ccc.train(DATA / "nanoshapes/crops/train", model=model, **output, **how)

for line in sys.stdin:
    job = eval(line)
    job()
    for again in sys.stdin:
        if not again.strip():
            break
        cpu, clock = time.process_time(), time.perf_counter()
        job()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        times = time.process_time() - cpu, time.perf_counter() - clock, peak
        print("TIMES", json.dumps(times), flush=True)
"""

JOBS = (
    *(f"explain({side})" for side in (512, 1024, 2048, 4096)),
    *(f"explain_default({side})" for side in (512, 1024, 2048, 4096)),
    "folder(60)",
)


class State:
    """A process with one state of the package."""

    def __init__(self, tree: Path, threads: int, data: Path) -> None:
        paths = {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER, str(threads), str(data)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | paths,
        )  # fmt: skip

    def tell(self, line: str) -> None:
        """Name a job, or end one by an empty line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def run(self) -> list[float]:
        """Processor seconds, seconds and the peak of the memory in MiB."""
        self.tell("again")
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("TIMES"):
                return [float(one) for one in json.loads(line[5:])]
        raise RuntimeError("a state has ended; see its message above")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def compared(states: list[State], job: str, rounds: int) -> np.ndarray:
    """Processor seconds, seconds and peak of each round: (rounds, 2 states, 3)."""
    for state in states:
        state.tell(job)
    found = [[state.run() for state in states] for _ in range(rounds)]
    for state in states:
        state.tell("")
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("jobs", nargs="*", default=JOBS)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("VCCC_DATA", ".")))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, help="busy processes beside")
    options = parser.parse_args()
    print(f"{options.threads} threads on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
          f"{options.busy} busy processes beside\n")  # fmt: skip
    print("| job | other, CPU s | this, CPU s | ratio | other, s | this, s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    states = [State(tree, options.threads, options.data) for tree in (options.checkout, HERE)]
    with busy(options.busy):
        for job in options.jobs:
            found = compared(states, job, options.rounds)
            cells = [
                f"{np.median(before):.3g} | {np.median(after):.3g} | {ratio(before, after)}"
                for before, after in (found[:, :, 0].T, found[:, :, 1].T)
            ]
            print(f"| {job} | {' | '.join(cells)} |", flush=True)
    for state in states:
        state.close()


if __name__ == "__main__":
    main()
