"""Labelled images, which are read when they are needed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .micrograph import Micrograph
from .plain import printable
from .units import are, counted

if TYPE_CHECKING:
    import pandas as pd

# names of the parts of a data set, in any case
_PARTS = {
    "train": "train", "training": "train", "trn": "train", "holdout": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test", "tst": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip

_WORDS = re.compile(r"(set|data|dataset|images|imgs|split|part)$")

# part of all images of a cross-validation, in the table that `train` writes
CROSS_VALIDATED = "cross-validated"


def part_named(name: str) -> str:
    """Part that a name stands for: ``"train"``, ``"validation"``, ``"test"``, or empty."""
    # numbers may bring folders into order: 1_train
    plain = re.sub(r"^\d+\.?|[\s_-]+", "", name.lower().strip())
    return _PARTS.get(plain) or _PARTS.get(_WORDS.sub("", plain), "")


@dataclass(frozen=True)
class Example:
    """One labelled image.

    Parameters
    ----------
    name : str
        Path below the folder, or name of the layer.
    label : str
        Name of its class.
    group : str
        Specimen, session or parent image; a group is never split between training and test.
    read : callable
        Reads the image.
    path : Path, optional
        File of the image.
    part : {'', 'train', 'validation', 'test', 'cross-validated'}
        What the image is for in a divided data set; of a cross-validation it is for everything.
    whole : callable, optional
        Reads the image that this one is a region of, whose grey range it has.
    """

    name: str
    label: str
    group: str
    read: Callable[[], Micrograph]
    path: Path | None = None
    part: str = ""
    whole: Callable[[], Micrograph] | None = None


@dataclass(frozen=True)
class Dataset:
    """Labelled images of two or more classes, or images whose classes are not needed.

    Parameters
    ----------
    examples : tuple of Example
        Images in a fixed order. A number is added to a name that another image has.
    name : str
        Name on the model card.
    skipped : tuple of (name, reason)
        Files that cannot be used.
    min_classes : int
        Smallest number of classes: two to train with, one to test with, none for an autoencoder.
    channels : tuple of str
        Names of the channels of the images, which are (C, Y, X) then; empty for grey images.
    notes : tuple of str
        What was assumed about the folders.

    Raises
    ------
    ValueError
        If there are fewer classes, or some images have a part and others have none.
    """

    examples: tuple[Example, ...]
    name: str
    skipped: tuple[tuple[str, str], ...] = field(default=())
    min_classes: int = 2
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "examples", _in_tables(self.examples))
        object.__setattr__(self, "name", printable(self.name))
        if len(self.classes) < self.min_classes:
            found = ", ".join(self.classes) or "none"
            count = "two" if self.min_classes > 1 else "one"
            needed = f"{count} or more classes with images are needed, found {found}"
            raise ValueError(f"{self.name}: {needed}; {self._advice}")
        without = next((one.name for one in self.examples if not one.part), None)
        if self.is_divided and without is not None:
            raise ValueError(
                f"{self.name}: {without} has no part; give all images one (train, validation or "
                "test), or none"
            )

    @property
    def _advice(self) -> str:
        """What to do about too few classes: what most files were left out for, if any were."""
        put = "put the images of each class into a folder of its own"
        if not self.skipped:
            return put
        reason, count = Counter(why for _, why in self.skipped).most_common(1)[0]
        name = next(name for name, why in self.skipped if why == reason)
        why = f"{count} left out, such as {name}: {reason}"
        return why if not self.examples and not self.channels else f"{put}; {why}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in alphabetical order."""
        return tuple(sorted({example.label for example in self.examples}))

    @property
    def targets(self) -> np.ndarray:
        """Class index of every example."""
        number = {name: k for k, name in enumerate(self.classes)}
        return np.array([number[example.label] for example in self.examples])

    @property
    def is_divided(self) -> bool:
        """Whether the images have parts to train, validate and test with."""
        return any(part_named(one.part) for one in self.examples)

    @property
    def is_cross_validated(self) -> bool:
        """Whether the images are those of a cross-validation: each was trained and tested with."""
        return {one.part for one in self.examples} == {CROSS_VALIDATED}

    @property
    def held_out(self) -> Dataset:
        """The images to test with: those of the part ``"test"``; all, if there are no parts."""
        if not self.is_divided:
            return self
        chosen = tuple(one for one in self.examples if one.part == "test")
        if not chosen:
            raise ValueError(f"{self.name}: no image is in the part test")
        return replace(self, examples=chosen, min_classes=1)

    @property
    def table(self) -> pd.DataFrame:
        """Name, class, group and, if there are parts, part of every example."""
        import pandas as pd

        rows = [(one.name, one.label, one.group, one.part) for one in self.examples]
        table = pd.DataFrame(rows, columns=["name", "label", "group", "part"])
        return table if self.is_divided else table.drop(columns="part")


def _in_tables(examples: Iterable[Example]) -> tuple[Example, ...]:
    """Examples with texts that a table can hold, and no name twice."""
    found: dict[str, Example] = {}
    times: Counter[str] = Counter()
    for one in examples:
        name = first = printable(str(one.name))
        while name in found:
            times[first] += 1
            name = f"{first} ({times[first] + 1})"
        label, group = printable(str(one.label)), printable(str(one.group))
        found[name] = replace(one, name=name, label=label, group=group)
    return tuple(found.values())


