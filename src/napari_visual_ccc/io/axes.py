"""Which axes of an array are leading axes, rows, columns and colours: the one place that decides.

Readers pass what a file says of its axes, the viewer those of a layer, scripts an array without
names. Rows and columns are the last two axes of what comes out, colours (red, green, blue and
perhaps opacity) are behind them, and all else is in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..core.micrograph import CHANNEL_AXIS, Axis, Micrograph

COLOURS = (3, 4)

ALPHA = "opacity (alpha) is left out"

# name of an axis whose meaning a file does not state
UNKNOWN = "axis"

# names of the axis of colours
COLOUR_AXES = ("s", "rgb", "rgba", "samples", "sample", "colour", "color")

# other names of axes
_NAMES = {
    "row": "y", "rows": "y", "height": "y", "column": "x", "columns": "x", "width": "x",
    "slice": "z", "slices": "z", "depth": "z", "plane": "z", "planes": "z",
    "channel": "c", "channels": "c", "band": "c", "bands": "c", "time": "t", "frame": "t",
    "frames": "t",
}  # fmt: skip

# so many numbers a pixel are channels where image and rows are this many times longer
_CHANNELS, _LONGER = 16, 4

# fewest numbers of a spectrum, and fewest points of a map along each side
_ENERGIES, _POINTS = 128, 4


class Order(NamedTuple):
    """How the axes of an array are put into order.

    Parameters
    ----------
    axes : tuple of int
        Those of the array, in their new order, without those that are dropped.
    dropped : tuple of int
        Axes of one pixel behind the columns.
    leading : tuple of str
        Names of the axes in front of the rows; empty if they are not known.
    is_colour : bool
        Whether the last axis is one of colours.
    note : str
        What was changed or is in doubt, for the user; empty if it goes without saying.
    """

    axes: tuple[int, ...]
    dropped: tuple[int, ...] = ()
    leading: tuple[str, ...] = ()
    is_colour: bool = False
    note: str = ""

    def apply(self, data: Any) -> Any:
        """Put the axes of an array into order; a lazy one stays lazy."""
        if self.axes == tuple(range(data.ndim)):
            return data
        index = tuple(0 if axis in self.dropped else slice(None) for axis in range(data.ndim))
        there = sorted(self.axes)
        return data[index].transpose([there.index(axis) for axis in self.axes])

    def of(self, values: Sequence[Any]) -> list[Any]:
        """Values of the axes, such as steps, in the new order."""
        return [values[axis] for axis in self.axes]


def name_of(text: Any) -> str:
    """Name of an axis as this package writes it: ``"y"``, ``"z"``, ``"c"``, ..."""
    name = str(text)
    short = name.strip().lower()
    return _NAMES.get(short, short if len(short) == 1 or short in COLOUR_AXES else name)


def order_of(shape: Sequence[int], names: Sequence[Any] = ()) -> Order:
    """Decide the order of the axes of an array.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    names : sequence of str
        Of its axes, as far as the file states them: one for each axis, among them y and x.

    Returns
    -------
    Order
        With names, rows and columns are where these are, and z is next to the rows. Without, they
        are the last two axes, before three or four colours. One or two numbers a pixel behind the
        columns, and few in comparison, are channels: no image is so narrow.
    """
    known = [name_of(one) for one in names]
    if len(known) == len(shape) and {"y", "x"} <= set(known):
        return _named(shape, known)
    return _unnamed(tuple(shape))


def _named(shape: Sequence[int], names: list[str]) -> Order:
    row, column = names.index("y"), names.index("x")
    behind = [k for k in range(len(names)) if k > max(row, column)]
    # as of arrays without names: three or four numbers behind the columns are colours
    colours = [
        k for k, name in enumerate(names)
        if shape[k] in COLOURS and (name in COLOUR_AXES or (name == CHANNEL_AXIS and k in behind))
    ]  # fmt: skip
    colours = colours[-1:]
    dropped = tuple(k for k in behind if shape[k] == 1 and names[k] in (*COLOUR_AXES, CHANNEL_AXIS))
    others = [k for k in range(len(names)) if k not in (row, column, *colours, *dropped)]
    if row > column or set(behind) - {*colours, *dropped}:
        # stored in another order than usual: slices are next to their rows
        others.sort(key=lambda k: names[k] == "z")
    axes = (*others, row, column, *colours)
    leading = tuple(CHANNEL_AXIS if names[k] in COLOUR_AXES else names[k] for k in others)
    return Order(axes, dropped, leading, bool(colours))


def _unnamed(shape: tuple[int, ...]) -> Order:
    axes = tuple(range(len(shape)))
    if len(shape) < 3:
        return Order(axes)
    *_, rows, columns, last = shape
    if last in COLOURS:
        return Order(axes, is_colour=True)
    narrow = last <= 2 and min(rows, columns) > 2
    few = last <= _CHANNELS and min(rows, columns) >= _LONGER * last
    if not narrow and not few:
        return Order(axes, note=_unsure(rows, columns, last))
    if last == 1:
        return Order(axes[:-1], axes[-1:])
    moved = (*axes[:-3], axes[-1], *axes[-3:-1])
    leading = (CHANNEL_AXIS,) if len(shape) == 3 else ()
    note = f"each pixel has {last} numbers: they are taken for channels, not for columns"
    return Order(moved, (), leading, note=note)


def _unsure(slices: int, rows: int, columns: int) -> str:
    """Note on rows so long that they may be spectra."""
    if min(slices, rows) < _POINTS or columns < max(_ENERGIES, _LONGER * max(slices, rows)):
        return ""
    return (
        f"the last axes are read as {slices} slices of {rows} x {columns} px: if the last one has "
        "energies, move it to the front (numpy.moveaxis(array, -1, 0))"
    )


def in_order(image: Micrograph) -> Micrograph:
    """Put the axes of a micrograph whose leading axes are not known into order.

    Pixel size and levels stay; channels behind the columns come before the rows, with a note. The
    second of two numbers a pixel is left out where it is full opacity everywhere.
    """
    data = image.data
    stated = [one for one in image.axes if one.name != UNKNOWN]
    if data.ndim < 3 or (stated and len(image.axes) == data.ndim - 2):
        return image
    order = _unnamed(tuple(data.shape))
    if order.axes == tuple(range(data.ndim)):
        said = not order.note or order.note in image.notes
        return image if said else replace(image, notes=(*image.notes, order.note))
    if data.shape[-1] == 2 and _is_opacity(data[..., 1]):
        last = data.ndim - 1
        order = Order(tuple(range(last)), (last,), note=ALPHA)
    notes = (*image.notes, order.note) if order.note else image.notes
    # their number may be another one now
    axes = tuple(Axis(name) for name in order.leading)
    levels = tuple(order.apply(level) for level in image.levels)
    return replace(image, data=order.apply(data), axes=axes, levels=levels, notes=notes)


def _is_opacity(values: Any) -> bool:
    """Whether all values are the largest of their type; False for lazy ones, which are not read."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "uf" or not values.size:
        return False
    full = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1.0
    return bool((values == full).all())


def without_singles(data: Any, keep: int = 2) -> Any:
    """Drop leading axes of one: a single slice of a stack is an image.

    Parameters
    ----------
    keep : int
        How many axes stay whatever their length.
    """
    lead = data.ndim - keep
    index = tuple(0 if size == 1 else slice(None) for size in np.shape(data)[:lead])
    return data[index] if lead > 0 else data
