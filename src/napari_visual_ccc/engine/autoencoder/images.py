"""Data sets of images without classes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.dataset import Dataset, Example
from ...core.micrograph import Micrograph


def from_images(
    images: Sequence[Any],
    *,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    spacings: Sequence[tuple[Any, str]] = (),
    name: str = "images",
) -> Dataset:
    """Make a data set of images without classes, for an autoencoder.

    Parameters
    ----------
    images : sequence of Micrograph, (Y, X) or (Y, X, 3) arrays, or stacks of them
        Images; sizes may differ. The slices of a stack are of one group.
    names, groups : sequences of str, optional
        Name and group of each image; by default every image is a group of its own.
    spacings : sequence of ((y, x) or None, unit), optional
        Pixel size of each array; a Micrograph has its own.
    name : str
        Name of the data set.

    Raises
    ------
    ValueError
        If there is no image, or lengths differ.
    """
    if not len(images):
        raise ValueError(f"{name}: there is no image")
    spacings = spacings if len(spacings) else [(None, "px")] * len(images)
    names = (
        names
        if len(names)
        else [
            str(getattr(one, "name", "")) or f"image {k}" for k, one in enumerate(images, start=1)
        ]
    )
    groups = groups if len(groups) else [f"{k} {one}" for k, one in enumerate(names)]
    each: tuple[Sequence[Any], ...] = (images, names, groups, spacings)
    if len({len(one) for one in each}) > 1:
        raise ValueError(
            f"{len(images)} images, {len(names)} names, {len(groups)} groups and {len(spacings)} "
            "spacings: give one of each for every image"
        )
    found = [
        Example(
            one, "", str(group), functools.partial(_as_micrograph, image, scale[0], scale[1], one)
        )
        for image, one, group, scale in zip(*each, strict=True)
    ]
    return Dataset(tuple(found), name, min_classes=0)


def _as_micrograph(image: Any, spacing: Any, unit: str, name: str) -> Micrograph:
    if isinstance(image, Micrograph):
        return image
    return Micrograph(np.asarray(image), spacing, unit, name)
