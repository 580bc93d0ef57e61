"""Labelled images to train and test with: where each is, its class and what it must stay with."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .formats import FOLDERS, is_image, read
from .micrograph import Micrograph

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("path", "label", "group")


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


def load(source: str | Path, *, group: str = "", least: int = 2) -> Dataset:
    """Find labelled images: a folder with one folder a class, or a CSV table.

    Parameters
    ----------
    source : str or Path
        Folder or ``.csv`` file (columns ``path``, ``label`` and, if there is one, ``group``; paths
        are relative to the table).
    group : str
        Pattern (regular expression) whose first bracket finds the group in a file's name. Without
        it, images in a folder below that of their class form a group, others stand alone.
    least : int
        Classes that there must be: 1 is enough to test with.

    Returns
    -------
    Dataset
        Nothing is opened yet.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If there are not two classes with images, a column is missing, or the pattern is wrong.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such folder or table")
    pattern = _pattern(group)
    if source.is_dir():
        return _from_folder(source, pattern, least)
    if source.suffix.lower() == ".csv":
        return _from_csv(source, pattern, least)
    raise ValueError(f"{source}: name a folder with one folder a class, or a .csv table")


def printable(text: str) -> str:
    """Replace bytes of a file's name that are no text: tables cannot hold them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def unlabelled(folder: str | Path) -> list[Example]:
    """Find all images below a folder, to be classified.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    paths = sorted(p for p in _files(folder) if is_image(p))
    if not paths:
        raise ValueError(f"{folder}: no image in it that can be read")
    return [_example(p, p.relative_to(folder).as_posix(), "", "") for p in paths]


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"group pattern {text!r} is no regular expression: {error}") from None
    if pattern.groups < 1:
        raise ValueError(f"group pattern {text!r} has no (bracket) around the group")
    return pattern


def _group(stem: str, otherwise: str, pattern: re.Pattern[str] | None) -> str:
    """Give the group of a file; nothing where the pattern finds none."""
    if pattern is None:
        return otherwise
    found = pattern.search(stem)
    return found.group(1) or "" if found else ""


def _from_folder(folder: Path, pattern: re.Pattern[str] | None, least: int) -> Dataset:
    examples: list[Example] = []
    skipped = [
        (printable(path.name), "lies in no folder of a class")
        for path in sorted(folder.iterdir())
        if is_image(path) and (path.is_file() or path.suffix.lower() in FOLDERS)
    ]
    for place in sorted(p for p in folder.iterdir() if _is_class(p)):
        for path in sorted(_files(place)):
            name = printable(path.relative_to(folder).as_posix())
            if not is_image(path):
                skipped.append((name, "not a kind of image that can be read"))
                continue
            alone = path.parent == place
            otherwise = name if alone else path.parent.relative_to(place).as_posix()
            group = _group(path.stem, otherwise, pattern)
            if not group:
                skipped.append((name, "the group pattern does not match its name"))
                continue
            examples.append(_example(path, name, place.name, group))
    return Dataset(tuple(examples), folder.resolve().name, tuple(skipped), least)


def _is_class(place: Path) -> bool:
    hidden = place.name.startswith(".")
    return place.is_dir() and not hidden and place.suffix.lower() not in FOLDERS


def _files(folder: Path) -> Iterable[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        # a store of many files is one image
        names += [one for one in folders if one.lower().endswith(FOLDERS)]
        folders[:] = [one for one in folders if not one.lower().endswith(FOLDERS)]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _example(path: Path, name: str, label: str, group: str) -> Example:
    name, label, group = (printable(text) for text in (name, label, group))
    return Example(name, label, group, functools.partial(read, path), path)


def _from_csv(file: Path, pattern: re.Pattern[str] | None, least: int) -> Dataset:
    import pandas as pd

    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read as a table ({error})") from None
    missing = [name for name in _COLUMNS[:2] if name not in table]
    if missing:
        raise ValueError(
            f"{file}: no column {missing[0]!r}; it needs path and label, and may have group"
        )
    examples, skipped = [], []
    for number, row in enumerate(table.to_dict("records"), start=2):
        name, label = row["path"].strip(), row["label"].strip()
        path = file.parent / name
        if not name or not label:
            skipped.append((f"line {number}", "no path or no label"))
        elif not path.exists():
            skipped.append((name, "no such file"))
        else:
            otherwise = str(row.get("group", "")).strip() or name
            group = _group(path.stem, otherwise, pattern)
            if not group:
                skipped.append((name, "the group pattern does not match its name"))
                continue
            examples.append(_example(path, name, label, group))
    return Dataset(tuple(examples), file.stem, tuple(skipped), least)


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
