"""How much memory compressed pieces take when they are inflated, before they are."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

# compressors; of the others the size in memory is that of the piece
_INFLATING = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")

# checksums that numcodecs writes before a piece, of so many bytes
_BEFORE, _SUM_BYTES = ("adler32", "crc32"), 4

# how many times smaller than in memory a piece can be, of codecs that do not state its size there
_RATIO = {"zlib": 1032, "gzip": 1032, "bz2": 50_000, "lzma": 8_000, "lzf": 88}

# what a piece may take without being looked at: it would be inflated twice
_UNSEEN_BYTES = 512 << 20

# no codec makes a piece larger than this times what it has in memory, and these bytes
_GROWN, _HEAD_BYTES = 2, 1 << 16

# inflated at a time, and the dictionary that xz may ask for
_STEP, _DICTIONARY = 1 << 20, 256 << 20


def most_bytes(nbytes: int) -> int:
    """Bytes of a file, and in memory, that no codec exceeds for a piece that has so many."""
    return _GROWN * nbytes + _HEAD_BYTES


def compressor(codecs: Sequence[Any]) -> tuple[str, int]:
    """Name of the compressor of pieces, and the bytes that lie before its own.

    Parameters
    ----------
    codecs : sequence
        Filters and compressors in the order in which a piece is written.

    Raises
    ------
    ValueError
        If there are several.
    """
    names = [_name(one) for one in codecs]
    found = [one for one in names if one in _INFLATING]
    if len(found) > 1:
        raise ValueError(
            f"compresses its parts several times ({', '.join(found)}); save it with one compressor"
        )
    if not found:
        return "", 0
    after = names[names.index(found[0]) + 1 :]
    return found[0], _SUM_BYTES * sum(one in _BEFORE for one in after)


def _name(codec: Any) -> str:
    """Name of a codec, of version 2 or 3 of the format."""
    name = getattr(codec, "codec_id", "") or type(codec).__name__.removesuffix("Codec")
    return str(name).lower()


def inflated(raw: Any, codec: str, most: int) -> int:
    """Bytes that a piece takes in memory, as far as it is known.

    Parameters
    ----------
    raw : bytes-like
        The piece.
    codec : str
        Its compressor.
    most : int
        Where the bytes are counted, they are up to a little above this.
    """
    raw = memoryview(raw).cast("B")
    stated = _stated(raw, codec) if len(raw) >= 18 else 0
    if stated > most or len(raw) * _RATIO.get(codec, 0) <= _UNSEEN_BYTES:
        return stated
    count = 0
    for part in _parts(raw, codec):
        count += part
        if count > most:
            break
    return max(count, stated)


def _stated(raw: memoryview, codec: str) -> int:
    """Bytes that a compressed piece states to have in memory; 0 where it states none."""
    if codec == "gzip":
        return int.from_bytes(raw[-4:], "little")
    if codec in ("blosc", "lz4", "szip"):
        place = 4 if codec == "blosc" else 0
        return int.from_bytes(raw[place : place + 4], "little")
    return _of_zstandard(raw) if codec == "zstd" else 0


def _of_zstandard(start: memoryview) -> int:
    """Size in the header of a frame (RFC 8878, 3.1.1.1)."""
    is_single = start[4] >> 5 & 1
    length = max((0, 2, 4, 8)[start[4] >> 6], is_single)
    first = 5 + (not is_single) + (0, 1, 2, 4)[start[4] & 3]
    return int.from_bytes(start[first : first + length], "little") + 256 * (length == 2)


def _parts(raw: memoryview, codec: str) -> Any:
    """Sizes of the parts in which the members of a piece are inflated; none is kept."""
    if codec == "lzf":
        yield from _of_lzf(raw)
        return
    left: Any = raw
    try:
        while len(left):
            one = _decoder(codec)
            part = one.decompress(left, _STEP)
            yield len(part)
            while part and not one.eof:
                # those of bzip2 and xz keep what is left of the piece themselves
                part = one.decompress(getattr(one, "unconsumed_tail", b""), _STEP)
                yield len(part)
            # of zlib nothing follows
            left = one.unused_data if one.eof and codec != "zlib" else b""
    # of a damaged piece, its decoder says what is wrong
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        return


def _of_lzf(raw: memoryview) -> Iterator[int]:
    """Sizes of the runs of LZF: bytes that follow, or that are repeated."""
    place, count = 0, len(raw)
    while place < count:
        length = raw[place] >> 5
        if not length:
            yield raw[place] + 1
            place += raw[place] + 2
        elif length < 7:
            yield length + 2
            place += 2
        else:
            yield 9 + (raw[place + 1] if place + 1 < count else 0)
            place += 3


def _decoder(codec: str) -> Any:
    if codec == "bz2":
        return bz2.BZ2Decompressor()
    if codec == "lzma":
        return lzma.LZMADecompressor(memlimit=_DICTIONARY)
    return zlib.decompressobj(31 if codec == "gzip" else 15)
