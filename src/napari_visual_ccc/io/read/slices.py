"""A folder of slices as one stack."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.micrograph import Axis, Micrograph
from .lazy import Planes, UnreadableFileError, from_file


def natural(name: str) -> list[Any]:
    """Sort ``slice2`` before ``slice10``."""
    import re

    return [(0, int(one), "") if one.isdigit() else (1, 0, one.lower())
            for one in re.split(r"(\d+)", name) if one]  # fmt: skip


def read_slices(paths: Sequence[Path], name: str, path: Path, read: Any) -> Micrograph:
    """Make one stack of images of one size; each is read when it is indexed.

    Parameters
    ----------
    paths : sequence of Path
        One image each; they are put in the order of the numbers in their names.
    name : str
        Of the stack.
    path : Path
        Of the folder.
    read : callable
        Opens one of them.
    """
    paths = sorted(paths, key=lambda one: natural(one.name))
    first = read(paths[0])
    data = first.data
    # what has three axes is a stack or has colours; a slice of either is read as a whole
    source = Planes(
        functools.partial(_slice, list(paths), read, data.shape, data.dtype),
        (len(paths), *data.shape), data.dtype, data.ndim,
    )  # fmt: skip
    chunks = (1, *data.shape)
    notes = first.notes
    for other in {paths[len(paths) // 2], paths[-1]} - {paths[0]}:
        one = read(other)
        unlike = _unlike(one.data, data.shape, data.dtype)
        if unlike:
            raise UnreadableFileError(
                f"is no stack: {other.name} {unlike}; open its images one by one"
            )
        if (one.spacing, one.unit) != (first.spacing, first.unit):
            notes = (
                *notes,
                f"{other.name} has another pixel size than the first slice, which is used: "
                "check it",
            )
    if len(paths) > 1:
        notes = (*notes, f"{len(paths)} files are its slices, in the order of their numbers")
    return Micrograph(
        from_file(source, path, " ".join(one.name for one in paths), chunks),
        first.spacing, first.unit, name, path, first.metadata,
        (Axis("z"), *first.axes), first.info_bar, (), notes,
    )  # fmt: skip


def _slice(
    paths: Sequence[Path], read: Any, shape: tuple[int, ...], dtype: Any, index: int,
    part: tuple[slice, ...],
) -> np.ndarray:  # fmt: skip
    data = read(paths[index]).data
    unlike = _unlike(data, shape, dtype)
    if unlike:
        raise ValueError(f"{paths[index]} {unlike}")
    return np.asarray(data[part])


def _unlike(data: Any, shape: tuple[int, ...], dtype: Any) -> str:
    """How an image differs from the first slice; empty if it does not."""
    if data.shape == shape and data.dtype == dtype:
        return ""
    return f"is {data.shape} of {data.dtype}, the first slice is {shape} of {dtype}"
