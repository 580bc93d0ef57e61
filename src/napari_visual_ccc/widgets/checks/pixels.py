"""What is found in the pixels of an image, or of a bounded part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.lazy import in_memory, is_lazy
from ...core.micrograph import InfoBar, Micrograph, plane_shape
from ...core.progress import Steps
from ...engine.acquisition.bar_detector import find_info_bar
from ...workflow import signature
from ...workflow.run import execute
from .verdict import Checked

# side of the middle that is assessed of planes with more pixels than this
SIDE, MOST = 2048, 1 << 24

# most bytes of a lazy part: an image in one chunk would be read whole
_READ = 1 << 28

# grey levels that a mask or a label image may have
_FEW = 8


@dataclass(frozen=True)
class Plane:
    """One plane of an image, taken on the GUI thread.

    Parameters
    ----------
    data : (Y, X) or (Y, X, 3 or 4) array
        Numpy or dask.
    index : tuple of int
        Of the slice in its stack.
    bar : InfoBar, optional
        That is known.
    chunk_bytes : int
        Of a chunk of the whole image, where it is lazy.
    spacing, unit
        Size of a pixel.
    """

    data: Any
    index: tuple[int, ...] = ()
    bar: InfoBar | None = None
    chunk_bytes: int = 0
    spacing: tuple[float, ...] | None = None
    unit: str = "px"


def check(plane: Plane) -> Steps[Checked]:
    """Assess a plane, or its middle where it is large.

    Parameters
    ----------
    plane : Plane
        Of an image.

    Returns
    -------
    Checked
        With the part that was assessed.
    """
    data, bar = plane.data, plane.bar
    height, width = plane_shape(data)
    part = [f"slice {', '.join(map(str, plane.index))}"] if plane.index else []
    large = height * width > MOST
    if large:
        rows, columns = _middle(height), _middle(width)
        data = data[rows, columns]
        part.append(f"the middle {plane_shape(data)[1]} × {plane_shape(data)[0]} px")
    if is_lazy(data):
        if data.npartitions * plane.chunk_bytes > _READ:
            return Checked(bar=bar, problem="too large to be assessed at once")
        data = in_memory(data)
    if _few_levels(data):
        return Checked(bar=bar, problem="it has few grey levels, as a mask or labels have")
    if bar is None and not large:
        bar = find_info_bar(data)
    # what a bar leaves of the middle is all of it, for bars lie at the border
    left_out = InfoBar() if large or bar is None else bar
    image = Micrograph(data, plane.spacing, plane.unit, info_bar=left_out)
    try:
        outcome = yield from execute("image_quality", {"image": image})
    except ValueError as error:
        return Checked(bar=bar, problem=str(error))
    (row,) = outcome.result.table.to_dict("records")
    limits = {name: one.default for name, one in signature.parameters("image_quality").items()}
    return Checked(row, limits, bar, " of ".join(reversed(part)))


def _middle(length: int) -> slice:
    start = max(0, (length - SIDE) // 2)
    return slice(start, min(length, start + SIDE))


def _few_levels(data: np.ndarray) -> bool:
    """Whether the pixels have few values that are whole numbers."""
    step = max(1, int(np.sqrt(data.size / (1 << 18))))
    levels = np.unique(data[::step, ::step])
    return 1 < len(levels) <= _FEW and bool(np.isfinite(levels).all())
