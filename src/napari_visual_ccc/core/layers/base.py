"""What all layers of a result have in common, and where they lie in the source image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..micrograph import InfoBar
from ..pixel_size import scaled

if TYPE_CHECKING:
    import pandas as pd

Index = tuple[int, ...]

L = TypeVar("L", bound="Layer")


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a layer lie in the source image.

    Parameters
    ----------
    stride : float
        Source pixels per cell along Y and X; not whole where a network sees a resized image.
    origin : float, optional
        Source pixel on which the first cell is centred, counted from `corner`; by default
        ``(stride - 1) / 2``, the centre of the first block.
    corner : (y, x)
        Source pixel at which the part begins that the layer covers.
    """

    stride: float = 1
    origin: float | None = None
    corner: tuple[int, int] = (0, 0)

    @property
    def first_centre(self) -> tuple[float, float]:
        """Source pixel (y, x) on which the first cell is centred."""
        first = (self.stride - 1) / 2 if self.origin is None else self.origin
        return self.corner[0] + first, self.corner[1] + first

    def moved(self, down: int, right: int) -> Placement:
        """Shift by whole source pixels."""
        return replace(self, corner=(self.corner[0] + down, self.corner[1] + right))

    def to_source(self, coordinates: Any) -> np.ndarray:
        """Convert (..., D) coordinates in cells to source pixels; the last two axes are Y and X."""
        coordinates = np.array(coordinates, float)
        if coordinates.size:
            coordinates[..., -2:] = coordinates[..., -2:] * self.stride + self.first_centre
        return coordinates


@dataclass(frozen=True)
class Frame:
    """What a layer knows of the image that it was made of.

    Parameters
    ----------
    spacing : (y, x) or (z, y, x), optional
        Size of a pixel of the image in `unit`; None if unknown.
    unit : str
        ``"px"`` without a pixel size.
    info_bar : InfoBar
        Of the image, where the layer has the size of it: blank in the layer.
    """

    spacing: tuple[float, ...] | None = None
    unit: str = "px"
    info_bar: InfoBar = field(default_factory=InfoBar)


@dataclass(frozen=True, eq=False)
class Layer:
    """The common part of all layers.

    Parameters
    ----------
    data : array or sequence
        Pixels or coordinates; see the subclasses.
    name : str
        Suffix of the name that viewer and files give the layer, such as ``"contrast"``.
    placement : Placement
        Position in the source image.
    facts : mapping
        Plain values that describe this layer alone, such as ``{"raw_maximum": 3.2}``.
    frame : Frame
        Pixel size, unit and info bar of the image that it was made of.
    """

    data: Any
    name: str = field(default="", kw_only=True)
    placement: Placement = field(default=Placement(), kw_only=True)
    facts: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    frame: Frame = field(default_factory=Frame, kw_only=True)

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Size (y, x) or (z, y, x) of a pixel or cell in `unit`; None if unknown."""
        return scaled(self.frame.spacing, self.placement.stride)

    @property
    def unit(self) -> str:
        """Unit of `spacing`; ``"px"`` without one."""
        return self.frame.unit

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.data, dtype=dtype)

    def with_array(self: L, data: Any) -> L:
        """Return a copy with other data."""
        return replace(self, data=data)

    @property
    def size_text(self) -> str:
        """Size of the data in words."""
        raise NotImplementedError

    @property
    def plane_shape(self) -> tuple[int, int] | None:
        """Rows and columns of pixels or cells; None for coordinates."""
        return None

    def lies_beside(self, shape: tuple[int, int]) -> bool:
        """Whether it lies outside an image of these rows and columns, to its right or below it."""
        return any(at >= size for at, size in zip(self.placement.corner, shape, strict=True))

    def __str__(self) -> str:
        kind = type(self).__name__.removesuffix("Layer").lower()
        return f"{kind} {self.name!r}: {self.size_text}"

    def uncropped(self, bar: InfoBar, part: tuple[int, int]) -> Layer:
        """Return the layer in the frame of an image, computed on that image without its info bar.

        Parameters
        ----------
        bar : InfoBar
            What was cut off.
        part : (rows, columns)
            Size of the image without the bar.
        """
        raise NotImplementedError

    def with_tables(self, tables: Mapping[str, pd.DataFrame]) -> Layer:
        """Return the layer with the table of its name, where this kind of layer has one."""
        return self

    def new_stack(self, shape: Index) -> LayerStack:
        """Start a stack of layers like this one; `shape` is that of the leading axes."""
        raise NotImplementedError


class LayerStack:
    """Collects the layers of the slices of a stack.

    Parameters
    ----------
    first : Layer
        The first layer; the stack takes its properties.
    shape : tuple of int
        Shape of the leading axes.
    """

    def __init__(self, first: Layer, shape: Index) -> None:
        self.first, self.shape = first, shape
        self.name = first.name

    def add(self, index: Index, layer: Layer) -> None:
        """Take the layer of one slice."""
        raise NotImplementedError

    def layer(self) -> Layer:
        """Return the stack as one layer."""
        raise NotImplementedError
