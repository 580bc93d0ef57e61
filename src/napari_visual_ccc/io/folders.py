"""Which files and folders of a data set are images, classes and parts, and which are not."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..core.plain import printable
from .copies import likeness
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

# words of folders that hold the images of one class each, before a number
_CLASS = re.compile(r"(class|phase|type|label|category|grade)\W*\d+")

# names of folders for what programs make of images, perhaps with a number or date
_RESULTS = re.compile(
    r"(?:(?:my|old|new|all|final|saved|binary) )?(?:results?|outputs?|out|figures?|figs?|plots?|"
    r"predictions?|masks?|labels?|annotations?|segmentations?|segmented|ground ?truth|overlays?|"
    r"heat ?maps?|reports?|logs?|models?|checkpoints?)(?: images?| folder)?(?: v?\d+)*"
)

# names of folders for images that have not been sorted into classes
_UNSORTED = re.compile(
    r"un ?(?:labell?ed|annotated|sorted|classified|assigned|tagged)(?: images?| data| \d+)*|"
    r"(?:to|not)(?: be)?(?: yet)? (?:labell?(?:ed)?|sort(?:ed)?|annotated?|classif(?:y|ied))|"
    r"to ?do|no (?:labels?|class)"
)

# folders of repetitions, which hold folders of classes: fold1, set_A, day 2, 2026-01-01
_OUTER = re.compile(
    r"(k?fold|cv|set|split|batch|day|date|session|run|series|round|week|repeat|replicate|rep)"
    r"[\W_]*(\d+|[a-z])|(19|20)\d\d([-_.]?\d\d){1,2}([-_.]\w+)?|\d\d[-_.]\d\d[-_.](19|20)\d\d"
)

# pairs of files of one name whose pixels are compared at first
_COMPARED = 100

# correlation of two files of the same image; below the other one they show something else
_SAME, _OTHER = 0.9, 0.5

# the first words of a record of this package
_RECORD = b"# How a result of napari-visual-ccc"


def is_left_out(name: str) -> bool:
    """Whether a folder of this name holds no images of a data set: hidden, thumbnails, results."""
    return bool(name.startswith(".") or _SYSTEM.fullmatch(name.lower()) or name == OUTPUT)


def check_is_folder(place: Path) -> None:
    """Insist on a folder of images.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is none.
    """
    if not place.exists():
        raise FileNotFoundError(f"{place}: no such folder")
    if not place.is_dir():
        raise NotADirectoryError(f"{place}: is a file; name the folder that the images are in")


def is_class(place: Path) -> bool:
    """Whether a path may be the folder of a class."""
    return place.is_dir() and not is_left_out(place.name) and place.suffix.lower() not in FOLDERS


def files_below(folder: Path, closed: list[Path] | None = None) -> Iterable[Path]:
    """All files below a folder that may be of a data set; a store of many files is one.

    Those that cannot be looked into, as without a permission, are added to `closed`.
    """

    def refused(error: OSError) -> None:
        if closed is not None:
            closed.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [one for one in folders if not is_left_out(one)]
        names += [one for one in folders if one.lower().endswith(FOLDERS)]
        folders[:] = [one for one in folders if not one.lower().endswith(FOLDERS)]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def aside(places: Sequence[Path]) -> dict[Path, str]:
    """Folders beside those of the classes that hold results, masks or what has no class yet.

    Parameters
    ----------
    places : sequence of Path
        Folders that may be classes; where all are named so, they are.

    Returns
    -------
    dict
        Folder → reason, for the user.
    """
    found = {
        place: f"named like a folder of {what}; rename it if it is a class"
        for place in places if (what := _named_aside(place.name))
    }  # fmt: skip
    return found if len(found) < len(places) else {}


def _named_aside(name: str) -> str:
    """What a folder of this name holds in the place of a class; empty if it may be one."""
    plain = re.sub(r"[\W_]+", " ", name.lower()).strip()
    if _RESULTS.fullmatch(plain):
        return "results or masks"
    return "images without a class" if _UNSORTED.fullmatch(plain) else ""


def is_fold(name: str) -> bool:
    """Whether a folder is named like a repetition: a fold, a set, a day."""
    return bool(_OUTER.fullmatch(name.lower()))


def inner_classes(places: Sequence[Path]) -> list[Path]:
    """Folders of the classes within folds, sets or days; empty where the outer ones are classes.

    They are the classes where all outer folders hold the same ones, and no images of their own;
    of folders that are named like folds, sets or days, some may lack a class. Specimens with a
    number (cube/s1, rod/s1) are none, unless the outer folders have numbers, too.
    """
    inside = _inside(places)
    shared = set[str]().union(*inside)
    if len(places) < 2 or len(shared) < 2 or any(map(is_image, _directly(places))):
        return []
    outer = {place.name for place in places}
    if any(set(one) != shared for one in inside):
        named = all(map(is_fold, outer))
        if not named or not _recurring(inside) or not all(inside):
            return []
    specimens = _numbered(shared) and not _all_classes(shared) and not _numbered(outer)
    if specimens or _all_classes(outer):
        return []
    return sorted(path for one in inside for path in one.values())


def recurring_folders(places: Sequence[Path]) -> list[str]:
    """Names of folders that some of the classes share, and that do not look like specimens."""
    names = _recurring(_inside(places))
    clear = len(names) < 2 or _numbered(names) or _all_classes({one.name for one in places})
    return [] if clear else sorted(names)


def of_crossed(places: Sequence[Path]) -> tuple[str, ...]:
    """Say which folders were taken for the classes."""
    if not places:
        return ()
    outer = list(dict.fromkeys(printable(place.parent.name) for place in places))
    inner = list(dict.fromkeys(printable(place.name) for place in places))
    return (
        f"{some_of(outer)} hold the same folders {some_of(inner)}: these are the classes, and the "
        "outer ones are groups; give a table with path and label if the outer ones are the "
        "classes",
    )


def of_recurring(places: Sequence[Path]) -> tuple[str, ...]:
    """Say that folders within those of the classes may be the classes."""
    names = recurring_folders(places)
    if not names:
        return ()
    outer = [printable(place.name) for place in places]
    return (
        f"{some_of(outer)} are the classes, though folders within them have the same names "
        f"({some_of([printable(name) for name in names])}): give a table with path and label if "
        "these are the classes",
    )


def some_of(names: Sequence[str]) -> str:
    """Name the first three."""
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"


def _inside(places: Sequence[Path]) -> list[dict[str, Path]]:
    """Folders within each folder by their names; capitals do not matter."""
    return [{one.name.casefold(): one for one in place.iterdir()
             if is_class(one) and not _named_aside(one.name)} for place in places]  # fmt: skip


def _recurring(inside: Sequence[dict[str, Path]]) -> set[str]:
    times = Counter(name for one in inside for name in one)
    return {name for name, count in times.items() if count > 1}


def _directly(places: Sequence[Path]) -> list[Path]:
    return [one for place in places for one in place.iterdir()]


def _numbered(names: set[str]) -> bool:
    """Whether names differ only by their numbers."""
    return len({re.sub(r"\d+", "#", name.lower()) for name in names} | {""}) == 2 and all(
        re.search(r"\d", name) for name in names
    )


def _all_classes(names: set[str]) -> bool:
    return all(_CLASS.fullmatch(name.lower().replace("_", "-")) for name in names)


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
    # a pipe would be waited for
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_RECORD)) == _RECORD
    except OSError:
        return False


class Kept(NamedTuple):
    """The file of its name that is used instead of another one, and why."""

    path: Path
    why: str


def same_image(paths: Sequence[Path]) -> dict[Path, Kept]:
    """Files whose name another file has, in a format that keeps more of the image.

    Those that clearly show something else are images of their own: their pixels are compared.

    Parameters
    ----------
    paths : sequence of Path
        Images.

    Returns
    -------
    dict
        File → the file that is used instead of it.
    """
    twice = in_best_format(paths)[1]
    pairs = list(twice.items())
    some = pairs[:: max(1, len(pairs) // _COMPARED)]
    alike = {path: _similar(path, other) for path, other in some}
    if any(found < _OTHER for found in alike.values()):
        alike |= {path: _similar(path, other) for path, other in pairs if path not in alike}
    return {
        path: Kept(other, _why(other, alike.get(path, _OTHER)))
        for path, other in pairs
        if alike.get(path, _OTHER) >= _OTHER
    }


def _why(other: Path, alike: float) -> str:
    if alike >= _SAME:
        return f"the same image as {other.name}, in another format"
    return f"{other.name} of the same name is used, which keeps more; rename it if it is another"


def _similar(path: Path, other: Path) -> float:
    """Correlation of two files, or `_OTHER` where it is not clear."""
    found = likeness(path, other)
    return _OTHER if found is None else abs(found)
