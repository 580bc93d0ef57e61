"""Images with their metadata: what readers and samples return."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .pixel_size import PixelSize
from .plain import shown
from .units import METRES

# names of the channels among the facts of a micrograph, in the order of its channel axis
CHANNELS = "channels"

# name of the axis of channels
CHANNEL_AXIS = "c"


# facts of a micrograph with their titles, in the order of display
_TITLES = {
    "instrument": "Instrument", "detector": "Detector", "voltage_kv": "Voltage (kV)",
    "beam_current_na": "Beam current (nA)", "magnification": "Magnification",
    "working_distance_mm": "Working distance (mm)", "tilt_deg": "Tilt (°)",
    "dwell_time_us": "Dwell time (µs)", "camera_length_mm": "Camera length (mm)",
    "date": "Date",
}  # fmt: skip


@dataclass(frozen=True)
class InfoBar:
    """Rows and columns of the info bar at each border of an image.

    Parameters
    ----------
    top, bottom, left, right : int
        Rows or columns that are left out at each border: from the border to the inner edge of the
        bar.
    beneath : int
        Of these, rows of specimen between the bar and the border of the image; they are left out
        with the bar. 0 for most bars. Not part of what is compared or stored.
    doubtful : InfoBar, optional
        What may be a bar, but is not left out. Not part of what is compared or stored.
    """

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    beneath: int = field(default=0, compare=False, kw_only=True)
    doubtful: InfoBar | None = field(default=None, compare=False, kw_only=True)

    @classmethod
    def of(
        cls, pixels: Mapping[str, int], *, beneath: int = 0, doubtful: InfoBar | None = None
    ) -> InfoBar:
        """Bar of rows and columns by border; a border that is not named has none."""
        sizes = (pixels.get(border, 0) for border in ("top", "bottom", "left", "right"))
        return cls(*sizes, beneath=beneath, doubtful=doubtful)

    def __bool__(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))

    def __str__(self) -> str:
        parts = [f"{shown(n)} px at the {border}" for border, n in self.pixels.items() if n]
        text = ", ".join(parts) or "none"
        return f"{text}, {self.beneath} of them specimen beyond the bar" if self.beneath else text

    @property
    def pixels(self) -> dict[str, int]:
        """Rows and columns by border, as in metadata and records."""
        return {border: getattr(self, border) for border in ("top", "bottom", "left", "right")}

    @property
    def doubt(self) -> str:
        """A note on what may be a bar, with how to leave it out; empty where there is none."""
        if not self.doubtful:
            return ""
        numbers = ", ".join(f"{b}={shown(n)}" for b, n in self.doubtful.pixels.items() if n)
        return (
            f"there may be an info bar: {self.doubtful}; it was not left out. If it is one, set it "
            f'with Detect info bar, find="manual", {numbers}, or pass info_bar=InfoBar({numbers})'
        )

    def specimen(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of the specimen in an image of a size.

        Raises
        ------
        ValueError
            If the bar leaves nothing of the image.
        """
        rows = slice(self.top, height - self.bottom)
        columns = slice(self.left, width - self.right)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            raise ValueError(
                f"the info bar ({self}) leaves nothing of an image {width} x {height}: correct it"
            )
        return rows, columns

    def within(self, shape: tuple[int, int], place: tuple[slice, slice]) -> InfoBar:
        """Rows and columns of the bar in a part of an image of a shape (Y, X)."""
        found = []
        for size, part, before, after in zip(
            shape, place, (self.top, self.left), (self.bottom, self.right), strict=True
        ):
            length = part.stop - part.start
            found.append(min(max(before - part.start, 0), length))
            found.append(min(max(part.stop - (size - after), 0), length))
        return InfoBar(*found)


@dataclass(frozen=True)
class Axis:
    """A leading axis of a stack or series: its name (``"z"``, ``"t"``, ...), step and unit."""

    name: str
    step: float = 1.0
    unit: str = "px"


