"""TIFF of any kind: microscopes' own, OME, ImageJ, pyramids, stacks larger than memory."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Axis, Micrograph
from ..header import KEY, restored
from . import sidecar, vendors
from .lazy import (
    DEFLATE,
    Mapped,
    Planes,
    Refused,
    check_claim,
    chunks_of,
    from_file,
    is_large,
    whole_tiles,
)
from .pixel_size import axis, number, plain, settle, together
from .vendors import Found

# private tags of microscopes
FEI, OLYMPUS = (34680, 34682), (33471, 33560)

PHENOM, ZEISS, TVIPS, TESCAN = 34683, 34118, 37706, 50431

_GATAN = tuple(range(65003, 65012))

_MAKE = 271

# how many times smaller codecs can make an image, by the number of theirs; LZW in one long strip
_RATIOS = {1: DEFLATE, 5: 1400, 7: DEFLATE, 8: DEFLATE, 32773: DEFLATE, 32946: DEFLATE}


def read(path: Path) -> list[Micrograph]:
    """Read all images of a TIFF file, pyramids as levels.

    Parameters
    ----------
    path : Path
        The file. It is closed again; large data are read where they are looked at.

    Raises
    ------
    Refused
        If it is cut off.
    """
    import tifffile

    with _hearing() as told, tifffile.TiffFile(path) as tif:
        several = len(tif.series) > 1
        images = []
        for index, series in enumerate(tif.series):
            name = f"{stem(path)} {index + 1}" if several else stem(path)
            images.append(_image(path, tif, series, index, name))
    if any("invalid page offset" in one or "invalid offset to page" in one for one in told):
        raise Refused("is cut off: pages of it lie beyond its end; get an intact copy of it")
    return images


@contextmanager
def _hearing() -> Iterator[list[str]]:
    """Collect what tifffile logs: that is how it says that it left pages out."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    before = logger.propagate
    logger.addHandler(handler)
    # a person is told in our words, once
    logger.propagate = False
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _image(path: Path, tif: Any, series: Any, index: int, name: str) -> Micrograph:
    data = _data(path, series, 0, index)
    levels = [_data(path, series, level, index) for level in range(1, len(series.levels))]
    page = series.keyframe
    colour = _colour_axis(series)
    height, width = _size(series)
    found = Found()
    for one in _all_found(path, tif, page, index, height, width):
        found.add(one)
    spacing, unit, notes = settle(found.stated)
    axes, of_axes = _axes(tif, series, index)
    data, levels, more = _shown(page, data, levels)
    if colour is not None:
        data, *levels = (np.moveaxis(one, colour, -1) for one in (data, *levels))
    metadata: dict[str, Any] = {"facts": found.facts, "original": plain(found.original)}
    told = _told(tif)
    if isinstance(told.get("steps"), list):
        metadata["visual_ccc"] = told
    image = Micrograph(
        data, spacing, unit, name, path, metadata, axes, found.bar,
        tuple(levels), (*notes, *of_axes, *found.notes, *more),
    )  # fmt: skip
    return restored(image, told.get(KEY))


def _size(series: Any) -> tuple[int, int]:
    axes = series.axes
    if "Y" not in axes or "X" not in axes:
        raise Refused(f"holds no image: its axes are {axes}")
    return series.shape[axes.index("Y")], series.shape[axes.index("X")]


def _colour_axis(series: Any) -> int | None:
    axes = series.axes
    if "S" in axes and axes.index("S") != len(axes) - 1:
        return int(axes.index("S"))
    return None


# pixels -------------------------------------------------------------------------------------------


def _data(path: Path, series: Any, level: int, index: int) -> Any:
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
    check_claim(at_once, path, ratio=ratio)
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
            raise Refused(
                f"is cut off: {size:,} of {end:,} bytes are there; get an intact copy of it"
            )


def _shown(page: Any, data: Any, levels: list[Any]) -> tuple[Any, list[Any], list[str]]:
    """Give the colours of a palette; grey palettes are left as they are."""
    notes = []
    if page.photometric == 0 and data.dtype.kind in "bu":
        notes.append("dark is stored as high numbers (WhiteIsZero): the picture looks inverted")
    palette = page.colormap
    if page.photometric != 3 or palette is None or data.dtype.kind != "u":
        return data, levels, notes
    # a palette from black to white says nothing that the numbers do not
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


# what the file says -------------------------------------------------------------------------------


def _all_found(path: Path, tif: Any, page: Any, index: int, height: int, width: int) -> list[Found]:
    found = _microscope(page, height, width)
    beside = sidecar.find(path, height, width) if index == 0 else None
    found += [beside] if beside else []
    if tif.is_ome:
        found.append(_ome(tif, index))
    if tif.is_imagej:
        found.append(_imagej(tif, page))
    if page.tags.valueof(_MAKE) == "JEOL Ltd." or any(tag in page.tags for tag in _GATAN):
        found.append(_by_rosetta(path, index))
    return found


