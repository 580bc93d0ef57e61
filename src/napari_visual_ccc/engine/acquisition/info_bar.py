"""Detect the info bar that a microscope draws at the border of an image, and crop it off."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.inputs import finite, to_gray
from ...arrays.lazy import in_memory, is_lazy
from ...core.dataset import Example
from ...core.layers import ImageLayer, LabelsLayer, Placement
from ...core.micrograph import InfoBar, Micrograph, select_channels
from ...core.progress import Progress, Steps
from ...core.result import Result
from .bar_detector import find_info_bar, info_bar_of

Find = Literal["auto", "manual"]

Pixels = Annotated[
    int, {"min": 0, "max": 1_000_000, "unit": "px", "applies": {"find": ("manual",)}}
]

# images with a doubtful bar that a note names
_NAMED = 5

# side of the subsampled image that is checked for finite pixels
_SAMPLED = 1024


def detect_info_bar(
    image: Any,
    info_bar: InfoBar | None = None,
    *,
    find: Find = "auto",
    top: Pixels = 0,
    bottom: Pixels = 0,
    left: Pixels = 0,
    right: Pixels = 0,
) -> Steps[Result]:
    """Detect the info bar that the microscope drew on an image.

    The bar stated in the file has priority. Otherwise a bar is a band along a border, of one grey
    level or translucent, that ends in one straight edge and contains letters; at the upper or
    lower border specimen may lie beyond it, which is left out with it. Lettering on the specimen,
    empty margins and flat layers are not bars. What may be a bar, but is doubtful, is proposed and
    not left out.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. In a stack the middle slice is analysed.
    info_bar : InfoBar, optional
        The bar stated in the file.
    find : {'auto', 'manual'}
        Auto: from the file, or detected. Manual: the four numbers below.
    top : int
        Manual: rows of the bar at the upper border.
    bottom : int
        Manual: rows of the bar at the lower border.
    left : int
        Manual: columns of the bar at the left border.
    right : int
        Manual: columns of the bar at the right border.

    Returns
    -------
    Result
        (..., Y, X) uint8: 1 is info bar, with specimen beyond it; 2 is a doubtful bar. Lazy for
        dask. ``facts["info_bar"]``: rows or columns at each border; ``facts["doubtful_info_bar"]``:
        those of a doubtful one, if there is one.

    Raises
    ------
    ValueError
        If the bar leaves nothing of the image, or no pixel is finite.
    """
    grey, notes = to_gray(image)
    bar, note = yield from _choose(grey, info_bar, find, InfoBar(top, bottom, left, right))
    # 2 outside of what would remain without the doubtful bar, 1 outside of the specimen
    outside = [np.zeros(length, np.uint8) for length in grey.shape[-2:]]
    for value, one in ((2, bar.doubtful or bar), (1, bar)):
        for line, kept in zip(outside, one.specimen(*grey.shape[-2:]), strict=True):
            line[: kept.start] = line[kept.stop :] = value
    if is_lazy(grey):
        import dask.array as da

        chunks = grey.chunks[-2:]
        down, across = (da.from_array(o, c) for o, c in zip(outside, chunks, strict=True))
        labels = da.broadcast_to(_marked(down[:, None], across, da.where), grey.shape)
    else:
        mask = _marked(outside[0][:, None], outside[1], np.where)
        labels = np.broadcast_to(mask, grey.shape).copy()
    layers = (LabelsLayer(labels, name="info bar"),)
    return Result(layers, facts=_facts(bar), notes=(*notes, *note))


def crop_info_bar(
    image: Any,
    info_bar: InfoBar | None = None,
    *,
    find: Find = "auto",
    top: Pixels = 0,
    bottom: Pixels = 0,
    left: Pixels = 0,
    right: Pixels = 0,
) -> Steps[Result]:
    """Crop the info bar off an image; the rest keeps its position and its grey values.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. In a stack the middle slice is analysed.
    info_bar : InfoBar, optional
        The bar stated in the file.
    find : {'auto', 'manual'}
        Auto: from the file, or detected. Manual: crop by the four numbers below.
    top : int
        Manual: rows to crop at the upper border.
    bottom : int
        Manual: rows to crop at the lower border.
    left : int
        Manual: columns to crop at the left border.
    right : int
        Manual: columns to crop at the right border.

    Returns
    -------
    Result
        The specimen, of the image's dtype (grey, if it was colour); lazy for dask. Of an image with
        specimen on both sides of the bar the larger part. The ``placement`` of the layer is its
        position in the image; ``facts`` as in `detect_info_bar`.

    Raises
    ------
    ValueError
        If the bar leaves nothing of the image, or no pixel is finite.
    """
    grey, notes = to_gray(image)
    bar, note = yield from _choose(grey, info_bar, find, InfoBar(top, bottom, left, right))
    specimen = grey[(..., *bar.specimen(*grey.shape[-2:]))]
    layer = ImageLayer(
        specimen if is_lazy(specimen) else specimen.copy(),
        name="field",
        placement=Placement(corner=(bar.top, bar.left)),
    )
    return Result((layer,), facts=_facts(bar), notes=(*notes, *note))


class Doubts:
    """Images of a data set or folder that may have an info bar, gathered as they are read."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def watched(
        self, examples: Iterable[Example], channels: Sequence[str] = (), *, kept: bool = False
    ) -> list[Example]:
        """Give examples whose info bar is found, and noted if it is doubtful, when they are read.

        Parameters
        ----------
        examples : iterable of Example
            Images.
        channels : sequence of str
            Names of their channels, if an image is made of several: the first tells the bar.
        kept : bool
            The info bar is not left out of them: they are as they were.
        """
        if kept:
            return list(examples)
        return [
            replace(one, read=functools.partial(self._read, one, tuple(channels)))
            for one in examples
        ]

    def _read(self, example: Example, channels: tuple[str, ...]) -> Micrograph:
        micrograph = example.read()
        seen = micrograph
        if channels:
            seen = select_channels(micrograph, channels)
            seen = replace(seen, data=seen.data[0], axes=())
        bar = info_bar_of(seen)
        if bar.doubtful:
            self.names[example.name] = None
        return replace(micrograph, info_bar=bar)

    @property
    def notes(self) -> tuple[str, ...]:
        """A note with their number and a few of their names; none if there are none."""
        if not self.names:
            return ()
        # threads read in any order
        few, count = ", ".join(sorted(self.names)[:_NAMED]), len(self.names)
        rest = count - _NAMED
        return (
            f"{count} image{'s' * (count > 1)} may have an info bar, which was not left out: {few}"
            f"{f' and {rest} more' if rest > 0 else ''}. Detect info bar shows it, and Crop info "
            "bar leaves it out",
        )


