"""Make labels of masks and label maps that were saved as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lazy import as_array_or_dask, is_lazy
from .smeared import Restored, colours_of, is_smeared, restored

# more colours than these are those of a picture; of a smeared one, than the second
_MOST_COLOURS, _MOST_SMEARED = 4096, 64

# grey levels that JPEG moves black and white by, and the share of other levels at edges
_JPEG, _EDGES = 32, 0.05

# labels of an unknown format are smeared only if most pixels are so near to the levels of regions:
# clusters of noise are not
_NEAR, _MOSTLY = 4, 0.5

# a darker colour than this is black
_BLACK = 16

_SAVE = "save labels without loss, as PNG or TIFF, and without smoothing"


def labels_of(given: Any, lossy: bool = False) -> tuple[Any, tuple[str, ...]]:
    """Make labels of a mask or label map that was saved as a picture.

    Parameters
    ----------
    given : (..., Y, X) or (..., Y, X, 3 or 4) array
        Labels, or their picture: of grey saved as colour, one channel is taken; of a map in
        colours, each colour is a label and black is the background (without black, the most
        frequent colour is). Clear pixels are the background as well. Where JPEG, smoothing or
        resizing has smeared levels or colours of 8 bits, pixels are put back to the few that the
        regions have, if that is certain.
    lossy : bool
        Whether it is known to come from a lossy format, as JPEG.

    Returns
    -------
    labels : (..., Y, X) array
        The input itself where it is no picture.
    notes : tuple of str
        What was done, for the user.

    Raises
    ------
    ValueError
        If it is a picture of too many colours, or of smeared ones that cannot be put back.
    """
    given = as_array_or_dask(given)
    if given.ndim > 2 and given.shape[-1] in (3, 4) and given.dtype.kind in "biuf":
        return _labels_of_colours(np.asarray(given), lossy)
    if given.dtype == np.uint8 and given.ndim >= 2 and given.size and not is_lazy(given):
        return _labels_of_grey(given, lossy)
    return given, ()


def _labels_of_grey(grey: np.ndarray, lossy: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    levels = np.count_nonzero(np.bincount(grey.reshape(-1), minlength=256))
    if levels == 1 or not (lossy or (levels > 2 and _any_smeared(grey[..., None]))):
        return grey, ()
    high = _mask_level(grey)
    if high:
        return _as_mask(grey > high / 2)
    found = _restored(grey[..., None])
    if found is None and lossy:
        raise ValueError(
            f"labels come from a format with lossy compression, which has mixed their {levels} "
            f"levels at edges: {_SAVE}; segment the image first if it is a micrograph"
        )
    if found is None or len(found.palette) == levels:
        return grey, ()
    values = found.palette[:, 0]
    if not lossy and np.mean(np.abs(grey - values[found.rows].astype(np.int16)) <= _NEAR) < _MOSTLY:
        return grey, ()
    if len(values) == 2 and values[0] <= _JPEG and values[1] > 127:
        return _as_mask(found.rows == 1)
    values[0] = 0 if values[0] <= _BLACK else values[0]
    note = (
        f"labels that compression or resizing has smeared: put back to their {len(values)} levels"
    )
    return values[found.rows], (note,)


def _as_mask(inside: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    note = "a mask with the traces of JPEG or smoothing: levels above half are its objects"
    return np.where(inside, np.uint8(255), np.uint8(0)), (note,)


def _labels_of_colours(picture: np.ndarray, lossy: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    opacity = picture[..., 3:]
    if opacity.any() and not opacity.all():
        labels, notes = _labels_of_colours(_on_black(picture), lossy)
        return labels, (*notes, "clear pixels (opacity 0) are the background")
    colours = picture[..., :3]
    if (colours == colours[..., :1]).all():
        labels, notes = labels_of(np.ascontiguousarray(colours[..., 0]), lossy)
        return labels, ("labels saved as colour, with equal channels: one was used", *notes)
    found, inverse, count = _colours_in(colours)
    smeared = colours.dtype == np.uint8 and (lossy or _any_smeared(colours))
    better = _restored(colours) if smeared else None
    if better is not None and len(better.palette) < len(found):
        found, inverse = better.palette, better.rows.reshape(-1)
        count = np.bincount(inverse, minlength=len(found))
    elif lossy or len(found) > (_MOST_SMEARED if smeared else _MOST_COLOURS):
        raise ValueError(
            f"labels are a colour picture of {len(found):,} colours: segment it first, or {_SAVE}"
        )
    black = np.flatnonzero((found <= (_BLACK if better is not None else 0)).all(axis=1))
    ground = int(black[0]) if len(black) else int(count.argmax())
    numbers = np.arange(1, len(found) + 1, dtype=np.uint16)
    numbers[ground:] -= 1
    numbers[ground] = 0
    colour = ", ".join(str(one) for one in found[ground])
    note = f"a label map in colours: each of {len(found) - 1} colours is a label"
    note += "" if len(black) else f", the most frequent one ({colour}) is the background"
    note += (
        "" if better is None else "; compression or resizing has smeared them: they are put back"
    )
    return numbers[inverse.reshape(colours.shape[:-1])], (note,)


def _on_black(picture: np.ndarray) -> np.ndarray:
    """Colours of what is opaque, on black: clear pixels may have any colour.

    Half of the opacity that the regions have is the edge of one that was smoothed.
    """
    opacity, colours = picture[..., 3], picture[..., :3]
    seen = opacity > opacity.max() / 2
    if not colours[seen].any():
        # black regions
        colours = np.broadcast_to(opacity.max(), colours.shape)
    return np.where(seen[..., None], colours, np.zeros_like(colours))


def _colours_in(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pixels = picture.reshape(-1, 3)
    if picture.dtype == np.uint8:
        return colours_of(pixels)
    return np.unique(pixels, axis=0, return_inverse=True, return_counts=True)


def _any_smeared(picture: np.ndarray) -> bool:
    return any(is_smeared(plane) for plane in picture.reshape(-1, *picture.shape[-3:]))


def _restored(picture: np.ndarray) -> Restored | None:
    found = restored(picture.reshape(-1, *picture.shape[-3:]))
    return found and found._replace(rows=found.rows.reshape(picture.shape[:-1]))


def _mask_level(grey: np.ndarray) -> int:
    """Level of the objects of a smeared mask: nearly all levels are near it or near 0; else 0."""
    count = np.bincount(grey.reshape(-1), minlength=256)
    high = int(np.flatnonzero(count)[-1])
    low, top = count[: _JPEG + 1], count[max(high - _JPEG, 0) :]
    # a label of 255 alone marks what other programs ignore
    if high < 128 or np.count_nonzero(top) < 2 or np.count_nonzero(count) < 4:
        return 0
    between = grey.size - low.sum() - top.sum()
    if not (low.sum() and top.sum() and between <= _EDGES * grey.size):
        return 0
    return max(high - _JPEG, 0) + int(top.argmax())
