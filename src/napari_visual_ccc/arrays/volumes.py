"""Apply functions to volumes: the last three axes of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np

from ..core.progress import Steps
from .lazy import in_memory, is_lazy
from .mapping import Plane, fill, map_planes
from .tiling import BLOCK_VOXELS, volume_tiles

Dimensions = Annotated[Literal["2D", "3D"], {"stack": True}]


def axes_of(dimensions: str, shape: tuple[int, ...]) -> int:
    """Number of the last axes that form a slice (2) or a volume (3).

    Raises
    ------
    ValueError
        If `dimensions` is neither ``"2D"`` nor ``"3D"``, or is ``"3D"`` for a single image.
    """
    if dimensions not in ("2D", "3D"):
        raise ValueError(f"dimensions is {dimensions!r}; choose 2D or 3D")
    if dimensions == "2D":
        return 2
    if len(shape) < 3:
        raise ValueError(f"an image of shape {shape} has no third dimension; choose 2D")
    return 3


def parts(image: Any, axes: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Iterate over slices (2 axes) or volumes (3 axes) with their index."""
    for index in np.ndindex(image.shape[:-axes]):
        yield index, in_memory(image[index])


def map_volumes(
    function: Plane,
    image: Any,
    *,
    dtype: Any,
    halo: tuple[int, int, int] | None = None,
    voxels: int = BLOCK_VOXELS,
    note: str = "volume",
) -> Steps[Any]:
    """Apply a function of a (Z, Y, X) volume to a stack of any size: `map_planes` for volumes.

    Parameters
    ----------
    function : callable
        From a 3-D numpy array to one of the same shape. With a `halo` it is called with blocks and
        must treat the border of a block as the border of an image.
    image : (..., Z, Y, X) array
        Numpy or dask.
    dtype : dtype
        Of the result.
    halo : (z, y, x), optional
        Distance in voxels up to which a result depends on others. None: whole volumes.
    voxels : int
        Of a block, roughly.
    note : str
        For the progress bar.

    Returns
    -------
    (..., Z, Y, X) array
        Numpy for numpy, lazy for dask. Blocks and chunks give the result of the whole volume, up
        to the rounding of functions with running sums (non-local means): some voxels differ by a
        few units in the last place of float32, about 1e-6 of the largest value.
    """
    if is_lazy(image):
        return _lazily(function, image, dtype, halo)
    result = np.empty(image.shape, dtype)
    # one after the other: the temporary memory of a function of volumes is not bounded
    yield from fill(function, image, result, volume_tiles(image.shape, halo, voxels), note)
    return result


def map_parts(function: Plane, image: Any, axes: int, *, dtype: Any, note: str) -> Steps[Any]:
    """Apply a function of whole slices (2 axes) or whole volumes (3 axes)."""
    if axes == 3:
        return (yield from map_volumes(function, image, dtype=dtype, note=note))
    return (yield from map_planes(function, image, dtype=dtype, note=note))


def _lazily(
    function: Plane,
    image: Any,
    dtype: Any,
    halo: tuple[int, int, int] | None,
) -> Any:
    import dask.array as da

    def block(chunk: np.ndarray) -> np.ndarray:
        result = np.empty(chunk.shape, dtype)
        for index in np.ndindex(chunk.shape[:-3]):
            result[index] = function(chunk[index])
        return result

    meta = np.empty((0,) * image.ndim, dtype)
    if halo is None:
        whole = image.rechunk(dict.fromkeys((-3, -2, -1), -1))
        return da.map_blocks(block, whole, dtype=dtype, meta=meta)
    # an axis shorter than its halo is one chunk: dask refuses such an overlap
    first = image.ndim - 3
    short = [axis for axis, around in enumerate(halo, first) if around >= image.shape[axis]]
    image = image.rechunk(dict.fromkeys(short, -1))
    depth = {axis: 0 if axis in short else around for axis, around in enumerate(halo, first)}
    return da.map_overlap(
        block, image, depth=depth, boundary="none", dtype=dtype, meta=meta, allow_rechunk=True
    )
