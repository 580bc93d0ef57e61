"""NumPy files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Micrograph
from .checks import DEFLATE, UnreadableFileError, check_memory, check_size, is_large
from .lazy import Contiguous, chunks_of, from_file

SUFFIXES = (".npy", ".npz")

# kinds of numbers that an image is made of
REAL = "biufc"


def read(path: Path) -> list[Micrograph]:
    """Read a NumPy array, or those arrays of an archive that have two or more axes."""
    return _read_npy(path) if path.suffix.lower() == ".npy" else _read_npz(path)


def is_plain(path: Path) -> bool:
    """Whether the file is a single small array of numbers, and whole."""
    if path.suffix.lower() != ".npy" or is_large(path.stat().st_size):
        return False
    with path.open("rb") as file:
        shape, _, dtype = _npy_header(file)
        offset = file.tell()
    check_real(len(shape), dtype)
    return offset + _nbytes(shape, dtype) <= path.stat().st_size


def _read_npy(path: Path) -> list[Micrograph]:
    with path.open("rb") as file:
        shape, is_fortran, dtype = _npy_header(file)
        offset = file.tell()
    check_real(len(shape), dtype)
    check_size(_nbytes(shape, dtype), path)
    if not is_large(_nbytes(shape, dtype)):
        # never unpickle: that would run code of the file
        data: Any = np.load(path, allow_pickle=False)
    else:
        source = Contiguous(path, offset, shape, dtype, "F" if is_fortran else "C")
        data = from_file(source, path, "", chunks_of(shape, dtype, square=True))
    return [Micrograph(data, name=stem(path), path=path)]


def _read_npz(path: Path) -> list[Micrograph]:
    with zipfile.ZipFile(path) as archive:
        check_size(sum(one.file_size for one in archive.infolist()), path, ratio=DEFLATE)
        members = [one for one in archive.infolist() if _is_readable(archive, one)]
        check_memory(
            sum(one.file_size for one in members),
            "save its arrays as .npy, which are read in parts",
        )
        readable = {one.filename for one in members}
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if {name, f"{name}.npy"} & readable]
        found = [(name, arrays[name]) for name in names]
    found = [(name, data) for name, data in found if data.ndim >= 2]
    if not found:
        raise UnreadableFileError("holds no array of two or more axes")
    return [
        Micrograph(data, name=stem(path) if len(found) == 1 else f"{stem(path)} {name}", path=path)
        for name, data in found
    ]


def _is_readable(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member is an array of numbers; its size is checked against its header."""
    if not member.filename.endswith(".npy"):
        return False
    with archive.open(member) as file:
        shape, _, dtype = _npy_header(file)
    if dtype.kind in REAL and _nbytes(shape, dtype) > member.file_size:
        raise UnreadableFileError(f"is damaged: {member.filename} is shorter than its header says")
    return dtype.kind in REAL


def _npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read_header(file)
    # numpy parses the header as Python and raises errors about its syntax
    except Exception as error:
        raise UnreadableFileError(
            "is damaged, or no NumPy array: its header cannot be read; get an intact copy of it"
        ) from error
    return shape, is_fortran, dtype


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def check_real(ndim: int, dtype: np.dtype) -> None:
    """Check that an array can be an image: numbers along two or more axes."""
    if dtype.hasobject:
        raise UnreadableFileError(
            "holds Python objects, which are not opened; save its numbers with "
            "numpy.save(..., allow_pickle=False)"
        )
    if ndim < 2:
        raise UnreadableFileError(f"holds an array of {ndim} axis, no image")
    if dtype.kind not in REAL:
        raise UnreadableFileError(f"holds an array of {dtype}, no image")
