"""What is checked before a file is read: that it can be what it claims, and fits into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.memory import available, shortage

# above this, data stay in their file
EAGER_BYTES = 64 << 20

# what deflate compresses cannot be more than this many times the size of the file; small files are
# no danger to memory anyhow
DEFLATE, _SPARE_BYTES = 1032, 1 << 20

# what is taken to memory of codecs without such a limit: zeros take next to nothing in them
_MOST_BYTES = 4 << 30

# what to do where pieces of a file are too large for memory
SMALLER = "save it with smaller chunks"


def is_large(nbytes: int) -> bool:
    """Whether data of this size stay in their file."""
    return nbytes > EAGER_BYTES


class UnreadableFileError(Exception):
    """A file cannot be read; the message gives the reason, without the name of the file."""


def check_size(nbytes: int, path: Path, *, ratio: int | None = 1) -> None:
    """Check that a file can hold the pixels its header claims, before memory is allocated.

    Parameters
    ----------
    nbytes : int
        Bytes of pixels according to the header.
    ratio : int or None
        How many times smaller the data may be in the file than in memory, which their codec
        decides. None for codecs without such a limit: then what memory can be expected to hold.

    Raises
    ------
    UnreadableFileError
        If it cannot.
    """
    size = _size(path)
    most = size * (ratio or DEFLATE) + (0 if ratio == 1 else _SPARE_BYTES)
    if nbytes > (most if ratio else max(most, _MOST_BYTES)):
        raise UnreadableFileError(
            f"is cut off or damaged: it claims {nbytes:,} bytes of pixels and has {size:,} bytes; "
            "get an intact copy of it"
        )


def check_memory(nbytes: int, remedy: str) -> None:
    """Check that what is decoded at once fits into memory, before it is allocated.

    Parameters
    ----------
    nbytes : int
        Bytes that are in memory at a time while it is read.
    remedy : str
        What to do where they are too many.

    Raises
    ------
    UnreadableFileError
        If they do not fit.
    """
    if is_large(nbytes) and (lack := shortage(nbytes, available(), remedy)):
        raise UnreadableFileError(lack)


def check_regular(path: Path, name: str) -> None:
    """Check that a part of an image is a file: pipes and devices may be waited for without end.

    Parameters
    ----------
    path : Path
        The part; nothing is wrong where there is none.
    name : str
        What the image calls it.

    Raises
    ------
    UnreadableFileError
        If it is a pipe, socket, device or folder.
    """
    if path.exists() and not path.is_file():
        raise UnreadableFileError(f"names {name} as a part of the image, which is no file")


def check_parts(path: Path) -> None:
    """Check that what else is read with a file is files: chunks of a store, .ser of an .emi."""
    if path.is_dir():
        parts = (one for one in path.rglob("*") if not one.is_dir())
    else:
        ending = path.suffix.lower() == ".emi"
        parts = (one for one in path.parent.iterdir() if ending and one.suffix.lower() == ".ser")
    for one in parts:
        check_regular(one, one.name)


def check_datasets(datasets: Sequence[Any], path: Path) -> None:
    """Check that an HDF5 file can hold its datasets.

    Chunks that were never written take no space; they are read as the fill value.

    Raises
    ------
    UnreadableFileError
        If it cannot.
    """
    written = sum(one.nbytes for one in datasets if one.id.get_storage_size())
    # partly written datasets up to this size are no danger to memory
    if is_large(written):
        check_size(written, path, ratio=DEFLATE)
    check_size(sum(one.nbytes for one in datasets), path, ratio=None)
    # of a chunk all is decoded
    pieces = [math.prod(one.chunks) * one.dtype.itemsize for one in datasets if one.chunks]
    check_memory(max(pieces, default=0), SMALLER)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size
