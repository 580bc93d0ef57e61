"""Which files and folders of a data set are images, classes and parts, and which are not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..core.dataset import part_named
from .read import FOLDERS, is_image
from .read.slices import in_best_format

# where the command line writes to by itself
OUTPUT = "visual-ccc-output"

# folders of file servers, operating systems and programs, which hold thumbnails and waste: of
# Synology, QNAP and NetApp; of Windows; of macOS; of Linux; of programs
_SYSTEM = re.compile(
    r"@(eadir|tmp|recycle|recently-snapshot|snapshots?|sharebin|sharesnap|quarantine|database|"
    r"docker|download|transcode|filestation|app[a-z]*|__[a-z]+)|#(recycle|snapshots?|tmp)|"
    r"~snapshot|\$recycle\.bin|recycler|system volume information|found\.\d+|"
    r"\$[a-z][a-z.~]*|__macosx|network trash folder|temporary items|thevolumesettingsfolder|"
    r"lost\+found|lost\.dir|__pycache__|[._]?ipynb_checkpoints|_?thumbs|_?thumbnails?"
)

# the first words of a record of this package
_RECORD = b"# How a result of napari-visual-ccc"


def is_left_out(name: str) -> bool:
    """Whether a folder of this name holds no images of a data set: hidden, thumbnails, results."""
    return bool(name.startswith(".") or _SYSTEM.fullmatch(name.lower()) or name == OUTPUT)


def is_class(place: Path) -> bool:
    """Whether a path may be the folder of a class."""
    return place.is_dir() and not is_left_out(place.name) and place.suffix.lower() not in FOLDERS


def files_below(folder: Path) -> Iterable[Path]:
    """All files below a folder that may be of a data set; a store of many files is one."""
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not is_left_out(one)]
        names += [one for one in folders if one.lower().endswith(FOLDERS)]
        folders[:] = [one for one in folders if not one.lower().endswith(FOLDERS)]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def parts_of(folder: Path, places: list[Path]) -> dict[Path, str]:
    """Part of each folder that is named like one; empty where the folders are classes.

    A class may be called train: folders are parts if there is another part beside it, or nothing
    else.
    """
    parts = {place: part_named(place.name) for place in places if part_named(place.name)}
    names = set(parts.values())
    if not names or (len(parts) < len(places) and not ("train" in names and len(names) > 1)):
        return {}
    return parts


def inner_parts(places: Sequence[Path]) -> dict[Path, str]:
    """Part of each folder within those of the classes; empty unless all of them are parts."""
    parts: dict[Path, str] = {}
    for place in places:
        for one in place.iterdir():
            if is_image(one) or (is_class(one) and not part_named(one.name)):
                return {}
            if is_class(one):
                parts[one] = part_named(one.name)
    return parts if {"train"} < set(parts.values()) else {}


def own_results(paths: Sequence[Path]) -> set[Path]:
    """Images that this package wrote beside a record; none where all are: then they are the data.

    Parameters
    ----------
    paths : sequence of Path
        All images of a data set.
    """
    records: dict[Path, list[str]] = {}
    for place in {path.parent for path in paths}:
        records[place] = [one.stem for one in place.glob("*.yaml") if _is_record(one)]
    found = {
        path for path in paths
        if any(path.name.startswith((f"{one}_", f"{one}.")) for one in records[path.parent])
    }  # fmt: skip
    return found if len(found) < len(paths) else set()


def _is_record(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_RECORD)) == _RECORD


def same_image(paths: Sequence[Path]) -> dict[Path, Path]:
    """Files that have the image of another file of their name, in a format that keeps less.

    Parameters
    ----------
    paths : sequence of Path
        Images.

    Returns
    -------
    dict
        File → the file that is used instead of it.
    """
    return in_best_format(paths)[1]
