"""Which files are a batch's own: others are not replaced, and its own go when it begins anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ....core.files import REPLACE, check_free, sha256
from ....core.plain import printable
from ....io.read.zarr import is_zarr
from ..ledger import NAME, RESULTS, Ledger

# end of the folder of what belongs to a table
FILES = "_files"

# files of a person that a message names
_NAMED = 5


def named(path: Path, folder: Path) -> str:
    """Path of a table from the folder of its batch, as the ledger has it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def foreign(paths: Iterable[Path], tables: Mapping[str, str], folder: Path) -> list[Path]:
    """Files that are there, and that the batch has not written or are changed since.

    Parameters
    ----------
    paths : iterable of Path
        That the batch will write.
    tables : mapping
        What it has written, as `Ledger.tables`.
    folder : Path
        Of the batch.
    """
    return [one for one in paths if one.exists() and not _is_own(one, tables, folder)]


def _is_own(path: Path, tables: Mapping[str, str], folder: Path) -> bool:
    # one that was being written when the process was killed has no hash
    known = tables.get(named(path, folder))
    return known == "" or (known is not None and path.is_file() and sha256(path) == known)


def check_own(
    paths: Collection[Path], tables: Mapping[str, str], folder: Path, *, force: bool
) -> None:
    """Insist that the files which a batch will write are not there, or are its own.

    Raises
    ------
    FileExistsError
        If one is a person's, or was changed by one, and `force` is not set; or is a folder.
    OSError
        If no file system takes a name as long.
    """
    for path in paths:
        check_free(path, force=True)
    others = [] if force else foreign(paths, tables, folder)
    changed = [one for one in others if named(one, folder) in tables]
    if others and others != changed:
        others = [one for one in others if one not in changed]
        verb, what = ("exists", "it") if len(others) == 1 else ("exist", "them")
        replace = f"{REPLACE.removesuffix('it')}{what}"
        raise FileExistsError(f"{listed(others)} already {verb}; {replace}")
    if changed:
        raise FileExistsError(
            f"{listed(changed)} changed since this batch wrote it; rename it to keep it, or "
            f"{REPLACE}"
        )


def check_folder(output: Path, paths: Collection[Path], *, force: bool) -> None:
    """Refuse a folder with other things in it: results of a batch replace what has their names."""
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output} is a file; choose a folder for the results")
    if force or not output.is_dir() or (output / NAME).is_file():
        return
    if any(not one.name.startswith(".") for one in output.iterdir()):
        there = [one for one in (*paths, output / RESULTS) if one.exists()]
        what = f", which replaces {listed(there)}" if there else ""
        raise FileExistsError(
            f"{output} holds other files; choose another folder, or write into it with "
            f"--force (force=True in Python){what}"
        )


def listed(paths: Sequence[Path]) -> str:
    """Name files in a message."""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return printable(", ".join(map(str, paths[:_NAMED]))) + more


def remove_former(ledger: Ledger, inputs: Iterable[Path]) -> None:
    """Remove what a batch wrote before another one begins in its place, and nothing else.

    Parameters
    ----------
    ledger : Ledger
        Of the former batch.
    inputs : iterable of Path
        Files and folders that the new batch reads.

    Raises
    ------
    ValueError
        If it reads what is to be removed.
    """
    folder = ledger.file.parent
    files = [*_results(folder, ledger.written), *_tables(folder, ledger.tables)]
    gone = {one.resolve() for one in files}
    for one in inputs:
        place = one.resolve()
        if any(file == place or file in place.parents or place in file.parents for file in gone):
            raise ValueError(
                f"{one} is of the batch that --force removes from {folder}; choose another folder"
            )
    remove(files, folder)


def remove(files: Iterable[Path], folder: Path) -> None:
    """Remove files, and the folders that they leave empty below the folder of a batch."""
    for file in files:
        if file.is_symlink() or not file.is_dir():
            file.unlink(missing_ok=True)
        elif is_zarr(file):
            shutil.rmtree(file)
        for place in file.parents:
            if place == folder or not place.is_relative_to(folder):
                break
            with suppress(OSError):
                place.rmdir()


def remove_superseded(names: Iterable[str], folder: Path) -> None:
    """Remove former files of an image that has new results.

    Parameters
    ----------
    names : iterable of str
        Their paths from the folder.
    folder : Path
        Of the batch.
    """
    remove(_results(folder, names), folder)


def _results(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Files of results that are there; a damaged ledger names no others."""
    place = (folder / RESULTS).resolve()
    for name in sorted(names):
        file = folder / name
        if os.path.lexists(file) and file.parent.resolve().is_relative_to(place):
            yield file


def _tables(folder: Path, tables: Mapping[str, str]) -> Iterator[Path]:
    """Tables that are there as they were written, in the folder or beside it."""
    for name in tables:
        file, (*above, own) = folder / name, Path(name).parts
        is_here = not above or (above == [".."] and own.startswith(folder.name.removesuffix(FILES)))
        if is_here and file.is_file() and _is_own(file, tables, folder):
            yield file
