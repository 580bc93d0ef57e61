"""Write results: to a temporary name first, never over what is there."""

from __future__ import annotations

import codecs
import ctypes
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .tables import excel_file, without_formulas

# what tells a folder that is a Zarr
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")

# what a PNG that is drawn of a result says of itself in its text: it is no result
PICTURE = {"visual-ccc": "picture"}

# bytes of a name, in all file systems in use
LONGEST_NAME = 255

# at the command line and in scripts
REPLACE = "add --force (force=True in Python) to replace it"


def sha256(path: Path) -> str:
    """Give the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def as_path(given: object, what: str) -> Path:
    """Path of a file or folder; a sentence about anything that is none.

    Raises
    ------
    ValueError
        If it is no text and no path.
    """
    if not isinstance(given, str | os.PathLike):
        raise ValueError(f"{what} is given by its path, not as {type(given).__name__}")
    return Path(given)


def stem(path: Path) -> str:
    """Give the name of an image file without what says its kind."""
    short = re.sub(r"\.(ome\.)?(tiff?|zarr)$", "", path.name, flags=re.I)
    return short if short != path.name else path.stem


def check_free(path: Path, *, force: bool) -> None:
    """Insist that a file is not there yet, or may be replaced.

    Raises
    ------
    FileExistsError
        If it is there and `force` is not set, or it is a folder and no Zarr.
    OSError
        If no file system takes a name as long.
    """
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise OSError(f"{path}: the name has more than {LONGEST_NAME} bytes; choose a shorter one")
    if path.exists() and not force:
        raise FileExistsError(f"{path} already exists; {REPLACE}")
    if path.is_dir() and not any((path / name).is_file() for name in _ZARR_FILES):
        raise FileExistsError(
            f"{path} is a folder but not a Zarr store and is not replaced; choose another name"
        )


def make_folder(folder: Path) -> None:
    """Make a folder with those around it, if it is not there.

    Raises
    ------
    OSError
        If it cannot be made; the message names it and says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise type(error)(
            f"{folder}: the folder could not be made ({reason}); choose another place"
        ) from error


def check_writable(path: Path) -> None:
    """Insist that a file can be written, before long work: a few bytes are, and are removed.

    Raises
    ------
    OSError
        If its folder cannot be made or written to, or the disk is full.
    """
    part = _part_of(_target(path))
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(bytes(4096))
    except OSError as error:
        raise OSError(
            f"{path}: could not be written ({error.strerror or error}); choose another place"
        ) from error
    finally:
        _remove(part)


