"""ImageJ TIFF."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..header import KEY
from .chunks import STRIP, place_rows
from .encode import EncodedImage
from .ome_tiff import _IMAGEJ_BYTES
from .pyramid import Put


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
    levels = [
        tifffile.memmap(
            path, shape=shape, dtype=stored.dtype, imagej=True, metadata=metadata, **options
        )
    ]
    try:
        yield STRIP, functools.partial(place_rows, stored, levels)
        levels[0].flush()
    finally:
        # Windows renames and removes no file that is mapped
        levels.clear()


def _as_java(text: str) -> str:
    """Escape letters beyond ASCII as Java does, for ImageJ."""
    return "".join(one if one.isascii() else f"\\u{ord(one):04X}" for one in text)
