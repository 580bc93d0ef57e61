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
from .prompts import Prompt, padded

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
        Keep the largest part of each mask alone.
    filtered : bool
        Apply the thresholds of predicted IoU and stability.

    Returns
    -------
    list of Mask
        In the image, without duplicates.
    """
    shape = (int(image.shape[0]), int(image.shape[1]))
    pieces = tiles(shape, settings.tile_size)
    planned = _planned(pieces, settings, prompts)
    total, done = sum(len(given) for _, given in planned), 0
    masks: list[Mask] = []
    regions: list[Region] = []
    for region, given in planned:
        found = yield from map_progress(
            _in_region(sam, image[region.window], region, given, settings, filtered),
            functools.partial(_after, done, total),
        )
        done += len(given)
        here = [mask.moved(region.top, region.left) for mask in found]
        if region.layer:
            here = [mask for mask in here if not touches_cut(mask, region, shape)]
        kept = suppressed(here, [mask.score for mask in here], settings.box_nms_thresh)
        masks += [here[number] for number in kept]
        regions += [region] * len(kept)
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
    pieces: list[Region], settings: Settings, prompts: Sequence[Prompt] | None
) -> list[tuple[Region, Any]]:
    """Regions with their points (of a grid), or with the prompts that lie in them."""
    if prompts is None:
        per_side, downscale = settings.points_per_side, settings.crop_n_points_downscale_factor
        regions = [one for piece in pieces for one in crops(piece, settings.crop_n_layers)]
        return [(one, points_of(one, per_side, downscale)) for one in regions]
    own: list[list[Prompt]] = [[] for _ in pieces]
    for one in prompts:
        own[region_at(pieces, *one.centre)].append(one)
    return [(piece, given) for piece, given in zip(pieces, own, strict=True) if given]


def _in_region(
    sam: Sam, image: np.ndarray, region: Region, given: Any, settings: Settings, filtered: bool
) -> Steps[list[Mask]]:
    """Masks of a region, in its pixels."""
    from ...nets.sam.decode import Choices, predict
    from ...nets.sam.embedding import embed

    is_grid = isinstance(given, np.ndarray)
    prompts = _of_grid(given) if is_grid else _of_objects(given, region)
    embedding = yield from embed(sam, image)
    choices = Choices(
        settings.points_per_batch,
        settings.pred_iou_thresh if filtered else 0.0,
        settings.stability_score_thresh if filtered else 0.0,
        settings.stability_score_offset,
        settings.mask_threshold,
        settings.use_m2m,
        best=not is_grid,
    )
    return (yield from predict(sam, embedding, prompts, choices))


def _of_grid(points: np.ndarray) -> Prompts:
    from ...nets.sam.decode import Prompts

    count = len(points)
    return Prompts(points[:, None], np.ones((count, 1), int), None, None, np.arange(1, count + 1))


def _of_objects(given: Sequence[Prompt], region: Region) -> Prompts:
    """Prompts in pixels of a region; those of a call are all points, all boxes or all masks."""
    from ...nets.sam.decode import Prompts

    numbers = np.array([one.number for one in given])
    corner = np.array([region.left, region.top], float)
    if given[0].box is None:
        points, labels = padded(given)
        return Prompts(points - corner, labels, None, None, numbers)
    ends = np.array(region.size[::-1]) - 1
    limits = np.tile(ends, 2)
    boxes = np.array([one.box for one in given]) - np.tile(corner, 2)
    masks = None
    if given[0].mask is not None:
        masks = [one.mask.moved(-region.top, -region.left) for one in given if one.mask]
    return Prompts(None, None, np.clip(boxes, 0, limits), masks, numbers)


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