def _microscope(page: Any, height: int, width: int) -> list[Found]:
    """Read the private tags that tifffile decodes (and two texts that it leaves as they are)."""
    tags, found = page.tags, []
    for tag in FEI:
        value = tags.valueof(tag)
        if isinstance(value, dict):
            found.append(vendors.fei(value, height, width))
    text = _text(tags.valueof(PHENOM))
    if "</FeiImage>" in text:
        found.append(vendors.phenom(text, height))
    value = tags.valueof(ZEISS)
    if isinstance(value, dict):
        found.append(vendors.zeiss(value, height, width))
    olympus = {}
    for tag in OLYMPUS:
        value = tags.valueof(tag)
        olympus.update(value if isinstance(value, dict) else {})
    if olympus:
        found.append(vendors.olympus(olympus))
    value = tags.valueof(TVIPS)
    if isinstance(value, dict):
        found.append(vendors.tvips(value))
    text = _text(tags.valueof(TESCAN))
    if "PixelSizeX" in text:
        found.append(vendors.tescan(text, "TESCAN tag", height))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        return bytes(one & 255 for one in value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _by_rosetta(path: Path, index: int) -> Found:
    """Let RosettaSciIO read what tifffile does not: JEOL and Gatan tags."""
    from . import rosetta

    try:
        return rosetta.of_tiff(path, index)
    except ImportError as error:
        return Found(notes=[f"its pixel size was not read: {error}"])


def _imagej(tif: Any, page: Any) -> Found:
    described = tif.imagej_metadata or {}
    sizes = [_per_pixel(page.tags.valueof(tag)) for tag in (283, 282)]
    stated = []
    if None not in sizes:
        unit = described.get("unit")
        stated = [together("ImageJ", sizes, (described.get("yunit", unit), unit))]
    return Found(stated, {}, {"imagej": described})


def _per_pixel(value: Any) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2 or value[0] == 0:
        return None
    return float(value[1] / value[0])


def _ome(tif: Any, index: int) -> Found:
    pixels = _pixels(tif, index)
    sizes = [number(pixels.get(f"PhysicalSize{name}")) for name in "YX"]
    if sizes == [None, None]:
        return Found(original={"ome": pixels})
    units = [pixels.get(f"PhysicalSize{name}Unit", "µm") for name in "YX"]
    return Found([together("OME", sizes, units)], {}, {"ome": pixels})


def _root(tif: Any) -> Any:
    from xml.etree import ElementTree

    return ElementTree.fromstring(tif.ome_metadata)


def _pixels(tif: Any, index: int) -> dict[str, str]:
    images = _root(tif).findall(".//{*}Image")
    if index >= len(images):
        return {}
    pixels = images[index].find("{*}Pixels")
    return {} if pixels is None else dict(pixels.attrib)


def _told(tif: Any) -> dict[str, Any]:
    """What we wrote of one of our own results into the description of the file."""
    if tif.is_ome:
        text = _root(tif).findtext(".//{*}Image/{*}Description")
    else:
        text = (tif.imagej_metadata or {}).get("Info") if tif.is_imagej else None
    try:
        told = json.loads(text or "")
    except (TypeError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


_LETTERS = {"Z": "z", "T": "t", "C": "c", "I": "image", "Q": "axis", "A": "angle", "R": "region"}


def _axes(tif: Any, series: Any, index: int) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    """Steps of the leading axes, from OME or ImageJ; and what is to be said of them."""
    steps: dict[str, tuple[Any, Any]] = {}
    if tif.is_ome:
        pixels = _pixels(tif, index)
        steps["Z"] = pixels.get("PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit", "µm")
        steps["T"] = pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
    elif tif.is_imagej:
        described = tif.imagej_metadata or {}
        steps["Z"] = described.get("spacing"), described.get("zunit", described.get("unit"))
        steps["T"] = described.get("finterval"), described.get("tunit", "s")
    found = [
        axis(_LETTERS.get(letter, letter.lower()), *steps.get(letter, (None, "")))
        for letter in series.axes
        if letter not in "YXS"
    ]
    return tuple(one for one, _ in found), tuple(note for _, notes in found for note in notes)


def is_plain(path: Path) -> bool:
    """Tell whether a TIFF is one small image without anything said of it."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series
        page = tif.pages.first
        told = [*FEI, PHENOM, ZEISS, *OLYMPUS, TVIPS, TESCAN, *_GATAN]
        return not (
            tif.is_ome
            or tif.is_imagej
            or any(tag in page.tags for tag in told)
            or page.tags.valueof(_MAKE) == "JEOL Ltd."
            or page.photometric == 3
            or len(series) != 1
            or len(series[0].levels) > 1
            or is_large(series[0].nbytes)
            or "X" not in series[0].axes
            or sidecar.exists(path)
        )
