"""Layers of pixels: images, labels, channels of a network, and colour images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..micrograph import InfoBar
from .base import Index, Layer, LayerStack
from .palette import label_colours

if TYPE_CHECKING:
    import pandas as pd

Style = Literal["grey", "heat", "signed"]


@dataclass(frozen=True, eq=False)
class _Pixels(Layer):
    """An array of pixels or cells."""

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.data.shape[-2:]
        return int(height), int(width)

    @property
    def size_text(self) -> str:
        """Shape and dtype."""
        shape = " x ".join(map(str, self.data.shape))
        return f"{shape} {self.data.dtype}{', lazy' if hasattr(self.data, 'dask') else ''}"

    def uncropped(self, bar: InfoBar, part: tuple[int, int]) -> _Pixels:
        """Pad full-size pixels with 0 (NaN for floats); move coarser maps and parts."""
        data = self.data
        if self.placement.stride > 1 or self.plane_shape != part:
            return replace(self, placement=self.placement.moved(bar.top, bar.left))
        widths = [(0, 0)] * (data.ndim - 2) + [(bar.top, bar.bottom), (bar.left, bar.right)]
        blank = np.nan if data.dtype.kind == "f" else 0
        return self.with_array(np.pad(data, widths, constant_values=blank))

    def new_stack(self, shape: Index) -> LayerStack:
        """Fill one array; slices that are never added stay 0 (NaN for floats)."""
        return _PixelStack(self, shape)


class _PixelStack(LayerStack):
    def __init__(self, first: Layer, shape: Index) -> None:
        super().__init__(first, shape)
        one = np.asarray(first)
        blank = np.nan if one.dtype.kind == "f" and isinstance(first, ImageLayer) else 0
        self._pixels = np.full((*shape, *one.shape), blank, one.dtype)

    def add(self, index: Index, layer: Layer) -> None:
        self._pixels[index] = np.asarray(layer)

    def layer(self) -> Layer:
        return replace(self.first, data=self._pixels, name=self.name, facts={})


@dataclass(frozen=True, eq=False)
class ImageLayer(_Pixels):
    """A grey image, a map or a heatmap.

    Parameters
    ----------
    data : (..., Y, X) array
        Numpy, or lazy dask.
    style : {'grey', 'heat', 'signed'}
        How to display it: like the source, as a map over it, or with a diverging colormap.
    limits : (low, high), optional
        Contrast limits; by default they are taken from the data.
    quantity : str
        What its values are, with their unit, as legends, colour bars and the status bar say it;
        empty for grey values of the image.
    beside : bool
        Shown beside the image, not over it: low values of a map have a colour, too.
    """

    style: Style = field(default="grey", kw_only=True)
    limits: tuple[float, float] | None = field(default=None, kw_only=True)
    quantity: str = field(default="", kw_only=True)
    beside: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, eq=False)
class LabelsLayer(_Pixels):
    """Labelled pixels, with a table of one row per label.

    Parameters
    ----------
    data : (..., Y, X) integer array
        0 is background, or "not analysed".
    table : DataFrame, optional
        Has a column ``label``; its rows become the features of the layer.
    colours : (n, 3) array, optional
        Red, green and blue from 0 to 1, of the labels from 1 on, which repeat. By default
        those of `palette.label_colours`.
    """

    table: pd.DataFrame | None = field(default=None, kw_only=True)
    colours: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def palette(self) -> np.ndarray:
        """Colours of the labels from 1 on, (n, 3) from 0 to 1, in viewer and figures."""
        return label_colours(self.table) if self.colours is None else self.colours

    def with_tables(self, tables: Mapping[str, pd.DataFrame]) -> LabelsLayer:
        """Take the table of the layer's name."""
        return replace(self, table=tables.get(self.name))


@dataclass(frozen=True, eq=False)
class ChannelsLayer(_Pixels):
    """Maps of several channels of a network, which a slider goes through.

    Parameters
    ----------
    data : (..., channels, Y, X) array
        Each channel on a scale of its own.
    channels : tuple of str
        Name of each.
    """

    channels: tuple[str, ...] = field(default=(), kw_only=True)

    def new_stack(self, shape: Index) -> LayerStack:
        """Slices may have different channels: shorter ones are filled with NaN.

        The names are those of the channels where all slices have the same ones.
        """
        return _ChannelStack(self, shape)


class _ChannelStack(LayerStack):
    def __init__(self, first: Layer, shape: Index) -> None:
        super().__init__(first, shape)
        self._maps: dict[Index, np.ndarray] = {}
        self._names: set[tuple[str, ...]] = set()

    def add(self, index: Index, layer: Layer) -> None:
        assert isinstance(layer, ChannelsLayer)
        self._maps[index] = np.asarray(layer)
        self._names.add(layer.channels)

    def layer(self) -> Layer:
        most = max(len(one) for one in self._maps.values())
        plane = next(iter(self._maps.values())).shape[1:]
        filled = np.full((*self.shape, most, *plane), np.nan, np.float32)
        for index, maps in self._maps.items():
            filled[index][: len(maps)] = maps
        names = tuple(f"rank {number}" for number in range(1, most + 1))
        if len(self._names) == 1:
            (names,) = self._names
        assert isinstance(self.first, ChannelsLayer)
        return replace(self.first, data=filled, name=self.name, facts={}, channels=names)


@dataclass(frozen=True, eq=False)
class ColourLayer(_Pixels):
    """A picture in colour.

    Parameters
    ----------
    data : (..., Y, X, 3) uint8 array
        Red, green and blue.
    """

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.data.shape[-3:-1]
        return int(height), int(width)

    def uncropped(self, bar: InfoBar, part: tuple[int, int]) -> ColourLayer:
        """Move it: a picture ends where the info bar begins."""
        return replace(self, placement=self.placement.moved(bar.top, bar.left))
