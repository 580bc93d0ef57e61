"""What is known of a micrograph, as plain values that any file format can carry; and back."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, astuple, replace
from typing import Any

import numpy as np

from ..core.micrograph import Axis, InfoBar, Micrograph, has_colours
from ..core.plain import plain
from ..core.units import LENGTHS, METRES, TIMES, converted, is_plausible, unit_of, usable

# under this key in the attributes of a Zarr group; as JSON in the description of a TIFF
KEY = "visual_ccc_header"

# the units in which formats have a field for the steps of an axis
_CARRIED = {"z": LENGTHS, "t": TIMES}


def header(
    image: Micrograph, dtype: Any, colour_axis: int = -1, stored: Any = None
) -> dict[str, Any]:
    """Describe a micrograph exactly: what the fields of a file format cannot say.

    Parameters
    ----------
    image : Micrograph
        Its ``metadata["original"]`` and arrays among the metadata are left out.
    dtype : dtype
        What the values are to be given back as.
    colour_axis : int
        Which axis of the file has the colours, if there are any.
    stored : dtype, optional
        What the values are in the file, where that is another.

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
        "info_bar": None if image.info_bar is None else list(astuple(image.info_bar)),
        "metadata": metadata,
    }


def restored(found: Micrograph, told: Any) -> Micrograph:
    """Give what was read from a file of ours the form it had when it was written.

    Parameters
    ----------
    found : Micrograph
        As the file's own fields tell it.
    told : mapping or anything else
        A `header`. What is none, or does not fit the pixels, changes nothing: another program
        may have cropped, turned or rescaled the image and kept the text. A pixel size or a step
        that it changed, added or removed counts, and so does another place.
    """
    if not isinstance(told, Mapping):
        return found
    try:
        if not _fits(found.data, told):
            return found
        data, *levels = (_shaped(one, told) for one in (found.data, *found.levels))
        spacing, unit, notes = _pixel_size(found, told)
        axes, more = _axes(found, told)
        bar = told["info_bar"]
        return replace(
            found,
            data=data,
            levels=tuple(levels),
            spacing=spacing,
            unit=unit,
            notes=(*found.notes, *notes, *more),
            axes=axes,
            info_bar=None if bar is None else InfoBar(*bar),
            metadata={**found.metadata, **told["metadata"], **_origin(found, told, spacing, unit)},
        )
    except (KeyError, TypeError, ValueError):
        return found


def _fits(data: Any, told: Mapping[str, Any]) -> bool:
    """Whether pixels are still those that were written."""
    if np.dtype(data.dtype).name != told.get("stored", data.dtype.name):
        return False
    shape = list(data.shape)
    if len(told["plane"]) == 3:
        shape.append(shape.pop(told["colour_axis"]))
    planar = len(told["plane"])
    return shape[-planar:] == told["plane"] and np.prod(shape[:-planar]) == np.prod(told["leading"])


def _pixel_size(found: Micrograph, told: Mapping[str, Any]) -> tuple[Any, str, list[str]]:
    """Take the pixel size that was written, or the one that another program has made of it."""
    then, unit = told["spacing"], usable(told["unit"])
    if told["unit"] != "px" and unit == "px":
        then = None
    spacing = None if then is None else tuple(float(size) for size in then)
    if not _changed(found.spacing, found.unit, spacing, unit, LENGTHS):
        return spacing, unit, []
    return found.spacing, found.unit, [_note("pixel size", found.spacing is None)]


def _axes(found: Micrograph, told: Mapping[str, Any]) -> tuple[tuple[Axis, ...], list[str]]:
    """Take the leading axes that were written, with the steps that another program changed."""
    then = [_usable_axis(Axis(**one)) for one in told["axes"]]
    now = list(found.axes)
    colours = told["colour_axis"] + found.data.ndim
    if len(told["plane"]) == 3 and colours < len(now):
        del now[colours]
    if len(now) != len(told["leading"]):
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
    # an axis of another name has its place in the format, and not its step
    if name != now.name or name not in _CARRIED:
        return False
    steps = [None if axis.unit == "px" else (axis.step,) for axis in (now, then)]
    return _changed(steps[0], now.unit, steps[1], then.unit, _CARRIED[name])


def _changed(
    now: tuple[float, ...] | None, unit: str, then: tuple[float, ...] | None, old_unit: str,
    carried: Container[str],
) -> bool:  # fmt: skip
    """Whether the file's own fields state another size than what was written into them."""
    if then is None:
        return now is not None
    if now is None:
        # other units stand in no field of most formats, and what no pixel can be is not believed:
        # nobody has removed them
        return old_unit in carried and all(is_plausible(abs(side), old_unit) for side in then)
    (factor, unit), (old_factor, old_unit) = (converted(1.0, one) for one in (unit, old_unit))
    if unit != old_unit and not {unit, old_unit} <= METRES.keys():
        return True
    sizes = np.array(now[-2:]) * factor * METRES.get(unit, 1.0)
    # a step may be counted backwards, which no format says
    old_sizes = np.abs(then[-2:]) * old_factor * METRES.get(old_unit, 1.0)
    # resolutions of TIFF are fractions of two whole numbers
    return not np.allclose(sizes, old_sizes, rtol=1e-3, atol=0)


def _note(what: str, gone: bool) -> str:
    if gone:
        return f"another program has removed the {what}: there is none now"
    return f"another program has changed the {what}: the new one is taken"


def _origin(
    found: Micrograph, told: Mapping[str, Any], spacing: tuple[float, ...] | None, unit: str
) -> dict[str, Any]:
    """Give the place of the first pixel in the unit of its size, if it has one."""
    own, origin = found.metadata.get("origin"), told["metadata"].get("origin")
    then, now = (tuple(one or (1.0, 1.0))[-2:] for one in (told["spacing"], spacing))
    if origin is not None and now != then:
        # as many pixels from the corner as before
        place = [one / a * b for one, a, b in zip(origin[-2:], then, now, strict=True)]
        origin = [*origin[:-2], *place]
    if own is not None and spacing is not None and unit == found.unit:
        # to a thousandth of a pixel
        same = origin is not None and np.allclose(own[-2:], origin[-2:], atol=min(spacing) / 1000)
        origin = origin if same else own
    return {} if origin is None else {"origin": origin}


def _shaped(data: Any, told: Mapping[str, Any]) -> Any:
    """Undo what formats need: colours in front, many axes as one, other types of number."""
    if len(told["plane"]) == 3:
        data = np.moveaxis(data, told["colour_axis"], -1)
    planar = data.shape[-len(told["plane"]) :]
    return data.reshape(*told["leading"], *planar).astype(told["dtype"], copy=False)
