"""Pixel size and info bar that inputs bring along, and layers of results take with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..micrograph import InfoBar, Micrograph, has_colours, plane_shape
from ..units import is_known
from .base import Frame, Layer


def size_of(inputs: Sequence[Any]) -> tuple[tuple[float, ...] | None, str]:
    """Pixel size and unit of the first input that has one and is as large as the first.

    Returns
    -------
    spacing : (y, x), (z, y, x) or None
        None if no input has one.
    unit : str
        ``"px"`` without a pixel size.
    """
    wanted = _plane(inputs[0]) if inputs else None
    for one in inputs:
        if not isinstance(one, Micrograph | Layer):
            continue
        spacing = one.voxel if isinstance(one, Micrograph) else one.spacing
        if spacing is not None and (one is inputs[0] or _plane(one) == wanted):
            # a plane that was taken from a stack has no step between slices
            return tuple(spacing)[-max(2, np.ndim(one.data)) :], one.unit
    return None, "px"


def check_spacing(spacing: Any, unit: Any, array: Any) -> None:
    """Validate a pixel size that was typed.

    Raises
    ------
    ValueError
        If it has more numbers than the image has axes, or the unit is not known.
    """
    if spacing is None:
        return
    if not isinstance(unit, str) or not is_known(unit):
        raise ValueError(
            f"spacing is {spacing}, but of which unit? {unit!r} is not known: give 'nm', 'µm', ..."
        )
    sizes, axes = np.size(spacing), len(np.shape(array))
    if sizes > max(axes, 2) or sizes > 3:
        raise ValueError(
            f"spacing is {spacing}, {sizes} numbers for an image of {axes} axes; give one, (y, x) "
            "or, for a stack, (z, y, x)"
        )


def sizes_of(spacing: Any, given: Any, array: Any) -> list[float] | None:
    """Size of a pixel by axis, if known; one number is a square, or a cube in a stack."""
    if spacing is None:
        return None
    sizes = np.atleast_1d(np.asarray(spacing, float)).tolist()
    if not np.isfinite(sizes).all():
        return None
    if len(sizes) > 1:
        return sizes
    shape = np.shape(array)
    image = given if isinstance(given, Micrograph) else Micrograph(np.broadcast_to(0, shape))
    return sizes * (3 if len(shape) - has_colours(image) > 2 else 2)


def in_frame(spacing: Any, unit: str, bar: InfoBar | None, array: Any) -> Callable[[Layer], Layer]:
    """Function that gives a layer the pixel size and the info bar of the image."""
    shape = plane_shape(array) if np.ndim(array) > 1 else None
    sizes = None if spacing is None else tuple(np.atleast_1d(np.asarray(spacing, float)).tolist())
    # one number is a square
    sizes = sizes * 2 if sizes is not None and len(sizes) == 1 else sizes

    def framed(layer: Layer) -> Layer:
        same = layer.placement.stride == 1 and layer.plane_shape == shape
        own = bar if same and bar else InfoBar()
        return replace(layer, frame=Frame(sizes, unit if sizes else "px", own))

    return framed


def _plane(given: Any) -> tuple[int, int] | None:
    data = given.data if isinstance(given, Micrograph | Layer) else given
    return plane_shape(data) if len(np.shape(data)) > 1 else None
