"""ImageJ TIFF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..header import KEY
from .chunks import STRIP
from .encode import EncodedImage
from .ome_tiff import _IMAGEJ_BYTES
from .pyramid import Index, Put


@contextmanager
def imagej(stored: EncodedImage, path: Path) -> Iterator[tuple[int, Put]]:
    """Write TIFF that ImageJ and Fiji open with the scale, without a plugin.

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
    # not a mapping of the file: writing to one ends the process where the disk is full
    placed: Any = tifffile.imwrite(
        path, shape=shape, dtype=stored.dtype, imagej=True, metadata=metadata, returnoffset=True,
        **options,
    )  # fmt: skip
    offset = placed[0]
    with path.open("r+b") as file:

        def put(level: int, index: Index, start: int, rows: np.ndarray) -> None:
            bands = [rows] if stored.colour_axis is None else list(np.moveaxis(rows, -1, 0))
            for colour, band in enumerate(bands):
                place = list(index)
                if stored.colour_axis is not None:
                    place.insert(stored.colour_axis, colour)
                first = int(np.ravel_multi_index((*place, start, 0), shape))
                file.seek(offset + first * stored.dtype.itemsize)
                file.write(np.ascontiguousarray(band, stored.dtype).data)

        yield STRIP, put


def _as_java(text: str) -> str:
    """Escape letters beyond ASCII as Java does, for ImageJ."""
    return "".join(one if one.isascii() else f"\\u{ord(one):04X}" for one in text)
