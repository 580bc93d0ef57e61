"""Pixel size and info bar that inputs bring along, and layers of results take with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..micrograph import InfoBar, Micrograph, has_colours, plane_shape
from ..pixel_size import ROUNDING, check_sizes, numbers_of
from ..plain import shown
from ..units import METRES, SIZES, TIMES, converted, is_known, ratio, unit_of
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
    return next((size for size in _sizes(inputs) if size is not None), (None, "px"))


def common_size(
    inputs: Mapping[str, Any], wanted: str = "px"
) -> tuple[tuple[float, ...] | None, str]:
    """Pixel size of inputs that show one field.

    Parameters
    ----------
    inputs : mapping
        By name.
    wanted : str
        Unit to convert the size to; ``"px"`` keeps that of the input.

    Raises
    ------
    ValueError
        If two inputs have unlike pixel sizes, or the size cannot be given in the wanted unit.
    """
    found = {
        name: size
        for name, size in zip(inputs, _sizes(list(inputs.values())), strict=True)
        if size is not None
    }
    if not found:
        return in_unit(None, "px", wanted)
    first, size = next(iter(found.items()))
    for name, other in found.items():
        if not _alike(size, other):
            raise ValueError(
                f"{first} has pixels of {_text(*size)}, but {name} of {_text(*other)}: give the "
                "pixel size that is right (spacing and unit), or correct the wrong one"
            )
    return in_unit(*size, wanted)


def coarse(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Notes on inputs without a pixel size whose pixels are several of the image.

    Parameters
    ----------
    inputs : mapping
        By name.
    """
    found = [
        (name, one.placement.stride)
        for name, one in inputs.items()
        if isinstance(one, Layer) and one.spacing is None and one.placement.stride != 1
    ]
    return tuple(coarse_pixels(name, stride) for name, stride in found)


def coarse_pixels(name: str, stride: float) -> str:
    """Say that lengths are in pixels of a layer that are several of the image."""
    return (
        f"lengths are in pixels of {name}, each of which is {stride:g} x {stride:g} pixels of the "
        f"image: areas in pixels of the image are {stride**2:g} times as large"
    )


def in_unit(
    spacing: tuple[float, ...] | None, unit: str, wanted: str
) -> tuple[tuple[float, ...] | None, str]:
    """Convert a pixel size; ``"px"`` keeps its unit.

    Raises
    ------
    ValueError
        If there is no pixel size, or it cannot be given in the wanted unit.
    """
    if unit_of(wanted) == "px":
        return spacing, unit
    if spacing is None:
        raise ValueError(
            f"unit is {shown(wanted)}, but no input has a pixel size: give the spacing too"
        )
    factor = ratio(unit, wanted)
    if factor is None:
        raise ValueError(
            f"unit is {shown(wanted)}, but pixels are {_text(spacing, unit)}, which cannot be "
            "converted"
        )
    return tuple(one * factor for one in spacing), unit_of(wanted)


def typed_scale(scale: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the pixel size that a script gives.

    Parameters
    ----------
    scale : mapping
        ``spacing`` and ``unit``, as far as they are given.
    inputs : mapping
        By name.

    Returns
    -------
    dict
        Both, with inches, centimetres and metres as nm; the unit alone, to convert the pixel size
        of the inputs to; or none of them.

    Raises
    ------
    ValueError
        If the unit is not one of pixel sizes, or is pixels where an input has a pixel size.
    """
    spacing, unit = scale.get("spacing"), scale.get("unit", "px")
    if spacing is None:
        if scale.keys() != {"unit"} and unit == "px":
            return {}
        _check_unit(unit, inputs)
        return {"unit": unit}
    if not isinstance(unit, str) or not is_known(unit) or unit_of(unit) in TIMES:
        raise ValueError(
            f"spacing is {shown(spacing)}, but of which unit? {shown(unit)} is not one of a pixel "
            "size: give 'nm', 'µm', ..."
        )
    factor, name = converted(1.0, unit_of(unit))
    return {
        "spacing": spacing if factor == 1 else (numbers_of(spacing) * factor).tolist(),
        "unit": name,
    }


def _check_unit(unit: Any, inputs: Mapping[str, Any]) -> None:
    name = unit_of(unit) if isinstance(unit, str) else ""
    if name == "px":
        for key, size in zip(inputs, _sizes(list(inputs.values())), strict=True):
            if size is not None:
                raise ValueError(
                    f"unit is {shown(unit)}, but {key} has pixels of {_text(*size)}: for lengths "
                    "in pixels pass its array"
                )
    elif name not in SIZES:
        raise ValueError(
            f"unit is {shown(unit)}; choose {', '.join(METRES)}, the reciprocal of one (1/nm), "
            "rad, mrad or deg"
        )


def _sizes(inputs: Sequence[Any]) -> list[tuple[tuple[float, ...], str] | None]:
    """Pixel size of each input that has one and is as large as the first."""
    wanted = _plane(inputs[0]) if inputs else None
    sizes: list[tuple[tuple[float, ...], str] | None] = []
    for one in inputs:
        size = None
        if isinstance(one, Micrograph | Layer):
            spacing = one.voxel if isinstance(one, Micrograph) else one.spacing
            if spacing is not None and (one is inputs[0] or _plane(one) == wanted):
                # a plane that was taken from a stack has no step between slices
                size = tuple(numbers_of(spacing).tolist())[-max(2, np.ndim(one.data)) :], one.unit
        sizes.append(size)
    return sizes


def _alike(one: tuple[tuple[float, ...], str], other: tuple[tuple[float, ...], str]) -> bool:
    """Whether two pixel sizes are the same up to the rounding of files, along their axes."""
    factor = ratio(other[1], one[1])
    if factor is None:
        return False
    pairs = zip(one[0][::-1], other[0][::-1], strict=False)
    return all(abs(a - b * factor) <= ROUNDING * max(a, b * factor) for a, b in pairs)


def _text(spacing: Sequence[float], unit: str) -> str:
    sides = [f"{side:.4g}" for side in spacing]
    return f"{sides[0] if len(set(sides)) == 1 else ' x '.join(sides)} {unit}"


def check_spacing(spacing: Any, unit: Any, array: Any) -> None:
    """Validate a pixel size that was typed.

    Raises
    ------
    ValueError
        If it has more numbers than the image has axes, is no size, or the unit is not known.
    """
    if spacing is None:
        return
    if not isinstance(unit, str) or not is_known(unit):
        raise ValueError(
            f"spacing is {shown(spacing)}, but of which unit? {shown(unit)} is not known: give "
            "'nm', 'µm', ..."
        )
    # what is no number counts as unknown, and a step of zero between slices in 3D only
    given = np.ravel(numbers_of(spacing))
    check_sizes(
        given[(given > 0) & np.isfinite(given)].tolist(), f"spacing is {shown(spacing)} {unit}"
    )
    sizes, axes = np.size(spacing), len(np.shape(array))
    if sizes > max(axes, 2) or sizes > 3:
        raise ValueError(
            f"spacing is {shown(spacing)}, {sizes} numbers for an image of {axes} axes; give "
            "one, (y, x) or, for a stack, (z, y, x)"
        )


def sizes_of(spacing: Any, given: Any, array: Any) -> list[float] | None:
    """Size of a pixel by axis, if known; one number is a square, or a cube in a stack."""
    if spacing is None:
        return None
    sizes = np.atleast_1d(numbers_of(spacing)).tolist()
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
    sizes = None if spacing is None else tuple(np.atleast_1d(numbers_of(spacing)).tolist())
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
