"""Files of a data set that belong to another image: masks, overlays, thumbnails, saved results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import stem
from .axes import COLOURS
from .read import read, tiff

_WORD = (
    r"(?:masks?|binary|label(?:s|led)?|seg(?:mented|mentation)?|overlays?|annotat(?:ed|ions?)|"
    r"contours?|outlines?|heat ?maps?|cam|thumb(?:nail)?s?|preview|low ?res)"
)

# names of what belongs to an image: im1_mask, im1 overlay, mask_im1
_BEHIND = re.compile(rf"(.+?)[-_. ]+{_WORD}", re.I)

_BEFORE = re.compile(rf"{_WORD}[-_. ]+(.+)", re.I)

# names of folders for masks and other files of the images beside or around them
_FOLDER = re.compile(
    r"(?:bin(?:ary)?[-_. ]?)?masks?|labels?|annotations?|seg(?:mentations?|mented)?|overlays?|"
    r"contours?|outlines?|heat[-_. ]?maps?|ground[-_. ]?truth|gt",
    re.I,
)

# pairs of files that are compared at first
_COMPARED = 20

# a thumbnail has so many times fewer rows and columns, and this correlation with its image
_SMALLER, _SAME = 2, 0.9


def belonging(paths: Sequence[Path]) -> dict[Path, str]:
    """Files that are no images of their own, with the reason.

    Parameters
    ----------
    paths : sequence of Path
        All images of a data set.

    Returns
    -------
    dict
        Further files of an OME image in several files; what is named as the mask, overlay or
        thumbnail of another file in its folder; files of a folder for masks that have the name of
        an image beside or above this folder; TIFF with a record of this package whose name
        begins as that of another file; thumbnails in a folder within that of their images, by
        their pixels.
    """
    there = {(path.parent, stem(path).casefold()): path for path in paths}
    found = {
        path: f"a part of the OME image {of.name}" for path, of in parts_of_sets(paths).items()
    }
    folders = sorted({path.parent for path in paths})
    for path in paths:
        of = None if path in found else _named_after(path, there)
        if of is not None:
            why = f"belongs to {of.name} by its name; rename it if it is an image of its own"
            found[path] = why
        elif path not in found and (of := _in_folder_of_masks(path, there, folders)):
            found[path] = f"belongs to {of.name} by its folder; move it if it is an image"
        elif path not in found and _is_result(path, there):
            found[path] = "a result of this package"
    pairs = [
        (path, there[path.parent.parent, stem(path).casefold()]) for path in paths
        if path not in found and (path.parent.parent, stem(path).casefold()) in there
    ]  # fmt: skip
    found |= {path: f"a thumbnail of {of.name}" for path, of in _thumbnails(pairs)}
    return found


def parts_of_sets(paths: Sequence[Path]) -> dict[Path, Path]:
    """Files of an OME image in several files → the first of them, which is read as the whole.

    Folders whose first OME-TIFF names no others are not looked at further.
    """
    folders: dict[Path, dict[str, Path]] = {}
    for path in sorted(paths):
        if stem(path) != path.stem and path.suffix.lower() in tiff.SUFFIXES:
            folders.setdefault(path.parent, {})[path.name] = path
    found: dict[Path, Path] = {}
    for left in folders.values():
        while len(left) > 1:
            first = left.pop(next(iter(left)))
            names = _set_of(first)
            if not names:
                break
            found |= {left.pop(name): first for name in sorted(names) if name in left}
    return found


def _set_of(path: Path) -> set[str]:
    try:
        return tiff.set_of(path)
    # its own reading says what is wrong with it
    except (ValueError, OSError):
        return set()


def _named_after(path: Path, there: Mapping[tuple[Path, str], Path]) -> Path | None:
    for pattern in (_BEHIND, _BEFORE):
        match = pattern.fullmatch(stem(path))
        if match and (path.parent, match[1].casefold()) in there:
            return there[path.parent, match[1].casefold()]
    return None


def _in_folder_of_masks(
    path: Path, there: Mapping[tuple[Path, str], Path], folders: Sequence[Path]
) -> Path | None:
    """Image whose mask a file is that lies in a folder for masks beside or below the image."""
    if not _FOLDER.fullmatch(path.parent.name):
        return None
    outer, name = path.parent.parent, stem(path).casefold()
    names = [name, *(found[1] for one in (_BEHIND, _BEFORE) if (found := one.fullmatch(name)))]
    beside = (one for one in folders if one.parent == outer and not _FOLDER.fullmatch(one.name))
    images = (there.get((place, one)) for place in (outer, *beside) for one in names)
    return next((one for one in images if one is not None), None)


def _is_result(path: Path, there: Mapping[tuple[Path, str], Path]) -> bool:
    name = stem(path).casefold()
    starts = (name[: found.start()] for found in re.finditer(r"[-_. ]", name))
    return (
        path.suffix.lower() in tiff.SUFFIXES
        and any((path.parent, start) in there for start in starts)
        and tiff.has_record(path)
    )


def _thumbnails(pairs: Sequence[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Pairs of which the first is a thumbnail of the second; of many alike, some are compared."""
    step = max(1, len(pairs) // _COMPARED)
    some = [_is_thumbnail(*pair) for pair in pairs[::step]]
    if all(some) or not any(some):
        return list(pairs) if some and all(some) else []
    return [pair for pair in pairs if _is_thumbnail(*pair)]


def _is_thumbnail(path: Path, of: Path) -> bool:
    return (likeness(path, of, _SMALLER) or 0) >= _SAME


def likeness(path: Path, other: Path, smaller: int = 1) -> float | None:
    """Correlation of the grey levels of two files; None where they cannot be compared.

    Parameters
    ----------
    path, other : Path
        Images. Two without any contrast are alike if they are equal.
    smaller : int
        With more than 1, the first is compared with a reduced copy of the second, which has at
        least so many times its rows and columns.
    """
    try:
        first, second = (grey(read(one).data) for one in (path, other))
    # its own reading says what is wrong with it
    except (ValueError, ImportError, OSError):
        return None
    if smaller > 1:
        second = _reduced(second, first.shape, smaller)
    if first.shape != second.shape:
        return None
    if not (first.std() and second.std()):
        return 1.0 if smaller == 1 and np.array_equal(first, second) else None
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def _reduced(image: np.ndarray, shape: tuple[int, ...], smaller: int) -> np.ndarray:
    """Image with the size of a thumbnail of it; the image itself where it cannot have this one."""
    from PIL import Image

    if image.ndim != 2 or len(shape) != 2:
        return image
    (height, width), (rows, columns) = shape, image.shape
    alike = abs(rows * width - columns * height) <= max(rows, columns)
    if not alike or min(rows / height, columns / width) < smaller:
        return image
    picture = Image.fromarray(image.astype(np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def grey(data: Any) -> np.ndarray:
    """Grey levels of an image: the mean of its colours."""
    values = np.asarray(data, np.float64)
    return values[..., :3].mean(-1) if values.ndim > 2 and values.shape[-1] in COLOURS else values
