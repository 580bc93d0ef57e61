"""Label maps that lossy compression, smoothing or resizing has smeared: back to their levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# a pixel is within a region where its neighbours, as many as this across, differ by so much at
# most; the numbers are tried in turn
_ACROSS, _FLAT = 3, (8, 16, 32)

# levels of one region differ by so much, those of two regions by more than the second, those of
# few pixels by twice as much
_ALIKE, _APART = 10, 32

# a level of so many pixels may be one of blends
_RARE = 300

# pixels within a region are so near to its level
_LIKE = 20

# pixels within regions that a level needs, and share of the picture that they need together
_FEWEST, _WITHIN = 9, 0.2

# share of the pixels of a rim that lie beside its region
_BESIDE = 0.9

# lossy compression changes a region far from edges by so much
_NOISE = 4

# most levels that are looked for
_MOST = 254

# how far from a region its colour reaches: JPEG smears colours over blocks of 16
_REACH = 17

# a level elsewhere counts as so far away
_ELSEWHERE = 1e6

# weights of red, green and blue in the luminance of JPEG, and its own
_LUMA, _SHARP = np.array([0.299, 0.587, 0.114], np.float32), 2.0

# side of the squares whose means are compared, share of the contrast and levels that may differ
_SQUARE, _SHARE, _LEVELS = 9, 0.1, 6.0

# share of the edges with a level of their own
_OWN = 0.25


class Restored(NamedTuple):
    """A picture of few levels.

    Parameters
    ----------
    rows : (..., Y, X) integer array
        Of `palette`, for each pixel.
    palette : (n, C) uint8 array
        From dark to bright.
    """

    rows: np.ndarray
    palette: np.ndarray


def is_smeared(plane: np.ndarray) -> bool:
    """Whether many edges have levels of their own, as those of a label map have not.

    Parameters
    ----------
    plane : (Y, X, C) uint8 array
    """
    edges = own = 0
    for one in (plane, plane.swapaxes(0, 1)):
        step = (one[:, 1:] != one[:, :-1]).any(-1)
        edges += int(np.count_nonzero(step))
        # a speck is no edge
        other = (one[:, 2:] != one[:, :-2]).any(-1)
        own += int(np.count_nonzero(step[:, 1:] & step[:, :-1] & other))
    return own > _OWN * edges


def restored(picture: np.ndarray) -> Restored | None:
    """Put each pixel back to the level of a region beside it; None where that is not certain.

    The levels are those of flat regions. A pixel at an edge gets the nearest of the levels of the
    regions around it: not that of a region elsewhere, whose colour a blend of two others may have.
    It is certain where the levels are far apart, and where the means of small squares are those of
    the picture: of an object that is too small to have a level of its own they are not.

    Parameters
    ----------
    picture : (N, Y, X, C) uint8 array
        Planes.
    """
    spread = np.stack([_spread(plane) for plane in picture])
    for most in _FLAT:
        palette = _palette(picture, spread, most)
        if palette is not None and len(palette) > 1:
            palette = _fewest(picture, palette)
            index = np.stack([_nearest(plane, palette) for plane in picture])
            if all(_is_alike(one, palette[at]) for one, at in zip(picture, index, strict=True)):
                return Restored(index, palette)
    return None


def _spread(plane: np.ndarray) -> np.ndarray:
    from scipy.ndimage import maximum_filter, minimum_filter

    size = (_ACROSS, _ACROSS, 1)
    return (maximum_filter(plane, size) - minimum_filter(plane, size)).max(-1)


def _fewest(picture: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Leave out levels of few pixels that the picture does not need: those of blends at edges."""
    index = np.stack([_nearest(plane, palette) for plane in picture])
    count = np.bincount(index.reshape(-1), minlength=len(palette))
    kept = np.ones(len(palette), bool)
    for number in np.argsort(count, kind="stable"):
        if count[number] > _RARE:
            break
        kept[number] = False
        parts = [
            plane[around] for plane, at in zip(picture, index == number, strict=True)
            for around in _around(at)
        ]  # fmt: skip
        needed = not kept.any() or not all(
            _is_alike(part, palette[kept][_nearest(part, palette[kept])]) for part in parts
        )
        kept[number] = needed
    return palette[kept]


def _around(mask: np.ndarray) -> list[tuple[slice, slice]]:
    """Parts of a plane around the pieces of a mask, wide enough to judge them."""
    from scipy.ndimage import find_objects
    from skimage.measure import label

    wide = 2 * _REACH

    def wider(one: slice) -> slice:
        return slice(max(one.start - wide, 0), one.stop + wide)

    found = find_objects(label(mask, connectivity=2))
    return [(wider(rows), wider(columns)) for rows, columns in found]


