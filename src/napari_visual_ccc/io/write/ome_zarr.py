"""OME-Zarr 0.4 and 0.5."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...core.units import LENGTHS, TIMES
from ..header import KEY
from .chunks import CHUNK, place_rows
from .encode import EncodedImage
from .pyramid import Put

_NGFF_UNITS = {
    "pm": "picometer", "Å": "angstrom", "nm": "nanometer", "µm": "micrometer", "mm": "millimeter",
    "cm": "centimeter", "m": "meter", "ns": "nanosecond", "µs": "microsecond",
    "ms": "millisecond", "s": "second", "min": "minute", "h": "hour", "d": "day",
}  # fmt: skip


@contextmanager
def ome_zarr(stored: EncodedImage, path: Path, *, version: str) -> Iterator[tuple[int, Put]]:
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
    fields = {"name": stored.name, "axes": _ngff_axes(stored, names)}
    fields["datasets"] = [
        {"path": str(level), "coordinateTransformations": _transformations(stored, names, level)}
        for level in range(len(stored.sizes))
    ]
    if version == "0.4":
        attributes: dict[str, Any] = {"multiscales": [{"version": version, **fields}]}
        options: dict[str, Any] = {
            "compressors": Blosc("zstd"),
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
        }
    else:
        attributes = {"ome": {"version": version, "multiscales": [fields]}}
        options = {"compressors": BloscCodec(cname="zstd"), "dimension_names": names}
    group = zarr.open_group(
        path, mode="w-", zarr_format=2 if version == "0.4" else 3,
        attributes={**attributes, KEY: stored.header},
    )  # fmt: skip
    levels = []
    for level in range(len(stored.sizes)):
        shape = stored.shape(level)
        chunks = (*(1 for _ in shape[:-2]), *(min(CHUNK, size) for size in shape[-2:]))
        levels.append(
            group.create_array(
                str(level), shape=shape, chunks=chunks, dtype=stored.dtype, **options
            )
        )
    yield CHUNK, functools.partial(place_rows, stored, levels)
    # chunks bring a folder back that is removed meanwhile, but not what describes them
    for place in (path, *(path / str(level) for level in range(len(levels)))):
        if not any((place / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray")):
            raise OSError("its folder was removed meanwhile")


def _ngff_axes(stored: EncodedImage, names: list[str]) -> list[dict[str, str]]:
    axes = []
    for name in names:
        unit = stored.steps.get(name.upper(), (1.0, ""))[1]
        if name in "yx" and stored.spacing is not None:
            unit = stored.unit
        kind = {"t": "time", "c": "channel"}.get(name, "space")
        fits = unit in {"time": TIMES, "space": LENGTHS}.get(kind, ())
        axes.append({"name": name, "type": kind} | ({"unit": _NGFF_UNITS[unit]} if fits else {}))
    return axes


def _transformations(stored: EncodedImage, names: list[str], level: int) -> list[dict[str, Any]]:
    """Step of every axis at a level, and centre of its first pixel."""
    size = dict(zip("yx", stored.spacing or (1.0, 1.0), strict=True))
    first = _first(stored, names)
    # a mean of four pixels is centred between them, a picked pixel stays in its place
    between = 0.0 if stored.picks else (2**level - 1) / 2
    scale = [
        size[name] * 2**level if name in "yx" else stored.steps.get(name.upper(), (1.0, ""))[0]
        for name in names
    ]
    shift = [first[name] + between * size.get(name, 0.0) for name in names]
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    return [*found, {"type": "translation", "translation": shift}] if any(shift) else found


def _first(stored: EncodedImage, names: list[str]) -> dict[str, float]:
    """Centre of the first pixel on every axis of the file."""
    origin = stored.image.metadata.get("origin") or (0.0, 0.0)
    of_image = [name for number, name in enumerate(names) if number != stored.colour_axis]
    # leading axes without an origin, or joined into one, begin at 0
    place = origin if len(origin) == len(of_image) else origin[-2:]
    of_origin = of_image[len(of_image) - len(place) :]
    return dict.fromkeys(names, 0.0) | dict(zip(of_origin, map(float, place), strict=True))
