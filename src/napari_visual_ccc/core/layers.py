"""Layers of a result: pixels, labels, points and shapes in the frame of a source image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from .micrograph import InfoBar

if TYPE_CHECKING:
    import pandas as pd

Style = Literal["grey", "heat", "signed"]

Index = tuple[int, ...]

L = TypeVar("L", bound="Layer")


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a layer lie in the source image.

    Parameters
    ----------
    stride : int
        Source pixels per cell along Y and X.
    origin : float, optional
        Source pixel on which the first cell is centred, counted from `corner`; by default
        ``(stride - 1) / 2``, the centre of the first block.
    corner : (y, x)
        Source pixel at which the part begins that the layer covers.
    """

    stride: int = 1
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
    """

    data: Any
    name: str = field(default="", kw_only=True)
    placement: Placement = field(default=Placement(), kw_only=True)
    facts: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

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


# pixels -------------------------------------------------------------------------------------------


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
    """

    style: Style = field(default="grey", kw_only=True)
    limits: tuple[float, float] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, eq=False)
class LabelsLayer(_Pixels):
    """Labelled pixels, with a table of one row per label.

    Parameters
    ----------
    data : (..., Y, X) integer array
        0 is background, or "not analysed".
    table : DataFrame, optional
        Has a column ``label``; its rows become the features of the layer.
    """

    table: pd.DataFrame | None = field(default=None, kw_only=True)

    def with_tables(self, tables: Mapping[str, pd.DataFrame]) -> LabelsLayer:
        """Take the table of the layer's name."""
        return replace(self, table=tables.get(self.name))


# coordinates --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Coordinates(Layer):
    """Positions in cells of the placement, by default source pixels; one row of a table each."""

    features: pd.DataFrame | None = field(default=None, kw_only=True)

    @property
    def size_text(self) -> str:
        """Number of points or shapes."""
        return str(len(self.data))

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> _Coordinates:
        """Return a copy with the function applied to every array of coordinates."""
        raise NotImplementedError

    def joined(self, parts: Sequence[Any]) -> _Coordinates:
        """Return the items of all parts as one layer."""
        raise NotImplementedError

    def uncropped(self, bar: InfoBar, part: tuple[int, int]) -> _Coordinates:
        """Move the placement: the data stay, in cells of any stride."""
        return replace(self, placement=self.placement.moved(bar.top, bar.left))

    def new_stack(self, shape: Index) -> LayerStack:
        """Join the items of all slices; coordinates begin with the index of the slice."""
        return _CoordinateStack(self, shape)


class _CoordinateStack(LayerStack):
    def __init__(self, first: Layer, shape: Index) -> None:
        super().__init__(first, shape)
        self._parts: list[_Coordinates] = []

    def add(self, index: Index, layer: Layer) -> None:
        assert isinstance(layer, _Coordinates)
        self._parts.append(layer.mapped(lambda places: _in_slice(index, places)))

    def layer(self) -> Layer:
        tables = [one.features for one in self._parts]
        features = None
        if any(table is not None for table in tables):
            import pandas as pd

            rows = [pd.DataFrame(index=range(len(one.data))) for one in self._parts]
            features = pd.concat(
                [row if table is None else table for row, table in zip(rows, tables, strict=True)],
                ignore_index=True,
            )
        joined = self._parts[0].joined(self._parts)
        return replace(joined, features=features, name=self.name, facts={})


def _in_slice(index: Index, places: Any) -> np.ndarray:
    """Put the index of a slice before (N, D) coordinates."""
    places = np.asarray(places, float)
    places = places if places.ndim == 2 else places.reshape(0, 2)
    return np.concatenate([np.broadcast_to(index, (len(places), len(index))), places], axis=1)


@dataclass(frozen=True, eq=False)
class PointsLayer(_Coordinates):
    """Points, such as prompts, seeds or centres.

    Parameters
    ----------
    data : (N, D) array
        Positions in cells of the placement, (y, x) last; the centre of a cell is whole. With the
        default placement they are source pixels.
    features : DataFrame, optional
        One row per point.
    """

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> PointsLayer:
        """Apply a function to the coordinates."""
        return self.with_array(function(np.asarray(self.data)))

    def joined(self, parts: Sequence[PointsLayer]) -> PointsLayer:
        """Return the points of all parts."""
        return self.with_array(np.concatenate([one.data for one in parts]))


@dataclass(frozen=True, eq=False)
class ShapesLayer(_Coordinates):
    """Polygons, rectangles, ellipses, paths or lines.

    Parameters
    ----------
    data : sequence of (V, D) arrays
        Vertices in cells of the placement, by default source pixels, (y, x) last; of rectangles
        and ellipses the four corners.
    kinds : str or sequence of str
        ``"polygon"``, ``"rectangle"``, ``"ellipse"``, ``"path"`` or ``"line"``: of all shapes, or
        one for each.
    features : DataFrame, optional
        One row per shape.
    """

    kinds: str | tuple[str, ...] = field(default="polygon", kw_only=True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise ValueError("shapes have vertices of different number: use data, a list of arrays")

    @property
    def kind_of_each(self) -> tuple[str, ...]:
        """Kind of every shape."""
        return (self.kinds,) * len(self.data) if isinstance(self.kinds, str) else self.kinds

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> ShapesLayer:
        """Apply a function to the vertices of every shape."""
        return self.with_array([function(np.asarray(one)) for one in self.data])

    def joined(self, parts: Sequence[ShapesLayer]) -> ShapesLayer:
        """Return the shapes of all parts."""
        shapes = [shape for one in parts for shape in one.data]
        kinds = tuple(kind for one in parts for kind in one.kind_of_each)
        return replace(self, data=shapes, kinds=kinds)
