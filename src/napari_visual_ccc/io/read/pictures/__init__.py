"""PNG, JPEG, BMP, GIF, WebP and JPEG 2000, with the text file of the microscope beside them."""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.files import PICTURE, stem
from ....core.micrograph import Axis, Micrograph
from ...axes import ALPHA
from .. import sidecar
from ..checks import DEFLATE, UnreadableFileError, check_memory, check_size
from ..pixel_size import of_print, of_resolution, plain, resolve_pixel_size
from ..vendors import VendorMetadata
from .colours import INKS, from_inks, of_orientation, of_palette

if TYPE_CHECKING:
    from PIL import Image

# what napari reads without loss
_NAPARI = (".png", ".jpg", ".jpeg", ".bmp")

# bytes of memory that a number of a pixel takes while it is decoded, by format and mode: copies of
# it, colours of frames in grey, shares of inks; other numbers take `_USUAL`
_TAKEN = {"GIF": 13, "WEBP": 8, "JPEG2000": 6, "CMYK": 23, "P": 5, "I": 12, "F": 12}
_USUAL = 4

_PNG = b"\x89PNG\r\n\x1a\n"

# parts of a PNG that hold pixels or frames; of others, a file has some ten
_OF_PIXELS, _MOST_CHUNKS = (b"IDAT", b"fdAT", b"fcTL"), 5000

# while Pillow opens a file without its limit
_LIMIT = threading.Lock()

SUFFIXES = (*_NAPARI, ".gif", ".webp", ".jp2", ".j2k")


def read(path: Path) -> list[Micrograph]:
    """Read a picture; values as stored, colours of a palette as colours.

    The frames of an animation become a stack along time. GIF, WebP and animated PNG have no grey
    of their own: where red, green and blue are equal in all pixels, the image is grey.

    Raises
    ------
    UnreadableFileError
        If it is damaged.
    """
    data, axes, of_pixels = _pixels(path)
    found = sidecar.find(path, *data.shape[len(axes) :][:2]) or VendorMetadata()
    kind, sizes = _resolution(path)
    claim = of_resolution(kind, sizes, "inch")
    claims = [*found.claims, *([claim] if claim else [])]
    spacing, unit, source, notes = resolve_pixel_size(claims)
    facts = {**found.facts, **(of_print(sizes, "inch") if spacing is None else {})}
    is_more = facts or found.original
    metadata: dict[str, Any] = {"facts": facts, "original": plain(found.original)}
    metadata = metadata if is_more else {}
    if _is_drawn(path):
        metadata["picture"] = _of_result(path)
        notes = (metadata["picture"], *notes)
    return [
        Micrograph(
            data, spacing, unit, stem(path), path, metadata, axes,
            info_bar=found.bar,
            notes=(*notes, *found.notes, *of_pixels, *of_orientation(_orientation(path))),
            pixel_size_from=source,
        )
    ]  # fmt: skip


def declared(path: Path) -> int:
    """Numbers of all frames by the header."""
    with _opened(path) as opened:
        count = len(opened.getbands()) * getattr(opened, "n_frames", 1)
        return math.prod(opened.size) * count


def is_plain(path: Path) -> bool:
    """Whether napari reads it as it is, and it has no pixel size and no text file beside it."""
    if path.suffix.lower() not in _NAPARI or sidecar.exists(path):
        return False
    with _opened(path) as opened:
        mode, frames = opened.mode, getattr(opened, "n_frames", 1)
    if _is_drawn(path) or frames > 1 or mode in ("P", "PA", "LA", "La", "CMYK", "YCbCr", "LAB"):
        return False
    kind, sizes = _resolution(path)
    claim = of_resolution(kind, sizes, "inch")
    return claim is None and not of_orientation(_orientation(path))


