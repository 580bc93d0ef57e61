"""Places of layers in the world: napari draws layers of unlike units on each other, so do these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

_PIXELS = ("px", "pixel", "pix", "")

# of a pixel: layers that are this near lie on each other
_NEAR = 0.05

# of a pixel or slice, however many there are: what is farther away lies between two of them
_NEAREST = 0.25

# tangent of an angle, beneath which a layer is not turned: half a pixel in some thousand
_SKEW = 1e-4


def unit_factors(of: Sequence[Any] | None, to: Sequence[Any] | None) -> np.ndarray:
    """Factors that turn lengths in some units into others, for as many last axes as both have.

    1 for pixels, and where a unit cannot be converted into the other.
    """
    axes = min(len(of or ()), len(to or ()))
    factors = np.ones(axes)
    for axis in range(1, axes + 1):
        one, other = (units[-axis] for units in (of or (), to or ()))
        plain = any(f"{unit:~}" in _PIXELS for unit in (one, other))
        if not plain and one.dimensionality == other.dimensionality:
            factors[-axis] = (1 * one).to(other).magnitude
    return factors


def units_of(viewer: Viewer) -> Any:
    """Units of the world; None before napari 0.7, where layers must have the same."""
    return getattr(viewer.dims, "units", None)


def point_of(viewer: Viewer, layer: Layer) -> np.ndarray:
    """Place of the sliders in the world of a layer, in its units: one number for each axis."""
    return from_viewer(viewer, layer, viewer.dims.point)


def from_viewer(viewer: Viewer, layer: Layer, place: Sequence[float]) -> np.ndarray:
    """Place of the viewer in the world of a layer, in its units: one number for each axis."""
    point = np.array(place, float)[-layer.ndim :]
    factors = unit_factors(units_of(viewer), layer.units)
    point[len(point) - len(factors) :] *= factors
    return point


def in_viewer(viewer: Viewer, layer: Layer, world: Sequence[float]) -> np.ndarray:
    """Place in the world of a layer as one of the viewer, in its units."""
    place = np.array(world, float)
    factors = unit_factors(layer.units, units_of(viewer))
    place[len(place) - len(factors) :] *= factors
    return place


def pixels_of(layer: Layer, places: Any, other: Layer, axes: int = 2) -> np.ndarray:
    """(n, axes) pixels of another layer, by default rows and columns, at (n, D) places of one."""
    found = []
    factors = unit_factors(layer.units, other.units)[-axes:]
    for place in np.atleast_2d(np.asarray(places, float)):
        point = np.zeros(other.ndim)
        point[-axes:] = np.asarray(layer.data_to_world(place))[-axes:] * factors
        found.append(np.asarray(other.world_to_data(point))[-axes:])
    return np.array(found, float)


def lying_on(data: Any, layer: Layer, first: Layer, shape: Sequence[int]) -> Any:
    """Cut the pixels and slices of a layer to those that lie on another one.

    Parameters
    ----------
    data : (..., Y, X) array
        Of `layer`, at full resolution.
    layer, first : Layer
        Where they lie counts. A layer without a pixel size, and at the origin, lies where the
        numbers of its pixels say, unless one of both is turned, mirrored or sheared.
    shape : (..., rows, columns)
        Of the data of `first`. Where both have as many axes, slices count as well.

    Returns
    -------
    (..., rows, columns) array
        The data themselves where both lie in the same place.

    Raises
    ------
    ValueError
        If the pixels or slices of one are not those of the other, or some of `first` lie beside
        `layer`.
    """
    if _by_number(layer, first, len(shape)):
        return data
    origin = pixels_of(first, np.zeros(first.ndim), layer)[0]
    start = np.round(origin).astype(int)
    near = min(_NEAR * max(1, *shape[-2:]) ** 0.5, _NEAREST)
    if not _is_alike(layer, first, shape) or np.abs(origin - start).max() > near:
        raise _elsewhere(layer, first)
    along = data.ndim if data.ndim == len(shape) else 2
    starts = (*_slices_ahead(layer, first, along - 2), *start.tolist())
    parts = []
    for at, side, size in zip(starts, shape[-along:], data.shape[-along:], strict=True):
        if at is not None and (at < 0 or at + side > size):
            away = [f"{ahead} slices, " for ahead in starts[:-2] if ahead]
            raise ValueError(
                f"{first.name} lies {''.join(away)}{start[0]} rows and {start[1]} columns away "
                f"from {layer.name} and reaches beyond it: move or cut one of them"
            )
        parts.append(slice(None) if at is None else slice(at, at + side))
    part = data[(..., *parts)]
    return data if part.shape == data.shape else part


def _elsewhere(layer: Layer, first: Layer, of: str = "pixels") -> ValueError:
    return ValueError(
        f"the {of} of {layer.name} do not lie on those of {first.name}: give both the same pixel "
        "size, place and rotation"
    )


def _is_alike(layer: Layer, first: Layer, shape: Sequence[int]) -> bool:
    """Whether rows and columns of both are as wide, and no axis is turned, mirrored or sheared."""
    axes = min(layer.ndim, first.ndim)
    places = np.zeros((axes + 1, first.ndim))
    places[1:, -axes:] = np.eye(axes)
    found = pixels_of(first, places, layer, axes)
    steps = found[1:] - found[0]
    own = np.array([*np.diag(steps)[:-2], 1, 1])
    sizes = np.ptp(first.extent.data, axis=0)[-axes:] + 1
    sizes[-len(shape) :] = shape[-axes:]
    return bool((own > 0).all() and np.abs((steps - np.diag(own)) * sizes[:, None]).max() <= 0.5)


def _slices_ahead(layer: Layer, first: Layer, axes: int) -> list[int | None]:
    """Slice of a layer on which the first one of another lies, along each leading axis.

    None where one of them has no step, or another: slices then belong together by their number.

    Raises
    ------
    ValueError
        If it lies between two slices.
    """
    places = np.zeros((2, first.ndim))
    found: list[int | None] = []
    for axis in range(-2 - axes, -2):
        places[1] = 0
        places[1, axis] = 1
        one, next_one = pixels_of(first, places, layer, 2 + axes)[:, axis]
        plain = [f"{unit:~}" in _PIXELS for unit in (layer.units[axis], first.units[axis])]
        alike = plain[0] == plain[1] and abs(next_one - one - 1) < _NEAR
        if alike and abs(one - round(one)) > _NEAREST:
            raise _elsewhere(layer, first, "slices")
        found.append(round(one) if alike else None)
    return found


def labels_at(data: np.ndarray, layer: Layer, other: Layer, shape: tuple[int, int]) -> np.ndarray:
    """Label that lies on each pixel of another layer; 0 beside the labels.

    Parameters
    ----------
    data : (Y, X) int array
        Of `layer`, at full resolution.
    layer, other : Layer
        Scale, place, rotation and unit of both count. Labels of the size of the other layer that
        have no pixel size and lie at the origin lie on its pixels, unless one of both is turned,
        mirrored or sheared.
    shape : (rows, columns)
        Of `other`.
    """
    from scipy.ndimage import affine_transform

    if data.shape == shape and _by_number(layer, other):
        return data
    corners = np.zeros((3, other.ndim))
    corners[1, -2], corners[2, -1] = 1, 1
    origin, down, across = pixels_of(other, corners, layer)
    matrix = np.stack([down - origin, across - origin], axis=1)
    # pixels of the same grid keep their label, whatever the rounding; beyond the centres of the
    # outermost pixels is no label, so that these need a border
    matrix, origin = matrix.round(9), origin.round(6) + 1
    wide = np.pad(data, 1)
    return np.asarray(affine_transform(wide, matrix, origin, shape, order=0, prefilter=False))


def _by_number(layer: Layer, other: Layer, axes: int = 2) -> bool:
    """Whether pixels of layers belong together by their number: one of them has no place."""
    both = (layer, other)
    return any(_is_unplaced(one, axes) for one in both) and all(_is_straight(one) for one in both)


def _is_unplaced(layer: Layer, axes: int) -> bool:
    """Whether a layer has no pixel size and lies at the origin, as napari adds arrays."""
    pixels = all(f"{unit:~}" in _PIXELS for unit in layer.units[-2:])
    moved = np.abs(np.asarray(layer.data_to_world((0,) * layer.ndim))[-axes:]).max() > 0
    return pixels and not moved and np.allclose(_world_steps(layer)[-2:, -2:], np.eye(2))


def _is_straight(layer: Layer) -> bool:
    """Whether the axes of a layer are those of the world: not turned, mirrored or sheared."""
    steps = _world_steps(layer)
    wide = np.diag(steps)
    skew = np.abs(steps - np.diag(wide)) / np.abs(steps).max(axis=1, keepdims=True)
    return bool((wide > 0).all() and skew.max() < _SKEW)


def _world_steps(layer: Layer) -> np.ndarray:
    """Step in the world of one pixel along each axis: (axes of the layer, axes of the world)."""
    places = np.vstack([np.zeros(layer.ndim), np.eye(layer.ndim)])
    world = np.array([layer.data_to_world(place) for place in places], float)
    return world[1:] - world[0]


def visible_corners(layer: Layer) -> np.ndarray:
    """First and last pixel on the canvas, at full resolution: (2, D)."""
    corners = np.asarray(layer.corner_pixels)
    if getattr(layer, "multiscale", False):
        # they are given in pixels of the level on screen
        corners = corners * layer.downsample_factors[layer.data_level][: layer.ndim]
    return corners


def level_steps(layer: Layer, level: int) -> np.ndarray:
    """Every how many pixels of the finest level a level has one, along each axis.

    A whole number where it is one but for the pixels that are left at the end: of 65 rows a level
    of every second one has 32.
    """
    factors = np.array(layer.downsample_factors[level], float)[: layer.ndim]
    lengths = np.array(layer.level_shapes[0], float)[: layer.ndim]
    whole = np.maximum(factors.round(), 1)
    ratio, there = lengths / whole, np.array(layer.level_shapes[level])[: layer.ndim]
    return np.where((there >= np.floor(ratio)) & (there <= np.ceil(ratio)), whole, factors)


def slice_of_level(
    leading: tuple[int, ...], steps: np.ndarray, shape: Sequence[int]
) -> tuple[int, ...]:
    """Slice of a level of a shape that has a slice of the finest one, or the last before it."""
    found = zip(leading, steps, shape, strict=False)
    return tuple(min(int(index // step), size - 1) for index, step, size in found)
