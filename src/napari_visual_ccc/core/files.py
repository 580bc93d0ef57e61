"""Write results: to a temporary name first, never over what is there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# what tells a folder that is a Zarr
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")


def sha256(path: Path) -> str:
    """Give the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


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
    """
    if path.exists() and not force:
        raise FileExistsError(f"{path} already exists; add --force to replace it")
    if path.is_dir() and not any((path / name).is_file() for name in _ZARR_FILES):
        raise FileExistsError(
            f"{path} is a folder but not a Zarr store and is not replaced; choose another name"
        )


@contextmanager
def written(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; what is complete gets its own name.

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
    check_free(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the ending stays: writers choose the format by it
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        _put_in_place(part, path)
    except OSError as error:
        if error.filename is None or str(part) in str(error.filename):
            reason = error.strerror or str(error)
            raise OSError(f"{path}: could not be written ({reason})") from error
        raise
    finally:
        _remove(part)


def _put_in_place(part: Path, path: Path) -> None:
    if not path.is_dir() and not (part.is_dir() and path.exists()):
        os.replace(part, path)
        return
    # a folder that holds something cannot be replaced, nor a file by one: it makes room first
    old = path.with_name(f".old-{os.getpid()}-{path.name}")
    os.replace(path, old)
    try:
        os.replace(part, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_table(table: Any, path: Path, *, force: bool = False) -> None:
    """Write a table as CSV (UTF-8, with a mark by which Excel knows it) or Parquet.

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
    with written(path, force=force) as part:
        if path.suffix.lower() != ".parquet":
            table.to_csv(part, index=False, encoding="utf-8-sig")
            return
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise ImportError(
                f"{path}: Parquet needs a package: pip install 'napari-visual-ccc[parquet]'"
            ) from None
        table.to_parquet(part, index=False, engine="pyarrow")


def write_text(text: str, path: Path, *, force: bool = False) -> None:
    """Write text as UTF-8.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    with written(path, force=force) as part:
        part.write_text(text, encoding="utf-8")
