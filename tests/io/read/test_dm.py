"""DigitalMicrograph files of both versions and byte orders."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.read.dm import in_our_order, is_big_endian

# codes of types in tags, and of pixels
CODES = {"i2": (2, 1), "i4": (3, 7), "u2": (4, 10), "u4": (5, 11), "f4": (6, 2), "u1": (10, 6)}


class Writer:
    """Tags as DigitalMicrograph writes them: lists of (name, list or array or text)."""

    def __init__(self, version, order):
        self.version, self.order, self.number = version, order, ">Q" if version == 4 else ">I"

    def numbers(self, *values):
        return b"".join(struct.pack(self.number, one) for one in values)

    def group(self, tags):
        found = b"\0\0" + self.numbers(len(tags))
        for name, value in tags:
            inner = isinstance(value, list)
            body = self.group(value) if inner else self.value(value)
            found += struct.pack(">BH", 20 if inner else 21, len(name)) + name.encode()
            found += (struct.pack(">Q", len(body)) if self.version == 4 else b"") + body
        return found

    def value(self, value):
        if isinstance(value, str):
            about, raw = (20, 4, len(value)), value.encode(f"utf-16-{self.order}")
        else:
            code = CODES[value.dtype.str[1:]][0]
            about = (20, code, value.size) if value.ndim else (code,)
            there = value.dtype.newbyteorder("<" if self.order == "le" else ">")
            raw = np.asarray(value).astype(there).tobytes()
        return b"%%%%" + self.numbers(len(about), *about) + raw

    def write(self, path, tags):
        body = self.group(tags)
        length = struct.pack(">Q" if self.version == 4 else ">I", len(body))
        head = struct.pack(">I", self.version) + length
        path.write_bytes(head + struct.pack(">I", self.order == "le") + body + b"\0" * 8)


def image(data, sizes, units):
    calibrations = [
        ("", [("Origin", np.float32(0)), ("Scale", np.float32(size)), ("Units", unit)])
        for size, unit in zip(sizes, units, strict=True)
    ]
    about = [
        ("Calibrations", [("Dimension", calibrations)]), ("Data", data.reshape(-1)),
        ("DataType", np.uint32(CODES[data.dtype.str[1:]][1])),
        ("Dimensions", [("", np.uint32(size)) for size in data.shape[::-1]]),
    ]  # fmt: skip
    return "", [("ImageData", about), ("ImageTags", []), ("Name", "one")]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32, np.uint8, np.int32])
def test_pixels_are_in_the_byte_order_of_the_header(tmp_path, rng, version, order, kind):
    pytest.importorskip("rsciio")
    data = rng.integers(0, 100, (24, 32)).astype(kind)
    path = tmp_path / f"a.dm{version}"
    preview = image(data[::4, ::4].astype(np.int32), (1, 1), ("", ""))
    both = [preview, image(data, (2, 3), ("nm", "nm"))]
    Writer(version, order).write(path, [("ImageList", both)])
    assert is_big_endian(path) is (order == "be")
    found = formats.read(path)
    np.testing.assert_array_equal(found.data, data)
    assert (found.data.dtype, found.spacing, found.unit) == (np.dtype(kind), (3, 2), "nm")


def test_other_files_stay_as_they_are(tmp_path):
    (tmp_path / "short.dm3").write_bytes(b"\0\0\0\3")
    assert not is_big_endian(tmp_path / "short.dm3")
    part = {"data": np.arange(6)}
    assert in_our_order(part, tmp_path / "a.ser") is part
