"""Metadata of a micrograph as plain values that any file format can carry, and back."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ..core.micrograph import Axis, InfoBar, Micrograph, has_colours
from ..core.plain import plain
from ..core.units import LENGTHS, METRES, TIMES, converted, is_plausible, unit_of, usable

# under this key in the attributes of a Zarr group; as JSON in the description of a TIFF
KEY = "visual_ccc_header"

# end of the note on a size in no unit that its format knows
NO_UNIT = "without a unit: no pixel size"

# the units in which formats have a field for the steps of an axis
_CARRIED = {"z": LENGTHS, "t": TIMES}


def header(
    image: Micrograph, dtype: Any, colour_axis: int = -1, stored: Any = None
) -> dict[str, Any]:
    """Describe a micrograph exactly, beyond what the fields of a file format can hold.

    Parameters
    ----------
    image : Micrograph
        Its ``metadata["original"]`` and arrays among the metadata are left out.
    dtype : dtype
        Type of the values when they are read again.
    colour_axis : int
        Which axis of the file has the colours, if there are any.
    stored : dtype, optional
        Type of the values in the file, where it differs.

    Returns
    -------
    dict
        Of plain values that JSON can hold.
    """
    metadata = {
        key: plain(value)
        for key, value in image.metadata.items()
        if key != "original" and not hasattr(value, "__array__")
    }
    planar = 3 if has_colours(image) else 2
    shape = [int(size) for size in image.data.shape]
    return {
        "leading": shape[:-planar],
        "plane": shape[-planar:],
        "colour_axis": colour_axis,
        "dtype": np.dtype(dtype).name,
        "stored": np.dtype(dtype if stored is None else stored).name,
        "spacing": None if image.spacing is None else [float(size) for size in image.spacing],
        "unit": image.unit,
        "axes": [plain(asdict(axis)) for axis in image.axes],
        "info_bar": None if image.info_bar is None else list(image.info_bar.pixels.values()),
        "metadata": metadata,
    }


def restore(image: Micrograph, stored: Any) -> Micrograph:
    """Restore a micrograph of this package to the form it had when it was written.

    Parameters
    ----------
    image : Micrograph
        As read from the fields of the file.
    stored : mapping or anything else
        A `header`. Anything else, or a header that does not fit the pixels, is ignored: another
        program may have cropped, rotated or rescaled the image and kept the text. A pixel size,
        a step or an origin that it changed, added or removed takes precedence.
    """
    if not isinstance(stored, Mapping):
        return image
    try:
        if not _fits(image.data, stored):
            return image
        data, *levels = (_shaped(one, stored) for one in (image.data, *image.levels))
        spacing, unit, notes = _pixel_size(image, stored)
        axes, more = _axes(image, stored)
        bar = stored["info_bar"]
        # the unit of such a size, as 1/nm in OME-Zarr, is in the header alone
        read = [one for one in image.notes if spacing is None or not one.endswith(NO_UNIT)]
        return replace(
            image,
            data=data,
            levels=tuple(levels),
            spacing=spacing,
            unit=unit,
            pixel_size_from=_source(image, spacing),
            notes=(*read, *notes, *more),
            axes=axes,
            info_bar=None if bar is None else InfoBar(*bar),
            metadata={
                **image.metadata,
                **stored["metadata"],
                **_origin(image, stored, spacing, unit),
            },
        )
    except (KeyError, TypeError, ValueError):
        return image


def _fits(data: Any, stored: Mapping[str, Any]) -> bool:
    """Whether shape and type of the pixels are those that were written."""
    if np.dtype(data.dtype).name != stored.get("stored", data.dtype.name):
        return False
    shape = list(data.shape)
    if len(stored["plane"]) == 3:
        shape.append(shape.pop(stored["colour_axis"]))
    planar = len(stored["plane"])
    return shape[-planar:] == stored["plane"] and np.prod(shape[:-planar]) == np.prod(
        stored["leading"]
    )


def _pixel_size(image: Micrograph, stored: Mapping[str, Any]) -> tuple[Any, str, list[str]]:
    """Pixel size that was written, or the one that another program replaced it with."""
    then, unit = stored["spacing"], usable(stored["unit"])
    if stored["unit"] != "px" and unit == "px":
        then = None
    spacing = None if then is None else tuple(float(size) for size in then)
    if not _changed(image.spacing, image.unit, spacing, unit, LENGTHS):
        return spacing, unit, []
    return image.spacing, image.unit, [_note("pixel size", image.spacing is None)]


def _source(image: Micrograph, spacing: Any) -> str:
    """Field that states a pixel size; a format without one for it has the header alone."""
    return "" if spacing is None else image.pixel_size_from or "header of Visual-CCC"


def _axes(image: Micrograph, stored: Mapping[str, Any]) -> tuple[tuple[Axis, ...], list[str]]:
    """Leading axes that were written, with the steps that another program changed."""
    then = [_usable_axis(Axis(**one)) for one in stored["axes"]]
    now = list(image.axes)
    colours = stored["colour_axis"] + image.data.ndim
    if len(stored["plane"]) == 3 and colours < len(now):
        del now[colours]
    if len(now) != len(stored["leading"]):
        return tuple(then), []
    if not then and any(axis.unit != "px" for axis in now):
        then = [Axis(axis.name) for axis in now]
    changed = [k for k, (a, b) in enumerate(zip(now, then, strict=False)) if _step_changed(a, b)]
    for k in changed:
        then[k] = replace(now[k], name=then[k].name)
    return tuple(then), [_note(f"step of {then[k].name}", then[k].unit == "px") for k in changed]


def _usable_axis(axis: Axis) -> Axis:
    known = usable(axis.unit) == unit_of(axis.unit)
    return replace(axis, unit=unit_of(axis.unit)) if known else Axis(axis.name)


def _step_changed(now: Axis, then: Axis) -> bool:
    name = {"time": "t"}.get(then.name.lower(), then.name.lower())
    # formats have a field for the steps of z and t only
    if name != now.name or name not in _CARRIED:
        return False
    steps = [None if axis.unit == "px" else (axis.step,) for axis in (now, then)]
    return _changed(steps[0], now.unit, steps[1], then.unit, _CARRIED[name])


def _changed(
    now: tuple[float, ...] | None, unit: str, then: tuple[float, ...] | None, old_unit: str,
    carried: Container[str],
) -> bool:  # fmt: skip
    """Whether the fields of the file hold another size than was written into them."""
    if then is None:
        return now is not None
    if now is None:
        # most formats have no field for other units, and implausible sizes are not read: both are
        # absent although nobody removed them
        return old_unit in carried and all(is_plausible(abs(side), old_unit) for side in then)
    (factor, unit), (old_factor, old_unit) = (converted(1.0, one) for one in (unit, old_unit))
    if unit != old_unit and not {unit, old_unit} <= METRES.keys():
        return True
    sizes = np.array(now[-2:]) * factor * METRES.get(unit, 1.0)
    # no format has negative steps
    old_sizes = np.abs(then[-2:]) * old_factor * METRES.get(old_unit, 1.0)
    # resolutions of TIFF are fractions of two whole numbers
    return not np.allclose(sizes, old_sizes, rtol=1e-3, atol=0)


def _note(what: str, gone: bool) -> str:
    if gone:
        return f"another program has removed the {what}: there is none now"
    return f"another program has changed the {what}: the new one is used"


def _origin(
    image: Micrograph, stored: Mapping[str, Any], spacing: tuple[float, ...] | None, unit: str
) -> dict[str, Any]:
    """Position of the first pixel, in the unit of the pixel size."""
    own, origin = image.metadata.get("origin"), stored["metadata"].get("origin")
    then, now = (tuple(one or (1.0, 1.0))[-2:] for one in (stored["spacing"], spacing))
    if origin is not None and now != then:
        # as many pixels from the corner as before
        place = [one / a * b for one, a, b in zip(origin[-2:], then, now, strict=True)]
        origin = [*origin[:-2], *place]
    if own is not None and spacing is not None and unit == image.unit:
        # to a thousandth of a pixel
        same = origin is not None and np.allclose(own[-2:], origin[-2:], atol=min(spacing) / 1000)
        origin = origin if same else own
    return {} if origin is None else {"origin": origin}


def _shaped(data: Any, stored: Mapping[str, Any]) -> Any:
    """Undo what formats require: colours first, axes merged, other types of numbers."""
    if len(stored["plane"]) == 3:
        data = np.moveaxis(data, stored["colour_axis"], -1)
    planar = data.shape[-len(stored["plane"]) :]
    return data.reshape(*stored["leading"], *planar).astype(stored["dtype"], copy=False)
