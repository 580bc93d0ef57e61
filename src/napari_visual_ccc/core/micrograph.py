"""Images with their metadata: what readers and samples return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .pixel_size import PixelSize
from .units import METRES


@dataclass(frozen=True)
class InfoBar:
    """Rows and columns of the info bar at each border of an image."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))

    def __str__(self) -> str:
        parts = [f"{n} px at the {border}" for border, n in self.pixels.items() if n]
        return ", ".join(parts) or "none"

    @property
    def pixels(self) -> dict[str, int]:
        """Rows and columns by border, as in metadata and records."""
        return asdict(self)

    def specimen(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of the specimen in an image of a size.

        Raises
        ------
        ValueError
            If the bar leaves nothing of the image.
        """
        rows = slice(self.top, height - self.bottom)
        columns = slice(self.left, width - self.right)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            raise ValueError(
                f"the info bar ({self}) leaves nothing of an image {width} x {height}: correct it"
            )
        return rows, columns


@dataclass(frozen=True)
class Axis:
    """A leading axis of a stack or series: its name (``"z"``, ``"t"``, ...), step and unit."""

    name: str
    step: float = 1.0
    unit: str = "px"


@dataclass(frozen=True, eq=False)
class Micrograph:
    """An image with its metadata.

    Parameters
    ----------
    data : (..., Y, X) or (..., Y, X, 3 or 4) array
        As stored, never rescaled. Numpy, or lazy dask.
    spacing : (y, x), optional
        Size of a pixel in `unit`; None if unknown.
    unit : str
        ``"nm"``, ``"µm"``, ``"1/nm"`` (a diffraction pattern); ``"px"`` without a pixel size.
    name : str
        Name of layers and result files.
    path : Path, optional
        File of the image.
    metadata : mapping
        ``"facts"``: instrument, detector, kV, ... under stable names; ``"original"``: the file's
        own dictionary; ``"visual_ccc"``: record of a result.
    axes : tuple of Axis
        The leading axes, one each; empty if unknown.
    info_bar : InfoBar, optional
        None if not detected yet; ``InfoBar()`` if there is none.
    levels : tuple of arrays
        Coarser versions of `data`, finest first (a pyramid); empty for most images.
    notes : tuple of str
        Messages of the reader for the user.
    """

    data: Any
    spacing: tuple[float, ...] | None = None
    unit: str = "px"
    name: str = "image"
    path: Path | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    info_bar: InfoBar | None = None
    levels: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def voxel(self) -> tuple[float, ...] | None:
        """Size (z, y, x) of a voxel of a stack of slices; `spacing` without a step of z."""
        last = self.axes[-1] if self.axes else None
        if self.spacing is None or last is None or last.name != "z":
            return self.spacing
        if last.unit == self.unit:
            return (last.step, *self.spacing[-2:])
        if not {last.unit, self.unit} <= METRES.keys():
            return self.spacing
        return (last.step * METRES[last.unit] / METRES[self.unit], *self.spacing[-2:])

    @property
    def pixel_size(self) -> PixelSize | None:
        """Size of a pixel (y, x), or of a voxel (z, y, x) where the step of z is known."""
        if self.spacing is None or self.unit == "px":
            return None
        voxel = self.voxel or self.spacing
        return PixelSize.of(voxel, self.unit, axes=min(len(voxel), 3))


def has_colours(image: Micrograph) -> bool:
    """Whether the last axis of a micrograph is colour."""
    shape = image.data.shape
    return len(shape) > 2 and shape[-1] in (3, 4) and len(image.axes) != len(shape) - 2


def plane_shape(array: Any) -> tuple[int, int]:
    """Rows and columns of a (..., Y, X) or (..., Y, X, 3 or 4) array."""
    shape = np.shape(array)
    colour = len(shape) > 2 and shape[-1] in (3, 4)
    height, width = shape[-3:-1] if colour else shape[-2:]
    return int(height), int(width)
