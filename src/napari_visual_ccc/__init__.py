"""See what a network sees in an electron micrograph.

``import napari_visual_ccc as ccc; ccc.otsu(image)``: every operation of the catalogue is a
function here that returns its result. Importing this loads neither torch nor napari.
"""

from __future__ import annotations

from typing import Any

from .operations import JOBS, OPERATIONS, call

__version__ = "0.1.0"
# what else scripts need, and where it is
_ELSEWHERE = {
    "import_visual_ccc": ".models",
    "load_data": ".dataset",
    "read": ".formats",
    "read_all": ".formats",
    "replay": ".recipe",
    "save_model": ".models",
    "write": ".export",
    "write_report": ".report",
}
__all__ = ["__version__", *_ELSEWHERE, *OPERATIONS, *JOBS]


def __getattr__(name: str) -> Any:
    if name in OPERATIONS or name in JOBS:
        return call(name)
    if name in _ELSEWHERE:
        import importlib

        module = importlib.import_module(_ELSEWHERE[name], __name__)
        return getattr(module, "load" if name == "load_data" else name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
