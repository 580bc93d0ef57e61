"""The header of MRC files, as MRC2014 and IMOD define it: signs, byte order, cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .lazy import UnreadableFileError, check_size

# bytes of a pixel, by the number of its type
_BYTES = {1: 2, 2: 4, 3: 4, 4: 8, 6: 2, 12: 2}

_ANGSTROMS = 10.0

# "IMOD" as a number
_STAMP = 1146047817

_SIGNED = 1


class Header(NamedTuple):
    """What is read from a header.

    Parameters
    ----------
    order : {'<', '>'}
        Byte order.
    is_signed : bool
        Whether bytes are signed.
    sizes : (z, y, x)
        Of a voxel in nm; 0 or less where the header states none, or none that can be.
    notes : tuple of str
        For the user.
    """

    order: str
    is_signed: bool
    sizes: tuple[float, float, float]
    notes: tuple[str, ...] = ()


def read_header(path: Path) -> Header:
    """Read a header, and check the length of the file against it.

    RosettaSciIO would count the pieces of an array of any size before it looks at the file.

    Raises
    ------
    UnreadableFileError
        If the file is cut off or damaged.
    """
    with path.open("rb") as file:
        header = file.read(1024)
    if len(header) < 1024:
        raise UnreadableFileError("is cut off: it ends within its header; get an intact copy of it")
    order = ">" if header[212:214] == b"\x11\x11" else "<"
    whole = np.frombuffer(header, f"{order}i4")
    real = np.frombuffer(header, f"{order}f4")
    columns, rows, planes, mode = (int(one) for one in whole[:4])
    check_size(columns * rows * planes * _BYTES.get(mode, 1), path)
    if min(columns, rows, planes) < 1:
        raise UnreadableFileError(
            f"is damaged: its header says {columns} x {rows} x {planes} pixels"
        )
    sizes, notes = _sizes(whole, real)
    if mode != 0:
        return Header(order, False, sizes, notes)
    is_signed, more = _signed(whole, real)
    return Header(order, is_signed, sizes, (*notes, *more))


def _sizes(
    whole: np.ndarray, real: np.ndarray
) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Size (z, y, x) of a voxel in nm: the cell by its samples, along the axes as stored."""
    counts, samples, cell = whole[:3], whole[7:10], real[10:13]
    stored = [int(one) - 1 for one in whole[16:19]]
    places = stored if sorted(stored) == [0, 1, 2] else [0, 1, 2]
    sizes, guessed = [], False
    for place, axis in enumerate(places):
        length, sampled = float(cell[axis]), int(samples[axis])
        if not np.isfinite(length):
            length = 0.0
        if sampled <= 0:
            guessed = guessed or (length > 0 and place < 2)
            sampled = int(counts[place])
        sizes.append(length / sampled / _ANGSTROMS)
    x, y, z = sizes
    notes = []
    if guessed:
        notes.append(
            "the header has no number of samples: its cell was divided by the columns and rows"
        )
    if min(x, y) < 0:
        notes.append(
            f"the header states pixels of {x:g} x {y:g} nm: probably the default of a camera and "
            "not measured; the size is used without its sign, check it"
        )
        x, y = abs(x), abs(y)
    return (z, y, x), tuple(notes)


def _signed(whole: np.ndarray, real: np.ndarray) -> tuple[bool, tuple[str, ...]]:
    """Whether bytes are signed: as IMOD says, as the limits say, or as MRC2014 has it."""
    lowest, highest = float(real[19]), float(real[20])
    if int(whole[38]) == _STAMP:
        return bool(int(whole[39]) & _SIGNED), ()
    if lowest < highest and lowest < 0:
        return True, ()
    if lowest < highest and highest > 127:
        return False, ()
    if int(whole[27]) >= 20140:
        return True, ()
    return False, (
        "the file is older than MRC2014 and does not say whether its bytes have a sign: none was "
        "assumed, check the contrast",
    )


def corrected(part: dict[str, Any], header: Header) -> dict[str, Any]:
    """Give an image of RosettaSciIO the signs, the byte order and the pixel size of its header."""
    data = part["data"]
    if header.order == ">":
        # it reads the header in that order, and the pixels in ours
        there = data.dtype.newbyteorder(">")
        data = data.view(there).astype(there.newbyteorder("="))
    if header.is_signed and data.dtype == np.uint8:
        data = data.view(np.int8)
    # no size is none, not zero
    sizes = {name: size if size > 0 else None
             for name, size in zip("zyx", header.sizes, strict=True)}  # fmt: skip
    # the extended header of FEI, or the text beside a movie, has the size instead
    own = "fei_header" in part.get("original_metadata", {}) or not _is_plain(part)
    axes = [
        one if own or one["name"] not in sizes else {**one, "scale": sizes[one["name"]]}
        for one in part["axes"]
    ]
    return {**part, "data": data, "axes": axes}


def _is_plain(part: Mapping[str, Any]) -> bool:
    names = [one["name"] for one in part["axes"]]
    return names == ["z", "y", "x"][-len(names) :]
