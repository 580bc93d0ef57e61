"""Align the slices of a stack: undo drift."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..progress import Progress, Steps
from ..results import AlignedResult
from .histogram import limits
from .images import as_grey, finite
from .planes import is_lazy
from .scale import Spacing, pixel_size

Index = tuple[int, ...]
Shift = tuple[float, float]

# pixels a side that shifts are measured on, from the middle
_SIDE = 1024
# steps to a pixel
_UPSAMPLING = 50
# smaller overlaps are not believed
_OVERLAP = 0.25
# correlation of two slices below which they show different things
_ALIKE = 0.2
# and above which no better match is looked for: different specimens reach 0.66 by chance
_SURE = 0.7
# scenes that a slice is compared with, along an axis: what was left may come back
_SCENES = 3
# slices named in a note
_NAMED = 10


def align(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    to: Literal["the slice before", "the first slice"] = "the slice before",
    subpixel: bool = True,
) -> Steps[AlignedResult]:
    """Move the slices of a stack so that they lie on each other, and list the drift.

    Shifts are found by correlation in Fourier space to a fiftieth of a pixel (Guizar-Sicairos,
    Thurman & Fienup, Opt. Lett. 33 (2008) 156), on up to 1024 x 1024 pixels around the middle,
    first roughly and then on what both slices show.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. With several leading axes each slice
        follows the one before it on the last of them, and the first of those on the axis before.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    to : {'the slice before', 'the first slice'}
        What a slice is compared with. The slice before suits specimens that change from slice to
        slice (serial sections), but small errors add up; the first slice suits series of one
        view. A slice that shows nothing, or something else (a flash of charge), is passed over:
        the next is compared with the last good one.
    subpixel : bool
        Shift by fractions of a pixel, by cubic splines, which smooths noise a little; without
        it by whole pixels, and grey values are kept.

    Returns
    -------
    AlignedResult
        ``data``: (..., Y, X) float32, NaN in the rim that moved in and where the image was not
        finite. Lazy for dask (the drift is measured at once). ``drift``: one row a slice:
        ``index_*``, ``drift_y_px`` and ``drift_x_px`` (how far what it shows lies below and right
        of where the first slice of use has it), the same in `unit` where there is a scale, and
        ``match`` (correlation with the slice it was compared with, 1 at best and for the first
        that shows something). Slices that match none before stay where the last was; ``notes``
        name them.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    import pandas as pd

    if to not in ("the slice before", "the first slice"):
        raise ValueError(f"to is {to!r}; choose 'the slice before' or 'the first slice'")
    grey, notes = as_grey(image)
    size = pixel_size(spacing, unit)
    drift, moves, rows = Drift(to_first=to == "the first slice"), {}, []
    places = list(np.ndindex(grey.shape[:-2]))
    for done, index in enumerate(places):
        yield Progress(done, 2 * len(places), "drift")
        moves[index] = moved = drift.follow(index, grey[index])
        row: dict[str, Any] = {f"index_{axis}": place for axis, place in enumerate(index)}
        rows.append(row | drift_columns(moved.total, size, unit) | {"match": moved.match})
    table = pd.DataFrame(rows)
    if not drift.seen:
        yield from limits(grey)  # raises, unless slices are merely even
    if len(places) == 1:
        notes = (*notes, "this is a single image: there is nothing to align it with")
    else:
        notes = (*notes, *_lost(moves))
    shifts = {index: moved.total for index, moved in moves.items()}
    data = yield from _aligned(grey, shifts, places, subpixel)
    facts = {"largest_shift_px": float(max(np.hypot(*s) for s in shifts.values()))}
    return AlignedResult(data, drift=table, name="aligned", facts=facts, notes=notes)


class Moved(NamedTuple):
    """How far what a slice shows lies below and right of where others have it.

    Parameters
    ----------
    step : (y, x)
        Against the slice it was compared with; NaN where none shows the same.
    total : (y, x)
        Against the first slice of use.
    match : float
        Correlation with the slice it was compared with, 1 at best.
    since : tuple of int or None
        Index of the slice that `step` counts from.
    """

    step: Shift
    total: Shift
    match: float
    since: Index | None


class _Scene(NamedTuple):
    """A slice that others are compared with."""

    place: Index
    part: np.ndarray
    total: Shift


class Drift:
    """Follows what a stack shows, slice by slice in the order of ``np.ndindex``.

    Parameters
    ----------
    to_first : bool
        Compare slices with the first along their axis instead of the one before.
    """

    def __init__(self, *, to_first: bool = False) -> None:
        self.seen = False
        self._to_first = to_first
        # for every leading axis: what the next slice along it is compared with. What was matched
        # last comes first; then what nothing was like so far, which is a bad slice as a rule, but
        # may be where the specimen changes, or the first good one after a bad start
        self._scenes: dict[int, list[_Scene]] = {}
        # and where the last slice along it was
        self._last: dict[int, Shift] = {}

    def follow(self, index: Index, plane: Any) -> Moved:
        """Say how far the next slice has moved; what is like none before stays where the last was.

        Such a slice is not what the next is compared with, unless that is like it and like no
        other.
        """
        axis = max((a for a, place in enumerate(index) if place), default=0)
        part = _middle(plane)
        moved = self._compared(axis, part)
        for a in range(axis, len(index)):
            self._last[a] = moved.total
            # a line of slices begins: what its first is compared with will do if that is of no use
            if a > axis:
                self._scenes[a] = list(self._scenes.get(axis, []))
        if part is not None:
            self.seen = True
            self._remember(axis, len(index), moved, _Scene(index, part, moved.total))
        return moved

    def _compared(self, axis: int, part: np.ndarray | None) -> Moved:
        nowhere, last = (np.nan, np.nan), self._last.get(axis, (0.0, 0.0))
        found = Moved(nowhere, last, 0.0, None)
        if part is None:
            return found
        if not self.seen:
            return found._replace(match=1.0)
        for scene in self._scenes[axis]:
            step, match = displacement(scene.part, part)
            if match > found.match:
                total = (scene.total[0] + step[0], scene.total[1] + step[1])
                found = Moved(step, total, match, scene.place)
            if match >= _SURE:
                break
        return found if found.match >= _ALIKE else Moved(nowhere, last, found.match, None)

    def _remember(self, axis: int, axes: int, moved: Moved, new: _Scene) -> None:
        if moved.since is None:
            # on all axes: where lines begin with bad slices, this may be the first of use
            for a in range(axes):
                scenes = self._scenes.setdefault(a, [])
                scenes.append(new)
                if len(scenes) > _SCENES:
                    del scenes[1]
            return
        for a in range(axis, axes):
            old = next(scene for scene in self._scenes[a] if scene.place == moved.since)
            self._scenes[a].remove(old)
            self._scenes[a].insert(0, old if self._to_first and a == axis else new)


