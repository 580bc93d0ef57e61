"""Byte order of the pixels of DigitalMicrograph files, which RosettaSciIO does not look at."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

SUFFIXES = (".dm3", ".dm4")


def is_big_endian(path: Path) -> bool:
    """Whether the header of a DM3 or DM4 file states the byte order of the old Macintosh."""
    with path.open("rb") as file:
        start = file.read(16)
    # the length of the file before it has 4 bytes in version 3, and 8 in version 4
    place = {3: 8, 4: 12}.get(int.from_bytes(start[:4], "big"), 16)
    return len(start) >= place + 4 and struct.unpack_from(">I", start, place)[0] == 0


def in_our_order(part: dict[str, Any], path: Path) -> dict[str, Any]:
    """Give an image of RosettaSciIO the byte order of its file, which it reads in ours."""
    data = part["data"]
    is_number = data.dtype.kind in "iufc" and data.dtype.itemsize > 1
    if path.suffix.lower() not in SUFFIXES or not is_number or not is_big_endian(path):
        return part
    there = data.dtype.newbyteorder(">")
    return {**part, "data": data.view(there).astype(there.newbyteorder("="))}
