"""PNG, JPEG, BMP, GIF, WebP and JPEG 2000, with the text file of the microscope beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ....core.files import stem
from ....core.micrograph import Axis, Micrograph
from .. import sidecar
from ..lazy import DEFLATE, UnreadableFileError, check_size
from ..pixel_size import plain, resolve_pixel_size

# what napari reads without loss
_NAPARI = (".png", ".jpg", ".jpeg", ".bmp")

SUFFIXES = (*_NAPARI, ".gif", ".webp", ".jp2", ".j2k")


def read(path: Path) -> list[Micrograph]:
    """Read a picture; values as stored, colours of a palette as colours.

    The frames of an animation become a stack along time. GIF and WebP have no grey of their own:
    where red, green and blue are equal in all pixels, the image is grey.

    Raises
    ------
    UnreadableFileError
        If it is damaged.
    """
    data, axes = _pixels(path)
    found = sidecar.find(path, *data.shape[len(axes) :][:2])
    if found is None:
        return [Micrograph(data, name=stem(path), path=path, axes=axes)]
    spacing, unit, notes = resolve_pixel_size(found.claims)
    metadata = {"facts": found.facts, "original": plain(found.original)}
    return [
        Micrograph(
            data, spacing, unit, stem(path), path, metadata, axes, info_bar=found.bar,
            notes=(*notes, *found.notes),
        )
    ]  # fmt: skip


def is_plain(path: Path) -> bool:
    """Whether napari reads it as it is, and no text file of a microscope is beside it."""
    return path.suffix.lower() in _NAPARI and not sidecar.exists(path)


def _pixels(path: Path) -> tuple[np.ndarray, tuple[Axis, ...]]:
    """Pixels, and the axis of the frames of an animation."""
    from PIL import Image

    # micrographs are large, and no attack
    Image.MAX_IMAGE_PIXELS = None
    # no JPEG or BMP is smaller than deflate can make it; the others may be
    ratio = DEFLATE if path.suffix.lower() in _NAPARI else None
    with Image.open(path) as opened:
        kind = opened.format
        width, height = opened.size
        frames = getattr(opened, "n_frames", 1)
        check_size(width * height * len(opened.getbands()) * frames, path, ratio=ratio)
        opened.verify()
    if kind in ("GIF", "WEBP"):
        return _frames(path)
    return (_jpeg_2000 if kind == "JPEG2000" else _picture)(path), ()


def _frames(path: Path) -> tuple[np.ndarray, tuple[Axis, ...]]:
    from PIL import Image, ImageSequence

    with Image.open(path) as opened:
        frames, durations = [], []
        for frame in ImageSequence.Iterator(opened):
            frames.append(np.array(frame.convert("RGBA")))
            durations.append(frame.info.get("duration", 0))
    data = np.stack(frames)
    if (data[..., :1] == data[..., :3]).all():
        data = data[..., 0]
    elif (data[..., 3] == 255).all():
        data = data[..., :3]
    if len(frames) == 1:
        return np.ascontiguousarray(data[0]), ()
    # as displays do: a frame without a duration takes a tenth of a second
    milliseconds = float(np.mean([one or 100 for one in durations]))
    return np.ascontiguousarray(data), (Axis("t", milliseconds / 1000, "s"),)


def _jpeg_2000(path: Path) -> np.ndarray:
    import imagecodecs

    # Pillow cuts 16-bit colour to 8 bits
    data = np.asarray(imagecodecs.jpeg2k_decode(path.read_bytes()))
    # grey with alpha
    return data[..., 0] if data.ndim == 3 and data.shape[-1] == 2 else data


def _picture(path: Path) -> np.ndarray:
    from PIL import Image

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
