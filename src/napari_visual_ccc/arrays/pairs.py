"""Pairs of pixels at an offset."""

from __future__ import annotations

from typing import Any


def offset_pairs(image: Any, offset: tuple[int, int]) -> tuple[Any, Any]:
    """Views of the pixels that have a neighbour at an offset, and of these neighbours.

    Works for numpy and torch.
    """
    (down, across), (height, width) = offset, image.shape
    first = image[max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)]
    second = image[max(0, down) : height - max(0, -down), max(0, across) : width - max(0, -across)]
    return first, second
