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
        view.
    subpixel : bool
        Shift by fractions of a pixel, by cubic splines, which smooths noise a little; without
        it by whole pixels, and grey values are kept.

    Returns
    -------
    AlignedResult
        ``data``: (..., Y, X) float32, NaN in the rim that moved in and where the image was not
        finite. Lazy for dask (the drift is measured at once). ``drift``: one row a slice:
        ``index_*``, ``drift_y_px`` and ``drift_x_px`` (how far what it shows lies below and right
        of where the first slice has it), the same in `unit` where there is a scale, and
        ``match`` (correlation with the slice it was compared with, 1 at best).

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
    drift, shifts, rows = Drift(to_first=to == "the first slice"), {}, []
    places = list(np.ndindex(grey.shape[:-2]))
    for done, index in enumerate(places):
        yield Progress(done, 2 * len(places), "drift")
        moved = drift.follow(index, grey[index])
        shifts[index] = moved.total
        row: dict[str, Any] = {f"index_{axis}": place for axis, place in enumerate(index)}
        rows.append(row | drift_columns(moved.total, size, unit) | {"match": moved.match})
    table = pd.DataFrame(rows)
    lost = int((table["match"] < _ALIKE).sum())
    if drift.seen == 0:
        yield from limits(grey)  # raises, unless slices are merely even
    if len(places) == 1:
        notes = (*notes, "this is a single image: there is nothing to align it with")
    elif lost:
        notes = (
            *notes,
            f"{lost} slices are unlike the others and were not moved against them",
        )
    data = yield from _aligned(grey, shifts, places, subpixel)
    facts = {"largest_shift_px": float(max(np.hypot(*s) for s in shifts.values()))}
    return AlignedResult(data, drift=table, name="aligned", facts=facts, notes=notes)


class Moved(NamedTuple):
    """How far a slice lies below and right: of the one it was compared with, and of the first."""

    step: Shift
    total: Shift
    match: float


class Drift:
    """Follows what a stack shows, slice by slice in the order of ``np.ndindex``.

    Parameters
    ----------
    to_first : bool
        Compare slices with the first along their axis instead of the one before.
    """

    def __init__(self, *, to_first: bool = False) -> None:
        self.seen = 0
        self._to_first = to_first
        # for every leading axis: the slice that the next along it is compared with
        self._known: dict[int, tuple[np.ndarray, Shift]] = {}

    def follow(self, index: Index, plane: Any) -> Moved:
        """Say how far the next slice has moved; one that shows nothing stays where the last was."""
        axis = max((a for a, place in enumerate(index) if place), default=0)
        known = self._known.get(axis)
        before = (0.0, 0.0) if known is None else known[1]
        part = _middle(plane)
        if part is None:
            return Moved((0.0, 0.0), before, 0.0)
        self.seen += 1
        step, match = ((0.0, 0.0), 1.0) if known is None else displacement(known[0], part)
        total = (before[0] + step[0], before[1] + step[1])
        for other in range(axis, len(index)):
            if other > axis or known is None or not self._to_first:
                self._known[other] = part, total
        return Moved(step, total, match)


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
