"""Data sets of images without classes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.inputs import to_gray
from ...core.dataset import Dataset, Example
from ...core.micrograph import Micrograph, plane_shape
from ..acquisition.bar_detector import info_bar_of


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


def from_drawn(image: Micrograph, drawn: np.ndarray) -> Dataset:
    """Make a data set of the regions that are drawn on a micrograph, for an autoencoder.

    Regions that touch or overlap are one, so that no pixel is trained with and held out as well.
    What lies in the info bar is left out as it is of whole images.

    Parameters
    ----------
    image : Micrograph
        (Y, X) image, grey or colour.
    drawn : (Y, X) int array
        Labels of the pixels that are drawn on; 0 elsewhere.

    Returns
    -------
    Dataset
        The bounding box of each region; pixels of the box that are not of the region are NaN, so
        that nothing is learnt of them. Grey values are stretched as those of the whole image, which
        `anomaly_map` looks at.

    Raises
    ------
    ValueError
        If nothing is drawn, or the shapes differ.
    """
    from skimage.measure import label, regionprops

    if plane_shape(image.data) != drawn.shape:
        raise ValueError(
            f"{image.name} is {plane_shape(image.data)}, the regions are {drawn.shape}"
        )
    regions = regionprops(label(drawn > 0, connectivity=2))
    if not regions:
        raise ValueError(f"no region is drawn on {image.name}")
    found = [
        Example(
            f"region {number}", "", image.name,
            functools.partial(_region, image, f"region {number}", one.slice, one.image),
            whole=lambda: image,
        )
        for number, one in enumerate(regions, start=1)
    ]  # fmt: skip
    return Dataset(tuple(found), image.name, min_classes=0)


def _region(
    image: Micrograph, name: str, place: tuple[slice, slice], inside: np.ndarray
) -> Micrograph:
    """Part of a micrograph, NaN outside of the region, with the part of the info bar in it."""
    grey, _ = to_gray(image.data)
    part = np.asarray(grey[place])
    if not inside.all():
        wide = np.float64 if part.dtype.itemsize > 2 else np.float32
        part = np.where(inside, part, np.nan).astype(wide)
    bar = info_bar_of(image).within(plane_shape(image.data), place)
    return replace(image, data=part, name=name, info_bar=bar, levels=(), axes=())


def apart(
    groups: dict[int, str], small: set[int], share: float, seed: int
) -> tuple[list[int], str]:
    """Choose the images that are held out.

    Parameters
    ----------
    groups : dict of int to str
        Group of each image; with a single group every image is one of its own.
    small : set of int
        Images that are smaller than a tile: groups of these alone are held out only where there
        are fewer than two others.
    share : float
        Of the groups.
    seed : int
        Of the choice.

    Returns
    -------
    list of int, str
        The images, and what they are in words.
    """
    words = "images of other specimens or files"
    if len(set(groups.values())) < 2:
        groups, words = {k: str(k) for k in groups}, "other images of the same specimen"
    names = sorted(set(groups.values()))
    order = [names[k] for k in np.random.default_rng(seed).permutation(len(names))]
    large = {group for k, group in groups.items() if k not in small}
    if len(large) > 1:
        order = [one for one in order if one in large]
    count = min(max(1, round(share * len(names))), len(order) - 1)
    return [k for k, group in groups.items() if group in order[:count]], words


def specimen(micrograph: Micrograph, keep_info_bar: bool) -> Any:
    """Grey image or stack without the info bar; lazy if it was."""
    grey, _ = to_gray(micrograph.data)
    if keep_info_bar:
        return grey
    rows, columns = info_bar_of(micrograph).specimen(*grey.shape[-2:])
    return grey[..., rows, columns]
