"""The images of a batch: of folders, tables, patterns and lists."""

from __future__ import annotations

import glob
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...core.files import stem
from ...core.plain import absolute, path_given, printable, real
from ...core.units import counted
from ...io.channels import files_of
from ...io.datasets import unlabelled
from ...io.read.sidecar import beside
from ...io.rows import with_known_columns
from ...io.tables import SUFFIXES as TABLES
from ...io.tables import path_in, read_text_table
from ..files.paired import is_folder
from ..save import file_stem

# what a batch takes: a folder, table, pattern or image, or several of them
Images = str | Path | Iterable[str | Path]


class Image(NamedTuple):
    """One image of a batch.

    Parameters
    ----------
    name : str
        Distinct and printable; a path with ``/``.
    path : Path
        Of its file.
    title : str
        Start of the names of the files of its result.
    again : int
        How many times more the file was given: by other spellings of its path, or by links.
    channels : tuple of str
        Names of the channels of the model, if it takes several: each may have a file of its own
        beside that at `path`.
    """

    name: str
    path: Path
    title: str
    again: int = 0
    channels: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What identifies the file: its name in the batch, its size and its time of change.

        Those of the text of the microscope beside it follow, and those of its other channels. That
        of a file that is not there is its name.
        """
        more = [f"|{one.name}|{state_of(one)}" for one in (*beside(self.path), *self._others)]
        return "".join([f"{self.name}|{state_of(self.path)}", *more])

    @property
    def _others(self) -> list[Path]:
        """Files of the other channels."""
        try:
            files = files_of(self.path, self.channels) if self.channels else None
        # it is listed among the failures
        except (ValueError, OSError):
            return []
        return [one for one in (files or {}).values() if one != self.path]


def state_of(path: Path) -> str:
    """Size and time of change of a file, or of all files of a folder; zeros if there is none."""
    try:
        files = [path]
        if path.is_dir():
            files = [Path(place, one) for place, _, names in os.walk(path) for one in names]
        about = [one.stat() for one in files]
    # a name that no file system takes is one of no file
    except (OSError, ValueError):
        about = []
    size = sum(one.st_size for one in about)
    return f"{size}|{max((one.st_mtime_ns for one in about), default=0)}"


def images_of(
    source: Images,
    *,
    without: Path | None = None,
    recursive: bool = True,
    stacks: bool = False,
    channels: tuple[str, ...] = (),
) -> list[Image]:
    """List the images of a batch, each file once.

    Parameters
    ----------
    source : str or Path, or several
        A folder, with the folders in it; a table with the column ``path`` (relative to the table);
        a pattern such as ``session/*/*.tif`` (``**`` is any folder); an image.
    without : Path, optional
        Folder whose images are left out: that of the results.
    recursive : bool
        Go into the folders in a folder.
    stacks : bool
        A folder is one image: its files are the slices of a stack.
    channels : tuple of str
        Names of the channels of an image: files of a folder that are named by them are one image.

    Returns
    -------
    list of Image
        In the order of the source, those of a folder by name. Names are paths below the folder,
        or below what a pattern has before its first wildcard; those of several places are paths
        below the folder that they share. A folder that cannot be looked into is among them: it
        will be one of the failures.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder or file, or no image.
    """
    several = not isinstance(source, str | bytes | Path) and isinstance(source, Iterable)
    places = [path_given(one, "images") for one in (source if several else [source])]  # type: ignore[union-attr]
    paths = [path for place in places for path in _paths(place, recursive, stacks, channels)]
    found = [(path, real(path)) for path in paths]
    if without is not None:
        results = real(without)
        found = [one for one in found if not one[1].is_relative_to(results)]
    times = _each_once(found)
    if not times:
        raise ValueError(f"{', '.join(map(str, places)) or 'the list'}: no image")
    base = _base(places[0], stacks) if len(places) == 1 else None
    titled = _titled(_names(list(times), base), list(times))
    return [one._replace(again=times[one.path], channels=channels) for one in titled]


def of_same(images: Sequence[Image]) -> tuple[str, ...]:
    """Say that files were given several times."""
    several = [one for one in images if one.again]
    if not several:
        return ()
    more = counted(sum(one.again for one in several), "more path")
    return (f"{more} of the same files, as of {several[0].name}: each file counts once",)


def folder_of(name: str, results: Path) -> Path:
    """Folder for the results of an image, in that for those of all.

    Raises
    ------
    ValueError
        If the name, or a link on the way, leads out of it: files there are not to be replaced.
    """
    place = results / Path(name).parent
    if not real(place).is_relative_to(real(results)):
        raise ValueError(f"{name}: its results would lie outside of {results}")
    return place


def as_known(images: Sequence[Image], names: Mapping[str, str]) -> list[Image]:
    """Keep the names that an earlier run gave, whatever files were added since.

    Parameters
    ----------
    images : sequence of Image
        Of this run.
    names : mapping
        Absolute path → name, of the earlier ones.
    """
    named = {real(Path(path)): name for path, name in names.items() if _is_inside(name)}
    known = [named.get(real(one.path), "") for one in images]
    own = {name: number for number, name in reversed(list(enumerate(known))) if name}
    found: dict[str, int] = {}
    for number, (name, image) in enumerate(zip(known, images, strict=True)):
        name, count = name if own.get(name) == number else image.name, 1
        while own.get(name, number) != number or name in found:
            count += 1
            part = Path(image.name)
            name = part.with_name(f"{part.stem}_{count}{part.suffix}").as_posix()
        found[name] = number
    titled = _titled(list(found), [image.path for image in images])
    return [
        one._replace(again=image.again, channels=image.channels)
        for one, image in zip(titled, images, strict=True)
    ]


def _is_inside(name: str) -> bool:
    """Whether a name leads to a place in the folder of the results."""
    return ".." not in Path(name).parts and not Path(name).anchor


def _each_once(paths: Iterable[tuple[Path, Path]]) -> dict[Path, int]:
    """Paths of files, each once, with how many more there were; rather one that is no link.

    Parameters
    ----------
    paths : iterable of (Path, Path)
        As they were given, and without links.
    """
    same: dict[str, list[Path]] = {}
    for path, place in paths:
        same.setdefault(os.path.normcase(place), []).append(path)
    return {min(mine, key=os.path.islink): len(mine) - 1 for mine in same.values()}


def _titled(names: Sequence[str], paths: Sequence[Path]) -> list[Image]:
    return list(map(Image, names, paths, _titles(names, paths)))


def _base(place: Path, stacks: bool) -> Path | None:
    """Folder below which names are paths, whatever files are added: that of a folder, a pattern."""
    if place.exists():
        return place if is_folder(place) and not stacks else None
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), place.parts)
    return Path(*fixed)


def _titles(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """Names without suffix; with it where two images of a folder would be written as one."""
    folders = [Path(name).parent.as_posix().casefold() for name in names]
    short, full = ([file_stem(of(path)) for path in paths] for of in (stem, lambda one: one.name))
    many = Counter(zip(folders, map(str.casefold, short), strict=True))
    titles, taken = [], set()
    for folder, brief, whole in zip(folders, short, full, strict=True):
        title, number = brief if many[folder, brief.casefold()] == 1 else whole, 1
        while (folder, title.casefold()) in taken:
            number += 1
            title = f"{whole}_{number}"
        taken.add((folder, title.casefold()))
        titles.append(title)
    return titles


def _paths(
    place: str | Path, recursive: bool, stacks: bool, channels: tuple[str, ...]
) -> list[Path]:
    path = Path(place)
    if is_folder(path) and not stacks:
        examples = unlabelled(path, channels, closed=True)
        found = [one.path for one in examples if one.path is not None]
        return [one for one in found if recursive or one.parent == path]
    if path.is_file() and path.suffix.lower() in TABLES:
        return _of_table(path, stacks)
    if path.exists():
        return [path]
    if glob.has_magic(str(place)):
        names = sorted(map(Path, glob.glob(str(place), recursive=True)))
        if not names:
            raise FileNotFoundError(f"{place}: no file matches")
        return names
    raise FileNotFoundError(f"{place}: no such file or folder")


def _of_table(file: Path, stacks: bool) -> list[Path]:
    table = with_known_columns(read_text_table(file), ())
    if "path" not in table:
        raise ValueError(f"{file}: no column 'path'; it needs one, relative to the table")
    # a file that is not there is listed among the failures
    found = [path_in(file.parent, text.strip()) for text in table["path"] if text.strip()]
    for path in found:
        if is_folder(path) and not stacks:
            raise ValueError(f"{file}: {path} is a folder; a row is one image")
    return found


def _names(paths: Sequence[Path], base: Path | None) -> list[str]:
    """Paths below a folder, without ``..``; below the one that they share where some are not."""
    whole = [absolute(path) for path in paths]
    base = None if base is None else absolute(base)
    if base is None or not all(path.is_relative_to(base) for path in whole):
        base = _shared(whole)
    # on several drives: their letters are left out
    below = [path.relative_to(path.anchor if base is None else base) for path in whole]
    return [printable(path.as_posix()) for path in below]


def _shared(paths: Sequence[Path]) -> Path | None:
    """Folder that all files share; none on several drives."""
    try:
        return Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:
        return None
