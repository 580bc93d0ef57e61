"""Run operations without the info bar; results are padded to the frame of the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.micrograph import InfoBar, plane_shape
from ..core.progress import Steps
from ..core.result import Result

# columns with positions along y and x, which a bar at the top or left shifts
_DOWN = ("centroid_y_px", "bbox_top", "bbox_bottom")

_ACROSS = ("centroid_x_px", "bbox_left", "bbox_right")


def on_field(
    work: Callable[[dict[str, Any]], Steps[Result]], arrays: Mapping[str, Any], bar: InfoBar
) -> Steps[Result]:
    """Run an operation on the image without its info bar.

    Parameters
    ----------
    work : callable
        Gets the arrays without their bar.
    arrays : mapping of arrays
        By name; those with the size of the first have the same bar.
    bar : InfoBar
        Of the first.

    Returns
    -------
    Result
        In the frame of the arrays: layers of their size are blank (0, or NaN where there is NaN)
        in the bar, coarser ones are placed after it, positions in tables are those of the array.

    Raises
    ------
    ValueError
        If the bar leaves nothing of the image.
    """
    height, width = plane_shape(next(iter(arrays.values())))
    rows, columns = bar.specimen(height, width)
    cut = {
        name: _cut(array, rows, columns) if plane_shape(array) == (height, width) else array
        for name, array in arrays.items()
    }
    result = yield from work(cut)
    field = (rows.stop - rows.start, columns.stop - columns.start)
    result = result.with_layers(lambda layer: layer.uncropped(bar, field))
    tables = {
        name: _moved(table, rows.start, columns.start) for name, table in result.tables.items()
    }
    return replace(
        result,
        tables=tables,
        facts={**result.facts, "info_bar": bar.pixels},
        notes=(*result.notes, f"the info bar was left out: {bar}"),
    )


def _cut(array: Any, rows: slice, columns: slice) -> Any:
    array = array if hasattr(array, "shape") else np.asarray(array)
    colour = (slice(None),) if array.ndim > 2 and array.shape[-1] in (3, 4) else ()
    return array[(..., rows, columns, *colour)]


def _moved(table: Any, down: int, across: int) -> Any:
    moves = dict.fromkeys(_DOWN, down) | dict.fromkeys(_ACROSS, across)
    here = {name: table[name] + by for name, by in moves.items() if name in table}
    return table.assign(**here) if here else table
