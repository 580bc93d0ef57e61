"""Bands of rows in which formats take an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from .encode import Stored
from .pyramid import Index

_TILE, _STRIP, _CHUNK = 512, 128, 1024


def _place(
    stored: Stored, levels: list[Any], level: int, index: Index, start: int, rows: np.ndarray
) -> None:
    where: list[Any] = list(index)
    if stored.colour_axis is not None:
        rows = np.moveaxis(rows, -1, 0)
        where.insert(stored.colour_axis, slice(None))
    levels[level][(*where, slice(start, start + rows.shape[-2]))] = rows
