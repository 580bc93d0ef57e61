"""The files that images are written to. Each takes rows of any level of any plane, in turn."""

from __future__ import annotations

import functools
import itertools
import json
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .formats.calibration import LENGTHS, TIMES
from .header import KEY
from .pyramid import Index, Put
from .stored import Stored

# how many rows it wants at a time, and what takes them
Target = Callable[[Stored, Path], AbstractContextManager[tuple[int, Put]]]

_TILE, _STRIP, _CHUNK = 512, 128, 1024
# the common kind of TIFF ends at 4 GiB; a pyramid and its tags need room as well
_CLASSIC_BYTES, _IMAGEJ_BYTES = 2 << 30, (4 << 30) - (1 << 20)
_NGFF_UNITS = {
    "pm": "picometer", "Å": "angstrom", "nm": "nanometer", "µm": "micrometer", "mm": "millimeter",
    "cm": "centimeter", "m": "meter", "ns": "nanosecond", "µs": "microsecond",
    "ms": "millisecond", "s": "second", "min": "minute", "h": "hour", "d": "day",
}  # fmt: skip


@contextmanager
def ome_tiff(stored: Stored, path: Path) -> Iterator[tuple[int, Put]]:
    """OME-TIFF, compressed without loss; a pyramid as SubIFDs, in tiles.

    tifffile lays out the file with empty tiles. They are added at its end as they come, in any
    order, and their places are then entered: so the work can be left at any tile.
    """
    import tifffile

    tiled = len(stored.sizes) > 1
    layout = {"tile": (_TILE, _TILE)} if tiled else {"rowsperstrip": _STRIP}
    colours = stored.data.shape[stored.leading + 2 :]
    planes = int(np.prod(stored.data.shape[: stored.leading]))
    grids = [_grid(size, tiled) for size in stored.sizes]
    # where the pieces of each plane of each level are, and of how many bytes
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

    with path.open("r+b") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        file.seek(0, os.SEEK_END)

        def put(level: int, index: Index, start: int, rows: np.ndarray) -> None:
            offsets, counts = places[level][_number(index, stored)]
            number = start // (_TILE if tiled else _STRIP) * grids[level][1]
            for packed in pool.map(_packed, _tiles(rows) if tiled else _strips(rows)):
                offsets[number], counts[number] = file.tell(), len(packed)
                file.write(packed)
                number += 1

        yield _TILE if tiled else _STRIP, put
    names = ("TileOffsets", "TileByteCounts") if tiled else ("StripOffsets", "StripByteCounts")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for plane, page in enumerate(tif.pages):
            for level, one in enumerate([page, *(page.pages or ())]):
                for name, values in zip(names, places[level][plane], strict=True):
                    one.tags[name].overwrite(values.tolist())


