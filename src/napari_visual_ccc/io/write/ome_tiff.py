"""OME-TIFF, streamed, with a pyramid."""

from __future__ import annotations

import io
import itertools
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...core.settings.cores import workers
from ...core.units import LENGTHS, TIMES
from ..header import KEY
from .chunks import STRIP, TILE
from .encode import EncodedImage
from .pyramid import Index, Put

# classic TIFF ends at 4 GiB; a pyramid and its tags need space as well
_CLASSIC_BYTES, _IMAGEJ_BYTES = 2 << 30, (4 << 30) - (1 << 20)


@contextmanager
def ome_tiff(stored: EncodedImage, path: Path) -> Iterator[tuple[int, Put]]:
    """OME-TIFF, compressed without loss; a pyramid as SubIFDs, in tiles.

    tifffile lays out the file with empty tiles. They are added at its end as they come, in any
    order, and their places are then entered: so the work can be left at any tile.
    """
    import tifffile

    tiled = len(stored.sizes) > 1
    layout = {"tile": (TILE, TILE)} if tiled else {"rowsperstrip": STRIP}
    colours = stored.data.shape[stored.leading + 2 :]
    planes = int(np.prod(stored.data.shape[: stored.leading]))
    grids = [_grid(size, tiled) for size in stored.sizes]
    # offsets and byte counts of the tiles of each plane of each level
    places = [np.zeros((planes, 2, across * down), np.int64) for down, across in grids]
    options: dict[str, Any] = {
        "dtype": stored.dtype, "compression": "zlib", **layout,
        "photometric": "rgb" if colours else "minisblack",
        "planarconfig": "contig" if colours else None,
        "extrasamples": ["unassalpha"] * (colours == (4,)),
    }  # fmt: skip
    big = stored.data.size * stored.dtype.itemsize > _CLASSIC_BYTES
    with tifffile.TiffWriter(path, bigtiff=big, ome=True, byteorder="<") as layout_of:
        for level, place in enumerate(places):
            own = {"subfiletype": 1} if level else \
                {"subifds": len(places) - 1, "metadata": _ome_metadata(stored)}  # fmt: skip
            nothing = itertools.repeat(b"", planes * place.shape[-1])
            layout_of.write(nothing, shape=stored.shape(level), **options, **own)

    with path.open("r+b") as file, ThreadPoolExecutor(workers()) as pool:
        file.seek(0, io.SEEK_END)

        def put(level: int, index: Index, start: int, rows: np.ndarray) -> None:
            offsets, counts = places[level][_number(index, stored)]
            number = start // (TILE if tiled else STRIP) * grids[level][1]
            for packed in pool.map(_packed, _tiles(rows) if tiled else _strips(rows)):
                offsets[number], counts[number] = file.tell(), len(packed)
                file.write(packed)
                number += 1

        yield TILE if tiled else STRIP, put
    names = ("TileOffsets", "TileByteCounts") if tiled else ("StripOffsets", "StripByteCounts")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for plane, page in enumerate(tif.pages):
            for level, one in enumerate([page, *(page.pages or ())]):
                for name, values in zip(names, places[level][plane], strict=True):
                    one.tags[name].overwrite(values.tolist())


def _grid(size: tuple[int, int], tiled: bool) -> tuple[int, int]:
    if not tiled:
        return -(-size[0] // STRIP), 1
    return -(-size[0] // TILE), -(-size[1] // TILE)


def _number(index: Index, stored: EncodedImage) -> int:
    return int(np.ravel_multi_index(index, stored.data.shape[: stored.leading])) if index else 0


def _tiles(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut rows into tiles; those at the border are padded with zeros."""
    for y in range(0, rows.shape[0], TILE):
        for x in range(0, rows.shape[1], TILE):
            tile = rows[y : y + TILE, x : x + TILE]
            pad = [(0, TILE - size) for size in tile.shape[:2]] + [(0, 0)] * (tile.ndim - 2)
            yield np.pad(tile, pad)


def _strips(rows: np.ndarray) -> Iterator[np.ndarray]:
    for y in range(0, rows.shape[0], STRIP):
        yield rows[y : y + STRIP]


def _packed(tile: np.ndarray) -> bytes:
    little = np.ascontiguousarray(tile, tile.dtype.newbyteorder("<"))
    # higher levels take twice as long and hardly compress an image with noise better
    return zlib.compress(little.data, 1)


def _ome_metadata(stored: EncodedImage) -> dict[str, Any]:
    axes = stored.letters + "YX" + ("S" if stored.coloured else "")
    found: dict[str, Any] = {
        "axes": axes,
        "Name": stored.name,
        "Description": json.dumps({KEY: stored.header}, ensure_ascii=False),
    }
    steps = dict(stored.steps)
    if stored.spacing is not None:
        steps |= {
            axis: (size, stored.unit) for axis, size in zip("YX", stored.spacing, strict=True)
        }
    for axis, (step, unit) in steps.items():
        if axis in "XYZ" and unit in LENGTHS:
            found |= {f"PhysicalSize{axis}": step, f"PhysicalSize{axis}Unit": unit}
        elif axis == "T" and unit in TIMES:
            found |= {"TimeIncrement": step, "TimeIncrementUnit": unit}
    origin = stored.image.metadata.get("origin")
    if origin is not None and "PhysicalSizeX" in found:
        planes = int(np.prod(stored.data.shape[: stored.leading]))
        places = {"PositionY": float(origin[-2]), "PositionX": float(origin[-1])}
        units = dict.fromkeys(("PositionYUnit", "PositionXUnit"), stored.unit)
        found["Plane"] = {key: [value] * planes for key, value in {**places, **units}.items()}
    return found
