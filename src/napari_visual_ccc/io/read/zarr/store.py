"""A Zarr store on disk whose pieces are looked at before they are read."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import SMALLER, UnreadableFileError, check_memory, check_regular
from .inflating import compressor, inflated, most_bytes

_DESCRIBING = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")

# of the text that describes an array or group
_LONGEST = 64 << 20

# bytes of a shard that tell where one of its chunks is, and that its codec may add
_INDEX_BYTES = 128


# of a chunk that a shard does not have
_ABSENT = (1 << 64) - 1


@dataclass(frozen=True)
class Piece:
    """Pieces of an array, as its metadata describe them.

    Parameters
    ----------
    nbytes : int
        Of a piece in memory; of a shard, with its index.
    codec, before : str and int
        `inflating.compressor`.
    chunk : int
        Bytes in memory of a chunk of a shard; 0 of pieces that are no shards.
    index : str
        Type of the numbers in the index of a shard.
    count : int
        Chunks of a shard.
    at_start : bool
        Whether the index is at the start of a shard.
    """

    nbytes: int
    codec: str
    before: int
    chunk: int = 0
    index: str = "<u8"
    count: int = 1
    at_start: bool = False


@functools.cache
def kind() -> Any:
    """Class of the store; Zarr takes long to import.

    Its ``pieces`` are those of its arrays by their path in the store. They are set when an array
    is opened.
    """
    from zarr.storage import LocalStore

    class Store(LocalStore):
        """Refuse pipes and devices, which are waited for, and pieces that are bombs."""

        def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
            super().__init__(root, read_only=read_only)
            self.pieces: dict[str, Piece] = {}

        async def get(self, key: str, *args: Any, **options: Any) -> Any:
            """Read the whole or a part of a file of the store."""
            piece = self._piece(key)
            _check_file(Path(self.root) / key, piece)
            found = await super().get(key, *args, **options)
            _check(key, found, piece, whole=_is_whole(args, options))
            return found

        async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
            """Read parts of files of the store."""
            parts = list(key_ranges)
            for key, _ in parts:
                _check_file(Path(self.root) / key, self._piece(key))
            found = await super().get_partial_values(prototype, parts)
            for (key, asked), one in zip(parts, found, strict=True):
                _check(key, one, self._piece(key), whole=asked is None)
            return found

        def get_sync(self, key: str, **options: Any) -> Any:
            """As `get`, where the version of Zarr has it."""
            piece = self._piece(key)
            _check_file(Path(self.root) / key, piece)
            found = super().get_sync(key, **options)
            _check(key, found, piece, whole=_is_whole((), options))
            return found

        def _piece(self, key: str) -> Piece | None:
            """What a piece is; None of what describes arrays."""
            if key.rpartition("/")[2] in _DESCRIBING:
                return None
            there = [one for one in self.pieces if not one or key.startswith(f"{one}/")]
            return self.pieces[max(there, key=len)] if there else None

    return Store


def _is_whole(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a call of `get` asks for no range of bytes."""
    return (args[1] if len(args) > 1 else options.get("byte_range")) is None


def _check_file(path: Path, piece: Piece | None) -> None:
    """Check a file of a store before it is read."""
    if not path.exists() or path.is_dir():
        return
    check_regular(path, path.name)
    limit = _LONGEST if piece is None else most_bytes(piece.nbytes)
    _refuse(path.name, path.stat().st_size, limit)


def _check(key: str, found: Any, piece: Piece | None, *, whole: bool) -> None:
    """Check what was read of a piece before it is inflated."""
    if found is None or piece is None or not piece.codec:
        return
    raw = found.as_numpy_array()
    limit = most_bytes(piece.chunk or piece.nbytes)
    parts = [raw]
    if piece.chunk:
        parts = _chunks(raw, piece) if whole else [raw]
    for one in parts:
        _refuse(key.rpartition("/")[2], inflated(one[piece.before :], piece.codec, limit), limit)


def _chunks(raw: np.ndarray, piece: Piece) -> list[np.ndarray]:
    """Chunks of a shard, by its index."""
    size = 16 * piece.count
    # a checksum of four bytes follows the index
    index = raw[:size] if piece.at_start else raw[max(0, len(raw) - size - 4) :][:size]
    if len(index) < size:
        return []
    places = index.copy().view(piece.index).reshape(-1, 2).tolist()
    return [raw[start : start + count] for start, count in places if start != _ABSENT]


def _refuse(name: str, size: int, limit: int) -> None:
    if size > limit:
        raise UnreadableFileError(
            f"is damaged: its part {name} claims {size:,} bytes, and can have {limit:,}"
        )


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
    try:
        codec, before = compressor([*array.filters, *array.compressors])
    except ValueError as error:
        raise UnreadableFileError(str(error)) from None
    piece = Piece(pixels * size, codec, before)
    if shard:
        # its chunks are read one by one, by their places in it
        count = math.prod(shard) // pixels
        sharding = array.metadata.codecs[0]
        order = getattr(getattr(sharding.index_codecs[0], "endian", None), "value", "little")
        piece = Piece(
            math.prod(shard) * size + count * _INDEX_BYTES, codec, before, pixels * size,
            ">u8" if order == "big" else "<u8", count,
            getattr(sharding.index_location, "value", "end") == "start",
        )  # fmt: skip
    array.store.pieces[array.path] = piece