def _marked(down: Any, across: Any, where: Any) -> Any:
    """Marks of rows and of columns in one plane; 1 prevails over 2."""
    return where((down == 1) | (across == 1), 1, where(down > across, down, across)).astype("u1")


def _facts(bar: InfoBar) -> dict[str, Any]:
    doubtful = {"doubtful_info_bar": bar.doubtful.pixels} if bar.doubtful else {}
    return {"info_bar": bar.pixels, **doubtful}


def _choose(
    grey: Any, stated: InfoBar | None, find: Find, manual: InfoBar
) -> Steps[tuple[InfoBar, tuple[str, ...]]]:
    """Info bar, and notes on it."""
    if find not in ("auto", "manual"):
        raise ValueError(f"find is {find!r}; choose auto or manual")
    yield Progress(0, 0, "info bar")
    plane = grey[tuple(length // 2 for length in grey.shape[:-2])]
    step = max(1, max(plane.shape) // _SAMPLED)
    finite(in_memory(plane[::step, ::step]))
    bar = manual if find == "manual" else stated
    if bar is None:
        bar = find_info_bar(plane)
    lines = {"top": "rows", "bottom": "rows", "left": "columns", "right": "columns"}
    sizes = [f"{size} {lines[b]} at the {b}" for b, size in bar.pixels.items() if size]
    note = f"info bar: {', '.join(sizes)}" if sizes else "no info bar"
    if bar.beneath:
        note += f"; {bar.beneath} of them are specimen beyond the bar, left out with it"
    return bar, (note, bar.doubt) if bar.doubt else (note,)
