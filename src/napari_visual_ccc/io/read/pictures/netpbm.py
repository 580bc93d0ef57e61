"""PBM, PGM, PPM and PFM, as the Netpbm and PFM specifications describe them.

Pillow and OpenCV stretch grey levels to the full range of 8 or 16 bits; here they stay as stored.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ....core.files import stem
from ....core.micrograph import Micrograph
from ..checks import UnreadableFileError, check_memory, check_size

SUFFIXES = (".pbm", ".pgm", ".ppm", ".pnm", ".pfm")

# a blank, or a comment up to the end of its line
_GAP = rb"(?:\s|#[^\n\r]*[\n\r])"

# channels of each kind; P1 to P3 are text
_CHANNELS = {b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1, b"P5": 1, b"P6": 3, b"Pf": 1, b"PF": 3}

_TEXT, _BITMAPS, _FLOATS = (b"P1", b"P2", b"P3"), (b"P1", b"P4"), (b"Pf", b"PF")

# most bytes of memory for a byte of text, which is split into its values
_TEXT_BYTES = 28

_REMEDY = "save it as a tiled TIFF, read in parts"


class _Header(NamedTuple):
    kind: bytes
    width: int
    height: int
    # largest grey level; of a PFM its scale, which is negative for little-endian numbers
    limit: float
    end: int

    @property
    def shape(self) -> tuple[int, ...]:
        channels = _CHANNELS[self.kind]
        return (self.height, self.width) if channels == 1 else (self.height, self.width, channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of stored numbers; of a bitmap, eight pixels."""
        if self.kind in _FLOATS:
            return np.dtype("<f4" if self.limit < 0 else ">f4")
        return np.dtype(np.uint8 if self.limit < 256 else ">u2")

    @property
    def size(self) -> int:
        """Bytes of the pixels, which are not text."""
        if self.kind in _BITMAPS:
            return -(-self.width // 8) * self.height
        return math.prod(self.shape) * self.dtype.itemsize


def read(path: Path) -> list[Micrograph]:
    """Read one picture, or several that follow each other in a file.

    Grey levels are not stretched: ``metadata["original"]["maxval"]`` has the largest one that the
    file allows. A bitmap becomes 0 (black) and 255 (white). A PFM is stored from the bottom row to
    the top; here the top row is the first.

    Raises
    ------
    UnreadableFileError
        If it is damaged.
    """
    check_memory(3 * path.stat().st_size, _REMEDY)
    content = path.read_bytes()
    images, start = [], 0
    while True:
        header = _after_line_end(content, _header(content, start))
        data, start = _pixels(content, header, path)
        limit = "scale" if header.kind in _FLOATS else "maxval"
        original = {} if header.kind in _BITMAPS else {limit: header.limit}
        images.append(Micrograph(data, name=stem(path), path=path, metadata={"original": original}))
        rest = content[start : start + 64].lstrip()
        if header.kind in _TEXT or rest[:2] not in _CHANNELS:
            return images


def is_plain(path: Path) -> bool:
    """Never: napari's own reader stretches the grey levels."""
    return False


def _header(content: bytes, start: int) -> _Header:
    """Kind, width, height and limit; a bitmap has no limit."""
    kind = re.compile(rb"\s*(P[1-6fF])").match(content, start)
    words = 2 if kind is not None and kind[1] in _BITMAPS else 3
    number = rb"([-+.\deE]+)"
    found = kind and re.compile((_GAP + rb"+" + number) * words + rb"\s").match(content, kind.end())
    if kind is None or not found:
        raise UnreadableFileError("is damaged: its header cannot be read; get an intact copy of it")
    try:
        width, height = int(found[1]), int(found[2])
        limit = float(found[3]) if words == 3 else 1.0
    except ValueError:
        raise UnreadableFileError("is damaged: its header has no sizes") from None
    if width < 1 or height < 1:
        raise UnreadableFileError(f"is damaged: its header claims {width} x {height} pixels")
    floats = kind[1] in _FLOATS
    if limit == 0 or not np.isfinite(limit) or not (floats or 1 <= limit <= 65_535):
        raise UnreadableFileError(f"is damaged: its header has the largest value {limit:g}")
    return _Header(kind[1], width, height, limit if floats else int(limit), found.end())


def _after_line_end(content: bytes, header: _Header) -> _Header:
    """Skip the second byte of a line end CR LF: one blank ends a header, then pixels begin.

    Where pixels begin with the byte LF itself, what follows them tells: the file ends, or another
    picture begins, at the right place only.
    """
    if header.kind in _TEXT or content[header.end - 1 : header.end + 1] != b"\r\n":
        return header

    def ends_at(place: int) -> bool:
        return len(content) == place or content[place : place + 2] in _CHANNELS

    last = header.end + header.size
    return header._replace(end=header.end + 1) if ends_at(last + 1) > ends_at(last) else header


def _pixels(content: bytes, header: _Header, path: Path) -> tuple[np.ndarray, int]:
    """Pixels of a picture, and where its last byte is."""
    if header.kind in _TEXT:
        return _from_text(content, header), len(content)
    if header.kind == b"P4":
        return _from_bits(content, header, path)
    data = _take(content, header, path, header.dtype, header.shape)
    end = header.end + header.size
    data = data.astype(header.dtype.newbyteorder("="))
    return (np.ascontiguousarray(data[::-1]) if header.kind in _FLOATS else data), end


def _from_text(content: bytes, header: _Header) -> np.ndarray:
    # each value is a text of its own
    check_memory(_TEXT_BYTES * len(content), _REMEDY)
    body = re.sub(rb"#[^\n\r]*", b"", content[header.end :])
    # the digits of a bitmap need no blanks between them
    words = re.findall(rb"[01]", body) if header.kind == b"P1" else body.split()
    count = int(np.prod(header.shape, dtype=object))
    if len(words) < count:
        raise UnreadableFileError(_cut_off(len(words), count))
    try:
        values = np.array(words[:count]).astype(np.int64).reshape(header.shape)
    except ValueError:
        raise UnreadableFileError("is damaged: it has text among its values") from None
    if values.min() < 0 or values.max() > header.limit:
        raise UnreadableFileError(
            f"is damaged: its values are {values.min()} to {values.max()}, and its header allows "
            f"0 to {header.limit}"
        )
    if header.kind == b"P1":
        return _levels(values)
    return values.astype(np.uint8 if header.limit < 256 else np.uint16)


def _from_bits(content: bytes, header: _Header, path: Path) -> tuple[np.ndarray, int]:
    row = -(-header.width // 8)
    packed = _take(content, header, path, np.dtype(np.uint8), (header.height, row))
    check_memory(4 * header.height * header.width, _REMEDY)
    bits = np.unpackbits(packed, axis=1, count=header.width)
    return _levels(bits), header.end + header.size


def _levels(bits: np.ndarray) -> np.ndarray:
    """1 is black in a bitmap."""
    return np.where(bits != 0, np.uint8(0), np.uint8(255))


def _take(
    content: bytes, header: _Header, path: Path, dtype: np.dtype, shape: tuple[int, ...]
) -> np.ndarray:
    count = int(np.prod(shape, dtype=object))
    check_size(count * dtype.itemsize, path)
    there = (len(content) - header.end) // dtype.itemsize
    if there < count:
        raise UnreadableFileError(_cut_off(there, count))
    return np.frombuffer(content, dtype, count, header.end).reshape(shape)


def _cut_off(there: int, wanted: int) -> str:
    return f"is cut off: it has {there:,} of {wanted:,} values; get an intact copy of it"
