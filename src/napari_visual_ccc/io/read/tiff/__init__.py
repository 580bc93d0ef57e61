"""TIFF of any kind: microscopes' own, OME, ImageJ, pyramids, stacks larger than memory."""

from __future__ import annotations

import html
import logging
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ....core.files import stem
from ....core.micrograph import CHANNEL_AXIS, CHANNELS, Axis, Micrograph
from ...axes import order_of
from ...header import KEY, restore
from .. import sidecar
from ..checks import UnreadableFileError, check_regular, is_large
from ..pictures.colours import of_orientation
from ..pixel_size import of_print, plain, resolve_pixel_size
from ..vendors import VendorMetadata
from .pages import check_pages
from .pixels import as_picture, load_level
from .tags import (
    PRIVATE,
    channel_names,
    is_jeol,
    missing_files,
    read_axes,
    read_metadata,
    resolution,
    stated_resolution,
    stored_header,
)

SUFFIXES = (".tif", ".tiff")

# compressions: JPEG of old and new files and of DNG, WebP
_LOSSY = (6, 7, 34892, 50001)

# photometric interpretations and numbers a pixel that need no decision: grey, and colours
_PLAIN = ((0, 1), (1, 1), (2, 3), (2, 4))


def read(path: Path) -> list[Micrograph]:
    """Read all images of a TIFF file, pyramids as levels.

    Parameters
    ----------
    path : Path
        The file. It is closed again; large data are read where they are looked at.

    Raises
    ------
    UnreadableFileError
        If it is cut off.
    """
    import tifffile

    with _capture_warnings() as warnings, tifffile.TiffFile(path) as tif:
        _check_set(path, tif)
        check_pages(tif)
        shown = _without_previews(tif.series)
        several = len(shown) > 1
        images = []
        for index, series in shown:
            name = f"{stem(path)} {index + 1}" if several else stem(path)
            images.append(_image(path, tif, series, index, name))
    if any("invalid page offset" in one or "invalid offset to page" in one for one in warnings):
        raise UnreadableFileError(
            "is cut off: pages of it lie beyond its end; get an intact copy of it"
        )
    return images


def declared(path: Path) -> int:
    """Numbers of the largest series by the header."""
    import tifffile

    with _capture_warnings(), tifffile.TiffFile(path) as tif:
        _check_set(path, tif)
        return max(math.prod(series.shape) for series in tif.series)


def _check_set(path: Path, tif: Any) -> None:
    """Check that the other files of an image are files: a pipe is waited for without end."""
    names = _names_in(tif)
    if tif.is_ndtiff:
        names.add("NDTiff.index")
    if tif.is_mmstack or tif.is_ndtiff:
        names |= {one.name for one in path.parent.glob("*.tif")}
    for name in names:
        check_regular(path.parent / name, name)


def _names_in(tif: Any) -> set[str]:
    """Files that the OME metadata of a file name, itself among them."""
    found = re.findall(r"""FileName\s*=\s*["']([^"']+)""", tif.ome_metadata or "")
    return set(map(html.unescape, found))


def set_of(path: Path) -> set[str]:
    """Files of the OME image that a file is a part of; empty where it is none."""
    import tifffile

    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return set()
    with _capture_warnings(), tifffile.TiffFile(path) as tif:
        names = _names_in(tif)
    return names if len(names) > 1 else set()


def has_record(path: Path) -> bool:
    """Whether this package wrote a file as the result of an operation; False if it is damaged."""
    import tifffile

    if not path.is_file():
        return False
    try:
        with _capture_warnings(), tifffile.TiffFile(path) as tif:
            stored = stored_header(tif)
        known = stored.get(KEY)
        kept = known.get("metadata") if isinstance(known, dict) else None
        return "steps" in stored or (isinstance(kept, dict) and "visual_ccc" in kept)
    # its own reading says what is wrong with it
    except (ValueError, OSError, tifffile.TiffFileError):
        return False


def is_lossy(path: Path) -> bool:
    """Whether the first page of a file is compressed as JPEG or WebP; False if it is damaged."""
    import tifffile

    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        with _capture_warnings(), tifffile.TiffFile(path) as tif:
            return int(tif.pages.first.compression) in _LOSSY
    # its own reading says what is wrong with it
    except (ValueError, OSError, tifffile.TiffFileError):
        return False


