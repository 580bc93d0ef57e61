"""The file formats of images. Each takes rows of any level of any plane, one after the other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from .encode import EncodedImage
from .imagej import imagej
from .ome_tiff import ome_tiff
from .ome_zarr import ome_zarr
from .pyramid import Put

# the height of its bands, and the function that takes them
Target = Callable[[EncodedImage, Path], AbstractContextManager[tuple[int, Put]]]

TARGETS: dict[str, Target] = {
    "ome-tiff": ome_tiff,
    "imagej": imagej,
    "ome-zarr": functools.partial(ome_zarr, version="0.5"),
    "ome-zarr-0.4": functools.partial(ome_zarr, version="0.4"),
}
