"""Find labelled images in folders and tables."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.dataset import Dataset, Example
from ..core.micrograph import Micrograph, channel_names
from ..core.plain import printable
from .channels import by_image, complete, read_channels, read_files
from .copies import belonging, parts_of_sets
from .folders import (
    aside,
    check_is_folder,
    files_below,
    inner_classes,
    is_class,
    of_crossed,
    of_recurring,
    own_results,
    same_image,
)
from .parts import check_no_folds, doubtful, inner_parts, parts_of
from .read import FOLDERS, is_image, read
from .rows import first_line, lacks, names_in, parts_in, repeated, with_known_columns
from .tables import FOREIGN, as_text, path_in, read_text_table
from .tables import SUFFIXES as TABLES

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("path", "label")


def load(
    source: str | Path | pd.DataFrame, *, group: str = "", channels: str = "", min_classes: int = 2
) -> Dataset:
    """Find labelled images: a folder with one folder for each class, or a CSV table.

    The images may be divided already: the folder has folders ``train``, ``validation`` and
    ``test`` (or ``training``, ``val``, ``valid``, ``holdout``, in any case) with one folder for
    each class in them, also with more words in their names (``my_train``, ``test2``); or the table
    has a column ``part``. `train` keeps these parts. Images whose
    part is ``cross-validated`` are cross-validated again. Folders that all hold the same folders,
    such as folds, sets or days, are groups, and the folders in them are the classes; a note says
    so. Folders named ``results``, ``figures``, ``masks``, ``unlabelled`` and the like are left out,
    with the reason in `skipped`.

    Parameters
    ----------
    source : str, Path or DataFrame
        Folder or table: ``.csv``, ``.tsv`` or ``.txt`` with any separator, or ``.xlsx`` (columns
        ``path`` and ``label``; if there are, ``group``, ``part``
        and ``name``; in capitals or not; also ``filename``, ``file``, ``image``, ``filepath`` and
        ``class``, ``category``, ``target``; paths are relative to the table, those of a DataFrame
        to the current folder). Lines of comments (``#``) may stand before the header. An image
        that is in the table twice counts once. An image whose name
        another one has is named by its path. The split that `train` writes beside a
        model is such a table.
    group : str
        Regular expression whose first group matches the specimen in a file name. Without it, a
        folder within that of a class is a group, and any other image is a group of its own.
    channels : str
        Names of the channels of the images, such as ``"SE,BSE,Al"``. An image is then a file with a
        channel axis, or one file for each channel whose name ends with that of the channel
        (``a_SE.tif``, ``a_BSE.tif``; in a folder of its own also ``SE.tif``, ``BSE.tif``); a table
        may have one column for each channel. Empty: grey images.
    min_classes : int
        Smallest number of classes; 1 is enough to test a model. With 0 classes are not needed, as
        for an autoencoder: the images may lie in the folder itself, one file may be given, and a
        table needs no labels.

    Returns
    -------
    Dataset
        No image is read yet.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ImportError
        If it is a table of Excel and openpyxl is missing.
    ValueError
        If there are too few classes, a column is missing, the pattern is invalid, or an image is
        in two parts.
    """
    pattern, names = _pattern(group), channel_names(channels)
    if not isinstance(source, str | os.PathLike):
        table = as_text(source)
        return _from_table(table, "the table", Path(), pattern, min_classes, names)
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such folder or table")
    if not min_classes and is_image(source):
        return Dataset((_example(source, source.name, "", source.name),), source.stem, (), 0)
    if source.is_dir():
        return _from_folder(source, pattern, min_classes, names)
    if source.suffix.lower() in TABLES:
        table = read_text_table(source)
        return _from_table(table, str(source), source.parent, pattern, min_classes, names)
    if source.suffix.lower() in FOREIGN:
        raise ValueError(f"{source}: not a kind of table that is read; save it as .xlsx or as .csv")
    raise ValueError(f"{source}: choose a folder with one folder for each class, or a .csv table")


def unlabelled(
    folder: str | Path, channels: Sequence[str] = (), *, closed: bool = False
) -> list[Example]:
    """List all images below a folder, without labels.

    With names of channels, files of channels of one image are one; see `load`. With `closed`,
    folders that cannot be looked into are among them, at the end: to read one says why.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, or it has no image.
    """
    folder = Path(folder)
    check_is_folder(folder)
    unknown: list[Path] = []
    paths = sorted(p for p in files_below(folder, unknown) if is_image(p))
    others = {*own_results(paths), *parts_of_sets(paths)}
    paths = [path for path in paths if path not in others]
    unknown = sorted(unknown) if closed else []
    if not paths and not unknown:
        raise ValueError(f"{folder}: no image that can be read")
    found, alone = _joined(paths, channels)
    examples = [
        _example(path, path.relative_to(folder).as_posix(), "", "", channels=channels)
        for path in (*found, *(path for path, _ in alone))
    ]
    named = ((path, path.relative_to(folder).as_posix()) for path in unknown)
    return examples + [_example(path, name, "", "") for path, name in named]


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


def _from_folder(
    folder: Path, pattern: re.Pattern[str] | None, min_classes: int, channels: tuple[str, ...]
) -> Dataset:
    examples: list[Example] = []
    places = sorted(p for p in folder.iterdir() if is_class(p))
    parts = parts_of(places)
    if not min_classes and not parts:
        return _plain(folder, pattern)
    skipped = _outside(folder, folder)
    if parts:
        skipped += [(p.name, "not a part: train, validation or test") for p in places
                    if p not in parts]  # fmt: skip
        skipped += [one for place in parts for one in _outside(place, folder)]
        places = sorted(p for place in parts for p in place.iterdir() if is_class(p))
    left = aside(places)
    skipped += [(printable(p.relative_to(folder).as_posix()), why) for p, why in left.items()]
    places = [place for place in places if place not in left]
    inner = {} if parts else inner_parts(places)
    crossed = [] if parts or inner else inner_classes(places)
    if not (parts or inner or crossed):
        check_no_folds(places)
    places = crossed or places
    of_class = {place: _joined(sorted(files_below(place)), channels) for place in places}
    every = [path for paths, _ in of_class.values() for path in paths]
    unusable = _unusable(every, channels)
    for place, (paths, incomplete) in of_class.items():
        skipped += [
            (printable(path.relative_to(folder).as_posix()), why) for path, why in incomplete
        ]
        for path in paths:
            name = printable(path.relative_to(folder).as_posix())
            top = place / path.relative_to(place).parts[0]
            base = top if top in inner else place
            group = _group(path.stem, _folder_group(path, base, name, bool(crossed)), pattern)
            why = unusable.get(path, "" if group else "the group pattern does not match its name")
            if why:
                skipped.append((name, why))
                continue
            part = inner.get(top, parts.get(place.parent, ""))
            examples.append(_example(path, name, place.name, group, part, channels))
    name = folder.resolve().name
    notes = of_crossed(crossed)
    if not (notes or parts or inner):
        notes = (*doubtful(places), *of_recurring(places))
    return Dataset(tuple(examples), name, tuple(skipped), min_classes, channels, notes)


def _folder_group(path: Path, base: Path, name: str, crossed: bool) -> str:
    """Group of an image: the folder between it and its class, or around its class; or itself."""
    between = path.parent.relative_to(base)
    if crossed:
        return Path(base.parent.name, between).as_posix()
    return name if path.parent == base else between.as_posix()


def _unusable(paths: Sequence[Path], channels: Sequence[str]) -> dict[Path, str]:
    """Files that are no images of a data set, with the reason."""
    images = [path for path in paths if is_image(path)]
    found = dict.fromkeys(set(paths) - set(images), "not an image format that can be read")
    found |= dict.fromkeys(own_results(images), "a result of this package")
    if not channels:
        left = [path for path in images if path not in found]
        found |= belonging(left)
        left = [path for path in left if path not in found]
        found |= {path: other.why for path, other in same_image(left).items()}
    return found


def _plain(folder: Path, pattern: re.Pattern[str] | None) -> Dataset:
    """All images below a folder, without classes."""
    examples, skipped = [], []
    found = unlabelled(folder)
    paths = [one.path for one in found if one.path is not None]
    others = belonging(paths)
    for place, why in aside(sorted(p for p in folder.iterdir() if is_class(p))).items():
        inside = {path: why for path in paths if path.is_relative_to(place)}
        # images without a class are those of an autoencoder
        others |= inside if len(inside) < len(paths) and "without" not in why else {}
    for one in found:
        assert one.path is not None
        group = _group(one.path.stem, one.name, pattern)
        without = "" if group else "the group pattern does not match its name"
        why = others.get(one.path, without)
        if why:
            skipped.append((one.name, why))
        else:
            examples.append(replace(one, group=printable(group)))
    if not examples:
        raise ValueError(f"{folder}: the group pattern matches the name of no image")
    return Dataset(tuple(examples), folder.resolve().name, tuple(skipped), min_classes=0)


def _outside(place: Path, folder: Path) -> list[tuple[str, str]]:
    """Images that lie beside the folders of the classes."""
    return [
        (printable(path.relative_to(folder).as_posix()), "not in the folder of a class")
        for path in sorted(place.iterdir())
        if is_image(path) and (path.is_file() or path.suffix.lower() in FOLDERS)
    ]


def _joined(
    paths: Sequence[Path], channels: Sequence[str]
) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The first file of each image; and of images that lack a channel, with the reason."""
    if not channels:
        return list(paths), []
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    left_out, incomplete = set(), []
    for mine in folders.values():
        for files in by_image(mine, channels).values():
            try:
                first, *others = complete(files, channels).values()
            except ValueError as error:
                first, *others = (path for some in files.values() for path in some)
                incomplete.append((first, str(error)))
                left_out.add(first)
            left_out.update(others)
    return [path for path in paths if path not in left_out], incomplete


def _example(
    path: Path,
    name: str,
    label: str,
    group: str,
    part: str = "",
    channels: Sequence[str] = (),
    files: Mapping[str, Path] | None = None,
) -> Example:
    name, label, group = (printable(text) for text in (name, label, group))
    opened: Callable[[], Micrograph] = functools.partial(read, path)
    if files is not None:
        opened = functools.partial(read_files, files)
    elif channels:
        opened = functools.partial(read_channels, path, tuple(channels))
    return Example(name, label, group, opened, path, part)


def _from_table(
    given: pd.DataFrame,
    file: str,
    folder: Path,
    pattern: re.Pattern[str] | None,
    min_classes: int,
    channels: tuple[str, ...],
) -> Dataset:
    """Images in the rows of a table; paths are relative to a folder."""
    table = with_known_columns(given, channels)
    in_columns = bool(channels) and set(channels) <= set(table)
    if in_columns:
        table["path"] = table[channels[0]]
    missing = [name for name in _COLUMNS if name not in table]
    if not min_classes and missing == ["label"]:
        missing, table["label"] = [], "image"
    if missing:
        raise ValueError(f"{file}: {lacks(given, missing[0])}")
    examples, skipped = [], []
    parts = parts_in(table, file, folder)
    again = repeated(table, file, folder, channels if in_columns else (), bool(min_classes))
    rows = zip(table.to_dict("records"), parts, names_in(table), again, strict=True)
    for number, (row, part, name, why) in enumerate(rows, first_line(table)):
        path_text, label = row["path"].strip(), row["label"].strip()
        path = path_in(folder, path_text)
        if not path_text or not (label or not min_classes):
            skipped.append((f"line {number}", "no path or no label"))
        elif why or not path.exists():
            skipped.append((name, why or "no such file"))
        elif in_columns and not all(row[channel].strip() for channel in channels):
            absent = next(channel for channel in channels if not row[channel].strip())
            skipped.append((name, f"no path of the channel {absent}"))
        else:
            files = {c: path_in(folder, row[c].strip()) for c in channels} if in_columns else None
            otherwise = str(row.get("group", "")).strip() or name
            group = _group(path.stem, otherwise, pattern)
            if not group:
                skipped.append((name, "the group pattern does not match its name"))
                continue
            examples.append(_example(path, name, label, group, part, channels, files))
    name = Path(file).stem
    notes = tuple(given.attrs.get("notes", ()))
    return Dataset(tuple(examples), name, tuple(skipped), min_classes, channels, notes)