def shared_groups(groups: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Say whether groups are in two parts; nothing without parts."""
    parts_of: dict[str, set[str]] = {}
    for group, part in zip(groups, parts, strict=True):
        parts_of.setdefault(str(group), set()).add(str(part))
    tested = [one for one, found in parts_of.items() if "test" in found and len(found) > 1]
    validated = [one for one, found in parts_of.items() if {"train", "validation"} <= found]
    shared = {
        "the test part and in another one: the test is": tested,
        "the parts train and validation: early stopping, calibration and thresholds are": validated,
    }
    return [
        f"{counted(len(one), 'group')}, such as {one[0]}, {are(len(one))} in {what} optimistic "
        "for new specimens"
        for what, one in shared.items()
        if one
    ]


def missing_classes(labels: Sequence[str], parts: Sequence[str]) -> list[str]:
    """Say which classes have no image in a part, and what is missing then."""
    lacks = {
        "train": "it cannot be learnt",
        "validation": "early stopping and calibration go by the other classes, and it has no "
        "threshold of its own",
        "test": "it is not tested",
    }
    pairs = {(str(part), str(label)) for part, label in zip(parts, labels, strict=True)}
    return [
        f"no image of {label} is in the part {part}: {why}"
        for part, why in lacks.items()
        for label in sorted({str(one) for one in labels})
        if part in map(str, parts) and (part, label) not in pairs
    ]


def from_arrays(  # noqa: PLR0913
    images: Sequence[Any],
    labels: Sequence[str],
    *,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    parts: Sequence[str] = (),
    spacings: Sequence[tuple[Any, str]] = (),
    channels: Sequence[str] = (),
    wholes: Sequence[Any] = (),
    name: str = "arrays",
    min_classes: int = 2,
) -> Dataset:
    """Make a data set of arrays.

    Parameters
    ----------
    images : sequence of (Y, X), (Y, X, 3) or, with `channels`, (C, Y, X) arrays
        Images; sizes may differ. A Micrograph keeps its own info bar and pixel size.
    labels : sequence of str
        Class of each image.
    names, groups : sequences of str, optional
        Name and group of each image; by default every image is a group of its own.
    parts : sequence of str, optional
        Part of each image, ``"train"``, ``"validation"`` or ``"test"``; by default `train` divides
        them.
    spacings : sequence of ((y, x) or None, unit), optional
        Pixel size of each image.
    channels : sequence of str, optional
        Names of the channels, in the order of the arrays.
    wholes : sequence of arrays, optional
        Micrograph that each grey image is a region of, whose grey range it has.
    name : str
        Name of the data set.
    min_classes : int
        Smallest number of classes; 1 is enough to test a model.

    Raises
    ------
    ValueError
        If lengths differ, a part has another name, or there are fewer classes.
    """
    names = names if len(names) else [f"image {k}" for k in range(1, len(images) + 1)]
    groups = groups if len(groups) else names
    spacings = spacings if len(spacings) else [(None, "px")] * len(images)
    parts = parts if len(parts) else [""] * len(images)
    wholes = wholes if len(wholes) else [None] * len(images)
    each: tuple[Sequence[Any], ...] = (images, labels, names, groups, spacings, parts, wholes)
    if len({len(one) for one in each}) > 1:
        words = ("images", "labels", "names", "groups", "spacings", "parts", "wholes")
        counts = ", ".join(f"{len(one)} {word}" for one, word in zip(each, words, strict=True))
        raise ValueError(f"{counts}: give one of each for every image")
    unknown = next((part for part in parts if part and not part_named(part)), None)
    if unknown is not None:
        raise ValueError(f"no part is named {unknown!r}: there are train, validation and test")
    read = {id(w): partial(_micrograph, w, *k) for w, k in zip(wholes, spacings, strict=True)}
    found = [
        Example(
            one, str(label), str(group),
            partial(_micrograph, image, scale[0], scale[1], one), part=part_named(part),
            whole=None if whole is None else read[id(whole)],
        )
        for image, label, one, group, scale, part, whole in zip(*each, strict=True)
    ]  # fmt: skip
    return Dataset(tuple(found), name, (), min_classes, tuple(channels))


def _micrograph(image: Any, spacing: Any, unit: str, name: str = "") -> Micrograph:
    is_one = isinstance(image, Micrograph)
    return image if is_one else Micrograph(np.asarray(image), spacing, unit, name)


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
    """Cut square crops around labelled regions, for `from_arrays` with ``wholes``.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) array
        Micrograph, which is the whole of each crop.
    regions : (Y, X) int array
        Label image of the regions.
    labels : mapping
        Class of each label; regions without a class are left out.
    side : int
        Side of the crops in pixels; 0 uses the bounding square of each region.
    group : str
        Group of all crops, since they are of one micrograph.
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
    for region in (one for one in regionprops(regions) if one.label in labels):
        top, left, bottom, right = region.bbox
        width = min(side or max(bottom - top, right - left), *regions.shape)
        corner = [
            min(max((low + high - width) // 2, 0), size - width)
            for low, high, size in zip((top, left), (bottom, right), regions.shape, strict=True)
        ]
        crop = image[corner[0] : corner[0] + width, corner[1] : corner[1] + width]
        cut.append((crop, labels[region.label], group, (spacing, unit)))
    return cut
