"""Pairs of pixels at an offset."""

from __future__ import annotations

from typing import Any


def offset_pairs(seen: Any, offset: tuple[int, int]) -> tuple[Any, Any]:
    """All pixels that have a neighbour at an offset, and these neighbours (numpy or torch)."""
    (down, across), (height, width) = offset, seen.shape
    first = seen[max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)]
    second = seen[max(0, down) : height - max(0, -down), max(0, across) : width - max(0, -across)]
    return first, second
