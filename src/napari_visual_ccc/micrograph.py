"""The value that files and samples give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Micrograph:
    """An image with what is known of it.

    Parameters
    ----------
    data : (..., Y, X) or (..., Y, X, 3 or 4) array
        As stored: never rescaled.
    spacing : (y, x), optional
        Size of a pixel in `unit`; None when it is not known.
    unit : str
        ``"nm"``, ``"µm"``, ...; ``"px"`` without a pixel size.
    name : str
        What layers and result files are named after.
    path : Path, optional
        Where it came from.
    metadata : mapping
        Anything else; ``metadata["visual_ccc"]`` says how a result was made.
    """

    data: Any
    spacing: tuple[float, ...] | None = None
    unit: str = "px"
    name: str = "image"
    path: Path | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