def _without_previews(series: Any) -> list[tuple[int, Any]]:
    """Images of a file with their numbers, without those marked as a smaller copy of another."""
    every = list(enumerate(series))
    whole = [one for one in every if not one[1].keyframe.is_reduced]
    return whole or every


def is_plain(path: Path) -> bool:
    """Whether the file is one small image without metadata."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        _check_set(path, tif)
        check_pages(tif)
        series = tif.series
        page = tif.pages.first
        return not (
            tif.is_ome
            or tif.is_imagej
            or any(tag in page.tags for tag in PRIVATE)
            or is_jeol(page)
            or (int(page.photometric), page.samplesperpixel) not in _PLAIN
            or page.is_reduced
            or resolution(page) is not None
            or of_orientation(int(page.tags.valueof(274) or 1))
            or len(series) != 1
            or len(series[0].levels) > 1
            or is_large(series[0].nbytes)
            or "X" not in series[0].axes
            or _is_otherwise(series[0])
            or sidecar.exists(path)
        )


def _is_otherwise(series: Any) -> bool:
    """Whether axes of an image are put into another order here."""
    known = "S" in series.axes and not series.axes.endswith("S")
    return known or (
        "Q" in series.axes and order_of(series.shape).axes != tuple(range(len(series.shape)))
    )


class _Collector(logging.Filter):
    """Keep what tifffile logs in a thread that reads a file here; let others' records pass."""

    def __init__(self) -> None:
        super().__init__()
        self.of_thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Append the text of a record of this thread; the error that follows reports the same."""
        messages = getattr(self.of_thread, "messages", None)
        if messages is None:
            return True
        messages.append(record.getMessage())
        return False


# one for all threads: the logger is shared with other readers of this process
_COLLECTOR = _Collector()


@contextmanager
def _capture_warnings() -> Iterator[list[str]]:
    """Collect what tifffile logs: only there does it report pages that it leaves out."""
    # adding it again does nothing
    logging.getLogger("tifffile").addFilter(_COLLECTOR)
    before = getattr(_COLLECTOR.of_thread, "messages", None)
    messages: list[str] = []
    _COLLECTOR.of_thread.messages = messages
    try:
        yield messages
    finally:
        _COLLECTOR.of_thread.messages = before


def _image(path: Path, tif: Any, series: Any, index: int, name: str) -> Micrograph:
    levels = [load_level(path, series, level, index) for level in range(len(series.levels))]
    page = series.keyframe
    height, width = _size(series)
    found = VendorMetadata()
    for one in read_metadata(path, tif, page, index, height, width):
        found.add(one)
    spacing, unit, source, notes = resolve_pixel_size(found.claims)
    axes, of_axes = read_axes(tif, series, index)
    display = tif.is_imagej or tif.is_ome
    levels, channels, more = as_picture(page, series.axes, levels, for_display=display)
    axes = (*axes, Axis(CHANNEL_AXIS)) if channels else axes
    facts = found.facts
    # what ImageJ has made of them is in the notes
    if spacing is None and not tif.is_imagej:
        facts = {**facts, **of_print(*stated_resolution(page))}
    if any(axis.name == CHANNEL_AXIS for axis in axes) and channel_names(tif, index):
        facts = {**facts, CHANNELS: channel_names(tif, index)}
    metadata: dict[str, Any] = {"facts": facts, "original": plain(found.original)}
    stored = stored_header(tif)
    if isinstance(stored.get("steps"), list):
        metadata["visual_ccc"] = stored
    image = Micrograph(
        levels[0], spacing, unit, name, path, metadata, axes, found.bar, tuple(levels[1:]),
        (*notes, *of_axes, *found.notes, *more,
         *of_orientation(int(page.tags.valueof(274) or 1)),
         *missing_files(tif, series, index)), source,
    )  # fmt: skip
    return restore(image, stored.get(KEY))


def _size(series: Any) -> tuple[int, int]:
    axes = series.axes
    if "Y" not in axes or "X" not in axes:
        raise UnreadableFileError(f"holds no image: its axes are {axes}")
    return series.shape[axes.index("Y")], series.shape[axes.index("X")]
