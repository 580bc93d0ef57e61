"""TIFF of any kind: microscopes' own, OME, ImageJ, pyramids, stacks larger than memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ....core.files import stem
from ....core.micrograph import CHANNEL_AXIS, CHANNELS, Micrograph
from ...header import KEY, restore
from .. import sidecar
from ..lazy import UnreadableFileError, is_large
from ..pixel_size import plain, resolve_pixel_size
from ..vendors import VendorMetadata
from .pixels import apply_palette, load_level
from .tags import PRIVATE, channel_names, is_jeol, read_axes, read_metadata, stored_header

SUFFIXES = (".tif", ".tiff")


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
        several = len(tif.series) > 1
        images = []
        for index, series in enumerate(tif.series):
            name = f"{stem(path)} {index + 1}" if several else stem(path)
            images.append(_image(path, tif, series, index, name))
    if any("invalid page offset" in one or "invalid offset to page" in one for one in warnings):
        raise UnreadableFileError(
            "is cut off: pages of it lie beyond its end; get an intact copy of it"
        )
    return images


def is_plain(path: Path) -> bool:
    """Whether the file is one small image without metadata."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series
        page = tif.pages.first
        return not (
            tif.is_ome
            or tif.is_imagej
            or any(tag in page.tags for tag in PRIVATE)
            or is_jeol(page)
            or page.photometric == 3
            or len(series) != 1
            or len(series[0].levels) > 1
            or is_large(series[0].nbytes)
            or "X" not in series[0].axes
            or sidecar.exists(path)
        )


class _Collector(logging.Handler):
    """Append messages to a list."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        """Append the text of a record."""
        self.messages.append(record.getMessage())


@contextmanager
def _capture_warnings() -> Iterator[list[str]]:
    """Collect what tifffile logs: only there does it report pages that it leaves out."""
    messages: list[str] = []
    handler = _Collector(messages)
    logger = logging.getLogger("tifffile")
    before = logger.propagate
    logger.addHandler(handler)
    # the error that follows reports the same, once
    logger.propagate = False
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _image(path: Path, tif: Any, series: Any, index: int, name: str) -> Micrograph:
    data = load_level(path, series, 0, index)
    levels = [load_level(path, series, level, index) for level in range(1, len(series.levels))]
    page = series.keyframe
    colour = _colour_axis(series)
    height, width = _size(series)
    found = VendorMetadata()
    for one in read_metadata(path, tif, page, index, height, width):
        found.add(one)
    spacing, unit, notes = resolve_pixel_size(found.claims)
    axes, of_axes = read_axes(tif, series, index)
    data, levels, more = apply_palette(page, data, levels)
    if colour is not None:
        data, *levels = (np.moveaxis(one, colour, -1) for one in (data, *levels))
    facts = found.facts
    if any(axis.name == CHANNEL_AXIS for axis in axes) and channel_names(tif, index):
        facts = {**facts, CHANNELS: channel_names(tif, index)}
    metadata: dict[str, Any] = {"facts": facts, "original": plain(found.original)}
    stored = stored_header(tif)
    if isinstance(stored.get("steps"), list):
        metadata["visual_ccc"] = stored
    image = Micrograph(
        data, spacing, unit, name, path, metadata, axes, found.bar,
        tuple(levels), (*notes, *of_axes, *found.notes, *more),
    )  # fmt: skip
    return restore(image, stored.get(KEY))


def _size(series: Any) -> tuple[int, int]:
    axes = series.axes
    if "Y" not in axes or "X" not in axes:
        raise UnreadableFileError(f"holds no image: its axes are {axes}")
    return series.shape[axes.index("Y")], series.shape[axes.index("X")]


def _colour_axis(series: Any) -> int | None:
    axes = series.axes
    if "S" in axes and axes.index("S") != len(axes) - 1:
        return int(axes.index("S"))
    return None
