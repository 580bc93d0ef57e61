"""Find lettering, scale bars and label boxes that were burnt into an image."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ....core.progress import Progress, Steps
from .foreground import without_holes

# distance from the darkest or brightest grey value, as a share of their difference: ink has the
# extreme value, resampling and JPEG soften it
_LEVELS = (0.04, 0.12, 0.3)

# ink is nearer to the extreme
_INKED = 0.06

# and paper lies at it
_PAPER = 0.03

# more components than this are specimen
_MOST = 4000

# share of the rows beside the upper and lower border where lettering is looked for
_BAND = 0.24

# heights of letters, and of scale bars, as shares of the rows
_LETTER, _BAR = (0.014, 0.15), (0.003, 0.05)

# letters: mean by greatest depth within their strokes (a third for a disc), least contrast
_EVEN, _CLEAR = 0.38, 0.2

# letters of a figure; more are specimen that looks like them
_LETTERS = 60

# thinnest boxes whose ink specimen may share, as a share of the rows
_BOX = 0.035

# a box holds letters on at least this share of its area
_WRITTEN = 0.02


class Annotations(NamedTuple):
    """Masks of what was drawn on an image.

    Parameters
    ----------
    strokes : (Y, X) bool array
        Letters and bars that lie on the specimen.
    boxes : (Y, X) bool array
        Boxes and bands that hide it.
    """

    strokes: np.ndarray
    boxes: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """Both."""
        return self.strokes | self.boxes


@dataclass(eq=False)
class _Part:
    """A connected piece of one ink, and its place."""

    rows: slice
    columns: slice
    pixels: np.ndarray

    @property
    def height(self) -> int:
        return int(self.rows.stop - self.rows.start)

    @property
    def width(self) -> int:
        return int(self.columns.stop - self.columns.start)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.rows.start + self.rows.stop) / 2, (self.columns.start + self.columns.stop) / 2

    @functools.cached_property
    def filled(self) -> float:
        """Share of its place that it fills."""
        return float(self.pixels.mean())

    @functools.cached_property
    def stroke(self) -> float:
        """Width of its strokes."""
        import cv2

        padded = np.pad(self.pixels, 1).astype(np.uint8)
        return 2 * float(cv2.distanceTransform(padded, cv2.DIST_L2, 3).max()) - 1


def find_annotations(plane: np.ndarray, known: np.ndarray) -> Steps[Annotations]:
    """Find lettering, scale bars and label boxes of a micrograph.

    Ink is as dark or as bright as anything in the image. A box is a flat rectangle of one ink that
    holds letters of the other; a bar is a flat, long rectangle near the upper or lower border;
    letters are strokes of even height in a row near these borders. Particles of an extreme grey
    value are neither: they are not thin, not rectangular, or also lie elsewhere.

    Parameters
    ----------
    plane : (Y, X) float array
    known : (Y, X) bool array
        Pixels that count.
    """
    found = Annotations(np.zeros(plane.shape, bool), np.zeros(plane.shape, bool))
    if not known.any():
        return found
    low, high = float(plane[known].min()), float(plane[known].max())
    if high <= low:
        return found
    bright = np.where(known, (high - plane) / (high - low), 1.0)
    dark = np.where(known, (plane - low) / (high - low), 1.0)
    for ink, other in ((bright, dark), (dark, bright)):
        yield Progress(0, 0, "lettering")
        for box in _boxes(ink, other):
            found.boxes[box] = True
    for ink in (bright, dark):
        free = np.where(found.boxes, 1.0, ink)
        for level in _LEVELS:
            yield Progress(0, 0, "lettering")
            for part in _written(list(_parts(free < level, _drawn, free)), free):
                _draw(found.strokes, part)
    found.strokes[found.boxes] = False
    return found


# heights and widths of pieces, and those of the image -> which may be something
_Sizes = Callable[[Any, Any, tuple[int, int]], Any]


def _parts(mask: np.ndarray, wanted: _Sizes, ink: np.ndarray | None = None) -> Iterator[_Part]:
    """Pieces of a mask that may be something; given the ink, most of them has the extreme value."""
    import cv2

    _, numbers, places, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    width, height, sizes = places[1:, 2:].T
    large = (height > 0.3 * mask.shape[0]) & (width > 0.6 * mask.shape[1])
    keep = ~large & (height * width >= 12) & wanted(height, width, mask.shape)
    if len(sizes) > _MOST:
        keep &= sizes >= np.partition(sizes, -_MOST)[-_MOST]
    if ink is not None and keep.any():
        # specimen is shaded, ink is not
        inked = np.bincount(numbers[(ink < _INKED) & mask], minlength=len(places))[1:]
        keep &= inked / sizes > 0.4
    for n, (x, y, across, down) in zip(
        np.flatnonzero(keep) + 1, places[1:, :4][keep].tolist(), strict=True
    ):
        rows, columns = slice(y, y + down), slice(x, x + across)
        yield _Part(rows, columns, numbers[rows, columns] == n)


def _boxed(height: Any, width: Any, shape: tuple[int, int]) -> Any:
    """Least sizes of a box."""
    return (height >= max(8, 0.02 * shape[0])) & (width >= max(8, 0.02 * shape[1]))


def _drawn(height: Any, width: Any, shape: tuple[int, int]) -> Any:
    """Sizes of a bar or a letter."""
    return _barred(height, width, shape) | _lettered(height, width, shape)


def _barred(height: Any, width: Any, shape: tuple[int, int]) -> Any:
    low, high = (share * shape[0] for share in _BAR)
    long = (width >= 0.04 * shape[1]) & (width <= 0.7 * shape[1]) & (width > 4 * height)
    return long & (height >= max(2, low)) & (height <= max(high, 4))


def _lettered(height: Any, width: Any, shape: tuple[int, int]) -> Any:
    low, high = (share * shape[0] for share in _LETTER)
    return (height >= max(5, low)) & (height <= high) & (width < 1.6 * height)


def _boxes(ink: np.ndarray, other: np.ndarray) -> list[tuple[slice, slice]]:
    """Rectangles of one ink with letters of the other."""
    import cv2

    height, width = ink.shape
    found = []
    inked = ink < _LEVELS[1]
    # specimen of an extreme grey may hang on to a box
    side = max(round(_BOX * height), 9)
    whole = without_holes(inked).astype(np.uint8)
    alone = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)) > 0
    for part in (*_parts(inked, _boxed), *map(_trimmed, _parts(np.asarray(alone), _boxed))):
        low = not _boxed(part.height, part.width, (height, width))
        if low or part.height > 0.3 * height or part.filled < 0.3:
            continue
        place = (part.rows, part.columns)
        written = float((other[place] < _LEVELS[2]).mean())
        if not _WRITTEN < written < 0.6 or not float(inked[place].mean()) > 0.3:
            continue
        # letters may touch an edge, but edges are straight
        edges = sorted(float(edge.mean()) for edge in _edges(part.pixels))
        if edges[0] > 0.6 and edges[1] > 0.85 and _is_paper(ink[place]):
            found.append((_wider(part.rows, 3), _wider(part.columns, 3)))
    return found


def _is_paper(ink: np.ndarray) -> bool:
    """Whether a place has the extreme value itself: background of specimen is only near to it."""
    return float(np.median(ink[ink < _LEVELS[1]])) < _PAPER


def _trimmed(part: _Part) -> _Part:
    """Leave out outer rows and columns that a part fills by less than half."""
    rows, columns = (np.flatnonzero(part.pixels.mean(axis=axis) > 0.5) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return part
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = part.rows.start, part.columns.start
    return _Part(
        slice(top + int(rows[0]), top + int(rows[-1]) + 1),
        slice(left + int(columns[0]), left + int(columns[-1]) + 1),
        part.pixels[inside],
    )


def _edges(pixels: Any) -> list[Any]:
    """Outermost two rows and columns: edges are soft by a pixel."""
    return [
        pixels[:2].any(axis=0), pixels[-2:].any(axis=0),
        pixels[:, :2].any(axis=1), pixels[:, -2:].any(axis=1),
    ]  # fmt: skip


def _wider(side: slice, reach: int) -> slice:
    return slice(max(side.start - reach, 0), side.stop + reach)


def _written(parts: list[_Part], ink: np.ndarray) -> list[_Part]:
    """Bars, and the letters that stand in a row or in a corner."""
    shape: Any = ink.shape
    height = shape[0]
    bars = [part for part in parts if _is_bar(part, shape)]
    if len(bars) > 2:
        bars = []
    letters, near = 0, []
    for part in parts:
        if _is_letter(part, shape):
            letters += 1
            near += [part] if _near_border(part, height) else []
        # strokes all over the image are specimen
        if len(near) > _LETTERS:
            return bars
    if letters > 2 * len(near):
        return bars
    clear = {id(part): _contrast(part, ink) for part in near if _is_stroke(part)}
    near = [part for part in near if clear.get(id(part), 0) > _CLEAR]
    lines = [part for part in near if _has_neighbour(part, near)]
    alone = [p for p in near if _in_corner(p, shape) and clear[id(p)] > 2 * _CLEAR]
    return bars + lines + [part for part in alone if part not in lines]


def _is_stroke(part: _Part) -> bool:
    """Whether a part is about as wide everywhere: blobs of noise are not."""
    import cv2

    depth = cv2.distanceTransform(np.pad(part.pixels, 1).astype(np.uint8), cv2.DIST_L2, 5)
    return float(depth[depth > 0].mean()) > _EVEN * float(depth.max())


def _contrast(part: _Part, ink: np.ndarray) -> float:
    """Distance from the ink around a part, beyond its soft edge."""
    import cv2

    wide = np.pad(part.pixels, 5).astype(np.uint8)
    one, other = (
        cv2.dilate(wide, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * n + 1, 2 * n + 1)))
        for n in (2, 5)
    )
    rows, columns = np.nonzero(other > one)
    rows, columns = rows + part.rows.start - 5, columns + part.columns.start - 5
    inside = (rows >= 0) & (rows < ink.shape[0]) & (columns >= 0) & (columns < ink.shape[1])
    around = ink[rows[inside], columns[inside]]
    return float(np.median(around)) if around.size else 0.0


def _is_bar(part: _Part, shape: tuple[int, int]) -> bool:
    long = bool(_barred(part.height, part.width, shape))
    return long and part.filled > 0.88 and _near_border(part, shape[0])


def _is_letter(part: _Part, shape: tuple[int, int]) -> bool:
    like = bool(_lettered(part.height, part.width, shape)) and 0.1 < part.filled < 0.92
    return like and part.stroke <= 0.36 * part.height


def _near_border(part: _Part, height: int) -> bool:
    middle = part.centre[0]
    return middle < _BAND * height or middle > (1 - _BAND) * height


def _in_corner(part: _Part, shape: tuple[int, int]) -> bool:
    (y, x), (height, width) = part.centre, shape
    away = min(y, height - y) / height, min(x, width - x) / width
    return max(away) < 0.12


def _has_neighbour(part: _Part, parts: list[_Part]) -> bool:
    """Whether another letter of like height and stroke stands beside."""
    for one in parts:
        if one is part:
            continue
        like = 0.5 < one.height / part.height < 2 and 0.5 < one.stroke / part.stroke < 2
        base = min(abs(one.rows.stop - part.rows.stop), abs(one.rows.start - part.rows.start))
        gap = max(one.columns.start - part.columns.stop, part.columns.start - one.columns.stop)
        tall = max(one.height, part.height)
        if like and base <= 0.25 * tall and -0.2 * tall < gap < 0.9 * tall:
            return True
    return False


def _draw(mask: np.ndarray, part: _Part) -> None:
    """Mark a part and its soft edge."""
    import cv2

    reach = int(np.ceil(2 + 0.25 * part.stroke))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide: Any = cv2.dilate(np.pad(part.pixels, reach).astype(np.uint8), kernel) > 0
    top, left = part.rows.start - reach, part.columns.start - reach
    inside: Any = np.s_[max(top, 0) : top + wide.shape[0], max(left, 0) : left + wide.shape[1]]
    there = mask[inside]
    cut = wide[max(-top, 0) :, max(-left, 0) :][: there.shape[0], : there.shape[1]]
    there |= cut
