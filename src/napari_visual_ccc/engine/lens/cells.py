"""Cells of a layer of a network on an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.filling import known_everywhere, missing_around
from ...arrays.lazy import is_lazy
from ...arrays.reduction import computed
from ...core.layers import Placement
from ...core.micrograph import InfoBar
from ...core.pixel_size import PixelSize, nanometres
from ...core.plain import reason_of
from ...core.progress import Progress, Steps, as_one_step
from ..acquisition.bar_detector import info_bar_of
from ..classification.crops import (
    in_range_of,
    network_plane,
    normalised,
    normalised_lazily,
    open_plane,
    scale_note,
    window_side,
)

if TYPE_CHECKING:
    from ...core.dataset import Example
    from ...nets.card import NetworkInput
    from ...nets.checkpoint import Model
    from ...nets.lens.maps import LayerMaps
    from ...nets.lens.tap import Tap

# larger images stay lazy: they are resized tile by tile
LARGE_PIXELS = 1 << 26

# columns of a table of patches in files; the side in nm is √(height · width)
ROW = (
    "file", "y_px", "x_px", "side_px", "y_nm", "x_nm", "side_nm", "height_nm", "width_nm"
)  # fmt: skip

# share of a Gaussian window as wide as what a cell depends on that may be filled pixels
_FILLED = 0.02


@dataclass(frozen=True, eq=False)
class Seen:
    """Maps of a layer for an image.

    Parameters
    ----------
    tap : Tap
        The layer and its model.
    maps : (C, h, w) float32 array
        One map a channel; NaN in cells on which missing pixels have an influence.
    placement : Placement
        Of the cells in the image.
    shape : (Y, X)
        Of the image.
    notes : tuple of str
        Remarks on the image and the model.
    known : (Y, X) bool array, optional
        Pixels that are not missing; None if all are there.
    """

    tap: Tap
    maps: np.ndarray
    placement: Placement
    shape: tuple[int, int]
    notes: tuple[str, ...] = ()
    known: np.ndarray | None = None

    @property
    def stride(self) -> float:
        """Image pixels between neighbouring cells."""
        return self.placement.stride


def open_model(model: Path | None, device: str) -> Steps[Model]:
    """Load a model."""
    from ...nets import checkpoint
    from ...nets import device as devices

    yield Progress(0, 0, "model")
    return checkpoint.load_model(model, devices.choose(device), task=None)


def see(
    image: Any,
    spacing: Any,
    unit: str,
    model: Model,
    layer: str,
    *,
    attention: bool = False,
) -> Steps[Seen]:
    """Compute the maps of a layer for an image, or attention maps.

    Parameters
    ----------
    image : (Y, X) array
        Grey or colour. Missing pixels (NaN or infinite) are filled from their surroundings, and
        cells that this has an influence on are NaN.
    spacing, unit : (y, x) and str
        Pixel size, for a model that is trained at a fixed scale.
    model : Model
        From `open_model`; on the CPU if the memory of the GPU is full.
    layer : str
        Name of a layer; of a block, for attention.
    attention : bool
        Compute attention maps of the class token.

    Raises
    ------
    ValueError
        If there is no such layer, the image is not a plane, or missing pixels have an influence on
        every cell.
    RuntimeError
        If memory is full.
    """
    from ...nets.checkpoint import on_cpu
    from ...nets.inference import FALLBACK_NOTE, can_fall_back, user_message
    from ...nets.lens.tap import Tap

    stretched, known, notes = yield from _stretched(image, model.card)
    size = nanometres(spacing, unit)
    shape = (int(stretched.shape[-2]), int(stretched.shape[-1]))
    while True:
        try:
            tap = Tap(model, "" if attention else layer)
            found = yield from _maps(tap, stretched, size, layer, attention)
            break
        except (RuntimeError, MemoryError) as error:
            if not can_fall_back(error, model.device):
                raise user_message(error, model.device) from error
        model, notes = on_cpu(model), (*notes, FALLBACK_NOTE)
        yield Progress(0, 0, FALLBACK_NOTE)
    if found.windows:
        notes = (*notes, f"{found.windows} windows of the network's input size were blended")
    notes = (*notes, *scale_note(model.card, size), f"{model.card.name}: {model.card.use}")
    placement = Placement(found.stride, found.origin)
    seen = Seen(tap, found.maps, placement, shape, notes, known)
    return seen if known is None else _without_gaps(seen, known, size)


def _stretched(
    image: Any, card: NetworkInput
) -> Steps[tuple[Any, np.ndarray | None, tuple[str, ...]]]:
    """Image from 0 to 1 as the network takes it, and its known pixels; a large one stays lazy."""
    plane, notes = network_plane(image, card, "the AI lens", lazy_above=LARGE_PIXELS)
    if not is_lazy(plane):
        return normalised(plane, card), known_everywhere(plane), notes
    known = yield from _known_lazily(plane)
    return (yield from normalised_lazily(plane, card)), known, notes


def _known_lazily(plane: Any) -> Steps[np.ndarray | None]:
    if plane.dtype.kind != "f":
        return None
    import dask.array as da

    known = yield from computed(da.isfinite(plane))
    if not known.any():
        raise ValueError("image has no finite pixel: all are NaN or infinite")
    return None if known.all() else known


def _without_gaps(seen: Seen, known: np.ndarray, size_nm: float | None) -> Seen:
    """Blank the cells that missing pixels have an influence on."""
    reach = seen.tap.reach_px() / scale_of(seen.tap.model, seen.shape, size_nm)
    place = seen.placement
    rows, columns = (
        first + place.stride * np.arange(count)
        for first, count in zip(place.first_centre, seen.maps.shape[1:], strict=True)
    )
    there = missing_around(known, rows, columns, reach / 2) <= _FILLED
    if not there.any():
        raise ValueError(
            "missing pixels (NaN or infinite) have an influence on every cell of this layer, which "
            f"sees {reach:.0f} pixels around it: choose an earlier layer, crop the image, or fill "
            "them"
        )
    note = (
        f"{1 - there.mean():.1%} of the cells have no value: missing pixels (NaN or infinite) are "
        f"within about {reach:.0f} pixels of them"
    )
    notes = seen.notes if there.all() else (note, *seen.notes)
    return replace(seen, maps=np.where(there, seen.maps, np.float32(np.nan)), notes=notes)


@dataclass(frozen=True, eq=False)
class SeenFile:
    """Maps of a layer for an image of a data set.

    Parameters
    ----------
    name : str
        Of the image.
    seen : Seen
        On the image without its info bar.
    shown : (Y, X) float32 array
        That image, 0 to 1; of several channels the first.
    size : PixelSize, optional
        Of a pixel, in nm.
    corner : (y, x)
        Pixels of the info bar at the top and at the left.
    """

    name: str
    seen: Seen
    shown: np.ndarray
    size: PixelSize | None
    corner: tuple[int, int]

    @property
    def size_nm(self) -> float | None:
        """Pixel size; of a pixel that is not square the geometric mean."""
        return None if self.size is None else self.size.mean

    @property
    def with_gaps(self) -> np.ndarray:
        """`shown`, NaN where pixels are missing."""
        known = self.seen.known
        return self.shown if known is None else np.where(known, self.shown, np.float32(np.nan))

    @property
    def gap_note(self) -> tuple[str, ...]:
        """Share of the image without a value, if there is any."""
        share = 1 - float(np.isfinite(self.seen.maps[0]).mean())
        gaps = f"{self.name}: {share:.1%} is in or near missing pixels and was not looked at"
        return (gaps,) if share else ()

    def row(self, cell: tuple[int, int], side: float) -> dict[str, Any]:
        """File, position of a cell, and side of a patch, in pixels and nm along each axis."""
        y, x = self.centre(cell)
        y, x = y + self.corner[0], x + self.corner[1]
        found = (self.name, y, x, side)
        if self.size is None:
            return dict(zip(ROW, (*found, *(np.nan,) * 5), strict=True))
        size, (down, across) = self.size.mean, (self.size.height, self.size.width)
        lengths = (y * down, x * across, side * size, side * down, side * across)
        return dict(zip(ROW, (*found, *lengths), strict=True))

    def centre(self, cell: tuple[int, int]) -> tuple[float, float]:
        """Pixel of `shown` at the centre of a cell."""
        y, x = self.seen.placement.to_source(cell).tolist()
        return y, x


def see_file(example: Example, model: Model, layer: str) -> Steps[SeenFile]:
    """Read an image of a data set and compute the maps of a layer.

    Raises
    ------
    ValueError, OSError
        If the image cannot be read or is a stack.
    """
    micrograph = example.read()
    card = in_range_of(example, model.card, {})
    model = model if card is model.card else replace(model, card=card)
    bar = InfoBar() if card.keeps_info_bar else info_bar_of(micrograph)
    plane, _ = open_plane(micrograph, card.keeps_info_bar, card.channels)
    seen = yield from see(plane, micrograph.spacing, micrograph.unit, model, layer)
    shown = normalised(plane if plane.ndim == 2 else plane[0], card)
    size = None if micrograph.pixel_size is None else micrograph.pixel_size.in_nanometres
    return SeenFile(example.name, seen, shown, size, (bar.top, bar.left))


def through_all(
    examples: list[Example], look: Callable[[Example], Steps[None]]
) -> Steps[tuple[str, ...]]:
    """Look at every image of a data set; return notes on those that could not be used."""
    skipped = []
    for number, example in enumerate(examples):
        here = Progress(number, len(examples), "images")
        yield here
        try:
            yield from as_one_step(look(example), here)
        except (ValueError, OSError) as error:
            skipped.append(f"{example.name}: {reason_of(error, example.path)}")
    return tuple(skipped)


def _maps(
    tap: Tap, stretched: Any, size_nm: float | None, block: str, attention: bool
) -> Steps[LayerMaps]:
    from ...nets.lens.attention import attention_blocks, attention_maps
    from ...nets.lens.maps import layer_maps
    from ...nets.lens.tap import Tap

    scale = scale_of(tap.model, stretched.shape[-2:], size_nm)
    if not attention:
        return (yield from layer_maps(tap, stretched, scale))
    known = attention_blocks(tap.model)
    # tokens of every block lie on one grid; without blocks the call below says what is wrong
    grid = Tap(tap.model, known[0]) if known else tap
    return (
        yield from layer_maps(
            grid, stretched, scale, values=lambda x: attention_maps(tap.model, x, block)
        )
    )


def scale_of(model: Model, shape: tuple[int, ...], size_nm: float | None) -> float:
    """Input pixels per image pixel, at which the model was trained.

    A narrow image is enlarged to half the side of the input.
    """
    given = model.card.input_px
    scale = given / window_side(model.card, shape, size_nm)
    return float(max(scale, given / 2 / min(shape)))


def cell_means(plane: np.ndarray, placement: Placement, cells: tuple[int, int]) -> np.ndarray:
    """Mean of an image over the pixels of every cell.

    Parameters
    ----------
    plane : (Y, X) array
        Boolean or numbers.
    placement : Placement
        Of the cells.
    cells : (h, w)
        Their number.

    Returns
    -------
    (h, w) float64 array
    """
    total = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1))
    np.cumsum(np.cumsum(plane, axis=0, dtype=float), axis=1, out=total[1:, 1:])
    edges = []
    for count, length, first in zip(cells, plane.shape, placement.first_centre, strict=True):
        start = first + 0.5 + (np.arange(count) - 0.5) * placement.stride
        low = np.clip(np.ceil(start - 0.5).astype(int), 0, length - 1)
        # a cell finer than a pixel takes the pixel that it lies in
        high = np.clip(np.ceil(start + placement.stride - 0.5).astype(int), low + 1, length)
        edges.append((low, high))
    (top, bottom), (left, right) = edges
    sums = (
        total[np.ix_(bottom, right)] - total[np.ix_(top, right)]
        - total[np.ix_(bottom, left)] + total[np.ix_(top, left)]
    )  # fmt: skip
    return sums / np.outer(bottom - top, right - left)
