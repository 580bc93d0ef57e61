"""What is known of a micrograph, as plain values that any file format can carry; and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, replace
from typing import Any

import numpy as np

from .micrograph import Axis, InfoBar, Micrograph
from .provenance import plain

# under this key in the attributes of a Zarr group; as JSON in the description of a TIFF
KEY = "visual_ccc_header"


def has_colours(image: Micrograph) -> bool:
    """Whether the last axis of a micrograph is colour, and not columns."""
    shape = image.data.shape
    return len(shape) > 2 and shape[-1] in (3, 4) and len(image.axes) != len(shape) - 2


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
        may have cropped, turned or rescaled the image and kept the text. A pixel size that it
        changed counts.
    """
    if not isinstance(told, Mapping):
        return found
    try:
        if not _fits(found.data, told):
            return found
        data, *levels = (_shaped(one, told) for one in (found.data, *found.levels))
        spacing, unit, bar = told["spacing"], str(told["unit"]), told["info_bar"]
        notes = found.notes
        if _rescaled(found, spacing, unit):
            spacing, unit = found.spacing, found.unit
            notes = (*notes, "another program has changed the pixel size: the new one is taken")
        return replace(
            found,
            data=data,
            levels=tuple(levels),
            spacing=None if spacing is None else tuple(float(size) for size in spacing),
            unit=unit,
            notes=notes,
            axes=tuple(Axis(**axis) for axis in told["axes"]),
            info_bar=None if bar is None else InfoBar(*bar),
            metadata={**found.metadata, **told["metadata"]},
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


def _rescaled(found: Micrograph, spacing: Any, unit: str) -> bool:
    """Whether the file states another pixel size than it was written with."""
    from .formats.calibration import METRES

    if found.spacing is None or spacing is None or not {found.unit, unit} <= METRES.keys():
        return False
    now, then = (
        np.array(size[-2:], float) * METRES[name]
        for size, name in ((found.spacing, found.unit), (spacing, unit))
    )
    return not np.allclose(now, then, rtol=1e-3, atol=0)


def _shaped(data: Any, told: Mapping[str, Any]) -> Any:
    """Undo what formats need: colours in front, many axes as one, other types of number."""
    if len(told["plane"]) == 3:
        data = np.moveaxis(data, told["colour_axis"], -1)
    planar = data.shape[-len(told["plane"]) :]
    return data.reshape(*told["leading"], *planar).astype(told["dtype"], copy=False)
