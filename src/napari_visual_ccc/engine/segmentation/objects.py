"""Label the objects of a mask of any size: chunk by chunk, joined across seams."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from ...arrays.inputs import require_non_negative, validate_labels
from ...arrays.lazy import is_lazy, rechunk_square
from ...arrays.reduction import computed, count_pieces, map_pieces
from ...core.layers import LabelsLayer
from ...core.pixel_size import MinDiameter, PixelSize, Spacing, least_pixels
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...core.units import counted

if TYPE_CHECKING:
    import pandas as pd

# choice of what makes objects of labels
OnlyLabel = Annotated[
    int, {"min": 0, "label": "Only label (0: all)", "label_in": "labels", "more": True}
]


def label_objects(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    min_diameter: MinDiameter = 0.0,
    only: OnlyLabel = 0,
) -> Steps[Result]:
    """Label connected objects of a mask; pixels connect along sides, not across corners.

    Touching objects have one label: `watershed_split` separates them.

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background. Slices of a stack are labelled one by one. Numpy or dask, also larger
        than memory.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    min_diameter : float
        Smaller objects are removed: diameter of a circle of the same area, in `unit` if there is
        a pixel size, otherwise in pixels. 0 keeps all.
    only : int
        Label only objects of this label (one of several classes, for example), 0: all but the
        background.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) int32, in the order of their first pixels, row by row; unique within
        a stack. Lazy for dask: chunks are labelled once more on demand.
        ``table``: one row an object with its pixels and, with a scale, its area in `unit` squared.

    Raises
    ------
    ValueError
        If the labels are not integers, one is negative, or there is no object.
    """
    labels = validate_labels(labels)
    pixel_size = PixelSize.of(spacing, unit)
    least = least_pixels(min_diameter, pixel_size)
    numbers, pixels = yield from numbered(_mask(labels, only), least)
    if len(pixels) == 0:
        wanted = f"label {only}" if only else "objects"
        raise ValueError(f"labels hold no {wanted} of {least} or more pixels: nothing to label")
    if not is_lazy(labels):
        numbers = yield from computed(numbers)
    table = object_table(pixels, pixel_size)
    facts, notes = {"objects": len(pixels)}, (counted(len(pixels), "object"),)
    return Result((LabelsLayer(numbers, table=table, name="objects"),), facts=facts, notes=notes)


def object_table(pixels: np.ndarray, pixel_size: PixelSize | None) -> pd.DataFrame:
    """Table of objects 1, 2, ...: pixels and, with a pixel size, area (of voxels volume)."""
    import pandas as pd

    table = pd.DataFrame({"label": np.arange(1, len(pixels) + 1), "pixels": pixels})
    if pixel_size is not None:
        table[pixel_size.extent_column] = pixels * pixel_size.extent
    return table


def _mask(labels: Any, only: int) -> Any:
    def mask(part: np.ndarray) -> np.ndarray:
        return require_non_negative(part) == only if only else require_non_negative(part) != 0

    if not is_lazy(labels):
        return mask(labels)
    return labels.map_blocks(mask, dtype=bool, meta=np.empty((0,) * labels.ndim, bool))


# side of the chunks that are labelled one by one
_SIDE = 1024


class _Chunk(NamedTuple):
    """Components of a chunk: first pixels (positions in the stack), sizes, labels at the seams."""

    first: np.ndarray
    pixels: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray


def numbered(mask: Any, min_size: int = 0) -> Steps[tuple[Any, np.ndarray]]:
    """Label the objects of every slice of a mask.

    Parameters
    ----------
    mask : (..., Y, X) bool array
        Numpy or dask.
    min_size : int
        Objects with fewer pixels are left out.

    Returns
    -------
    numbers : (..., Y, X) int32 dask array
        As `scipy.ndimage.label` of whole slices, continued through the stack.
    pixels : (n,) int array
        Of object 1, 2, ...
    """
    import dask.array as da

    mask = rechunk_square(mask, _SIDE)
    shape, grid, total = mask.shape, mask.numblocks, count_pieces(mask)
    found = {}
    for which, chunk in map_pieces(lambda place, part: _chunk(place, part, shape), mask):
        found[which] = chunk
        yield Progress(len(found), total, "objects")
    chunks = [found[which] for which in range(total)]
    starts = np.cumsum([0, *(len(chunk.first) for chunk in chunks)])
    table, pixels = _final(chunks, starts, grid, min_size)

    def number(part: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        chunk = int(np.ravel_multi_index(block_id, grid))
        own = np.concatenate([[np.int32(0)], table[starts[chunk] : starts[chunk + 1]]])
        return own[_components(part)[0]].reshape(part.shape)

    numbers = da.map_blocks(
        number, mask, dtype=np.int32, meta=np.empty((0,) * mask.ndim, np.int32),
        # hashing what the function holds, for a name, would take long
        name=f"objects-{uuid.uuid4().hex}",
    )  # fmt: skip
    return numbers, pixels


def _components(part: np.ndarray) -> tuple[np.ndarray, int]:
    from scipy.ndimage import label

    return label(part.reshape(part.shape[-2:]))


def _chunk(place: tuple[slice, ...], part: np.ndarray, shape: tuple[int, ...]) -> _Chunk:
    components, count = _components(part)
    flat, width = components.reshape(-1), components.shape[1]
    # the first pixel of a component begins one of its rows; written last, it remains
    begins = np.flatnonzero(flat)
    begins = begins[(begins % width == 0) | (flat[begins] != flat[begins - 1])][::-1]
    first = np.empty(count + 1, np.int64)
    row, column = np.divmod(begins, width)
    corner = np.ravel_multi_index([side.start for side in place], shape)
    first[flat[begins]] = corner + row * shape[-1] + column
    pixels = np.bincount(flat, minlength=count + 1)
    seams = (components[0], components[-1], components[:, 0], components[:, -1])
    return _Chunk(first[1:], pixels[1:], *(seam.copy() for seam in seams))


def _final(
    chunks: list[_Chunk], starts: np.ndarray, grid: tuple[int, ...], min_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Label of the object of every component of every chunk, and the pixels of each object."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(starts[-1])
    number = np.arange(len(chunks)).reshape(grid)
    touching = [np.zeros((2, 0), np.int64)]
    for one, other, ours, theirs in (
        (number[..., :-1, :], number[..., 1:, :], "bottom", "top"),
        (number[..., :, :-1], number[..., :, 1:], "right", "left"),
    ):
        for a, b in zip(one.ravel(), other.ravel(), strict=True):
            seams = np.stack([getattr(chunks[a], ours), getattr(chunks[b], theirs)])
            seams = np.unique(seams[:, (seams > 0).all(axis=0)], axis=1)
            touching.append(seams + np.array([[starts[a] - 1], [starts[b] - 1]]))
    pairs = np.concatenate(touching, axis=1)
    graph = coo_array((np.ones(pairs.shape[1], bool), pairs), shape=(count, count))
    objects, belongs = connected_components(graph, directed=False)
    first = np.full(objects, np.iinfo(np.int64).max)
    np.minimum.at(first, belongs, np.concatenate([chunk.first for chunk in chunks]))
    pixels = np.zeros(objects, np.int64)
    np.add.at(pixels, belongs, np.concatenate([chunk.pixels for chunk in chunks]))
    kept = np.flatnonzero(pixels >= min_size)
    kept = kept[np.argsort(first[kept])]
    final = np.zeros(objects, np.int32)
    final[kept] = np.arange(1, len(kept) + 1)
    return final[belongs], pixels[kept]
