"""PNG, JPEG and BMP, with the text file of the microscope beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.files import stem
from ...core.micrograph import Micrograph
from . import sidecar
from .lazy import DEFLATE, UnreadableFileError, check_size
from .pixel_size import plain, resolve_pixel_size

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def read(path: Path) -> list[Micrograph]:
    """Read a picture; values as stored, colours of a palette as colours.

    Raises
    ------
    UnreadableFileError
        If it is damaged.
    """
    data = _pixels(path)
    found = sidecar.find(path, *data.shape[:2])
    if found is None:
        return [Micrograph(data, name=stem(path), path=path)]
    spacing, unit, notes = resolve_pixel_size(found.claims)
    metadata = {"facts": found.facts, "original": plain(found.original)}
    return [
        Micrograph(
            data, spacing, unit, stem(path), path, metadata, info_bar=found.bar,
            notes=(*notes, *found.notes),
        )
    ]  # fmt: skip


def is_plain(path: Path) -> bool:
    """Whether there is no text file of a microscope beside the picture."""
    return not sidecar.exists(path)


def _pixels(path: Path) -> np.ndarray:
    from PIL import Image

    # micrographs are large, and no attack
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as opened:
        width, height = opened.size
        # no JPEG or BMP is smaller than deflate can make it
        check_size(width * height * len(opened.getbands()), path, ratio=DEFLATE)
        opened.verify()
    if _is_deep_colour(path):
        import cv2

        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if data is None:
            raise UnreadableFileError("is damaged; get an intact copy of it")
        return _red_first(data)
    with Image.open(path) as opened:
        image: Image.Image = opened
        if image.mode in ("P", "CMYK", "YCbCr"):
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode in ("1", "LA"):
            image = image.convert("L")
        return np.array(image)


def _is_deep_colour(path: Path) -> bool:
    """Whether it is a PNG of 16-bit colour or grey with alpha: Pillow reduces these to 8 bit."""
    with path.open("rb") as file:
        start = file.read(26)
    return start[:8] == b"\x89PNG\r\n\x1a\n" and start[24] == 16 and start[25] in (2, 4, 6)


def _red_first(data: np.ndarray) -> np.ndarray:
    if data.ndim == 2:
        return data
    order = [2, 1, 0, 3][: data.shape[-1]]
    return np.ascontiguousarray(data[..., order])
