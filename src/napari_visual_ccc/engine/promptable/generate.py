"""Masks of an image: of a grid of points on it and its crops, or of given prompts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.progress import Progress, Steps, map_progress
from ...nets.sam.mask import Mask
from .filters import cleaned, suppressed, touches_cut
from .grid import Region, crops, points_of, region_at, tiles
from .merge import join_tiles
from .presets import Settings
from .prompts import Prompt

if TYPE_CHECKING:
    from ...nets.sam.decode import Prompts
    from ...nets.sam.model import Sam

# percentiles of images that are not 8 bit which become black and white
_DARKEST, _BRIGHTEST = 0.1, 99.9


def to_rgb(grey: np.ndarray) -> np.ndarray:
    """Grey image as the (Y, X, 3) uint8 that the models are trained on.

    8-bit images keep their grey levels; others are stretched between two percentiles.
    """
    if grey.dtype != np.uint8:
        from ...arrays.inputs import stretch

        grey = np.round(stretch(grey, _DARKEST, _BRIGHTEST)[0] * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def generate(
    sam: Sam,
    image: np.ndarray,
    settings: Settings,
    prompts: Sequence[Prompt] | None = None,
    *,
    largest_only: bool = False,
    filtered: bool = True,
) -> Steps[list[Mask]]:
    """Find the masks of an image.

    Parameters
    ----------
    sam : Sam
        From `load_sam`.
    image : (Y, X, 3) uint8 array
        RGB.
    settings : Settings
        Grid, crops, tiles and thresholds.
    prompts : sequence of Prompt, optional
        Of objects; without them a grid of points is set on the image, its tiles and their crops.
    largest_only : bool
        Keep only the largest part of each mask.
    filtered : bool
        Apply the thresholds of predicted IoU, stability and overlap. Without them every prompt
        keeps its mask.

    Returns
    -------
    list of Mask
        In the image, without duplicates; if not `filtered`, of each prompt one that has a mask.
    """
    if not filtered:
        # what each prompt of a person shows is an object
        settings = settings._replace(
            pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=1.0
        )
    shape = (int(image.shape[0]), int(image.shape[1]))
    pieces = tiles(shape, settings.tile_size)
    planned = _planned(pieces, shape, settings, prompts)
    total, done = sum(len(given) for _, given in planned), 0
    masks: list[Mask] = []
    regions: list[Region] = []
    for region, given in planned:
        found = yield from map_progress(
            _in_region(sam, image[region.window], region, given, settings),
            functools.partial(_after, done, total),
        )
        done += len(given)
        here = [mask.moved(region.top, region.left) for mask in found]
        if region.layer:
            here = [mask for mask in here if not touches_cut(mask, region, shape)]
        if not filtered:
            here = [mask.changed(cut=touches_cut(mask, region, shape, 1)) for mask in here]
        kept = suppressed(here, [mask.score for mask in here], settings.box_nms_thresh)
        masks += [here[number] for number in kept]
        regions += [region] * len(kept)
    if filtered:
        masks = yield from _across(masks, regions, pieces, shape, settings)
    return (yield from _cleaned(masks, settings, largest_only))


def _cleaned(masks: list[Mask], settings: Settings, largest_only: bool) -> Steps[list[Mask]]:
    """Masks without small holes and parts."""
    least, clean = settings.min_mask_region_area, []
    for number, mask in enumerate(masks):
        yield Progress(number, len(masks), "parts")
        found = cleaned(mask, least, largest_only)
        if found is not None:
            clean.append(found)
    if least <= 0:
        return clean
    # repaired masks may have become the same
    kept = suppressed(clean, [mask.score for mask in clean], settings.box_nms_thresh)
    return [clean[number] for number in kept]


def _after(before: int, total: int, progress: Progress) -> Progress:
    return Progress(before + progress.done, total, progress.note)


def _planned(
    pieces: list[Region], shape: tuple[int, int], settings: Settings,
    prompts: Sequence[Prompt] | None,
) -> list[tuple[Region, Any]]:  # fmt: skip
    """Regions with their points (of a grid), or with the prompts that lie in them.

    A prompt that no tile holds is set on the whole image.
    """
    if prompts is None:
        per_side, downscale = settings.points_per_side, settings.crop_n_points_downscale_factor
        regions = [one for piece in pieces for one in crops(piece, settings.crop_n_layers)]
        return [(one, points_of(one, per_side, downscale)) for one in regions]
    own: dict[Region, list[Prompt]] = {}
    for one in prompts:
        holding = [piece for piece in pieces if piece.holds(*one.extent)]
        region = holding[region_at(holding, *one.centre)] if holding else Region(0, 0, *shape)
        own.setdefault(region, []).append(one)
    return sorted(own.items())


def _in_region(
    sam: Sam, image: np.ndarray, region: Region, given: Any, settings: Settings
) -> Steps[list[Mask]]:
    """Masks of a region, in its pixels."""
    from ...nets.sam.decode import Choices, predict
    from ...nets.sam.embedding import embed

    is_grid = isinstance(given, np.ndarray)
    groups = [_of_grid(given)] if is_grid else _of_objects(given, region)
    embedding = yield from embed(sam, image)
    choices = Choices(
        settings.points_per_batch,
        settings.pred_iou_thresh,
        settings.stability_score_thresh,
        settings.stability_score_offset,
        settings.mask_threshold,
        settings.use_m2m,
        best=not is_grid,
    )
    found: list[Mask] = []
    done = 0
    for prompts in groups:
        found += yield from map_progress(
            predict(sam, embedding, prompts, choices), functools.partial(_after, done, len(given))
        )
        done += len(prompts.numbers)
    return found


def _of_grid(points: np.ndarray) -> Prompts:
    from ...nets.sam.decode import Prompts

    count = len(points)
    return Prompts(points[:, None], np.ones((count, 1), int), None, None, np.arange(1, count + 1))


def _of_objects(given: Sequence[Prompt], region: Region) -> list[Prompts]:
    """Prompts in pixels of a region; those of a call are all points, all boxes or all masks.

    Points are grouped by their number: to fill a prompt up with empty points would change its mask.
    """
    from ...nets.sam.decode import Prompts

    if given[0].box is None:
        return _of_points(given, region)
    numbers = np.array([one.number for one in given])
    corner = np.array([region.left, region.top], float)
    ends = np.array(region.size[::-1]) - 1
    limits = np.tile(ends, 2)
    boxes = np.array([one.box for one in given]) - np.tile(corner, 2)
    masks = None
    if given[0].mask is not None:
        masks = [one.mask.moved(-region.top, -region.left) for one in given if one.mask]
    return [Prompts(None, None, np.clip(boxes, 0, limits), masks, numbers)]


def _of_points(given: Sequence[Prompt], region: Region) -> list[Prompts]:
    """Points that lie in a region, those of objects with equally many together."""
    from ...nets.sam.decode import Prompts

    groups: dict[int, list[tuple[np.ndarray, np.ndarray, int]]] = {}
    for one in given:
        # negative points may lie beside the region, which is as good as none
        inside = [region.holds(x, y, x, y) for x, y in one.points]
        places = one.points[inside] - (region.left, region.top)
        own = (places, one.positive[inside], one.number)
        groups.setdefault(len(places), []).append(own)
    return [
        Prompts(np.stack(places), np.stack(labels), None, None, np.array(numbers))
        for places, labels, numbers in (zip(*group, strict=True) for group in groups.values())
    ]


def _across(
    masks: list[Mask], regions: list[Region], pieces: list[Region], shape: tuple[int, int],
    settings: Settings,
) -> Steps[list[Mask]]:  # fmt: skip
    """Remove what several regions have found, and join what the seams of tiles cut."""
    if len({(one.top, one.left, one.layer) for one in regions}) < 2:
        return masks
    if len(pieces) > 1:
        masks = yield from join_tiles(masks, [one.tile for one in regions], pieces, shape)
        kept = suppressed(masks, [mask.area for mask in masks], settings.box_nms_thresh)
        return [masks[number] for number in kept]
    # of two the one from the smaller crop, where the object is larger
    scores = [1 / (one.size[0] * one.size[1]) for one in regions]
    kept = suppressed(masks, scores, settings.box_nms_thresh)
    return [masks[number] for number in kept]
