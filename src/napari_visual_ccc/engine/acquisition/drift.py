"""Follow what a stack shows from slice to slice: how far it moves, and where it is lost."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.inputs import finite
from ...core.pixel_size import PixelSize


def slice_name(index: Index) -> str:
    """Name a slice by its index: 4, or (0, 4) in a series of stacks."""
    return str(index[0]) if len(index) == 1 else str(index)


def drift_columns(shift: Shift, pixel_size: PixelSize | None) -> dict[str, float]:
    """Name a shift in pixels and, with a pixel size, in its unit."""
    found = {"drift_y_px": shift[0], "drift_x_px": shift[1]}
    if pixel_size is not None:
        found[pixel_size.length_column("drift_y")] = shift[0] * pixel_size.height
        found[pixel_size.length_column("drift_x")] = shift[1] * pixel_size.width
    return found


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
