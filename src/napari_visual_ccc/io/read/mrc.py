"""MRC, as MRC2014 and IMOD define it: signs, byte order, cell, stacks, packed pixels."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .checks import UnreadableFileError, check_size, is_large
from .lazy import Planes, chunks_of, from_file

# bytes of a pixel, by the number of its type
_BYTES = {0: 1, 1: 2, 2: 4, 3: 4, 4: 8, 6: 2, 12: 2, 16: 3}

# types that RosettaSciIO does not read: complex of whole numbers, colours, 4 bits of two pixels
_COMPLEX, _RGB, _PACKED = 3, 16, 101

# as numpy has them
_OWN: dict[int, Any] = {
    _COMPLEX: np.complex64, _RGB: [("R", "u1"), ("G", "u1"), ("B", "u1")], _PACKED: np.uint8,
}  # fmt: skip

OWN_MODES = tuple(_OWN)

# more rows or columns are those of the other byte order
_LONGEST = 1 << 22

# space groups of a stack of volumes; of a stack of images
_VOLUMES, _IMAGES = range(401, 631), 0

_ANGSTROMS = 10.0

# "IMOD" as a number
_STAMP = 1146047817

# of MRC and CCP4, and where it is; old files have none
_MAP, _AT = b"MAP", 208

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
    mode : int
        Number of the type of the pixels.
    shape : (z, y, x)
        Of the pixels.
    start : int
        Byte where the pixels begin.
    volumes : int
        How many volumes are one behind the other.
    notes : tuple of str
        For the user.
    """

    order: str
    is_signed: bool
    sizes: tuple[float, float, float]
    mode: int
    shape: tuple[int, int, int]
    start: int
    volumes: int
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
    if not _may_be(path, header):
        raise UnreadableFileError(
            "is no map in MRC (CCP4) format: its header has no stamp MAP; other programs write "
            "other files of this name"
        )
    order = _order(header)
    whole = np.frombuffer(header, f"{order}i4")
    real = np.frombuffer(header, f"{order}f4")
    columns, rows, planes, mode = (int(one) for one in whole[:4])
    # damage of the size is reported first
    known = mode in _BYTES or mode == _PACKED
    start = 1024 + max(0, int(whole[23]))
    check_size(start + _row_bytes(columns, mode) * rows * planes, path)
    if min(columns, rows, planes) < 1:
        raise UnreadableFileError(
            f"is damaged: its header says {columns} x {rows} x {planes} pixels"
        )
    if not known:
        raise UnreadableFileError(f"has pixels of mode {mode}, which the format does not define")
    sizes, notes = _sizes(whole, real)
    is_signed = False
    if mode == 0:
        is_signed, more = _signed(whole, real)
        notes = (*notes, *more)
    volume, group = int(whole[9]), int(whole[22])
    several = group in _VOLUMES and volume > 0 and planes % volume == 0
    return Header(
        order, is_signed, sizes, mode, (planes, rows, columns), start,
        planes // volume if several else 1, notes,
    )  # fmt: skip


def is_map(path: Path) -> bool:
    """Whether a file is MRC, by its name, and a .map by its stamp: other things are named so."""
    if path.suffix.lower() != ".map" or not path.is_file():
        return True
    try:
        with path.open("rb") as file:
            return _may_be(path, file.read(1024))
    # its own reading says what is wrong with it
    except OSError:
        return True


def _may_be(path: Path, header: bytes) -> bool:
    return path.suffix.lower() != ".map" or header[_AT : _AT + len(_MAP)] == _MAP


def _row_bytes(columns: int, mode: int) -> int:
    return -(-columns // 2) if mode == _PACKED else columns * _BYTES.get(mode, 1)


def _order(header: bytes) -> str:
    """Byte order: as stated, unless sizes and type of the pixels can only be those of the other."""
    stated, other = "><" if header[212:214] == b"\x11\x11" else "<>"

    def is_possible(order: str) -> bool:
        *sizes, mode = np.frombuffer(header, f"{order}i4", 4).tolist()
        return min(sizes) > 0 and max(sizes) < _LONGEST and (mode in _BYTES or mode == _PACKED)

    return other if is_possible(other) and not is_possible(stated) else stated


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
    if int(whole[22]) == _IMAGES and samples[2] == 1 and counts[2] > 1:
        # a stack of images, which are no slices of one thing
        z = 0.0
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
    if header.order == ">" and header.mode not in OWN_MODES:
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
    if header.volumes > 1 and data.ndim == 3 and len(data) == header.shape[0]:
        data = data.reshape(header.volumes, -1, *data.shape[1:])
        axes = [{"name": "volume"}, *axes]
    return {**part, "data": data, "axes": axes}


def read_pixels(path: Path, header: Header) -> dict[str, Any]:
    """Read the pixels of one of `OWN_MODES`, as an image of RosettaSciIO; lazily where large."""
    shape, dtype = header.shape, np.dtype(_OWN[header.mode])
    source = Planes(functools.partial(_plane, path, header), shape, dtype, 2)
    if is_large(math.prod(shape) * dtype.itemsize):
        data = from_file(source, path, "", chunks_of(shape, dtype))
    else:
        data = source[tuple(slice(0, one) for one in shape)]
    axes = [{"name": name, "units": "nm"} for name in "zyx"]
    if shape[0] == 1:
        data, axes = data[0], axes[1:]
    return {"data": data, "axes": axes, "metadata": {}}


def _plane(path: Path, header: Header, index: int, part: tuple[slice, ...]) -> np.ndarray:
    _, rows, columns = header.shape
    row = _row_bytes(columns, header.mode)
    with path.open("rb") as file:
        file.seek(header.start + index * row * rows)
        raw = np.frombuffer(file.read(row * rows), np.uint8).reshape(rows, row)
    if header.mode == _PACKED:
        # the first pixel is in the lower half
        plane = np.stack([raw & 15, raw >> 4], -1).reshape(rows, -1)[:, :columns]
    elif header.mode == _RGB:
        plane = raw.view(_OWN[_RGB])
    else:
        pairs = raw.view(f"{header.order}i2").reshape(rows, columns, 2).astype(np.float32)
        plane = pairs.view(np.complex64)[..., 0]
    return plane[part]


def _is_plain(part: Mapping[str, Any]) -> bool:
    names = [one["name"] for one in part["axes"]]
    return names == ["z", "y", "x"][-len(names) :]
