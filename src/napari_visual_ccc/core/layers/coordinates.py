"""Layers of coordinates: points and shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..micrograph import InfoBar
from .base import Index, Layer, LayerStack

if TYPE_CHECKING:
    import pandas as pd


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


# vertices of the polygon that stands for an ellipse: its area is 0.1 % smaller
_ELLIPSE = 90


def outline(vertices: Any, kind: str) -> np.ndarray:
    """Polygon of a shape, which may be turned.

    Parameters
    ----------
    vertices : (V, 2) array
        (y, x); of an ellipse the four corners of the rectangle around it, in order.
    kind : str
        As in `ShapesLayer`.

    Returns
    -------
    (N, 2) array
    """
    corners = np.asarray(vertices, float)
    if kind != "ellipse" or len(corners) != 4:
        return corners
    middle = corners.mean(axis=0)
    one, other = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    turn = np.linspace(0, 2 * np.pi, _ELLIPSE, endpoint=False)[:, None]
    return middle + np.cos(turn) * one + np.sin(turn) * other
