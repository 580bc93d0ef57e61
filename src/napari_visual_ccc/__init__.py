"""See what a network sees in an electron micrograph.

``import napari_visual_ccc as ccc; ccc.threshold(image)``: every operation of the catalogue is a
function here that returns its result. Importing this loads neither torch nor napari.
"""

from __future__ import annotations

import os
from typing import Any

from .workflow.operations import OPERATIONS
from .workflow.scripts.call import call

__version__ = "0.1.0"

# Read by OpenMP when torch loads: threads that wait for others sleep. By default they spin, and
# beside other programs keep those they wait for from a core (benchmarks/neighbour.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# the same of Intel's OpenMP, in milliseconds: Windows and macOS
os.environ.setdefault("KMP_BLOCKTIME", "0")

# what else scripts need, and where it is
_ELSEWHERE = {
    "batch": ".workflow.batch.run",
    "describe_model": ".workflow.models",
    "fetch_model": ".workflow.models",
    "import_visual_ccc": ".workflow.models",
    "load_dataset": ".io.datasets",
    "load_model": ".workflow.scripts.models",
    "look_up_model": ".nets.sam.hub",
    "nearest_patches": ".engine.lens.nearest",
    "plot": ".report.notebooks.plot",
    "read": ".io.read",
    "read_all": ".io.read",
    "replay": ".workflow.recipe",
    "save_model": ".workflow.models",
    "to_script": ".workflow.files.script",
    "write": ".workflow.files.write",
    "write_patterns": ".report.lens.patterns",
    "write_report": ".report.classifier",
}

__all__ = ["__version__", *_ELSEWHERE, *OPERATIONS]


def __getattr__(name: str) -> Any:
    if name in OPERATIONS:
        return call(name)
    if name in _ELSEWHERE:
        import importlib

        module = importlib.import_module(_ELSEWHERE[name], __name__)
        return getattr(module, "load" if name == "load_dataset" else name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
