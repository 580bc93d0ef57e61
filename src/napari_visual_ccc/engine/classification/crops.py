"""Input of a network: grey planes, normalised, and crops of them at the right scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...arrays.filling import filled, known_everywhere, known_values
from ...arrays.inputs import missing_pixels, plane_of, stretch, to_gray
from ...arrays.lazy import CHUNK_SIDE, in_memory, rechunk_square
from ...core.micrograph import select_channels
from ...core.progress import Steps
from ..acquisition.bar_detector import info_bar_of

if TYPE_CHECKING:
    from ...core.dataset import Example
    from ...core.micrograph import Micrograph
    from ...nets.card import NetworkInput


THUMBNAIL = 48

Card = TypeVar("Card", bound="NetworkInput")


def open_plane(
    micrograph: Micrograph, keep_info_bar: bool = False, channels: Sequence[str] = ()
) -> tuple[np.ndarray, float | None]:
    """Give the grey plane of a labelled image without its info bar, and its pixel size in nm.

    With names of channels it is (C, Y, X), in their order. Missing pixels stay NaN or infinite.

    Raises
    ------
    ValueError
        If the image is a stack, a channel is missing, or a plane has no finite pixel.
    """
    if channels:
        micrograph = select_channels(micrograph, channels)
        grey = micrograph.data
        if grey.ndim != 3:
            raise ValueError(f"a stack of shape {grey.shape}: one image per file is needed")
        return _without_bar(micrograph, grey, keep_info_bar)
    grey, _ = to_gray(micrograph.data)
    if grey.ndim > 2 and grey.size == grey.shape[-1] * grey.shape[-2]:
        grey = grey.reshape(grey.shape[-2:])
    if grey.ndim != 2:
        raise ValueError(f"a stack of shape {grey.shape}: one image per file is needed")
    return _without_bar(micrograph, grey, keep_info_bar)


def _without_bar(
    micrograph: Micrograph, grey: Any, keep_info_bar: bool
) -> tuple[np.ndarray, float | None]:
    if not keep_info_bar:
        # of several channels the first: maps of elements have none
        first = micrograph if grey.ndim == 2 else replace(micrograph, data=grey[0])
        grey = grey[(..., *info_bar_of(first).specimen(*grey.shape[-2:]))]
    size = micrograph.pixel_size
    return with_pixels(np.asarray(grey)), None if size is None else size.nanometres


def with_pixels(planes: np.ndarray) -> np.ndarray:
    """Validate that a plane, or every channel, has a finite pixel."""
    for plane in planes if planes.ndim == 3 else planes[np.newaxis]:
        missing_pixels(plane)
    return planes


def missing_share(planes: np.ndarray) -> float:
    """Share of the pixels of a plane, or of channels, that are NaN or infinite."""
    known = known_everywhere(planes)
    return 0.0 if known is None else 1 - float(known.mean())


def mostly_missing(planes: np.ndarray) -> str:
    """Why a plane, or channels, cannot be trained with: more than half is missing; else empty."""
    share = missing_share(planes)
    return f"{share:.0%} of its pixels are missing (NaN or infinite)" if share > _MUCH else ""


def missing_note(planes: np.ndarray) -> tuple[str, ...]:
    """Say how much of a plane, or of channels, is missing."""
    share = missing_share(planes)
    if not share:
        return ()
    much = ": most of the image is unknown, so do not rely on the result" if share > _MUCH else ""
    return (
        f"{share:.2%} of the pixels are missing (NaN or infinite); they are filled from their "
        f"surroundings and do not count in the grey range{much}",
    )


def network_plane(
    image: Any, card: NetworkInput, what: str, *, lazy_above: int | None = None
) -> tuple[Any, tuple[str, ...]]:
    """Give what a network takes of an image: its grey plane, or its channels (C, Y, X).

    Missing pixels stay NaN or infinite; `normalised` fills them.

    Parameters
    ----------
    image : array
        (Y, X), grey or colour; (C, Y, X) for a model of several channels, in their order.
    card : NetworkInput
        Of the model.
    what : str
        Name of the operation, for its message.
    lazy_above : int, optional
        Pixels above which a grey plane stays lazy, in square chunks, without a check of its pixels.

    Raises
    ------
    ValueError
        If the image is no plane, or has other channels; or if a plane has no finite pixel.
    """
    if card.depth == 1:
        grey, notes = to_gray(image)
        plane = plane_of(grey, what)
        if lazy_above is not None and plane.size > lazy_above:
            return rechunk_square(plane, CHUNK_SIDE), notes
        plane = with_pixels(in_memory(plane))
        return plane, (*notes, *missing_note(plane))
    planes = image if hasattr(image, "ndim") else np.asarray(image)
    if planes.ndim != 3 or planes.shape[0] != card.depth:
        raise ValueError(
            f"the model takes {card.depth} channels ({', '.join(card.channels)}); the image has "
            f"the shape {tuple(planes.shape)}, not ({card.depth}, Y, X)"
        )
    if planes.dtype.kind not in "biuf":
        raise ValueError(f"image is of type {planes.dtype}; real numbers are needed")
    planes = with_pixels(np.asarray(planes))
    return planes, missing_note(planes)


def thumbnail(plane: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Small square uint8 picture of an image, of its first channel."""
    import torch

    from ...nets.inference import to_input

    plane = _stretched(plane if plane.ndim == 2 else plane[0])
    small = to_input(torch.from_numpy(plane)[None], (side, side), 0.0, 1.0)
    return (small[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def resized_crops(plane: np.ndarray, card: NetworkInput, size: float | None) -> np.ndarray:
    """Cut an image into crops that are not empty, at the size of the network's input.

    Crops of which more than half is missing are left out, unless all are like that.

    Returns
    -------
    (crops, side, side) float16 array
        0 to 1; (crops, C, side, side) of an image of several channels.
    """
    import torch

    from ...nets.inference import to_input

    stretched = normalised(plane, card)
    cut = window_side(card, plane.shape[-2:], size)
    parts = crops(stretched, card, cut)
    known = known_everywhere(plane)
    if known is not None:
        there = [part.mean() >= KNOWN for part in crops(known, card, cut)]
        parts = [part for part, one in zip(parts, there, strict=True) if one] or parts
    content = [part for part in parts if spread(part) >= EMPTY] or parts
    side = (card.input_px, card.input_px)
    resized = [
        to_input(torch.from_numpy(np.ascontiguousarray(part))[None], side, 0.0, 1.0)
        for part in content
    ]
    found = np.concatenate([one.numpy().astype(np.float16) for one in resized])
    return found if plane.ndim == 3 else found[:, 0]


def spread(part: np.ndarray) -> float:
    """Standard deviation of grey levels; of several channels, the largest."""
    return float(part.std(axis=(-2, -1)).max())


# an image of up to this many windows per side is one crop
CROP = 1.5

# standard deviation of grey levels (1 = range of the image) below which a window is empty: on 35
# TEM micrographs it rejects 42 % of the windows without a particle and 1 % of those with one
EMPTY = 0.08

# share of the pixels of a crop or window that must be known, and of an image that is much
KNOWN, _MUCH = 0.5, 0.5

# aspect ratio up to which a model of whole images takes an image without cropping
_SQUARE = 1.15


def normalised(plane: np.ndarray, card: NetworkInput) -> np.ndarray:
    """Normalise an image, and each of its channels, to 0..1 float32 as the model card states.

    Missing pixels do not count in the percentiles, and are filled with the nearest known ones.
    """
    if plane.ndim == 3:
        return np.stack([normalised(one, card) for one in plane])
    scope = card.normalisation
    limits = None if scope.limits is None else (scope.limits[0], scope.limits[1])
    if scope.kind == "range":
        limits = (0.0, 1.0 if plane.dtype.kind in "bf" else float(np.iinfo(plane.dtype).max))
    return _stretched(plane, scope.low, scope.high, limits)


def in_range_of(example: Example, card: Card, kept: dict[Any, Card]) -> Card:
    """Give the card that normalises an example: of a region, with the grey range of its image.

    An image that is classified window by window is stretched as a whole; so are its regions.
    What was found for an image is `kept` for its other regions.
    """
    scope = card.normalisation
    if example.whole is None or card.depth > 1 or scope.kind == "range" or scope.limits:
        return card
    if example.whole not in kept:
        plane, _ = open_plane(example.whole(), card.keeps_info_bar)
        _, limits = stretch(known_values(plane, known_everywhere(plane)), scope.low, scope.high)
        given = {"normalisation": scope.model_copy(update={"limits": list(limits)})}
        kept[example.whole] = card.model_copy(update=given)
    return kept[example.whole]


def _stretched(
    plane: np.ndarray,
    low: float = 0.5,
    high: float = 99.5,
    limits: tuple[float, float] | None = None,
) -> np.ndarray:
    """Stretch a plane between percentiles of its known pixels, and fill the others."""
    whole, known = filled(plane)
    if known is not None and limits is None:
        _, limits = stretch(known_values(plane, known), low, high)
    return stretch(whole, low, high, limits=limits)[0]


def normalised_lazily(plane: Any, card: NetworkInput) -> Steps[Any]:
    """Normalise a lazy plane as `normalised`, with percentiles of its histogram."""
    scope = card.normalisation
    from ...arrays.histogram import grey_histogram

    histogram = yield from grey_histogram(plane)
    given = None if scope.limits is None else (scope.limits[0], scope.limits[1])
    if scope.kind == "range":
        given = (0.0, 1.0 if plane.dtype.kind in "bf" else float(np.iinfo(plane.dtype).max))
    low, high = given or histogram.percentiles(scope.low, scope.high)
    if not given and low == high:
        low, high = float(histogram.values[0]), float(histogram.values[-1])
    (middle,) = histogram.percentiles(50)
    width = high - low

    def formula(block: np.ndarray) -> np.ndarray:
        if width <= 0:
            return np.zeros(block.shape, np.float32)
        known = np.isfinite(block)
        # as of a loaded image the nearest pixel, as far as it lies in the block
        values = filled(block)[0] if known.any() else np.full(block.shape, middle)
        return np.clip(((values - low) / width).astype(np.float32), 0, 1)

    empty = np.empty((0, 0), np.float32)
    if plane.dtype not in (np.uint8, np.uint16):
        return plane.map_blocks(formula, dtype=np.float32, meta=empty)
    table = formula(np.arange(np.iinfo(plane.dtype).max + 1))
    return plane.map_blocks(lambda block: table[block], dtype=np.float32, meta=empty)


def is_whole(card: NetworkInput) -> bool:
    """Whether the model is trained on whole images of any size."""
    return card.view.kind == "whole"


def window_side(card: NetworkInput, shape: tuple[int, ...], size_nm: float | None) -> int:
    """Side of the square of the image that fills the network's input, in pixels.

    Parameters
    ----------
    card : NetworkInput
        Of the model.
    shape : (Y, X)
        Shape of the image.
    size_nm : float or None
        Pixel size in nm, for a model that is trained at a fixed scale.
    """
    view = card.view
    if is_whole(card):
        return max(1, round(min(shape) * view.fraction))
    if view.kind == "physical" and view.window_nm and size_nm:
        return max(1, round(view.window_nm / size_nm))
    return card.window_px


def is_crop(card: NetworkInput, shape: tuple[int, ...], side: int) -> bool:
    """Whether an image is classified as a whole, not window by window."""
    return is_whole(card) or max(shape) <= CROP * side


def crops(plane: np.ndarray, card: NetworkInput, side: int, most: int = 16) -> list[np.ndarray]:
    """Cut an image into crops that together cover it.

    Parameters
    ----------
    plane : (Y, X) or (C, Y, X) array
        The image.
    card : NetworkInput
        Of the model.
    side : int
        Side of a crop, from `window_side`.
    most : int
        Largest number of crops; they are evenly distributed.
    """
    if card.view.kind == "physical":
        # the scale is fixed: smaller images are mirrored at the border, larger ones are cut
        grow = [(0, 0)] * (plane.ndim - 2) + [(0, max(0, side - n)) for n in plane.shape[-2:]]
        plane = np.pad(plane, grow, mode="symmetric") if any(g for _, g in grow) else plane
    elif max(plane.shape[-2:]) <= (_SQUARE if is_whole(card) else CROP) * side:
        return [plane]
    rows, columns = (_starts(n, side) for n in plane.shape[-2:])
    corners = [(y, x) for y in rows for x in columns]
    chosen = np.unique(np.linspace(0, len(corners) - 1, min(most, len(corners))).round())
    return [plane[..., y : y + side, x : x + side] for y, x in (corners[int(i)] for i in chosen)]


def _starts(length: int, side: int) -> list[int]:
    count = max(1, int(np.ceil(length / side)))
    return [int(s) for s in np.linspace(0, max(0, length - side), count).round()]


def scale_note(card: NetworkInput, size_nm: float | None) -> tuple[str, ...]:
    """Warn if the pixel size is far from those of the training images."""
    if card.pixel_size_nm is None:
        return ()
    low, high = card.pixel_size_nm
    known = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    if size_nm is None:
        return (f"no pixel size is known: the model was trained at {known} nm per pixel",)
    if not low / 2 <= size_nm <= high * 2:
        return (f"{size_nm:.3g} nm per pixel is far from the training images ({known} nm)",)
    return ()
