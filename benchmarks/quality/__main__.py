"""Measure the quality of results: ``python -m benchmarks.quality DATA [small] [TOPICS]``.

DATA is the folder of development micrographs. ``small`` takes every ninth image, to see that all
runs; its numbers are rough.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

TOPICS = (
    "image_quality", "enlarged", "detail", "info_bars", "particles", "unseen", "packed",
    "denoising", "denoising_methods",
)  # fmt: skip

# odd: the halves alternate
SMALL = 9

if __name__ == "__main__":
    topics = [topic for topic in sys.argv[2:] if topic != "small"]
    for topic in topics or TOPICS:
        print(f"\n=== {topic}\n", flush=True)
        measure = importlib.import_module(f".{topic}", __package__).main
        measure(Path(sys.argv[1]), step=SMALL if "small" in sys.argv[2:] else 1)
