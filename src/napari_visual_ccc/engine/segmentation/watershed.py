"""Split touching objects by watershed."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from ...arrays.inputs import label_parts, require_non_negative, validate_labels
from ...arrays.lazy import is_lazy
from ...arrays.volumes import Dimensions, axes_of
from ...core.layers import LabelsLayer
from ...core.pixel_size import (
    MinDiameter,
    PixelSize,
    Spacing,
    least_pixels,
    pixel_shape,
    voxel_shape,
)
from ...core.progress import Progress, Steps, run
from ...core.result import Result
from ...core.units import counted
from .distance import raised, ranked
from .objects import OnlyLabel, object_table

# sides of a pixel (y, x) or a voxel (z, y, x)
Shape = tuple[float, ...]


def watershed_split(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    tolerance: Annotated[float, {"min": 0.1, "max": 20, "step": 0.1, "unit": "px"}] = 1.0,
    min_diameter: MinDiameter = 0.0,
    only: OnlyLabel = 0,
    dimensions: Dimensions = "2D",
) -> Steps[Result]:
    """Split touching objects at their necks, and label every object.

    Watershed on the distance transform; maxima that rise less than the tolerance above their saddle
    are merged (Soille, Morphological Image Analysis, 2nd ed., 2004, section 9.2).
    Where three or more objects overlap around a common middle, the middle may become a part of its
    own: it is as wide as the objects, and no tolerance tells them apart.

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel. Widths of objects are those on the specimen,
        also where pixels are not square.
    unit : str
        Of `spacing`, such as ``"nm"``.
    tolerance : float
        Least difference in pixels between the half widths of the smaller object and of the neck:
        larger values split less. Of pixels that are not square, √(height · width) counts.
    min_diameter : float
        Smaller objects are removed: diameter of a circle of the same area (in 3D of a ball of the
        same volume), in `unit` if there is a pixel size, otherwise in pixels. 0 keeps all.
    only : int
        Split only this label (one of several classes, for example), 0: all but the background.
    dimensions : {'2D', '3D'}
        Split each slice, or the volume of the last three axes: the distance then includes the
        step between slices.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) int32, one label an object, unique within a stack.
        ``table``: one row an object with its pixels and, with a scale, its area in `unit` squared
        (in 3D its volume in `unit` cubed). Labels of dask are lazy, by whole slices (volumes):
        without a table, and with gaps between the labels of slices.

    Raises
    ------
    ValueError
        If the labels are not integers, one is negative, or there is nothing to split. Dask labels
        are not checked before they are computed: without objects they give an empty result.
    """
    labels = validate_labels(labels)
    axes = axes_of(dimensions, labels.shape)
    pixel_size = PixelSize.of(spacing, unit, axes)
    shape = voxel_shape(pixel_size) if axes == 3 else pixel_shape(pixel_size)
    min_size = least_pixels(min_diameter, pixel_size, axes)
    if is_lazy(labels):
        return _lazily(labels, axes, tolerance, min_size, only, shape)
    split = np.zeros(labels.shape, np.int32)
    count, total = 0, int(np.prod(labels.shape[:-axes]))
    for done, (index, part) in enumerate(label_parts(labels, axes)):
        mask = part == only if only else part != 0
        objects = yield from split_mask(
            mask, least=tolerance, min_size=min_size, shape=shape, done=done, total=total
        )
        split[index] = np.where(objects > 0, objects + count, 0)
        count += int(objects.max(initial=0))
    if count == 0:
        wanted = f"label {only}" if only else "objects"
        raise ValueError(f"labels hold no {wanted} of {min_size} or more pixels: nothing to split")
    pixels = np.bincount(split.ravel(), minlength=count + 1)[1:]
    layer = LabelsLayer(split, table=object_table(pixels, pixel_size), name="split")
    return Result((layer,), facts={"objects": count}, notes=(counted(count, "object"),))


def _lazily(
    labels: Any, axes: int, tolerance: float, min_size: int, only: int, shape: Shape | None
) -> Result:
    import dask.array as da

    leading = labels.shape[:-axes]
    # one pixel of each object can be chosen so that no two share a side: at most half of the pixels
    most = int(np.prod(labels.shape[-axes:])) // max(2, min_size) + 1
    dtype = np.int32 if most * int(np.prod(leading)) < np.iinfo(np.int32).max else np.int64
    chunks = (*([1] * len(leading)), *([-1] * axes))

    def block(chunk: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        part = require_non_negative(chunk[(0,) * len(leading)])
        mask = part == only if only else part != 0
        steps = split_mask(mask, least=tolerance, min_size=min_size, shape=shape)
        objects: np.ndarray = run(steps).astype(dtype)
        number = int(np.ravel_multi_index(block_id[: len(leading)], leading)) if leading else 0
        return np.where(objects > 0, objects + number * most, 0).reshape(chunk.shape)

    meta = np.empty((0,) * labels.ndim, dtype)
    split = da.map_blocks(block, labels.rechunk(chunks), dtype=dtype, meta=meta)
    note = "objects are split on demand: run the region table to measure them"
    return Result((LabelsLayer(split, name="split"),), notes=(note,))


def split_mask(
    mask: np.ndarray,
    *,
    least: float,
    share: float = 0.0,
    min_size: int = 0,
    shape: Shape | None = None,
    done: int = 0,
    total: int = 1,
) -> Steps[np.ndarray]:
    """Split the objects of a mask at their necks.

    Parameters
    ----------
    mask : (Y, X) or (Z, Y, X) bool array
    least : float
        Tolerance: least difference between the half widths of object and neck, in pixels.
    share : float
        The same as a share of the half width of the object, where that is more.
    min_size : int
        Parts with fewer pixels are left out.
    shape : (y, x) or (z, y, x), optional
        Sides of a pixel that is not square, or of a voxel.
    done, total : int
        Masks split so far, of all: for the progress.

    Returns
    -------
    int array
        Parts 1, 2, ... of the shape of the mask.
    """
    from scipy import ndimage
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    yield Progress(4 * done, 4 * total, "distance")
    distance, low, high = ranked(mask, least, share, shape)
    yield Progress(4 * done + 1, 4 * total, "maxima")
    for _ in raised(low, high):
        yield Progress(4 * done + 1, 4 * total, "maxima")
    peaks = local_maxima(low, connectivity=mask.ndim) & mask
    yield Progress(4 * done + 2, 4 * total, "watershed")
    seeds, _ = ndimage.label(peaks, structure=np.ones((3,) * mask.ndim))
    seeds, alone = _add_seeds(seeds, mask)
    parts = seeds if alone else watershed(-distance, seeds, mask=mask)
    if min_size > 1:
        keep = np.bincount(parts.ravel()) >= min_size
        keep[0] = False
        parts = (np.cumsum(keep) * keep)[parts]
    yield Progress(4 * done + 3, 4 * total, "objects")
    return parts


def _add_seeds(seeds: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, bool]:
    """Add seeds for objects lower than the tolerance, which have no maximum left.

    Returns
    -------
    seeds : int array
    alone : bool
        Whether no object has several seeds: then seeds fill their objects.
    """
    from scipy import ndimage

    bodies, count = ndimage.label(mask)
    number = np.zeros(count + 1, seeds.dtype)
    there = seeds > 0
    number[bodies[there]] = seeds[there]
    # a seed may lie in two objects that touch at a corner: their numbers do not tell
    alone = bool((number[bodies[there]] == seeds[there]).all())
    most = int(seeds.max(initial=0))
    fresh = number == 0
    fresh[0] = False
    added = int(fresh.sum())
    number[fresh] = most + np.arange(1, added + 1)
    if alone:
        return number.take(bodies), True
    if fresh.any():
        seeds = np.where(fresh.take(bodies), number.take(bodies), seeds)
    return seeds, False
