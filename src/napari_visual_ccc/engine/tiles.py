"""Go through a plane in tiles that depend on its shape alone, whatever its chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from .planes import CHUNK_SIDE, in_turn, is_lazy

Answer = TypeVar("Answer")
_TILE = 1024


def tiles_of(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """First row and column of every tile of a plane, as `over_tiles` goes through them."""
    return [(int(y), int(x)) for y in _edges(shape[0])[:-1] for x in _edges(shape[1])[:-1]]


def over_tiles(
    function: Callable[..., Answer], *images: Any, halo: int
) -> Iterator[tuple[int, Answer]]:
    """Ask something of every tile of a plane; how it is cut depends on its shape alone.

    Parameters
    ----------
    function : callable
        The tiles of the images, with a halo on all sides that is 0 beyond the image → an answer.
        Called on several threads.
    *images : (Y, X) arrays
        Of one shape, numpy or dask.
    halo : int
        Pixels around a tile that are seen as well.

    Yields
    ------
    Number of the tile in `tiles_of` and answer, as they come.
    """
    if min(images[0].shape) <= halo:
        images = tuple(np.asarray(image) for image in images)
    if any(is_lazy(image) for image in images):
        from .blocks import over_blocks

        return over_blocks(lambda _, *seen: function(*seen), *(_haloed(i, halo) for i in images))
    rows, columns = (_edges(length) for length in images[0].shape)

    def ask(place: tuple[int, int]) -> Answer:
        return function(*(_cut(image, (rows, columns), place, halo) for image in images))

    return enumerate(in_turn(ask, np.ndindex(len(rows) - 1, len(columns) - 1)))


def _edges(length: int) -> np.ndarray:
    """Cut a length into equal parts: none is so small that a halo reaches beyond its neighbour."""
    return np.linspace(0, length, max(1, -(-length // _TILE)) + 1).astype(int)


def _cut(
    image: np.ndarray, edges: tuple[np.ndarray, np.ndarray], place: tuple[int, int], halo: int
) -> np.ndarray:
    slices, missing = [], []
    for cuts, part, length in zip(edges, place, image.shape, strict=True):
        first, last = cuts[part] - halo, cuts[part + 1] + halo
        slices.append(slice(max(first, 0), min(last, length)))
        missing.append((max(-first, 0), max(last - length, 0)))
    return np.pad(image[tuple(slices)], missing)


def _haloed(image: Any, halo: int) -> Any:
    import dask.array as da

    if not is_lazy(image):
        image = da.from_array(image, chunks=CHUNK_SIDE, name=False)
    image = image.rechunk(tuple(tuple(np.diff(_edges(n)).tolist()) for n in image.shape))
    depth = dict.fromkeys(range(2), halo)
    return da.overlap.overlap(image, depth=depth, boundary=dict.fromkeys(range(2), 0))
