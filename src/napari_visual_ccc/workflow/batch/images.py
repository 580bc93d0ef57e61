"""The images of a batch: of folders, tables, patterns and lists."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...core.files import stem
from ...core.plain import path_given, printable
from ...io.datasets import unlabelled
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
    """

    name: str
    path: Path
    title: str

    @property
    def key(self) -> str:
        """What identifies the file: its name in the batch, its size and its time of change.

        That of a file that is not there is its name.
        """
        files = [self.path]
        if self.path.is_dir():
            files = [Path(place, one) for place, _, names in os.walk(self.path) for one in names]
        try:
            about = [one.stat() for one in files]
        except OSError:
            about = []
        size = sum(one.st_size for one in about)
        changed = max((one.st_mtime_ns for one in about), default=0)
        return f"{self.name}|{size}|{changed}"


def images_of(
    source: Images, *, without: Path | None = None, recursive: bool = True, stacks: bool = False
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

    Returns
    -------
    list of Image
        In the order of the source, those of a folder by name. Names are paths below the folder;
        those of files of several folders are paths below the folder that they share.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder or file, or no image.
    """
    several = not isinstance(source, str | bytes | Path) and isinstance(source, Iterable)
    places = [path_given(one, "images") for one in (source if several else [source])]  # type: ignore[union-attr]
    paths = [path for place in places for path in _paths(place, recursive, stacks)]
    if without is not None:
        results = without.resolve()
        paths = [path for path in paths if not path.resolve().is_relative_to(results)]
    paths = list(dict.fromkeys(paths))
    if not paths:
        raise ValueError(f"{', '.join(map(str, places)) or 'the list'}: no image")
    alone = len(places) == 1 and not stacks and Path(places[0]).is_dir()
    base = Path(places[0]) if alone else _shared(paths)
    names = [_name(path, base) for path in paths]
    return list(map(Image, names, paths, _titles(names, paths)))


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


def _paths(place: str | Path, recursive: bool, stacks: bool) -> list[Path]:
    path = Path(place)
    if is_folder(path) and not stacks:
        found = [one.path for one in unlabelled(path) if one.path is not None]
        return [one for one in found if recursive or one.parent == path]
    if path.is_file() and path.suffix.lower() in TABLES:
        return _of_table(path)
    if path.exists():
        return [path]
    if glob.has_magic(str(place)):
        names = sorted(map(Path, glob.glob(str(place), recursive=True)))
        if not names:
            raise FileNotFoundError(f"{place}: no file matches")
        return names
    raise FileNotFoundError(f"{place}: no such file or folder")


def _of_table(file: Path) -> list[Path]:
    table = with_known_columns(read_text_table(file), ())
    if "path" not in table:
        raise ValueError(f"{file}: no column 'path'; it needs one, relative to the table")
    # a file that is not there is listed among the failures
    return [path_in(file.parent, text.strip()) for text in table["path"] if text.strip()]


def _shared(paths: Sequence[Path]) -> Path:
    """Folder that all files share, or none on several drives."""
    try:
        return Path(os.path.commonpath([path.absolute().parent for path in paths]))
    except ValueError:
        return Path()


def _name(path: Path, base: Path) -> str:
    try:
        name = path.absolute().relative_to(base.absolute())
    except ValueError:
        # another drive: its letter is left out
        name = path.absolute().relative_to(path.absolute().anchor)
    return printable(name.as_posix())
