"""Labelled images by reference."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .micrograph import Micrograph

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Example:
    """One labelled image.

    Parameters
    ----------
    name : str
        What a person knows it by: a path below the folder, or a layer.
    label : str
        Its class.
    group : str
        Specimen, session or parent image: images of one group never come into two parts.
    read : callable
        Opens it.
    path : Path, optional
        Its file.
    """

    name: str
    label: str
    group: str
    read: Callable[[], Micrograph]
    path: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Labelled images of two or more classes.

    Parameters
    ----------
    examples : tuple of Example
        In a fixed order.
    name : str
        For the card of the model.
    skipped : tuple of (name, reason)
        What was found and left out.
    least : int
        Number of classes that there must be: two to train with, one to test with.
    """

    examples: tuple[Example, ...]
    name: str
    skipped: tuple[tuple[str, str], ...] = field(default=())
    least: int = 2

    def __post_init__(self) -> None:
        if len(self.classes) < self.least:
            found = ", ".join(self.classes) or "none"
            count = "two" if self.least > 1 else "one"
            raise ValueError(
                f"{self.name}: {count} or more classes with images are needed, found {found}; put "
                "the images of each class into a folder of its own"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in alphabetical order."""
        return tuple(sorted({example.label for example in self.examples}))

    @property
    def targets(self) -> np.ndarray:
        """Number of the class of every example."""
        number = {name: k for k, name in enumerate(self.classes)}
        return np.array([number[example.label] for example in self.examples])

    @property
    def table(self) -> pd.DataFrame:
        """Name, class and group of every example."""
        import pandas as pd

        rows = [(one.name, one.label, one.group) for one in self.examples]
        return pd.DataFrame(rows, columns=["name", "label", "group"])


def printable(text: str) -> str:
    """Replace bytes of a file's name that are no text: tables cannot hold them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def from_arrays(
    images: Sequence[Any],
    labels: Sequence[str],
    *,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    spacings: Sequence[tuple[Any, str]] = (),
    name: str = "arrays",
) -> Dataset:
    """Take labelled arrays (napari layers, or images of a script).

    Parameters
    ----------
    images : sequence of (Y, X) or (Y, X, 3) arrays
        Sizes may differ.
    labels : sequence of str
        Class of each.
    names, groups : sequences of str, optional
        Without groups every image stands alone.
    spacings : sequence of ((y, x) or None, unit), optional
        Pixel size of each.
    name : str
        Of the whole.

    Raises
    ------
    ValueError
        If lengths differ or there are fewer than two classes.
    """
    names = names if len(names) else [f"image {k}" for k in range(1, len(images) + 1)]
    groups = groups if len(groups) else names
    spacings = spacings if len(spacings) else [(None, "px")] * len(images)
    if not len(images) == len(labels) == len(names) == len(groups) == len(spacings):
        raise ValueError(
            f"{len(images)} images, {len(labels)} labels, {len(names)} names, {len(groups)} groups "
            f"and {len(spacings)} spacings: give one of each for every image"
        )
    found = [
        Example(one, str(label), str(group), functools.partial(_held, image, *scale, one))
        for image, label, one, group, scale in zip(
            images, labels, names, groups, spacings, strict=True
        )
    ]
    return Dataset(tuple(found), name)


def _held(image: Any, spacing: Any, unit: str, name: str) -> Micrograph:
    return Micrograph(np.asarray(image), spacing, unit, name)


def from_regions(
    image: Any,
    regions: Any,
    labels: Mapping[int, str],
    *,
    side: int = 0,
    group: str = "image",
    spacing: Any = None,
    unit: str = "px",
) -> list[tuple[np.ndarray, str, str, tuple[Any, str]]]:
    """Cut labelled regions out of a micrograph: crops for `from_arrays`.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) array
        The micrograph.
    regions : (Y, X) integer array
        One number a region.
    labels : mapping
        Class of each number; regions without one are left out.
    side : int
        Of the square crops around the regions' centres; 0: each region's bounding square.
    group : str
        All crops stay together: they are of one micrograph.
    spacing, unit : (y, x) and str
        Pixel size.

    Returns
    -------
    list of (crop, label, group, (spacing, unit))

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    from skimage.measure import regionprops

    image, regions = np.asarray(image), np.asarray(regions)
    if image.shape[:2] != regions.shape:
        raise ValueError(f"image is {image.shape[:2]}, regions are {regions.shape}")
    cut = []
    for region in regionprops(regions):
        if region.label not in labels:
            continue
        top, left, bottom, right = region.bbox
        width = min(side or max(bottom - top, right - left), *regions.shape)
        corner = [
            min(max((low + high - width) // 2, 0), size - width)
            for low, high, size in (
                (top, bottom, regions.shape[0]),
                (left, right, regions.shape[1]),
            )
        ]
        crop = image[corner[0] : corner[0] + width, corner[1] : corner[1] + width]
        cut.append((crop, labels[region.label], group, (spacing, unit)))
    return cut
