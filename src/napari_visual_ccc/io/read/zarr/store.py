"""A Zarr store on disk whose pieces are looked at before they are read."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

from ..checks import SMALLER, UnreadableFileError, check_memory, check_regular

# no codec makes a piece larger than this times what it has in memory, and these bytes
_GROWN, _HEAD_BYTES = 2, 1 << 16

_DESCRIBING = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")

# of the text that describes an array or group
_LONGEST = 64 << 20

# bytes of a shard that tell where one of its chunks is, and that its codec may add
_INDEX_BYTES = 128


@functools.cache
def kind() -> Any:
    """Class of the store; Zarr takes long to import.

    Its ``pieces`` are the bytes in memory of the pieces of arrays, and the names of their codecs,
    by their path in the store. They are set when an array is opened.
    """
    from zarr.storage import LocalStore

    class Store(LocalStore):
        """Refuse pipes and devices, which are waited for, and pieces that are bombs."""

        def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
            super().__init__(root, read_only=read_only)
            self.pieces: dict[str, tuple[int, str]] = {}

        async def get(self, key: str, *args: Any, **options: Any) -> Any:
            """Read the whole or a part of a file of the store."""
            _check(Path(self.root) / key, self._piece(key))
            return await super().get(key, *args, **options)

        async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
            """Read parts of files of the store."""
            parts = list(key_ranges)
            for key, _ in parts:
                _check(Path(self.root) / key, self._piece(key))
            return await super().get_partial_values(prototype, parts)

        def get_sync(self, key: str, **options: Any) -> Any:
            """As `get`, where the version of Zarr has it."""
            _check(Path(self.root) / key, self._piece(key))
            return super().get_sync(key, **options)

        def _piece(self, key: str) -> tuple[int, str] | None:
            """Bytes in memory and codec of a piece; None of what describes arrays."""
            if key.rpartition("/")[2] in _DESCRIBING:
                return None
            there = [one for one in self.pieces if not one or key.startswith(f"{one}/")]
            return self.pieces[max(there, key=len)] if there else None

    return Store


def _check(path: Path, piece: tuple[int, str] | None) -> None:
    if not path.exists() or path.is_dir():
        return
    check_regular(path, path.name)
    size = path.stat().st_size
    limit = _LONGEST if piece is None else _GROWN * piece[0] + _HEAD_BYTES
    if piece is not None and size <= limit:
        size = max(size, _stated(path, piece[1]))
    if size > limit:
        raise UnreadableFileError(
            f"is damaged: its part {path.name} claims {size:,} bytes, and can have {limit:,}"
        )


def _stated(path: Path, codec: str) -> int:
    """Bytes that a compressed piece states to have in memory; 0 where it states none."""
    with path.open("rb") as file:
        start = file.read(18)
        if len(start) < 18:
            return 0
        if codec == "gzip":
            file.seek(-4, 2)
            return int.from_bytes(file.read(4), "little")
    if codec in ("blosc", "lz4"):
        place = 4 if codec == "blosc" else 0
        return int.from_bytes(start[place : place + 4], "little")
    return _of_zstandard(start) if codec == "zstd" else 0


def _of_zstandard(start: bytes) -> int:
    """Size in the header of a frame (RFC 8878, 3.1.1.1)."""
    is_single = start[4] >> 5 & 1
    length = max((0, 2, 4, 8)[start[4] >> 6], is_single)
    first = 5 + (not is_single) + (0, 1, 2, 4)[start[4] & 3]
    return int.from_bytes(start[first : first + length], "little") + 256 * (length == 2)


def check_pieces(array: Any, joined: int) -> None:
    """Check that the pieces of an array fit into memory, and let its store know their size.

    Parameters
    ----------
    array : zarr.Array
        Of such a store.
    joined : int
        Pixels of the pieces that are read at a time.
    """
    size, pixels = array.dtype.itemsize, math.prod(array.chunks)
    check_memory(2 * max(pixels, joined) * size, SMALLER)
    shard = getattr(array, "shards", None)
    codecs = [_name(one) for one in array.compressors]
    if shard:
        # its chunks are read one by one, by their places in it
        inner = math.prod(shard) // pixels
        array.store.pieces[array.path] = (math.prod(shard) * size + inner * _INDEX_BYTES, "")
    else:
        array.store.pieces[array.path] = (pixels * size, codecs[-1] if codecs else "")


def _name(codec: Any) -> str:
    """Name of a codec, of version 2 or 3 of the format."""
    name = getattr(codec, "codec_id", "") or type(codec).__name__.removesuffix("Codec")
    return str(name).lower()
