"""Separate objects that touch each other."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from ...arrays.inputs import label_parts, require_non_negative, validate_labels
from ...arrays.lazy import is_lazy
from ...arrays.volumes import Dimensions, axes_of
from ...core.layers import LabelsLayer
from ...core.pixel_size import PixelSize, Sizes, Spacing, voxel_shape
from ...core.progress import Progress, Steps, run
from ...core.result import Result
from .objects import object_table


def watershed_split(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    tolerance: Annotated[float, {"min": 0.1, "max": 20, "step": 0.1}] = 1.0,
    min_size: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    only: Annotated[int, {"min": 0}] = 0,
    dimensions: Dimensions = "2D",
) -> Steps[Result]:
    """Split objects that touch at their necks, and number every object.

    Watershed on the distance to the background; maxima of the distance that rise less than the
    tolerance above their saddle are not split off (Soille, Morphological Image Analysis, 2nd ed.,
    2004, section 9.2).

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel.
    unit : str
        Of `spacing`, such as ``"nm"``.
    tolerance : float
        How much narrower than the smaller object a neck must be (its half width), in pixels:
        larger values split less.
    min_size : int
        Objects with fewer pixels are dropped, 0 keeps all.
    only : int
        Split this label alone (of several classes, say), 0 takes all that are not background.
    dimensions : {'2D', '3D'}
        Split every slice on its own, or the volume of the last three axes: the distance then
        counts the step between slices as it is.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) int32, one number an object, no number twice in a stack.
        ``table``: one row an object with its pixels and, with a scale, its area in `unit`² (in
        3D its volume in `unit`³). Labels of dask are lazy, whole slices (volumes) at a time:
        nothing is counted, so there is no table, and numbers leave gaps from slice to slice.

    Raises
    ------
    ValueError
        If the labels are not whole numbers, one is negative, or there is nothing to split. Of
        dask labels nobody knows before they are looked at: without objects they give an empty
        result.
    """
    labels = validate_labels(labels)
    axes = axes_of(dimensions, labels.shape)
    pixel_size = PixelSize.of(spacing, unit, axes)
    shape = voxel_shape(pixel_size) if axes == 3 else None
    if is_lazy(labels):
        return _lazily(labels, axes, tolerance, min_size, only, shape)
    split = np.zeros(labels.shape, np.int32)
    count, total = 0, int(np.prod(labels.shape[:-axes]))
    for done, (index, part) in enumerate(label_parts(labels, axes)):
        mask = part == only if only else part != 0
        objects = yield from _split(mask, tolerance, min_size, shape, done, total)
        split[index] = np.where(objects > 0, objects + count, 0)
        count += int(objects.max(initial=0))
    if count == 0:
        wanted = f"label {only}" if only else "objects"
        raise ValueError(f"labels hold no {wanted} of {min_size} or more pixels: nothing to split")
    pixels = np.bincount(split.ravel(), minlength=count + 1)[1:]
    layer = LabelsLayer(split, table=object_table(pixels, pixel_size), name="split")
    return Result((layer,), facts={"objects": count}, notes=(f"{count} objects",))


def _lazily(
    labels: Any, axes: int, tolerance: float, min_size: int, only: int, shape: Sizes | None
) -> Result:
    import dask.array as da

    leading = labels.shape[:-axes]
    # a pixel of each object can be chosen so that no two share a side: half of the pixels at most
    most = int(np.prod(labels.shape[-axes:])) // max(2, min_size) + 1
    dtype = np.int32 if most * int(np.prod(leading)) < np.iinfo(np.int32).max else np.int64
    chunks = (*([1] * len(leading)), *([-1] * axes))

    def block(chunk: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        part = require_non_negative(chunk[(0,) * len(leading)])
        mask = part == only if only else part != 0
        objects: np.ndarray = run(_split(mask, tolerance, min_size, shape, 0, 1)).astype(dtype)
        number = int(np.ravel_multi_index(block_id[: len(leading)], leading)) if leading else 0
        return np.where(objects > 0, objects + number * most, 0).reshape(chunk.shape)

    meta = np.empty((0,) * labels.ndim, dtype)
    split = da.map_blocks(block, labels.rechunk(chunks), dtype=dtype, meta=meta)
    note = "objects are split when they are looked at: run the region table to measure them"
    return Result((LabelsLayer(split, name="split"),), notes=(note,))


def _split(
    mask: np.ndarray,
    tolerance: float,
    min_size: int,
    shape: Sizes | None,
    done: int,
    total: int,
) -> Steps[np.ndarray]:
    from scipy import ndimage
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    yield Progress(4 * done, 4 * total, "distance")
    # a frame of background: an object cut by the border is no wider for it
    inside = (slice(1, -1),) * mask.ndim
    distance = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=shape)[inside]
    yield Progress(4 * done + 1, 4 * total, "maxima")
    lowered = reconstruction(np.maximum(distance - tolerance, 0), distance)
    peaks = local_maxima(lowered, connectivity=mask.ndim) & mask
    yield Progress(4 * done + 2, 4 * total, "watershed")
    seeds, _ = ndimage.label(peaks, structure=np.ones((3,) * mask.ndim))
    seeds = _with_seed_everywhere(seeds, mask)
    parts = watershed(-distance, seeds, mask=mask)
    if min_size > 1:
        keep = np.bincount(parts.ravel()) >= min_size
        keep[0] = False
        parts = (np.cumsum(keep) * keep)[parts]
    yield Progress(4 * done + 3, 4 * total, "objects")
    return parts


def _with_seed_everywhere(seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An object lower than the tolerance has no maximum left: it is its own seed."""
    from scipy import ndimage

    bodies, count = ndimage.label(mask)
    seeded = np.zeros(count + 1, bool)
    seeded[bodies[seeds > 0]] = True
    seeded[0] = True
    fresh = np.cumsum(~seeded) * ~seeded
    return np.where(seeded[bodies], seeds, fresh[bodies] + seeds.max(initial=0))