def is_lossy(path: Path) -> bool:
    """Whether a file is a JPEG or a lossy WebP, by its first bytes; False where there is none."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(16)
    return start[:3] == b"\xff\xd8\xff" or start[8:] == b"WEBPVP8 "


def _opened(path: Path) -> Image.Image:
    """Open a picture of any size: micrographs are large, and `check_size` sees to attacks."""
    from PIL import Image

    _check_chunks(path)
    # the limit is that of all of napari; it is looked at when a file is opened
    with _LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check_chunks(path: Path) -> None:
    """Refuse a PNG with very many texts: Pillow reads each of them whenever it opens the file."""
    count = 0
    with path.open("rb") as file:
        if file.read(len(_PNG)) != _PNG:
            return
        while len(head := file.read(8)) == 8:
            count += head[4:] not in _OF_PIXELS
            if count > _MOST_CHUNKS:
                raise UnreadableFileError(
                    f"holds more than {_MOST_CHUNKS:,} texts or the like beside its pixels; save "
                    "it without them"
                )
            # and the checksum
            file.seek(int.from_bytes(head[:4], "big") + 4, os.SEEK_CUR)


def _resolution(path: Path) -> tuple[str, tuple[float | None, float | None]]:
    """Name of the format, and size of a pixel (y, x) in inches in its fields for paper."""
    with _opened(path) as opened:
        dots = opened.info.get("dpi")
        kind = str(opened.format)
    try:
        across, down = (float(one) for one in dots or (0, 0))
    except (TypeError, ValueError):
        across = down = 0.0
    return kind, (1 / down, 1 / across) if across > 0 and down > 0 else (None, None)


def _is_drawn(path: Path) -> bool:
    """Whether this package drew it of a result, for people to look at."""
    with _opened(path) as opened:
        return PICTURE.items() <= opened.info.items()


def _of_result(path: Path) -> str:
    short = path.stem.removesuffix("_overlay")
    beside = [f"{short}{ending}" for ending in (".ome.tif", ".ome.zarr", ".tif")]
    there = next((one for one in beside if (path.parent / one).exists()), "the result itself")
    return (
        f"{path.name} is a picture of a result (colours, margins, a scale bar), not the result: "
        f"use {there}"
    )


def _orientation(path: Path) -> int:
    with _opened(path) as opened:
        return int(opened.getexif().get(274, 1) or 1)


def _pixels(path: Path) -> tuple[np.ndarray, tuple[Axis, ...], tuple[str, ...]]:
    """Pixels, the axis of the frames of an animation, and notes."""
    # no JPEG or BMP is smaller than deflate can make it; the others may be
    with _opened(path) as opened:
        kind = opened.format
        width, height = opened.size
        frames = getattr(opened, "n_frames", 1)
        # frames hold what has changed
        ratio = DEFLATE if path.suffix.lower() in _NAPARI and frames == 1 else None
        numbers = width * height * len(opened.getbands()) * frames
        check_size(math.ceil(numbers * _bits(path, opened.mode) / 8), path, ratio=ratio)
        check_memory(numbers * _taken(path, opened), "save it as a tiled TIFF, read in parts")
        opened.verify()
        animated = kind in ("GIF", "WEBP") or _is_animated(path, opened)
    if animated:
        return _frames(path)
    data, notes = (_jpeg_2000 if kind == "JPEG2000" else _picture)(path)
    more = (f"the file holds {frames} pictures, of which the first is read",) if frames > 1 else ()
    return data, (), (*notes, *more)


def _bits(path: Path, mode: str) -> int:
    """How many bits of the file a number has at least: 8, or fewer of pictures of few levels."""
    if mode == "1":
        return 1
    with path.open("rb") as file:
        start = file.read(25)
    return min(8, start[24]) if start[:8] == _PNG and len(start) == 25 else 8


def _is_animated(path: Path, opened: Image.Image) -> bool:
    """Whether it is a PNG of several frames of 8 bits: Pillow mixes frames of 16 bits up."""
    is_deep = opened.mode.startswith("I") or _is_deep_colour(path)
    return opened.format == "PNG" and getattr(opened, "n_frames", 1) > 1 and not is_deep


def _taken(path: Path, opened: Image.Image) -> int:
    """Bytes of memory that a number of a pixel takes while it is decoded."""
    kind = "GIF" if _is_animated(path, opened) else opened.format
    most = max(_TAKEN.get(str(one), _USUAL) for one in (kind, opened.mode))
    return 2 * most if opened.mode.startswith("I;16") or _is_deep_colour(path) else most


def _frames(path: Path) -> tuple[np.ndarray, tuple[Axis, ...], tuple[str, ...]]:
    from PIL import ImageSequence

    notes: tuple[str, ...] = ()
    with _opened(path) as opened:
        frames, durations = [], []
        count = getattr(opened, "n_frames", 1)
        for frame in ImageSequence.Iterator(opened):
            frames.append(np.array(frame.convert("RGBA")))
            durations.append(frame.info.get("duration", 0))
        if len(frames) < count:
            raise UnreadableFileError(
                f"is cut off: it has {len(frames)} of {count} frames; get an intact copy of it"
            )
        if count > 1 and opened.info.get("default_image"):
            frames, durations = frames[1:], durations[1:]
            notes = ("the picture for programs that show no animation was left out",)
    data = np.stack(frames)
    is_whole = (data[..., 3] == 255).all()
    if (data[..., :1] == data[..., :3]).all():
        data, notes = data[..., 0], notes if is_whole else (*notes, ALPHA)
    elif is_whole:
        data = data[..., :3]
    if len(frames) == 1:
        return np.ascontiguousarray(data[0]), (), notes
    # as displays do: a frame without a duration takes a tenth of a second
    milliseconds = float(np.mean([one or 100 for one in durations]))
    return np.ascontiguousarray(data), (Axis("t", milliseconds / 1000, "s"),), notes


def _jpeg_2000(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    import imagecodecs

    # Pillow cuts 16-bit colour to 8 bits
    data = np.asarray(imagecodecs.jpeg2k_decode(path.read_bytes()))
    # grey with opacity
    return (data[..., 0], (ALPHA,)) if data.ndim == 3 and data.shape[-1] == 2 else (data, ())


def _picture(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    if _is_deep_colour(path):
        import cv2

        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if data is None:
            raise UnreadableFileError("is damaged; get an intact copy of it")
        return _red_first(data), ()
    with _opened(path) as opened:
        image: Image.Image = opened
        if image.mode == "P":
            return _of_palette(image)
        if image.mode == "CMYK":
            return from_inks(np.array(image), 255.0), (INKS,)
        if image.mode == "YCbCr":
            image = image.convert("RGB")
        elif image.mode in ("1", "LA"):
            notes = (ALPHA,) if image.mode == "LA" else ()
            return np.array(image.convert("L")), notes
        return np.array(image), ()


def _of_palette(image: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey levels or colours in the place of the indices of a palette."""
    indices = np.array(image)
    table = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    _, note = of_palette(table)
    if note:
        return indices, (note,)
    grey = (table == table[:, :1]).all()
    if "transparency" in image.info:
        if grey:
            return table[np.minimum(indices, len(table) - 1), 0], (ALPHA,)
        return np.array(image.convert("RGBA")), ()
    return (table[:, 0] if grey else table)[np.minimum(indices, len(table) - 1)], ()


def _is_deep_colour(path: Path) -> bool:
    """Whether it is a PNG of 16-bit colour or grey with alpha: Pillow reduces these to 8 bit."""
    with path.open("rb") as file:
        start = file.read(26)
    return start[:8] == _PNG and start[24] == 16 and start[25] in (2, 4, 6)


def _red_first(data: np.ndarray) -> np.ndarray:
    if data.ndim == 2:
        return data
    order = [2, 1, 0, 3][: data.shape[-1]]
    return np.ascontiguousarray(data[..., order])
