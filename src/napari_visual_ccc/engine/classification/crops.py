"""What a network is shown of an image: its grey levels, and which parts at which scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays.inputs import stretch

if TYPE_CHECKING:
    from ...nets.card import NetworkInput


def resized_views(plane: np.ndarray, card: NetworkInput, size: float | None) -> np.ndarray:
    """Give the views of an image that show something, at the size of the network's input.

    Returns
    -------
    (views, side, side) float16 array
        0 to 1.
    """
    import torch

    from ...nets.inference import to_input

    stretched = normalised(plane, card)
    parts = views(stretched, card, window_side(card, plane.shape, size))
    shown = [part for part in parts if part.std() >= EMPTY] or parts
    side = (card.input_px, card.input_px)
    return np.concatenate(
        [
            to_input(torch.from_numpy(np.ascontiguousarray(part))[None], side, 0.0, 1.0)[:, 0]
            .numpy()
            .astype(np.float16)
            for part in shown
        ]
    )


# an image up to this many windows wide and high is one crop of what the model knows
CROP = 1.5

# spread of grey (1 = the whole range of the image) below which a window shows nothing: measured on
# 35 TEM micrographs it sorts out 42 % of the windows without a particle, 1 % of those with one
EMPTY = 0.08

# one up to this much longer than high is shown whole by a model of whole images
_SQUARE = 1.15


def normalised(plane: np.ndarray, card: NetworkInput) -> np.ndarray:
    """Stretch an image to 0..1 float32 as the model's card says."""
    scope = card.normalisation
    limits = None if scope.limits is None else (scope.limits[0], scope.limits[1])
    if scope.kind == "range":
        limits = (0.0, 1.0 if plane.dtype.kind in "bf" else float(np.iinfo(plane.dtype).max))
    return stretch(plane, scope.low, scope.high, limits=limits)[0]


def is_whole(card: NetworkInput) -> bool:
    """Whether the model was trained on whole images, whatever their number of pixels."""
    return card.view.kind == "whole"


def window_side(card: NetworkInput, shape: tuple[int, ...], size_nm: float | None) -> int:
    """Pixels of an image that fill the network's input.

    Parameters
    ----------
    card : NetworkInput
        Of the model.
    shape : (Y, X)
        Of the image.
    size_nm : float or None
        Size of its pixels; a model that was trained at a scale needs it.
    """
    view = card.view
    if is_whole(card):
        return max(1, round(min(shape) * view.fraction))
    if view.kind == "physical" and view.window_nm and size_nm:
        return max(1, round(view.window_nm / size_nm))
    return card.window_px


def is_crop(card: NetworkInput, shape: tuple[int, ...], side: int) -> bool:
    """Whether an image is classified as one thing, not window by window."""
    return is_whole(card) or max(shape) <= CROP * side


def views(plane: np.ndarray, card: NetworkInput, side: int, most: int = 16) -> list[np.ndarray]:
    """Parts of an image that together show all of it, each to be resized to the network's input.

    Parameters
    ----------
    plane : (Y, X) array
        The image.
    card : NetworkInput
        Of the model.
    side : int
        As from `window_side`.
    most : int
        No more than this many, evenly spread.
    """
    if card.view.kind == "physical":
        # one scale means one scale: what is smaller is mirrored on, what is larger is cut
        grow = [(0, max(0, side - n)) for n in plane.shape]
        plane = np.pad(plane, grow, mode="symmetric") if any(g for _, g in grow) else plane
    elif max(plane.shape) <= (_SQUARE if is_whole(card) else CROP) * side:
        return [plane]
    rows, columns = (_starts(n, side) for n in plane.shape)
    corners = [(y, x) for y in rows for x in columns]
    chosen = np.unique(np.linspace(0, len(corners) - 1, min(most, len(corners))).round())
    return [plane[y : y + side, x : x + side] for y, x in (corners[int(i)] for i in chosen)]


def _starts(length: int, side: int) -> list[int]:
    count = max(1, int(np.ceil(length / side)))
    return [int(s) for s in np.linspace(0, max(0, length - side), count).round()]


def scale_note(card: NetworkInput, size_nm: float | None) -> tuple[str, ...]:
    """Warn where an image's scale is not one that the model was trained at."""
    if card.pixel_size_nm is None:
        return ()
    low, high = card.pixel_size_nm
    known = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    if size_nm is None:
        return (f"no pixel size is known: the model was trained at {known} nm a pixel",)
    if not low / 2 <= size_nm <= high * 2:
        return (f"{size_nm:.3g} nm a pixel is far from what the model was trained at ({known} nm)",)
    return ()