@dataclass(frozen=True, eq=False)
class Micrograph:
    """An image with its metadata.

    Parameters
    ----------
    data : (..., Y, X) or (..., Y, X, 3 or 4) array
        As stored, never rescaled. Numpy, or lazy dask.
    spacing : (y, x), optional
        Size of a pixel in `unit`; None if unknown.
    unit : str
        ``"nm"``, ``"µm"``, ``"1/nm"`` (a diffraction pattern); ``"px"`` without a pixel size.
    name : str
        Name of layers and result files.
    path : Path, optional
        File of the image.
    metadata : mapping
        ``"facts"``: instrument, detector, kV, ... under stable names; ``"original"``: the file's
        own dictionary; ``"visual_ccc"``: record of a result.
    axes : tuple of Axis
        The leading axes, one each; empty if unknown.
    info_bar : InfoBar, optional
        None if not detected yet; ``InfoBar()`` if there is none.
    levels : tuple of arrays
        Coarser versions of `data`, finest first (a pyramid); empty for most images.
    notes : tuple of str
        Messages of the reader for the user.
    pixel_size_from : str
        Field of the file that states the pixel size, as it was read; empty without one.
    """

    data: Any
    spacing: tuple[float, ...] | None = None
    unit: str = "px"
    name: str = "image"
    path: Path | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    info_bar: InfoBar | None = None
    levels: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    pixel_size_from: str = ""

    @property
    def voxel(self) -> tuple[float, ...] | None:
        """Size (z, y, x) of a voxel of a stack of slices; `spacing` without a step of z."""
        last = self.axes[-1] if self.axes else None
        if self.spacing is None or last is None or last.name != "z":
            return self.spacing
        if last.unit == self.unit:
            return (last.step, *self.spacing[-2:])
        if not {last.unit, self.unit} <= METRES.keys():
            return self.spacing
        return (last.step * METRES[last.unit] / METRES[self.unit], *self.spacing[-2:])

    @property
    def pixel_size(self) -> PixelSize | None:
        """Size of a pixel (y, x), or of a voxel (z, y, x) where the step of z is known."""
        if self.spacing is None or self.unit == "px":
            return None
        voxel = self.voxel or self.spacing
        return PixelSize.of(voxel, self.unit, axes=min(len(voxel), 3))


def has_colours(image: Micrograph) -> bool:
    """Whether the last axis of a micrograph is colour."""
    shape = image.data.shape
    return len(shape) > 2 and shape[-1] in (3, 4) and len(image.axes) != len(shape) - 2


def plane_shape(array: Any) -> tuple[int, int]:
    """Rows and columns of a (..., Y, X) or (..., Y, X, 3 or 4) array."""
    shape = np.shape(array)
    colour = len(shape) > 2 and shape[-1] in (3, 4)
    if any(map(math.isnan, shape)):
        raise ValueError(
            "the array does not know the sizes of its chunks: call its compute_chunk_sizes() first"
        )
    height, width = shape[-3:-1] if colour else shape[-2:]
    return int(height), int(width)


def titled_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles and values of the facts of a micrograph, as text, in the order of display."""
    more = {key: key.replace("_", " ").capitalize() for key in facts if key not in _TITLES}
    titles = {**_TITLES, **more}
    return [(title, _text(facts[key], key)) for key, title in titles.items() if key in facts]


def _text(value: Any, key: str = "") -> str:
    if key == "magnification" and isinstance(value, int | float) and np.isfinite(value):
        # as on the microscope: 150,000×
        return f"{value:,.0f}×" if value >= 100 else f"{value:.3g}×"
    # adding zero makes -0 a 0
    return f"{value + 0.0:.5g}" if isinstance(value, float) else str(value)


# channels -----------------------------------------------------------------------------------------


def channel_names(text: str) -> tuple[str, ...]:
    """Read names of channels, such as ``"SE, BSE"``.

    Raises
    ------
    ValueError
        If there is one name only, or one twice.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if len(names) == 1 or len({name.casefold() for name in names}) < len(names):
        raise ValueError(
            f"the channels are {text!r}; name two or more, each once and separated by commas"
        )
    return names


