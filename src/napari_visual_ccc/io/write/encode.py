"""An image as a file format stores it: axes and number types that the format supports."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.micrograph import Axis, Micrograph, has_colours
from ...core.plain import printable
from ...core.units import unit_of
from ..header import header
from .pyramid import level_sizes

# letters of leading axes in the formats
_LETTERS = {"z": "Z", "t": "T", "time": "T", "c": "C", "channel": "C"}


class EncodedImage:
    """An image in the axes and the number type of a format.

    Parameters
    ----------
    image : Micrograph
        Its array is not read yet.
    kind : {'ome-tiff', 'ome-zarr', 'ome-zarr-0.4', 'imagej'}
        The format.

    Attributes
    ----------
    data : (leading..., Y, X) or (leading..., Y, X, colours) array
        The image, its leading axes made one where the format has not as many.
    leading : int
        How many axes come before Y.
    letters : str
        What the format calls them, of ``"TCZ"``.
    steps : dict
        Step and unit of those of which it is known, by letter.
    dtype : dtype
        As it is stored.
    sizes : list of (rows, columns)
        Of the levels of the pyramid.
    picks : bool
        Whether coarser levels take one of four pixels instead of their mean.
    colour_axis : int or None
        Where colours go among the leading axes, in formats that take them for channels.
    header : dict
        From `header.header`.
    """

    def __init__(self, image: Micrograph, kind: str) -> None:
        data, axes = image.data, image.axes
        if data.ndim < 2 or 0 in data.shape:
            raise ValueError(f"{image.name} holds no pixels: its shape is {data.shape}")
        if data.dtype.kind not in "biufc":
            raise ValueError(f"{image.name} is of type {data.dtype}; only numbers can be written")
        self.image, self.name = image, printable(image.name)
        self.is_labels = bool(image.metadata.get("labels")) and data.dtype.kind in "iu"
        self.picks = self.is_labels or data.dtype.kind == "b"
        self.coloured = has_colours(image)
        self.dtype = _dtype(data.dtype, kind, self.is_labels, image.name)
        self.leading = data.ndim - (3 if self.coloured else 2)
        as_channels = self.coloured and kind != "ome-tiff"
        known = {"imagej": "TZC"}.get(kind, "TCZ").replace("C" * as_channels, "")
        if self.leading > len(known):
            data, axes = data.reshape(-1, *data.shape[self.leading :]), ()
            self.leading = 1
        axes = axes if len(axes) == self.leading else ()
        self.letters = _letters(axes, self.leading, known, any_order=kind == "ome-tiff")
        self.steps = {
            letter: (float(axis.step), unit_of(axis.unit))
            for letter, axis in zip(self.letters, axes, strict=bool(axes))
        }
        self.data = data
        self.sizes = level_sizes(*data.shape[self.leading : self.leading + 2])
        self.spacing = None if image.spacing is None else tuple(map(float, image.spacing[-2:]))
        self.unit = unit_of(image.unit)
        self.colour_axis: int | None = None
        if as_channels:
            # before Z in Zarr; the last of all in ImageJ
            before_z = kind != "imagej" and self.letters.endswith("Z")
            self.colour_axis = self.leading - before_z
            self.letters = f"{self.letters[: self.colour_axis]}C{self.letters[self.colour_axis :]}"
        from_end = -1 if self.colour_axis is None else self.colour_axis - self.leading - 3
        rounded = data.dtype.kind in "fc" and self.dtype.itemsize < data.dtype.itemsize
        kept = self.dtype if rounded else data.dtype
        # no format of text takes the bytes of a file name that are no text
        self.header = _printable(header(image, kept, from_end, self.dtype))

    def shape(self, level: int) -> tuple[int, ...]:
        """Shape of a level, as it is stored."""
        front = list(self.data.shape[: self.leading])
        colours = self.data.shape[self.leading + 2 :]
        if self.colour_axis is None:
            return (*front, *self.sizes[level], *colours)
        front.insert(self.colour_axis, *colours)
        return (*front, *self.sizes[level])

    def cast(self, rows: np.ndarray) -> np.ndarray:
        """Convert rows to the stored type; refuse whole numbers that would change."""
        if rows.dtype == self.dtype:
            return rows
        if rows.dtype.kind in "iu":
            # 32-bit decimals have whole numbers up to here
            most = 1 << 24 if self.dtype.kind == "f" else int(np.iinfo(self.dtype).max)
            least = -most if self.dtype.kind == "f" else int(np.iinfo(self.dtype).min)
            low, high = int(rows.min()), int(rows.max())
            if low < least or high > most:
                what = "label" if self.is_labels else "value"
                raise ValueError(
                    f"{self.name}: the {what} {low if low < least else high} is beyond the "
                    f"{self.dtype.name} of this format; write it as OME-Zarr"
                )
        return rows.astype(self.dtype)


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _printable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return printable(value) if isinstance(value, str) else value


def _dtype(dtype: np.dtype, kind: str, labels: bool, name: str) -> np.dtype:
    native = dtype.newbyteorder("=")
    if kind == "imagej":
        if dtype.kind == "c":
            raise ValueError(f"{name} is complex, which ImageJ does not know; write it as OME-TIFF")
        small = {"uint8": np.uint8, "uint16": np.uint16, "bool": np.uint8}
        return np.dtype(np.uint16 if labels else small.get(dtype.name, np.float32))
    if kind == "ome-tiff":
        others = {"bool": np.uint8, "int64": np.int32, "uint64": np.uint32, "float16": np.float32}
        return np.dtype(others.get(dtype.name, native))
    return native


def _letters(axes: tuple[Axis, ...], count: int, known: str, *, any_order: bool) -> str:
    """Name leading axes by the letters of a format; axes of other names get the letters left."""
    names = [axis.name.lower() for axis in axes] or [""] * count
    found = [_LETTERS.get(name, "") for name in names]
    found = [one if one in known and found.count(one) == 1 else "" for one in found]
    left = [one for one in known if one not in found]
    left = left[len(left) - found.count("") :]
    letters = "".join(one or left.pop(0) for one in found)
    in_order = sorted(letters, key=known.index) == list(letters)
    return letters if any_order or in_order else known[len(known) - count :]
