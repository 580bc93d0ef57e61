"""Align the slices of a stack."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ...arrays.histogram import limits
from ...arrays.inputs import finite, to_gray
from ...arrays.lazy import is_lazy
from ...core.layers import ImageLayer
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Progress, Steps
from ...core.result import Result
from ..acquisition.drift import Drift, Index, Moved, Shift, drift_columns, slice_name

# slices named in a note
_NAMED = 10


def align_stack(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    reference: Literal["previous", "first"] = "previous",
    subpixel: bool = True,
) -> Steps[Result]:
    """Correct the drift of a stack, and list it slice by slice.

    Shifts are estimated by cross-correlation to a fiftieth of a pixel (Guizar-Sicairos, Thurman &
    Fienup, Opt. Lett. 33 (2008) 156), on the central 1024 x 1024 pixels, first roughly and then on
    the overlap of both slices.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. With several leading axes each slice
        follows the previous one along the last of them, the first slice that of the axis before.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    reference : {'previous', 'first'}
        Slice that each slice is registered to. Previous suits specimens that change from slice to
        slice (serial sections), but small errors add up; first suits series of one view. A slice
        that is empty or does not match (a flash of charge) is skipped: the next is registered to
        the last good one.
    subpixel : bool
        Shift by fractions of a pixel with cubic splines, which smooths noise a little; otherwise
        by whole pixels, and grey values are kept.

    Returns
    -------
    Result
        ``data``: (..., Y, X) float32, NaN in the rim beyond the slice and where the image is not
        finite. Lazy for dask (the drift is measured immediately). ``drift``: one row a slice:
        ``index_*``, ``drift_y_px`` and ``drift_x_px`` (shift below and right against the first
        slice that is not empty), the same in `unit` where there is a scale, and ``match``
        (correlation with its reference, 1 at best and for the first slice). Slices without a match
        keep the shift of the last one; ``notes`` name them.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    import pandas as pd

    if reference not in ("previous", "first"):
        raise ValueError(f"reference is {reference!r}; choose previous or first")
    grey, notes = to_gray(image)
    pixel_size = PixelSize.of(spacing, unit)
    drift, moves, rows = Drift(to_first=reference == "first"), {}, []
    places = list(np.ndindex(grey.shape[:-2]))
    for done, index in enumerate(places):
        yield Progress(done, 2 * len(places), "drift")
        moves[index] = moved = drift.follow(index, grey[index])
        row: dict[str, Any] = {f"index_{axis}": place for axis, place in enumerate(index)}
        rows.append(row | drift_columns(moved.total, pixel_size) | {"match": moved.match})
    table = pd.DataFrame(rows)
    if not drift.started:
        yield from limits(grey)  # raises, unless slices are merely constant
    if len(places) == 1:
        notes = (*notes, "a single image: there is nothing to align")
    else:
        notes = (*notes, *_lost(moves))
    shifts = {index: moved.total for index, moved in moves.items()}
    data = yield from _aligned(grey, shifts, places, subpixel)
    facts = {"largest_shift_px": float(max(np.hypot(*s) for s in shifts.values()))}
    return Result(
        (ImageLayer(data, name="aligned"),), {"drift": table}, facts=facts, notes=tuple(notes)
    )


def _lost(moves: dict[Index, Moved]) -> list[str]:
    """Notes on slices without a match, and on slices where a new view begins."""
    known = {moved.since for moved in moves.values()}
    unmatched = [index for index, moved in moves.items() if moved.since is None]
    lost = [index for index in unmatched if index not in known]
    starts = [index for index in unmatched if index in known]
    notes = []
    if lost:
        notes.append(f"slices without a match keep the shift of the last one: {_listed(lost)}")
    if starts[1:]:
        notes.append(
            f"slices where a new view begins: {_listed(starts[1:])}; they are not aligned with "
            "those before"
        )
    return notes


def _listed(places: list[Index]) -> str:
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return ", ".join(slice_name(index) for index in places[:_NAMED]) + more


def _aligned(
    grey: Any, shifts: dict[Index, Shift], places: list[Index], subpixel: bool
) -> Steps[Any]:
    if is_lazy(grey):
        import dask.array as da

        def block(chunk: np.ndarray, block_info: Any = None) -> np.ndarray:
            index = tuple(block_info[0]["chunk-location"][:-2])
            plane = chunk.reshape(chunk.shape[-2:])
            return _moved_back(plane, shifts[index], subpixel).reshape(chunk.shape)

        single = grey.rechunk((1,) * (grey.ndim - 2) + grey.shape[-2:])
        meta = np.empty((0,) * grey.ndim, np.float32)
        return da.map_blocks(block, single, dtype=np.float32, meta=meta)
    data = np.empty(grey.shape, np.float32)
    for done, index in enumerate(places):
        data[index] = _moved_back(grey[index], shifts[index], subpixel)
        yield Progress(len(places) + done + 1, 2 * len(places), "shift")
    return data


def _moved_back(plane: np.ndarray, moved: Shift, subpixel: bool) -> np.ndarray:
    from scipy.ndimage import shift

    back = [-s if subpixel else -float(round(s)) for s in moved]
    if back == [0.0, 0.0] or (plane.dtype.kind == "f" and not np.isfinite(plane).any()):
        return np.where(np.isfinite(plane), plane, np.nan).astype(np.float32)
    filled, missing = finite(plane)
    order = 3 if subpixel else 0
    result = shift(filled.astype(np.float64), back, order=order, mode="constant", cval=np.nan)
    if missing is not None:
        # pixels interpolated from a missing one are missing
        result[shift(missing.astype(np.float64), back, order=1) > 1e-6] = np.nan
    return result.astype(np.float32)