def _lost(moves: dict[Index, Moved]) -> list[str]:
    """Say which slices could not be laid on others, and where what follows could not."""
    known = {moved.since for moved in moves.values()}
    unmatched = [index for index, moved in moves.items() if moved.since is None]
    alone = [index for index in unmatched if index not in known]
    starts = [index for index in unmatched if index in known]
    notes = []
    if alone:
        notes.append(
            f"slices that show nothing, or nothing of what others show, stay where the last was: "
            f"{_listed(alone)}"
        )
    if starts[1:]:
        notes.append(
            f"slices from which on something else is shown: {_listed(starts[1:])}; what they "
            "show was not laid on what came before"
        )
    return notes


def _listed(places: list[Index]) -> str:
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return ", ".join(slice_name(index) for index in places[:_NAMED]) + more


def slice_name(index: Index) -> str:
    """Name a slice by its index: 4, or (0, 4) in a series of stacks."""
    return str(index[0]) if len(index) == 1 else str(index)


def _middle(plane: Any) -> np.ndarray | None:
    """Cut the middle out of a plane; None where it shows nothing."""
    rows, columns = (
        slice(max((n - _SIDE) // 2, 0), max((n - _SIDE) // 2, 0) + _SIDE) for n in plane.shape
    )
    part = np.asarray(plane[rows, columns]).astype(np.float64)
    if not np.isfinite(part).any():
        return None
    part = finite(part)[0]
    return None if np.ptp(part) == 0 else part


def displacement(fixed: np.ndarray, moving: np.ndarray) -> tuple[Shift, float]:
    """Find how far what `fixed` shows lies below and right in `moving`.

    Parameters
    ----------
    fixed, moving : (Y, X) float arrays
        Finite, of one shape.

    Returns
    -------
    shift : (y, x)
        In pixels; zero where the two are not alike.
    match : float
        Their correlation once laid on each other.
    """
    rough = _correlated(fixed, moving, 1)
    places = [
        (slice(max(-s, 0), n - max(s, 0)), slice(max(s, 0), n - max(-s, 0)))
        for s, n in zip((round(s) for s in rough), fixed.shape, strict=True)
    ]
    one, other = (array[tuple(cut[k] for cut in places)] for k, array in enumerate((fixed, moving)))
    if min(one.shape) < 2 or one.size < _OVERLAP * fixed.size:
        return (0.0, 0.0), 0.0
    match = _alike(one, other)
    if match < _ALIKE:
        return (0.0, 0.0), max(match, 0.0)
    fine = _correlated(one, other, _UPSAMPLING)
    return (rough[0] + fine[0], rough[1] + fine[1]), match


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures, blurred: noise says nothing of whether they show the same."""
    import cv2

    one, other = (cv2.GaussianBlur(array, (0, 0), 2.0) for array in (one, other))
    scatter = float(one.std() * other.std())
    covariance = float(np.mean((one - one.mean()) * (other - other.mean())))
    return covariance / scatter if scatter > 0 else 0.0


def _correlated(fixed: np.ndarray, moving: np.ndarray, steps: int) -> Shift:
    from skimage.registration import phase_cross_correlation

    # borders would correlate with themselves, at no shift. Not whitened (the "phase" of phase
    # correlation): on real micrographs the error is half of that, and noise does less harm
    taper = np.outer(*(np.hanning(n + 2)[1:-1] for n in fixed.shape))
    shift, _, _ = phase_cross_correlation(
        (fixed - fixed.mean()) * taper, (moving - moving.mean()) * taper,
        upsample_factor=steps, normalization=None,
    )  # fmt: skip
    return -float(shift[0]), -float(shift[1])


def drift_columns(shift: Shift, size: tuple[float, float] | None, unit: str) -> dict[str, float]:
    """Name a shift in pixels and, with a pixel size, in its unit."""
    found = {"drift_y_px": shift[0], "drift_x_px": shift[1]}
    if size is not None:
        found |= {f"drift_y_{unit}": shift[0] * size[0], f"drift_x_{unit}": shift[1] * size[1]}
    return found


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
        yield Progress(len(places) + done + 1, 2 * len(places), "move")
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
        # whatever a missing pixel has a part in is missing
        result[shift(missing.astype(np.float64), back, order=1) > 1e-6] = np.nan
    return result.astype(np.float32)
