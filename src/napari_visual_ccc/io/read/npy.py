"""NumPy files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Micrograph
from .lazy import DEFLATE, Mapped, Refused, check_claim, chunks_of, from_file, is_large

SUFFIXES = (".npy", ".npz")

# kinds of numbers that an image is made of
REAL = "biufc"


def read(path: Path) -> list[Micrograph]:
    """Read a NumPy array, or those arrays of an archive that have two or more axes."""
    return _read_npy(path) if path.suffix.lower() == ".npy" else _read_npz(path)


def is_plain(path: Path) -> bool:
    """Tell whether a file is one small array."""
    return path.suffix.lower() == ".npy" and not is_large(path.stat().st_size)


def _read_npy(path: Path) -> list[Micrograph]:
    # nothing in it is unpickled
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    check_real(len(shape), dtype)
    check_claim(_nbytes(shape, dtype), path)
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    if not is_large(data.nbytes):
        data = np.array(data)
    else:
        data = from_file(Mapped(data), path, "", chunks_of(data.shape, data.dtype, square=True))
    return [Micrograph(data, name=stem(path), path=path)]


def _read_npz(path: Path) -> list[Micrograph]:
    with zipfile.ZipFile(path) as archive:
        check_claim(sum(one.file_size for one in archive.infolist()), path, ratio=DEFLATE)
        readable = {one.filename for one in archive.infolist() if _is_readable(archive, one)}
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if {name, f"{name}.npy"} & readable]
        found = [(name, arrays[name]) for name in names]
    found = [(name, data) for name, data in found if data.ndim >= 2]
    if not found:
        raise Refused("holds no array of two or more axes")
    return [
        Micrograph(data, name=stem(path) if len(found) == 1 else f"{stem(path)} {name}", path=path)
        for name, data in found
    ]


def _is_readable(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Tell arrays of numbers, and insist that they are as large as their header says."""
    if not member.filename.endswith(".npy"):
        return False
    with archive.open(member) as file:
        shape, dtype = _npy_header(file)
    if dtype.kind in REAL and _nbytes(shape, dtype) > member.file_size:
        raise Refused(f"is damaged: {member.filename} is shorter than its header says")
    return dtype.kind in REAL


def _npy_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
    # what numpy says of it is for programmers; it parses the header as Python
    except Exception as error:
        raise Refused(
            "is damaged, or no NumPy array: its header cannot be read; get an intact copy of it"
        ) from error
    return shape, dtype


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def check_real(ndim: int, dtype: np.dtype) -> None:
    """Insist that an array can be an image: numbers along two or more axes."""
    if dtype.hasobject:
        raise Refused(
            "holds Python objects, which are not opened; save its numbers with "
            "numpy.save(..., allow_pickle=False)"
        )
    if ndim < 2:
        raise Refused(f"holds an array of {ndim} axis, no image")
    if dtype.kind not in REAL:
        raise Refused(f"holds an array of {dtype}, no image")