def stack_channels(images: Mapping[str, Micrograph]) -> Micrograph:
    """Make one (C, Y, X) image of one grey image for each channel.

    Parameters
    ----------
    images : mapping of Micrograph
        By name of the channel; the first gives pixel size, info bar and facts.

    Raises
    ------
    ValueError
        If their sizes differ, or one is no grey plane.
    """
    first = next(iter(images.values()))
    planes = [_plane(name, one) for name, one in images.items()]
    for name, plane in zip(images, planes, strict=True):
        if plane.shape != planes[0].shape:
            raise ValueError(
                f"the channel {name} is {plane.shape[1]} x {plane.shape[0]} pixels, and "
                f"{next(iter(images))} is {planes[0].shape[1]} x {planes[0].shape[0]}: channels "
                "are images of one field"
            )
    metadata = _named(first, list(images))
    return replace(
        first, data=np.stack(planes), axes=(Axis(CHANNEL_AXIS),), metadata=metadata, levels=()
    )


def names_of(image: Micrograph) -> list[str]:
    """Names of the channels that an image states; empty if it states none."""
    return [str(name) for name in image.metadata.get("facts", {}).get(CHANNELS) or ()]


def _named(image: Micrograph, names: list[str]) -> dict[str, Any]:
    return {**image.metadata, "facts": {**image.metadata.get("facts", {}), CHANNELS: names}}


def _plane(name: str, image: Micrograph) -> Any:
    data = np.asarray(image.data)
    if has_colours(image):
        # a grey image that was saved as colour
        if (data[..., :1] != data[..., :3]).any():
            raise ValueError(f"the channel {name} is a colour image; save the map as grey levels")
        data = data[..., 0]
    if data.ndim > 2 and data.size == data.shape[-1] * data.shape[-2]:
        data = data.reshape(data.shape[-2:])
    if data.ndim != 2:
        raise ValueError(f"the channel {name} is a stack of shape {data.shape}, not one image")
    return data


def select_channels(image: Micrograph, names: Sequence[str]) -> Micrograph:
    """Put the channels of an image with a channel axis into an order, before its rows.

    Parameters
    ----------
    image : Micrograph
        With an axis ``"c"``, or (..., C, Y, X) with as many channels as `names`. Without names of
        its channels they count as being in the order of `names`.
    names : sequence of str
        Channels that are needed.

    Returns
    -------
    Micrograph
        ``data`` is (..., C, Y, X).

    Raises
    ------
    ValueError
        If there is no channel axis, or a channel is missing; the message names it.
    """
    wanted = ", ".join(names)
    count = image.data.ndim - has_colours(image) - 2
    named = [axis.name for axis in image.axes] if len(image.axes) == count else []
    if CHANNEL_AXIS in named:
        place = named.index(CHANNEL_AXIS)
    elif count and not has_colours(image) and image.data.shape[-3] == len(names):
        place = count - 1
    else:
        raise ValueError(
            f"{len(names)} channels ({wanted}) are needed, and {image.name} has no axis of them: "
            f"{names[1]} is missing"
        )
    data = np.moveaxis(image.data, place, count - 1)
    order = _order(image, data.shape[count - 1], names)
    data = data[(..., order, slice(None), slice(None))]
    axes = [axis for axis in image.axes if axis.name != CHANNEL_AXIS] if named else []
    known = (*axes, Axis(CHANNEL_AXIS)) if named or count == 1 else ()
    metadata = _named(image, list(names))
    return replace(image, data=data, axes=known, levels=(), metadata=metadata)


def _order(image: Micrograph, count: int, names: Sequence[str]) -> list[int]:
    known = [name.casefold() for name in names_of(image)]
    if len(known) != count:
        if count == len(names):
            return list(range(count))
        raise ValueError(
            f"{image.name} has {count} channels without names, and {len(names)} are needed: "
            f"{', '.join(names)}"
        )
    for name in names:
        if name.casefold() not in known:
            there = ", ".join(names_of(image))
            raise ValueError(f"{image.name} has no channel {name}; its channels are {there}")
    return [known.index(name.casefold()) for name in names]