def _grid(size: tuple[int, int], tiled: bool) -> tuple[int, int]:
    if not tiled:
        return -(-size[0] // _STRIP), 1
    return -(-size[0] // _TILE), -(-size[1] // _TILE)


def _number(index: Index, stored: Stored) -> int:
    return int(np.ravel_multi_index(index, stored.data.shape[: stored.leading])) if index else 0


def _tiles(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut rows into tiles; those at the border are filled up with zeros."""
    for y in range(0, rows.shape[0], _TILE):
        for x in range(0, rows.shape[1], _TILE):
            tile = rows[y : y + _TILE, x : x + _TILE]
            pad = [(0, _TILE - size) for size in tile.shape[:2]] + [(0, 0)] * (tile.ndim - 2)
            yield np.pad(tile, pad)


def _strips(rows: np.ndarray) -> Iterator[np.ndarray]:
    for y in range(0, rows.shape[0], _STRIP):
        yield rows[y : y + _STRIP]


def _packed(tile: np.ndarray) -> bytes:
    little = np.ascontiguousarray(tile, tile.dtype.newbyteorder("<"))
    # higher levels take twice as long and save nothing of an image with noise
    return zlib.compress(little.data, 1)


def _ome_metadata(stored: Stored) -> dict[str, Any]:
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


@contextmanager
def imagej(stored: Stored, path: Path) -> Iterator[tuple[int, Put]]:
    """TIFF that ImageJ and Fiji open by themselves, with the scale.

    Raises
    ------
    ValueError
        If it is larger than ImageJ's TIFF can be.
    """
    import tifffile

    del stored.sizes[1:]
    shape = stored.shape(0)
    if int(np.prod(shape)) * stored.dtype.itemsize > _IMAGEJ_BYTES:
        raise ValueError(f"{stored.name}: is too large for ImageJ's 4 GiB; write it as OME-TIFF")
    metadata: dict[str, Any] = {
        "axes": stored.letters + "YX",
        "Info": json.dumps({KEY: stored.header}),
    }
    options: dict[str, Any] = {"photometric": "minisblack"}
    if stored.spacing is not None:
        height, width = stored.spacing
        options["resolution"] = (1 / width, 1 / height)
        metadata["unit"] = _as_java(stored.unit)
    step, unit = stored.steps.get("Z", (1.0, "px"))
    if unit != "px":
        metadata["spacing"] = step
        if _as_java(unit) != metadata.get("unit"):
            metadata["zunit"] = _as_java(unit)
    if "T" in stored.steps:
        step, unit = stored.steps["T"]
        metadata["finterval"], metadata["tunit"] = step, _as_java(unit)
    if stored.colour_axis is not None:
        metadata["mode"] = "composite"
    levels = [
        tifffile.memmap(
            path, shape=shape, dtype=stored.dtype, imagej=True, metadata=metadata, **options
        )
    ]
    try:
        yield _STRIP, functools.partial(_place, stored, levels)
        levels[0].flush()
    finally:
        # nothing is renamed or removed on Windows while it is mapped
        levels.clear()


def _as_java(text: str) -> str:
    """Write a text as ImageJ reads it: letters beyond ASCII as Java does."""
    return "".join(one if one.isascii() else f"\\u{ord(one):04X}" for one in text)


@contextmanager
def ome_zarr(stored: Stored, path: Path, *, version: str) -> Iterator[tuple[int, Put]]:
    """OME-Zarr: chunks of one plane, each level half the one before.

    Raises
    ------
    ImportError
        Without zarr 3.
    """
    try:
        import zarr
        from zarr.codecs import BloscCodec
    except ImportError:
        raise ImportError(
            "OME-Zarr needs zarr 3 (and Python 3.11): pip install 'zarr>=3'"
        ) from None
    from numcodecs import Blosc

    names = [*stored.letters.lower(), "y", "x"]
    told = {"name": stored.name, "axes": _ngff_axes(stored, names)}
    told["datasets"] = [
        {"path": str(level), "coordinateTransformations": _transformations(stored, names, level)}
        for level in range(len(stored.sizes))
    ]
    if version == "0.4":
        attributes: dict[str, Any] = {"multiscales": [{"version": version, **told}]}
        options: dict[str, Any] = {
            "compressors": Blosc("zstd"),
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
        }
    else:
        attributes = {"ome": {"version": version, "multiscales": [told]}}
        options = {"compressors": BloscCodec(cname="zstd"), "dimension_names": names}
    group = zarr.open_group(
        path, mode="w-", zarr_format=2 if version == "0.4" else 3,
        attributes={**attributes, KEY: stored.header},
    )  # fmt: skip
    levels = []
    for level in range(len(stored.sizes)):
        shape = stored.shape(level)
        chunks = (*(1 for _ in shape[:-2]), *(min(_CHUNK, size) for size in shape[-2:]))
        levels.append(
            group.create_array(
                str(level), shape=shape, chunks=chunks, dtype=stored.dtype, **options
            )
        )
    yield _CHUNK, functools.partial(_place, stored, levels)


def _place(
    stored: Stored, levels: list[Any], level: int, index: Index, start: int, rows: np.ndarray
) -> None:
    where: list[Any] = list(index)
    if stored.colour_axis is not None:
        rows = np.moveaxis(rows, -1, 0)
        where.insert(stored.colour_axis, slice(None))
    levels[level][(*where, slice(start, start + rows.shape[-2]))] = rows


def _ngff_axes(stored: Stored, names: list[str]) -> list[dict[str, str]]:
    axes = []
    for name in names:
        unit = stored.steps.get(name.upper(), (1.0, ""))[1]
        if name in "yx" and stored.spacing is not None:
            unit = stored.unit
        kind = {"t": "time", "c": "channel"}.get(name, "space")
        fits = unit in {"time": TIMES, "space": LENGTHS}.get(kind, ())
        axes.append({"name": name, "type": kind} | ({"unit": _NGFF_UNITS[unit]} if fits else {}))
    return axes


def _transformations(stored: Stored, names: list[str], level: int) -> list[dict[str, Any]]:
    """Step of every axis at a level, and where its first pixel is centred."""
    size = dict(zip("yx", stored.spacing or (1.0, 1.0), strict=True))
    first = _first(stored, names)
    # the mean of four pixels lies between them, one that was taken of four where it was
    between = 0.0 if stored.picks else (2**level - 1) / 2
    scale = [
        size[name] * 2**level if name in "yx" else stored.steps.get(name.upper(), (1.0, ""))[0]
        for name in names
    ]
    shift = [first[name] + between * size.get(name, 0.0) for name in names]
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    return [*found, {"type": "translation", "translation": shift}] if any(shift) else found


def _first(stored: Stored, names: list[str]) -> dict[str, float]:
    """Where the first pixel is centred, on every axis of the file."""
    origin = stored.image.metadata.get("origin") or (0.0, 0.0)
    of_image = [name for number, name in enumerate(names) if number != stored.colour_axis]
    # leading axes of which nothing is said, or which had to be made one, begin at 0
    told = origin if len(origin) == len(of_image) else origin[-2:]
    of_origin = of_image[len(of_image) - len(told) :]
    return dict.fromkeys(names, 0.0) | dict(zip(of_origin, map(float, told), strict=True))


TARGETS: dict[str, Target] = {
    "ome-tiff": ome_tiff,
    "imagej": imagej,
    "ome-zarr": functools.partial(ome_zarr, version="0.5"),
    "ome-zarr-0.4": functools.partial(ome_zarr, version="0.4"),
}