def colours_of(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different colours of (n, C) uint8 pixels, the place of each pixel among them, and times."""
    packed = np.zeros(len(pixels), np.uint32)
    for channel in pixels.T:
        packed = (packed << 8) | channel
    found, inverse, count = np.unique(packed, return_inverse=True, return_counts=True)
    shifts = np.arange(pixels.shape[1])[::-1] * 8
    return (found[:, None] >> shifts & 255).astype(np.uint8), inverse, count


def _palette(picture: np.ndarray, spread: np.ndarray, most: int) -> np.ndarray | None:
    """Levels of flat regions; None where there are none, many, or some that are close."""
    from scipy.ndimage import maximum_filter

    flat = spread <= most
    pixels = picture[flat]
    if len(pixels) < _WITHIN * flat.size:
        return None
    # of blocks of 16
    smeared = maximum_filter(spread > _APART, (1, 2 * _REACH, 2 * _REACH))
    colours, _, count = colours_of(pixels)
    left = np.ones(len(colours), bool)
    found: list[np.ndarray] = []
    for one in np.argsort(-count, kind="stable"):
        if not left[one]:
            continue
        mine = left & (_away(colours, colours[one]) <= _ALIKE)
        left &= ~mine
        many = count[mine].sum()
        if many < _FEWEST:
            continue
        apart = _APART if many > _RARE else 2 * _APART
        close = [level for level in found if _away(level, colours[one]) <= apart]
        if close and _is_rim(picture, flat & smeared, flat, colours[one], close):
            continue
        if close or len(found) == _MOST or _has_two(picture, flat & ~smeared, colours[one]):
            return None
        found.append(colours[one])
    order = sorted(range(len(found)), key=lambda k: (found[k].sum(), *found[k]))
    return np.array(found, np.uint8)[order]


def _away(colours: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Largest difference of a channel."""
    return np.abs(colours.astype(np.int16) - level).max(-1)


def _is_rim(
    picture: np.ndarray, smeared: np.ndarray, flat: np.ndarray, level: np.ndarray,
    close: list[np.ndarray],
) -> bool:  # fmt: skip
    """Whether a level is found only at edges of regions of levels that are close to it."""
    from scipy.ndimage import maximum_filter

    mine = flat & (_away(picture, level) <= _ALIKE)
    beside = np.logical_or.reduce([flat & (_away(picture, one) <= _ALIKE) for one in close])
    near = maximum_filter(beside & ~mine, (1, _REACH, _REACH)) & smeared
    return bool(near[mine].mean() >= _BESIDE)


def _has_two(picture: np.ndarray, far: np.ndarray, level: np.ndarray) -> bool:
    """Whether there is another level so close to one that it counts as this: far from edges."""
    away = _away(picture, level)
    return bool(np.count_nonzero(far & (away > _NOISE) & (away <= _ALIKE)) >= _FEWEST)


def _nearest(plane: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Row of the palette of each pixel."""
    index = np.zeros(plane.shape[:-1], np.uint8)
    best = np.full(plane.shape[:-1], np.inf, np.float32)
    core = np.zeros(plane.shape[:-1], bool)
    weighed, levels = _weighed(plane), _weighed(palette)
    for number, near, inside in _regions(plane, palette):
        away = ((weighed - levels[number]) ** 2).sum(-1)
        # what is like no region around it may be like one elsewhere
        away[~near] += _ELSEWHERE
        closer = away < best
        best[closer], index[closer] = away[closer], number
        core |= inside
    return _without_rims(index, core)


def _weighed(colours: np.ndarray) -> np.ndarray:
    """Colours with more weight on their luminance, which JPEG smears less than the rest."""
    wide = colours.astype(np.float32)
    if wide.shape[-1] < 3:
        return wide
    return np.concatenate([wide, _SHARP * (wide @ _LUMA)[..., None]], -1)


def _regions(
    plane: np.ndarray, palette: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Of each level: where it may be, and where it certainly is."""
    from scipy.ndimage import maximum_filter, minimum_filter

    for number, level in enumerate(palette):
        like = _away(plane, level) <= _LIKE
        inside = minimum_filter(like, _ACROSS)
        yield number, maximum_filter(inside, _REACH), inside


def _without_rims(index: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Give thin pieces without a core the level of the nearest core: they are blends at edges."""
    from scipy.ndimage import distance_transform_edt
    from skimage.measure import label

    pieces = label(index.astype(np.int16) + 1, background=0, connectivity=2)
    kept = np.zeros(int(pieces.max()) + 1, bool)
    kept[pieces[core]] = True
    corner = pieces[1:, 1:]
    square = (
        (corner == pieces[:-1, 1:]) & (corner == pieces[1:, :-1]) & (corner == pieces[:-1, :-1])
    )
    kept[corner[square]] = True
    lost = ~kept[pieces]
    if not lost.any() or lost.all():
        return index
    rows, columns = distance_transform_edt(lost, return_distances=False, return_indices=True)
    return index[rows, columns]


def _is_alike(plane: np.ndarray, drawn: np.ndarray) -> bool:
    """Whether means of small squares are those of the picture."""
    from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

    size = (_SQUARE, _SQUARE, 1)
    apart = uniform_filter(plane.astype(np.float32) - drawn.astype(np.float32), size)
    wide = (4 * _SQUARE - 1, 4 * _SQUARE - 1, 1)
    contrast = (maximum_filter(drawn, wide) - minimum_filter(drawn, wide)).max(-1, keepdims=True)
    return bool((np.abs(apart) <= _LEVELS + _SHARE * contrast).all())
