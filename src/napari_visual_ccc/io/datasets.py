"""Find labelled images in folders and tables."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..core.dataset import Dataset, Example, printable
from .read import FOLDERS, is_image, read

_COLUMNS = ("path", "label", "group")


def load(source: str | Path, *, group: str = "", min_classes: int = 2) -> Dataset:
    """Find labelled images: a folder with one folder for each class, or a CSV table.

    Parameters
    ----------
    source : str or Path
        Folder or ``.csv`` file (columns ``path``, ``label`` and, if there is one, ``group``; paths
        are relative to the table).
    group : str
        Regular expression whose first group matches the specimen in a file name. Without it, a
        folder within that of a class is a group, and any other image is a group of its own.
    min_classes : int
        Smallest number of classes; 1 is enough to test a model.

    Returns
    -------
    Dataset
        No image is read yet.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If there are too few classes, a column is missing, or the pattern is invalid.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such folder or table")
    pattern = _pattern(group)
    if source.is_dir():
        return _from_folder(source, pattern, min_classes)
    if source.suffix.lower() == ".csv":
        return _from_csv(source, pattern, min_classes)
    raise ValueError(f"{source}: choose a folder with one folder for each class, or a .csv table")


def unlabelled(folder: str | Path) -> list[Example]:
    """List all images below a folder, without labels.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, or it has no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    paths = sorted(p for p in _files(folder) if is_image(p))
    if not paths:
        raise ValueError(f"{folder}: no image that can be read")
    return [_example(p, p.relative_to(folder).as_posix(), "", "") for p in paths]


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"group pattern {text!r} is not a regular expression: {error}") from None
    if pattern.groups < 1:
        raise ValueError(f"group pattern {text!r} has no (group) in parentheses")
    return pattern


def _group(stem: str, otherwise: str, pattern: re.Pattern[str] | None) -> str:
    """Group of a file; empty where the pattern does not match."""
    if pattern is None:
        return otherwise
    match = pattern.search(stem)
    return match.group(1) or "" if match else ""


def _from_folder(folder: Path, pattern: re.Pattern[str] | None, min_classes: int) -> Dataset:
    examples: list[Example] = []
    skipped = [
        (printable(path.name), "not in the folder of a class")
        for path in sorted(folder.iterdir())
        if is_image(path) and (path.is_file() or path.suffix.lower() in FOLDERS)
    ]
    for place in sorted(p for p in folder.iterdir() if _is_class(p)):
        for path in sorted(_files(place)):
            name = printable(path.relative_to(folder).as_posix())
            if not is_image(path):
                skipped.append((name, "not an image format that can be read"))
                continue
            directly = path.parent == place
            otherwise = name if directly else path.parent.relative_to(place).as_posix()
            group = _group(path.stem, otherwise, pattern)
            if not group:
                skipped.append((name, "the group pattern does not match its name"))
                continue
            examples.append(_example(path, name, place.name, group))
    return Dataset(tuple(examples), folder.resolve().name, tuple(skipped), min_classes)


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


def _from_csv(file: Path, pattern: re.Pattern[str] | None, min_classes: int) -> Dataset:
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
    return Dataset(tuple(examples), file.stem, tuple(skipped), min_classes)
