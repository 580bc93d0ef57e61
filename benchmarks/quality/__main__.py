"""Measure the quality of results: ``python -m benchmarks.quality DATA [TOPICS]``.

DATA is the folder of development micrographs.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

TOPICS = ("image_quality", "enlarged", "info_bars", "particles", "unseen", "denoising")

if __name__ == "__main__":
    for topic in sys.argv[2:] or TOPICS:
        importlib.import_module(f".{topic}", __package__).main(Path(sys.argv[1]))
