"""Pixels of a TIFF: whole or lazily, by strips, tiles and planes; palettes as colours."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..lazy import (
    DEFLATE,
    Mapped,
    Planes,
    UnreadableFileError,
    check_size,
    chunks_of,
    from_file,
    is_large,
    whole_tiles,
)

# how many times smaller codecs can make an image, by the number of theirs; LZW in one long strip
_RATIOS = {1: DEFLATE, 5: 1400, 7: DEFLATE, 8: DEFLATE, 32773: DEFLATE, 32946: DEFLATE}


def load_level(path: Path, series: Any, level: int, index: int) -> Any:
    """Load one level of a pyramid; lazily where it is large."""
    import tifffile

    one = series.levels[level]
    ratio = _ratio(one)
    plane = len(one.keyframe.shape)
    leading = one.shape[: len(one.shape) - plane]
    pages = len(one.pages)
    in_planes = one.shape[len(leading) :] == one.keyframe.shape and np.prod(leading) == pages
    at_once = one.nbytes if ratio is None else one.nbytes - _blank_bytes(one)
    if ratio is None and is_large(one.nbytes) and in_planes:
        # no more than a strip or tile is in memory, of a file that may be nearly empty
        at_once = int(np.prod(one.keyframe.chunks)) * one.dtype.itemsize
    check_size(at_once, path, ratio=ratio)
    _check_whole(one)
    if not is_large(one.nbytes):
        return one.asarray()
    key = f"{index} {level}"
    if one.dataoffset is not None:
        mapped = Mapped(tifffile.memmap(path, series=index, level=level, mode="r"))
        chunks = chunks_of(one.shape, one.dtype, min(plane, mapped.ndim), square=True)
        return from_file(mapped, path, key, chunks)
    if not in_planes:
        return one.asarray()
    places = [
        None if page is None else (page.parent.filehandle.path, page.offset) for page in one.pages
    ]
    read_one = functools.partial(_page_part, places, one.keyframe.shape, one.dtype)
    source = Planes(read_one, one.shape, one.dtype, plane)
    return from_file(source, path, key, _page_chunks(one, plane))


def _ratio(series: Any) -> int | None:
    page = series.keyframe
    # 1 and 12 bits a pixel, which memory has as 8 and 16, count as compressed
    if page.compression == 1 and page.bitspersample % 8 == 0 and not series.is_multifile:
        return 1
    return _RATIOS.get(int(page.compression))


def _blank_bytes(series: Any) -> int:
    """Bytes in memory of the pieces that are not in the file: they are blank."""
    piece = int(np.prod(series.keyframe.chunks)) * series.dtype.itemsize
    counts = (page.databytecounts for page in series.pages if page is not None)
    return piece * sum(sum(count == 0 for count in one) for one in counts)


def _page_chunks(series: Any, plane: int) -> tuple[int, ...]:
    """Whole planes; of large ones some rows, of large tiled ones some tiles."""
    page, shape = series.keyframe, series.shape
    chunks = list(chunks_of(shape, series.dtype, plane))
    if page.is_tiled and plane <= 3:
        for name, tile in ("Y", page.tilelength), ("X", page.tilewidth):
            axis = len(shape) - plane + series.axes[-plane:].index(name)
            chunks[axis] = whole_tiles(shape[axis], tile)
    return tuple(chunks)


def _page_part(
    places: list[Any], shape: tuple[int, ...], dtype: Any, index: int, part: tuple[slice, ...]
) -> np.ndarray:
    """Read a part of one page; the file is open for as long as that takes."""
    import tifffile
    import zarr

    if places[index] is None:
        return np.zeros(shape, dtype)[part]
    path, offset = places[index]
    with tifffile.TiffFile(path) as tif:
        tif.filehandle.seek(offset)
        page = tifffile.TiffPage(tif, index=0)
        if all(range(*s.indices(n)) == range(n) for s, n in zip(part, shape, strict=True)):
            return page.asarray()
        with page.aszarr(maxworkers=os.cpu_count() or 1) as store:
            array: Any = zarr.open(store, mode="r")
            return np.asarray(array[part])


def _check_whole(series: Any) -> None:
    for page in series.pages:
        if page is None or not page.dataoffsets:
            continue
        size = page.parent.filehandle.size
        end = max(a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=False))
        if end > size:
            raise UnreadableFileError(
                f"is cut off: {size:,} of {end:,} bytes are there; get an intact copy of it"
            )


def apply_palette(page: Any, data: Any, levels: list[Any]) -> tuple[Any, list[Any], list[str]]:
    """Replace indices by the colours of a palette; grey palettes are left as they are."""
    notes = []
    if page.photometric == 0 and data.dtype.kind in "bu":
        notes.append("dark is stored as high numbers (WhiteIsZero): the picture looks inverted")
    palette = page.colormap
    if page.photometric != 3 or palette is None or data.dtype.kind != "u":
        return data, levels, notes
    # a palette from black to white adds nothing to the numbers
    if (palette[0] == palette[1]).all() and (palette[0] == palette[2]).all():
        return data, levels, notes
    table = (np.asarray(palette).T >> 8).astype(np.uint8)

    def coloured(block: np.ndarray) -> np.ndarray:
        return table[np.minimum(block, len(table) - 1)]

    def whole(one: Any) -> Any:
        if isinstance(one, np.ndarray):
            return coloured(one)
        return one.map_blocks(
            coloured, dtype=np.uint8, new_axis=one.ndim, chunks=(*one.chunks, (3,))
        )

    return whole(data), [whole(one) for one in levels], notes
