"""Pages of a TIFF as they follow each other, looked at before tifffile sorts them."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..checks import UnreadableFileError

# tifffile compares each size with each other one, and each page with each other of its size
_SIZES, _PAGES = 500, 5_000

# tags that make pages alike: width, height, bits, codec, meaning, numbers a pixel, tiles, type
_ALIKE = (256, 257, 258, 259, 262, 277, 322, 323, 339)

_SUBIFDS = 330

# what has its own order of pages; tifffile sorts the others, or those whose order is wrong
_OWN = (
    "lsm", "mmstack", "ome", "ndtiff", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi", "bif",
    "avs", "eer", "philips", "scanimage", "nih", "mdgel",
)  # fmt: skip


def check_pages(tif: Any) -> None:
    """Check that the pages of a TIFF can be sorted by their sizes within seconds.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open file.

    Raises
    ------
    UnreadableFileError
        If there are too many pages of different sizes: tifffile compares all with each other.
    """
    is_stated = tif.is_imagej or tif.is_shaped
    if any(getattr(tif, f"is_{one}", False) for one in _OWN) or (tif.is_uniform and not is_stated):
        return
    sizes = Counter(_sizes(tif))
    if len(sizes) > _SIZES or (len(sizes) > 1 and max(sizes.values()) > _PAGES):
        raise UnreadableFileError(
            f"has {sum(sizes.values()):,} pages of {len(sizes):,} different sizes, which takes too "
            "long to sort; save the images of each size as a file of their own"
        )


def _sizes(tif: Any) -> Iterator[bytes]:
    """What tells pages apart, for each page and each further image within one."""
    form, file = tif.tiff, tif.filehandle
    file.seek(form.offsetsize if form.offsetsize == 4 else 8)
    (place,) = struct.unpack(form.offsetformat, file.read(form.offsetsize))
    seen: set[int] = set()
    inner: list[int] = []
    while (place or inner) and len(seen) < 1_000_000:
        main = bool(place)
        here = place if main else inner.pop()
        if main and here in seen:
            # tifffile follows it without end
            raise UnreadableFileError(
                "is damaged: its pages follow each other in a circle; get an intact copy of it"
            )
        tags, following = ({}, 0) if here in seen else _tags(tif, here)
        seen.add(here)
        if tags:
            yield b"".join(tags.get(one, b"") for one in _ALIKE)
            inner += _inner(tif, tags.get(_SUBIFDS, b""))
        place = following if main else 0


def _tags(tif: Any, place: int) -> tuple[dict[int, bytes], int]:
    """Entries of a page by their tags, and where the next page is."""
    form, file = tif.tiff, tif.filehandle
    if not 0 < place < file.size:
        return {}, 0
    file.seek(place)
    head = file.read(form.tagnosize)
    if len(head) < form.tagnosize:
        return {}, 0
    (count,) = struct.unpack(form.tagnoformat, head)
    block = file.read(min(count, 4096) * form.tagsize + form.offsetsize)
    if count > 4096 or len(block) < count * form.tagsize + form.offsetsize:
        return {}, 0
    entries = (block[k * form.tagsize : (k + 1) * form.tagsize] for k in range(count))
    (following,) = struct.unpack(form.offsetformat, block[count * form.tagsize :])
    return {struct.unpack(f"{form.byteorder}H", one[:2])[0]: one for one in entries}, following


def _inner(tif: Any, entry: bytes) -> tuple[int, ...]:
    """Places of the images within a page, which an entry names."""
    form, file = tif.tiff, tif.filehandle
    if len(entry) < form.tagsize:
        return ()
    (count,) = struct.unpack(form.offsetformat, entry[4 : 4 + form.offsetsize])
    value = entry[4 + form.offsetsize :]
    if count > 1:
        file.seek(struct.unpack(form.offsetformat, value)[0])
        value = file.read(min(count, 1_000_000) * form.offsetsize)
    whole = len(value) // form.offsetsize
    return struct.unpack(
        f"{form.byteorder}{whole}{form.offsetformat[-1]}", value[: whole * form.offsetsize]
    )
