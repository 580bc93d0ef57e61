"""Writing and reading of images in the tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_visual_ccc.core.progress import run
from napari_visual_ccc.io import read as formats
from napari_visual_ccc.io.write import images as export

zarr = pytest.importorskip("zarr", minversion="3")


OME = ("ome-tiff", "ome-zarr", "ome-zarr-0.4")


DTYPES = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64", "bool")


RECORD = {"source": {"name": "x"}, "steps": [{"operation": "threshold"}], "note": 'µ "<&>'}


def write(image, path, **options):
    return run(export.write_image(image, path, **options))


def read(path):
    """The image, and all levels, in memory."""
    found = formats.read(path)
    return replace(
        found, data=np.asarray(found.data), levels=tuple(np.asarray(one) for one in found.levels)
    )


def known(image):
    """The metadata without the file's own."""
    return {key: value for key, value in image.metadata.items() if value and key != "original"}


def path_of(folder, kind):
    return folder / f"image{export.ENDINGS[kind]}"
