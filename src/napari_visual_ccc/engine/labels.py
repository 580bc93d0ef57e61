"""The door of every operation that takes labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .planes import opened
from .volumes import parts

# side of the part that tells labels from a micrograph
_LOOKED_AT = 2048


def whole_numbers(labels: Any, advice: str) -> Any:
    """Insist on (..., Y, X) whole numbers, numpy or dask.

    Raises
    ------
    ValueError
        If the array is of another kind, or empty; `advice` says what to do.
    """
    labels = opened(labels)
    if labels.dtype.kind not in "biu" or labels.ndim < 2 or labels.size == 0:
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape}; a (Y, X) array of whole numbers "
            f"is needed: {advice}"
        )
    return labels


def checked_labels(labels: Any) -> Any:
    """Insist on (..., Y, X) labels of regions or phases, numpy or dask.

    Raises
    ------
    ValueError
        If the array is not of whole numbers, is empty, or looks like a micrograph.
    """
    labels = whole_numbers(labels, "segment or cluster the image first")
    first = labels[(0,) * (labels.ndim - 2)]
    if _looks_grey(np.asarray(first[_middle(first.shape[0]), _middle(first.shape[1])])):
        raise ValueError(
            "labels look like a grey image (most neighbouring pixels differ): segment or cluster "
            "it first"
        )
    return labels


def label_parts(labels: Any, axes: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Give slices (2 axes) or volumes (3 axes) of labels with their index, one after the other.

    Raises
    ------
    ValueError
        If a label is negative.
    """
    for index, part in parts(labels, axes):
        yield index, not_negative(part)


def not_negative(part: np.ndarray) -> np.ndarray:
    """Insist that no label is negative.

    Raises
    ------
    ValueError
        If one is.
    """
    if part.dtype.kind == "i" and part.min() < 0:
        raise ValueError(f"labels hold {part.min()}; they must be 0 (background) or above")
    return part


def _middle(length: int) -> slice:
    return slice(max((length - _LOOKED_AT) // 2, 0), (length + _LOOKED_AT) // 2)


def _looks_grey(plane: np.ndarray) -> bool:
    if plane.shape[1] < 16 or plane.size < 1000:
        return False
    differ = plane[:, 1:] != plane[:, :-1]
    return float(differ.mean()) > 0.6 and len(np.unique(plane)) > 16
