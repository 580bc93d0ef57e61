"""Pixels of a TIFF: whole or lazily, by strips, tiles and planes; what their numbers mean."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ....core.settings.cores import workers
from ...axes import ALPHA
from ..checks import DEFLATE, UnreadableFileError, check_memory, check_size, is_large
from ..lazy import Contiguous, Planes, chunks_of, from_file, whole_tiles
from ..pictures.colours import DISPLAY, of_palette, of_samples

# how many times smaller codecs can make an image, by the number of theirs; LZW in one long strip
_RATIOS = {1: DEFLATE, 5: 1400, 7: DEFLATE, 8: DEFLATE, 32773: DEFLATE, 32946: DEFLATE}


def load_level(path: Path, series: Any, level: int, index: int) -> Any:
    """Load one level of a pyramid; lazily where it is large."""
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
        dtype = one.dtype.newbyteorder(one.keyframe.parent.byteorder)
        source = Contiguous(path, one.dataoffset, one.shape, dtype)
        return from_file(source, path, key, chunks_of(one.shape, dtype, plane, square=True))
    # otherwise a strip or tile is decoded at a time
    pixels = int(np.prod(one.keyframe.chunks)) if in_planes else one.size
    check_memory(2 * pixels * one.dtype.itemsize, "save it in tiles, which are read one by one")
    if not in_planes:
        return one.asarray()
    places = [
        None if page is None else (page.parent.filehandle.path, page.offset) for page in one.pages
    ]
    read_one = functools.partial(_page_part, places, one.keyframe.shape, one.dtype)
    planes = Planes(read_one, one.shape, one.dtype, plane)
    return from_file(planes, path, key, _page_chunks(one, plane))


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
        with page.aszarr(maxworkers=workers()) as store:
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


def as_picture(
    page: Any, axes: str, levels: list[Any], *, for_display: bool
) -> tuple[list[Any], bool, list[str]]:
    """Decide what the numbers of a pixel are: grey, colours, channels, or indices of a palette.

    Parameters
    ----------
    page : tifffile.TiffPage
        With the tags that say it.
    axes : str
        Letters of the axes; S is that of several numbers a pixel.
    levels : list of arrays
        Of a pyramid.
    for_display : bool
        A palette is for the screen, as in files of ImageJ and OME: the numbers are the data.

    Returns
    -------
    levels : list of arrays
        Colours are the last axis, channels the one before the rows.
    channels : bool
        Whether there are channels.
    notes : list of str
        For the user.
    """
    notes = []
    if page.photometric == 0 and levels[0].dtype.kind in "bu":
        notes.append("dark is stored as high numbers (WhiteIsZero): the picture looks inverted")
    is_palette = page.photometric == 3 and page.colormap is not None
    if is_palette and "S" in axes:
        # opacity or other numbers beside the index
        levels, axes = [_samples_last(one, axes)[..., 0] for one in levels], axes.replace("S", "")
        notes.append(ALPHA)
    if "S" in axes:
        kind, alphas = _KINDS.get(int(page.photometric), "grey"), _alphas(page)
        # JPEG has been decoded to red, green and blue
        kind = "colour" if kind == "lightness" and page.compression in _JPEG else kind
        top = float(np.iinfo(page.dtype).max) if page.dtype.kind in "ui" else 1.0
        found = [of_samples(_samples_last(one, axes), kind, alphas, top) for one in levels]
        return [one for one, _, _ in found], found[0][1], [*notes, *found[0][2]]
    if not is_palette or levels[0].dtype.kind not in "bu":
        return levels, False, notes
    values, note = of_palette(_table_of(page))
    if for_display and values is not None:
        values, note = None, DISPLAY
    notes += [note] if note else []
    return [_through(values, one) for one in levels] if values is not None else levels, False, notes


def _table_of(page: Any) -> np.ndarray:
    """Red, green and blue of each index, of 0 to 255."""
    table = np.asarray(page.colormap).T
    # some programs write 8 bits where the format has 16; libtiff tells them in the same way
    return (table if table.max(initial=0) < 256 else table >> 8).astype(np.uint8)


# what the first numbers of a pixel are, by photometric interpretation
_KINDS = {2: "colour", 5: "inks", 6: "lightness", 8: "lightness", 9: "lightness"}

_JPEG = (6, 7, 33003, 33005, 34712)


def _alphas(page: Any) -> tuple[int, ...]:
    """Which numbers of a pixel are opacity."""
    extra = [int(one) for one in page.extrasamples]
    first = page.samplesperpixel - len(extra)
    return tuple(first + k for k, one in enumerate(extra) if one in (1, 2))


def _samples_last(data: Any, axes: str) -> Any:
    place = axes.index("S")
    data = data if place == len(axes) - 1 else np.moveaxis(data, place, -1)
    # colours are worked on together
    return data if isinstance(data, np.ndarray) else data.rechunk({data.ndim - 1: -1})


def _through(table: np.ndarray, data: Any) -> Any:
    """Put grey levels or colours in the place of indices."""

    def put(block: np.ndarray) -> np.ndarray:
        return table[np.minimum(block, len(table) - 1)]

    if isinstance(data, np.ndarray):
        return put(data)
    if table.ndim == 1:
        return data.map_blocks(put, dtype=np.uint8)
    return data.map_blocks(put, dtype=np.uint8, new_axis=data.ndim, chunks=(*data.chunks, (3,)))
