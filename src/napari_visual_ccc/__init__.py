"""See what a network sees in an electron micrograph.

``import napari_visual_ccc as ccc; ccc.otsu(image)``: every operation of the catalogue is a
function here that returns its result. Importing this loads neither torch nor napari.
"""

from __future__ import annotations

from typing import Any

from .operations import OPERATIONS, call

__version__ = "0.1.0"
__all__ = ["__version__", "read", "replay", *OPERATIONS]


def __getattr__(name: str) -> Any:
    if name in OPERATIONS:
        return call(name)
    if name == "read":
        from .files import read

        return read
    if name == "replay":
        from .recipe import replay

        return replay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
