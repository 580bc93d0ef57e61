"""A mask of an image, kept within its bounding box."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np


class Mask:
    """An object that was found; its pixels take a bit each, since a run may find thousands.

    Parameters
    ----------
    top, left : int
        First row and column of its bounding box in the image.
    pixels : (H, W) bool array
        Within the box.
    score : float
        IoU that the model predicts for the mask.
    stability : float
        Share of the mask that remains when the cut of the logits is raised instead of lowered.
    prompt : int
        Number of the prompt that gave it.
    cut : bool
        Whether it ends at a border of its tile, where its object may go on.
    """

    def __init__(
        self, top: int, left: int, pixels: np.ndarray, score: float = 1.0, stability: float = 1.0,
        prompt: int = 0, cut: bool = False,
    ) -> None:  # fmt: skip
        self.top, self.left = top, left
        self.score, self.stability, self.prompt, self.cut = score, stability, prompt, cut
        self._pack(pixels)

    def _pack(self, pixels: np.ndarray) -> None:
        self.size: tuple[int, int] = (pixels.shape[0], pixels.shape[1])
        self.area = int(np.count_nonzero(pixels))
        self._bits = np.packbits(pixels, axis=1)

    def changed(self, pixels: np.ndarray | None = None, **values: Any) -> Mask:
        """Copy with other pixels or other values."""
        made = copy.copy(self)
        vars(made).update(values)
        if pixels is not None:
            made._pack(pixels)
        return made

    @property
    def pixels(self) -> np.ndarray:
        """(H, W) bool array within the box."""
        return self._part(slice(0, self.size[0]), slice(0, self.size[1]))

    @property
    def nbytes(self) -> int:
        """Memory of the pixels."""
        return self._bits.nbytes

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First and last column and row: left, top, right, bottom."""
        height, width = self.size
        return self.left, self.top, self.left + width - 1, self.top + height - 1

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        height, width = self.size
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def moved(self, down: int, right: int) -> Mask:
        """Shift the mask, from a part of an image into the image."""
        return self.changed(top=self.top + down, left=self.left + right)

    def with_pixels(self, pixels: np.ndarray) -> Mask | None:
        """Replace the pixels and shrink the box to them; None if there are none."""
        return fitted(pixels, self)

    def drawn(self, shape: tuple[int, int]) -> np.ndarray:
        """The mask, or what of it lies inside, as a bool array of an image."""
        whole = np.zeros(shape, bool)
        rows, columns = _shared(self.window, (slice(0, shape[0]), slice(0, shape[1])))
        if rows.stop > rows.start and columns.stop > columns.start:
            whole[rows, columns] = self.within(rows, columns)
        return whole

    def overlap(self, other: Mask) -> int:
        """Pixels that two masks share."""
        rows, columns = _shared(self.window, other.window)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return 0
        return int(np.count_nonzero(self.within(rows, columns) & other.within(rows, columns)))

    def within(self, rows: slice, columns: slice) -> np.ndarray:
        """Pixels in rows and columns of the image, which lie in the box."""
        return self._part(
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )

    def _part(self, rows: slice, columns: slice) -> np.ndarray:
        first = columns.start // 8
        bits = np.unpackbits(self._bits[rows, first : -(-columns.stop // 8)], axis=1)
        return bits[:, columns.start - 8 * first : columns.stop - 8 * first].view(bool)


def fitted(pixels: np.ndarray, like: Mask) -> Mask | None:
    """Mask of an array that begins at the corner of another mask; None if it is empty."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    inside = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
    return like.changed(inside, top=like.top + top, left=like.left + left)


def union(one: Mask, other: Mask) -> Mask:
    """Join two masks; score and stability are those of the larger."""
    top, left = min(one.top, other.top), min(one.left, other.left)
    right, bottom = (max(one.box[k], other.box[k]) for k in (2, 3))
    pixels = np.zeros((bottom - top + 1, right - left + 1), bool)
    for mask in (one, other):
        rows, columns = mask.window
        pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] |= (
            mask.pixels
        )
    larger = one if one.area >= other.area else other
    return larger.changed(pixels, top=top, left=left)


def _shared(one: tuple[slice, slice], other: tuple[slice, slice]) -> tuple[slice, slice]:
    (rows, columns) = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns
