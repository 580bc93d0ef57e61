"""All comparisons in one table: ``python -m benchmarks [texture cluster cam denoise]``."""

from __future__ import annotations

import importlib
import os
import platform
import sys

import torch

TOPICS = ("texture", "cluster", "cam", "denoise")


def main(topics: list[str]) -> None:
    # more threads than cores cost up to 27 times
    torch.set_num_threads(os.cpu_count() or 1)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} cores\n"
    )
    print("| operation | reference | reference time | this package | ratio |")
    print("|---|---|---:|---:|---:|")
    for topic in topics or TOPICS:
        for row in importlib.import_module(f".bench_{topic}", __package__).rows():
            ratio = row.reference_s / row.ours_s
            text = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"
            times = f"{_seconds(row.reference_s)} | {_seconds(row.ours_s)}"
            print(f"| {row.job} | {row.reference} | {times} | {text} × |", flush=True)


def _seconds(value: float) -> str:
    if value < 0.1:
        return f"{1e3 * value:.3g} ms"
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


if __name__ == "__main__":
    main(sys.argv[1:])
