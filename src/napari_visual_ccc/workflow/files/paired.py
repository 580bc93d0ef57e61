"""The file of another folder that belongs to an image, by its name."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ...core.files import stem
from ...io.datasets import unlabelled
from ...io.read import FOLDERS
from ...io.read.zarr import FOLDERS as ZARR
from ...io.read.zarr import is_zarr
from ..operations import OPERATIONS
from ..save import file_stem

# what the name of labels has behind that of their image, beside names of operations
_KINDS = ("label", "mask", "seg", "instance", "object", "phase", "cp_mask")


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of files, not an image that is a folder (a Zarr store)."""
    # a name that no file system takes is that of none
    if not os.path.isdir(path):
        return False
    suffix = path.suffix.lower()
    return suffix not in FOLDERS or (suffix in ZARR and not is_zarr(path))


def paired(further: Mapping[str, Path], name: str) -> dict[str, Path]:
    """Replace folders of further inputs by the file in each that belongs to an image.

    It has the name of the image, in any format; or that name goes on with an operation or a kind
    of labels: ``a_particles.ome.tif`` belongs to ``a.tif``. Of several, the one with the longest
    name, in the folder of the same name, is taken.

    Parameters
    ----------
    further : mapping
        Files and folders by input.
    name : str
        Of the image: its path below the folder of the images, with ``/``.

    Raises
    ------
    ValueError
        If a folder has no such file, or several.
    """
    return {key: _of(path, name) if is_folder(path) else path for key, path in further.items()}


def _of(folder: Path, name: str) -> Path:
    image = Path(name)
    files = _files(folder, folder.stat().st_mtime_ns)
    whole, short = (file_stem(text).casefold() for text in (image.name, stem(image)))
    fits = [
        (len(start), path.relative_to(folder).parent == image.parent, path)
        for start in {whole, *(short[:end] for end in range(len(short) + 1))}
        if start in files and _belongs(start, whole, short)
        for path in files[start]
    ]
    if not fits:
        raise ValueError(f"{folder}: no file has the name of {name}")
    best = max(fit[:2] for fit in fits)
    found = sorted({path for *how, path in fits if tuple(how) == best})
    if len(found) > 1:
        names = " and ".join(path.relative_to(folder).as_posix() for path in found[:2])
        raise ValueError(f"{folder}: {names} both have the name of {name}; leave one of them")
    return found[0]


def _belongs(start: str, whole: str, short: str) -> bool:
    if start in (whole, short):
        return True
    rest = short.removeprefix(start)
    rest = rest.lstrip("_-. ") if rest != short and not rest[0].isalnum() else ""
    return any(
        re.match(rf"{kind}s?([^a-z]|$|ment)", rest) is not None for kind in (*OPERATIONS, *_KINDS)
    )


@functools.lru_cache(maxsize=8)
def _files(folder: Path, changed: int) -> dict[str, list[Path]]:
    """Images of a folder by their names, without and with their endings."""
    found: dict[str, list[Path]] = {}
    for path in (one.path for one in unlabelled(folder) if one.path is not None):
        for text in (stem(path), path.name):
            found.setdefault(file_stem(text).casefold(), []).append(path)
    return found
