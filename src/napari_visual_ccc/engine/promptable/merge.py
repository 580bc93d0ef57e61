"""Join masks that tiles cut; remove and merge masks by overlap, grey level and texture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...core.progress import Progress, Steps
from ...nets.sam.mask import Mask, union
from .filters import touches_cut
from .grid import Region

# IoU, within the overlap of two tiles, from which on two masks are parts of one object
_SAME_IN_OVERLAP = 0.5

# IoU of masks from which on they are one object
_DUPLICATE = 0.5

# share of a mask inside another from which on it is a part of that
_INSIDE = 0.8

# a mask whose parts cover this share is a group of them
_COVERED = 0.85

# masks are alike whose mean grey levels differ by less than this many standard deviations, and
# whose mean gradients by less than this factor
_GREY, _TEXTURE = 0.5, 1.5

# pairs of masks between two reports of progress
_OFTEN = 32

# least contrast that counts as a difference, as a share of the range of grey levels
_FLAT = 0.02


def join_tiles(
    masks: Sequence[Mask], tile_of: Sequence[int], tiles: Sequence[Region], shape: tuple[int, int]
) -> Steps[list[Mask]]:
    """Join masks of different tiles that are one object cut by a seam.

    Two masks are joined when one of them touches a seam and they agree where both tiles can see
    them.

    Parameters
    ----------
    masks, tile_of : sequences
        Masks in the image, and the tile of each.
    tiles : sequence of Region
        By number.
    shape : (rows, columns)
        Of the image.
    """
    cut = [touches_cut(m, tiles[t], shape, 1) for m, t in zip(masks, tile_of, strict=True)]
    pairs, near = [], _near_pairs(masks)
    for done, (one, other) in enumerate(near):
        if done % _OFTEN == 0:
            yield Progress(done, len(near), "tiles")
        if tile_of[one] != tile_of[other] and (cut[one] or cut[other]):
            both = _overlap(tiles[tile_of[one]], tiles[tile_of[other]])
            if _iou(_clipped(masks[one], both), _clipped(masks[other], both)) > _SAME_IN_OVERLAP:
                pairs.append((one, other))
    return _joined(masks, pairs)


def _overlap(one: Region, other: Region) -> Region:
    return Region(
        max(one.top, other.top), max(one.left, other.left),
        min(one.bottom, other.bottom), min(one.right, other.right),
    )  # fmt: skip


def _clipped(mask: Mask, region: Region) -> Mask | None:
    """Part of a mask in a region."""
    rows, columns = mask.window
    top, left = max(rows.start, region.top), max(columns.start, region.left)
    bottom, right = min(rows.stop, region.bottom), min(columns.stop, region.right)
    if bottom <= top or right <= left:
        return None
    part = mask.within(slice(top, bottom), slice(left, right))
    return Mask(top, left, part) if part.any() else None


def _iou(one: Mask | None, other: Mask | None) -> float:
    if one is None or other is None:
        return 0.0
    shared = one.overlap(other)
    return shared / (one.area + other.area - shared)


def without_duplicates(masks: Sequence[Mask]) -> Steps[list[Mask]]:
    """Remove masks that show the same object, and masks that are a group of others.

    Of two masks with an IoU above one half the one with the higher predicted IoU stays. A mask is
    a group when two or more smaller ones lie in it and cover 85 % of it.
    """
    order = sorted(range(len(masks)), key=lambda k: (-masks[k].score, k))
    rank = {number: place for place, number in enumerate(order)}
    near = sorted(_near_pairs(masks), key=lambda pair: min(rank[k] for k in pair))
    dropped: set[int] = set()
    for done, (one, other) in enumerate(near):
        if done % _OFTEN == 0:
            yield Progress(done, len(near), "duplicates")
        if dropped.isdisjoint((one, other)) and _iou(masks[one], masks[other]) > _DUPLICATE:
            dropped.add(max(one, other, key=rank.__getitem__))
    parts: dict[int, list[Mask]] = {k: [] for k in range(len(masks)) if k not in dropped}
    for one, other in near:
        if dropped.isdisjoint((one, other)):
            large, small = sorted((one, other), key=lambda k: -masks[k].area)
            parts[large].append(masks[small])
    kept = []
    for number, inside in parts.items():
        yield Progress(number, len(masks), "groups")
        if not _is_group(masks[number], inside):
            kept.append(masks[number])
    return kept


def _is_group(whole: Mask, others: Sequence[Mask]) -> bool:
    """Whether smaller masks make up a mask."""
    parts = [one for one in others if whole.overlap(one) >= _INSIDE * one.area]
    height, width = whole.size
    covered = np.zeros((height, width), bool)
    for one in parts:
        covered |= one.moved(-whole.top, -whole.left).drawn((height, width))
    return len(parts) > 1 and int((covered & whole.pixels).sum()) >= _COVERED * whole.area


# pixels around a mask that may be its contact with another, and the widest gap between two
_REACH, _GAP = 2, 3


class _Look(NamedTuple):
    """Grey level and texture of a mask."""

    mean: float
    spread: float
    gradient: float


def merge_alike(masks: Sequence[Mask], grey: np.ndarray) -> Steps[list[Mask]]:
    """Merge masks that touch or overlap, look alike and have no edge between them.

    After SAM-I-Am (arXiv 2404.06638), which removes and merges masks by geometry and texture: two
    masks look alike when their mean grey levels differ by less than half a standard deviation and
    their mean gradients by less than a factor of 1.5. Particles that touch stay apart where the
    grey level in their contact differs from both.

    Parameters
    ----------
    masks : sequence of Mask
        Without duplicates.
    grey : (Y, X) array
        The image.
    """
    grey = np.asarray(grey, np.float32)
    gradient = np.hypot(*np.gradient(grey))
    flat = _FLAT * float(np.ptp(grey))
    looks = []
    for number, mask in enumerate(masks):
        yield Progress(number, len(masks), "texture")
        inside, slope = (part[mask.window][mask.pixels] for part in (grey, gradient))
        looks.append(_Look(float(inside.mean()), float(inside.std()), float(slope.mean())))
    pairs, near = [], _near_pairs(masks)
    for done, (one, other) in enumerate(near):
        if done % _OFTEN == 0:
            yield Progress(done, len(near), "merging")
        if _alike(looks[one], looks[other], flat):
            contact = _contact(masks[one], masks[other], grey)
            spread = max(looks[one].spread, looks[other].spread, flat)
            mean = (looks[one].mean + looks[other].mean) / 2
            if len(contact) and abs(float(contact.mean()) - mean) <= spread:
                pairs.append((one, other))
    return _joined(masks, pairs)


def _alike(one: _Look, other: _Look, flat: float) -> bool:
    spread = max(np.sqrt((one.spread**2 + other.spread**2) / 2), flat)
    low, high = sorted((one.gradient + flat, other.gradient + flat))
    return abs(one.mean - other.mean) <= _GREY * spread + flat and high <= _TEXTURE * low


def _contact(one: Mask, other: Mask, grey: np.ndarray) -> np.ndarray:
    """Grey levels within two pixels of both masks."""
    from scipy.ndimage import binary_dilation

    # where their boxes come close, and as far again for the masks to grow from
    margin = 2 * _REACH
    top, left = (
        max(0, max(a, b) - margin) for a, b in zip(_start(one), _start(other), strict=True)
    )
    bottom, right = (
        min(n, min(a, b) + margin)
        for n, a, b in zip(grey.shape, _end(one), _end(other), strict=True)
    )
    size = (bottom - top, right - left)
    zones = [
        binary_dilation(mask.moved(-top, -left).drawn(size), iterations=_REACH)
        for mask in (one, other)
    ]
    return grey[top:bottom, left:right][zones[0] & zones[1]]


def _start(mask: Mask) -> tuple[int, int]:
    return mask.top, mask.left


def _end(mask: Mask) -> tuple[int, int]:
    rows, columns = mask.window
    return rows.stop, columns.stop


def _near_pairs(masks: Sequence[Mask]) -> list[tuple[int, int]]:
    """Pairs of masks whose boxes overlap or lie next to each other."""
    if not masks:
        return []
    boxes = np.array([mask.box for mask in masks])
    pairs = []
    for number, box in enumerate(boxes[:-1]):
        rest = boxes[number + 1 :]
        near = (rest[:, :2] <= box[2:] + _GAP).all(axis=1)
        near &= (rest[:, 2:] >= box[:2] - _GAP).all(axis=1)
        pairs += [(number, number + 1 + int(other)) for other in np.flatnonzero(near)]
    return pairs


def _joined(masks: Sequence[Mask], pairs: list[tuple[int, int]]) -> list[Mask]:
    """Join all masks that are linked, in the order of the first of each."""
    leader = list(range(len(masks)))

    def first(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    for one, other in pairs:
        low, high = sorted((first(one), first(other)))
        leader[high] = low
    found: dict[int, Mask] = {}
    for number, mask in enumerate(masks):
        own = first(number)
        found[own] = union(found[own], mask) if own in found else mask
    return list(found.values())
