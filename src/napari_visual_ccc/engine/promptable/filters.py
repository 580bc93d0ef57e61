"""Which masks are kept: duplicates, masks cut by the border of a crop, small parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...nets.sam.mask import Mask
from .grid import Region

# pixels from the border of a crop within which a mask counts as cut, as in Segment Anything
_NEAR = 20


def suppressed(masks: Sequence[Mask], scores: Sequence[float], threshold: float) -> list[int]:
    """Non-maximum suppression by bounding boxes: numbers of the masks that stay, best first.

    Parameters
    ----------
    masks : sequence of Mask
        Candidates.
    scores : sequence of float
        The higher one of two masks stays; of equal ones, the earlier.
    threshold : float
        IoU of the boxes above which two masks are one object.
    """
    if not masks:
        return []
    boxes = np.array([mask.box for mask in masks], float)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides.prod(axis=1)
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    alive = np.ones(len(masks), bool)
    kept = []
    for position, number in enumerate(order):
        if not alive[number]:
            continue
        kept.append(int(number))
        rest = order[position + 1 :]
        low = np.maximum(boxes[number, :2], boxes[rest, :2])
        high = np.minimum(boxes[number, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        # compared without a division: boxes of one row have no area
        both = areas[number] + areas[rest] - shared
        alive[rest[shared > threshold * both]] = False
    return kept


def touches_cut(mask: Mask, region: Region, shape: tuple[int, int], near: int = _NEAR) -> bool:
    """Whether a mask reaches a border of its region that is none of the image.

    Parameters
    ----------
    mask : Mask
        In the image.
    region : Region
        In which it was found.
    shape : (rows, columns)
        Of the image.
    near : int
        Pixels from the border that count as touching.
    """
    cut = (region.left, region.top, region.right, region.bottom)
    whole = (0, 0, shape[1], shape[0])
    return any(
        abs(side - border) <= near < abs(side - end)
        for side, border, end in zip(mask.box, cut, whole, strict=True)
    )


def cleaned(mask: Mask, least: int, largest_only: bool) -> Mask | None:
    """Fill small holes and remove small parts of a mask.

    Parameters
    ----------
    mask : Mask
        Stays as it is.
    least : int
        Pixels below which a hole is filled and a part is removed; 0 keeps all.
    largest_only : bool
        Keep the largest part alone.

    Returns
    -------
    Mask or None
        None if nothing remains.
    """
    if least <= 0 and not largest_only:
        return mask
    from scipy.ndimage import label

    pixels = mask.pixels
    corners = np.ones((3, 3), int)
    if least > 0:
        # a hole touches no side of the box
        holes, count = label(np.pad(~pixels, 1, constant_values=True), structure=corners)
        sizes = np.bincount(holes.ravel(), minlength=count + 1)
        small = sizes < least
        small[[0, holes[0, 0]]] = False
        pixels = pixels | small[holes][1:-1, 1:-1]
    parts, count = label(pixels, structure=corners)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    keep = (sizes >= max(least, 1)) & (sizes > 0)
    if largest_only:
        keep &= np.arange(len(sizes)) == sizes.argmax()
    return mask.with_pixels(keep[parts])