@contextmanager
def written(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; what is complete gets its own name.

    What is replaced leaves its permissions, and a link goes on to lead to the file. Temporary files
    that a process of this machine left when it was killed are removed from the folder.

    Parameters
    ----------
    path : Path
        Where the file (or the folder of a Zarr) is to be. The folder around it is made.
    force : bool
        Replace what is there; of folders, only one that is a Zarr.

    Raises
    ------
    FileExistsError
        If it is there and `force` is not set, or it is a folder of other things.
    OSError
        If the disk is full, say; nothing half-written stays.
    """
    if "\0" in str(path):
        raise ValueError(f"{str(path)!r} is no name of a file: it has a null character")
    check_free(path, force=force)
    target = _target(path)
    make_folder(target.parent)
    _remove_abandoned(target.parent)
    part = _part_of(target)
    try:
        yield part
        _put_in_place(part, target)
    except OSError as error:
        if error.filename is None or part.name in str(error.filename):
            reason = error.strerror or str(error)
            raise OSError(f"{path}: could not be written ({reason})") from error
        raise
    finally:
        _remove(part)


def has_content(path: Path) -> bool:
    """Whether a file is there and not empty, or a folder with something in it."""
    try:
        return any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
    except OSError:
        return False


def to_disk(paths: Iterable[Path]) -> None:
    """Write files and folders through to the disk, with their names: they outlast a power cut."""
    places = set()
    for path in paths:
        inner = path.rglob("*") if path.is_dir() else ()
        places |= {path, path.parent, *inner}
    for place in places:
        # Windows writes through what is open for writing, and no folders
        how = os.O_RDWR if os.name == "nt" else os.O_RDONLY
        with suppress(OSError):
            number = os.open(place, how)
            try:
                os.fsync(number)
            finally:
                os.close(number)


def _target(path: Path) -> Path:
    """Where a link leads."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _machine() -> str:
    """Short mark of this machine, or container: it knows whether processes of its own live."""
    about = platform.node()
    with suppress(OSError):
        about += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(about.encode()).hexdigest()[:8]


def _part_of(path: Path, kind: str = "part") -> Path:
    """Temporary name that no other process, thread or person expects."""
    start = f".{kind}-{_machine()}-{os.getpid()}-{secrets.token_hex(8)}-"
    name = path.name
    # the ending stays: writers choose the format by it
    while len(os.fsencode(start + name)) > LONGEST_NAME:
        name = name[1:]
    return path.with_name(start + name)


@functools.lru_cache(maxsize=256)
def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that are gone, once per process."""
    restore(folder)
    for one, _ in _abandoned(folder, "part"):
        _remove(one)


def restore(folder: Path) -> None:
    """Bring back what made room for its replacement when the process was killed."""
    for one, name in _abandoned(folder, "old"):
        if (folder / name).exists():
            _remove(one)
        # a longer name was cut off
        elif len(os.fsencode(one.name)) < LONGEST_NAME:
            with suppress(OSError):
                os.replace(one, folder / name)


def _abandoned(folder: Path, kind: str) -> Iterator[tuple[Path, str]]:
    """Temporary files of processes of this machine that are gone, and what they are of."""
    import psutil

    for one in list(folder.glob(f".{kind}-{_machine()}-*-*-*")):
        _, _, owner, _, name = one.name.split("-", 4)
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            yield one, name


def _put_in_place(part: Path, path: Path) -> None:
    if not part.exists():
        raise OSError("its folder was removed meanwhile")
    if path.exists() and path.is_dir() == part.is_dir():
        shutil.copymode(path, part)
    if not path.is_dir() and not (part.is_dir() and path.exists()):
        os.replace(part, path)
        return
    # a folder that holds something cannot be replaced, nor a file by one: it makes room first
    if _exchanged(part, path):
        return
    old = _part_of(path, "old")
    os.replace(path, old)
    try:
        os.replace(part, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _exchanged(part: Path, path: Path) -> bool:
    """Exchange two names in one step where Linux can: what was there is then removed as a part."""
    if sys.platform != "linux":
        return False
    one, other = (os.fsencode(path.absolute()) for path in (part, path))
    try:
        # AT_FDCWD, RENAME_EXCHANGE
        return bool(ctypes.CDLL(None).renameat2(-100, one, -100, other, 2) == 0)
    except (AttributeError, OSError):
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def write_table(table: Any, path: Path, *, force: bool = False) -> None:
    """Write a table as CSV (UTF-8, no byte order mark) or Parquet; Excel has `copy_for_excel`.

    Parameters
    ----------
    table : DataFrame
        Without its index.
    path : Path
        Ends in ``.parquet``, or it becomes CSV.
    force : bool
        Replace a file that is there.

    Raises
    ------
    ImportError
        If Parquet is asked for and its package is not installed.
    FileExistsError, OSError
        As `written`.
    """
    if path.suffix.lower() != ".parquet":
        write_csv(table, path, force=force)
        return
    with written(path, force=force) as part:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise ImportError(
                f"{path}: Parquet needs a package: pip install 'napari-visual-ccc[parquet]'"
            ) from None
        table.to_parquet(part, index=False, engine="pyarrow")


def write_csv(table: Any, path: Path, *, force: bool = False) -> None:
    """Write a table as CSV, without its index; texts that a spreadsheet would run are quoted.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    with written(path, force=force) as part:
        without_formulas(table).to_csv(part, index=False)


def copy_for_excel(path: Path, *, force: bool = False) -> Path:
    """Write a copy of a CSV file with the byte order mark by which Excel knows UTF-8.

    Returns
    -------
    Path
        The copy, ``table_excel.csv`` of ``table.csv``.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    copy = excel_file(path)
    with written(copy, force=force) as part:
        part.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    return copy


def write_text(text: str, path: Path, *, force: bool = False) -> None:
    """Write text as UTF-8; bytes of file names that are none are escaped.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    with written(path, force=force) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
