"""Points and shapes of the viewer as inputs of operations, in pixels of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points, Shapes

from ...arrays.stacks import items
from ...core.layers import PointsLayer, ShapesLayer
from .source import Source
from .world import point_of, unit_factors

if TYPE_CHECKING:
    from napari.viewer import Viewer


def take_drawn(layer: Points | Shapes, first: Source, viewer: Viewer) -> Source:
    """Take points or shapes, in pixels of the first input of an operation.

    Parameters
    ----------
    layer : Points or Shapes
        Anywhere in the world; of a stack, those in the slice that was taken.
    first : Source
        Of the image.

    Raises
    ------
    ValueError
        If there are none.
    """
    placed = [_in_pixels(layer, one, first, viewer) for one in layer.data]
    leading = first.layer.ndim - first_axes(first)
    here = [
        number
        for number, (slices, _) in enumerate(placed)
        if (np.round(slices[:, :leading]) == first.corner[:leading]).all()
    ]
    if not here:
        what = "points" if isinstance(layer, Points) else "shapes"
        raise ValueError(f"{layer.name} has no {what} here: draw some, or choose another layer")
    axes = first_axes(first)
    data = [np.concatenate(placed[number], axis=1)[:, -axes:] for number in range(len(placed))]
    drawn: Any
    if isinstance(layer, Points):
        places = np.concatenate(data)
        drawn = PointsLayer(places, name=layer.name, features=_features(layer))
    else:
        kinds = tuple(layer.shape_type)
        drawn = ShapesLayer(data, name=layer.name, kinds=kinds, features=_features(layer))
    return Source(layer, items(drawn, here), None, "px", (0.0,) * axes, name=layer.name)


def first_axes(first: Source) -> int:
    """Axes of an input, without colour."""
    colour = getattr(first.layer, "rgb", False)
    return int(first.data.ndim - bool(colour))


def _features(layer: Points | Shapes) -> Any:
    return layer.features.reset_index(drop=True) if len(layer.features.columns) else None


def _in_pixels(
    layer: Points | Shapes, places: np.ndarray, first: Source, viewer: Viewer
) -> tuple[np.ndarray, np.ndarray]:
    """Slices, and (y, x) in pixels of the input, of the vertices of one item."""
    ndim = first.layer.ndim
    inside = []
    for place in np.atleast_2d(places):
        world = np.asarray(layer.data_to_world(place))[-ndim:]
        factors = unit_factors(layer.units, first.layer.units)
        world[len(world) - len(factors) :] *= factors
        # a plane drawing lies in the displayed slice
        point = point_of(viewer, first.layer)
        point[ndim - len(world) :] = world
        inside.append(first.layer.world_to_data(point))
    found = np.array(inside, float)
    return found[:, :-2], (found[:, -2:] - first.corner[-2:]) / first.steps[-2:]
