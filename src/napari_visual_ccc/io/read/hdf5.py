"""HDF5 of any kind: EMD of Velox and Berkeley, HyperSpy, Odemis, ilastik, arrays."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.files import stem
from ...core.micrograph import Axis, Micrograph
from ..axes import Order, name_of, order_of
from ..header import NO_UNIT
from .checks import UnreadableFileError, check_datasets, is_large
from .lazy import chunks_of, from_file
from .npy import REAL
from .pixel_size import axis, combined_claim, number, resolve_pixel_size

SUFFIXES = (".h5", ".hdf5", ".emd")

# of other files that have the numbers, these are named
_NAMED = 3


def is_plain(path: Path) -> bool:
    """Always False: datasets have names."""
    return False


def read(path: Path) -> list[Micrograph]:
    """Read HyperSpy and EMD files by their content, others as the arrays in them."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'{path.suffix} files need h5py: pip install "napari-visual-ccc[formats]" ({error})'
        ) from None
    from . import probe, rosetta

    wrong = probe.fault(path)
    if wrong:
        raise UnreadableFileError(wrong)
    found: list[Any] = []
    with h5py.File(path, "r", locking=False) as file:
        plugin = _plugin(file)
        notes = _of_other_files(file)

        def look(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset) and one.ndim >= 2 and one.dtype.kind in REAL:
                found.append(one)

        if not plugin:
            file.visititems(look)
            check_datasets(found, path)
        described = [_described(one) for one in found]
    if plugin:
        # it opens the file itself, which must be closed before
        return [replace(one, notes=(*one.notes, *notes)) for one in rosetta.read(path, plugin)]
    if not described:
        raise UnreadableFileError("holds no array of two or more axes")
    title = stem(path)
    images = [_micrograph(path, one, title if len(found) == 1 else f"{title} {one.name}")
              for one in described]  # fmt: skip
    return [replace(one, notes=(*one.notes, *notes)) for one in images]


def _of_other_files(file: Any) -> tuple[str, ...]:
    """Say which other files the numbers are read from: anyone's may be named there."""
    found: dict[str, None] = {}

    def look(_: str, one: Any) -> None:
        if hasattr(one, "is_virtual"):
            found.update(dict.fromkeys(name for name, _, _ in one.external or ()))
            sources = one.virtual_sources() if one.is_virtual else ()
            found.update(dict.fromkeys(each.file_name for each in sources))

    file.visititems(look)
    names = [name for name in found if name != "."]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (f"numbers are read from {', '.join(names[:_NAMED])}{more}",) if names else ()


def _plugin(file: Any) -> str:
    """Plugin of RosettaSciIO for a file; empty where its arrays are read as they are."""
    if str(file.attrs.get("file_format", "")).lower().startswith("hyperspy"):
        return "hspy"
    if _is_velox(file):
        return "emd"
    # other programs write a version, too
    groups: list[Any] = []
    file.visititems(lambda _, one: groups.append(one) if "emd_group_type" in one.attrs else None)
    stated = "version_major" in file.attrs or any("version_major" in one.attrs for one in groups)
    return "emd" if groups and stated and not _keeps_its_order(file, groups) else ""


def _keeps_its_order(file: Any, groups: Sequence[Any]) -> bool:
    """Whether rows and columns of a Berkeley EMD are the last axes of its arrays.

    RosettaSciIO turns the axes over, as its own files and those of Prismatic need. Other programs
    write arrays in their own order, which only names can tell to be another one.
    """
    if "emd_group_type" in getattr(file.get("signals"), "attrs", ()) or "4DSTEM_simulation" in file:
        return False
    names = [
        {name_of(name) for name, *_ in _dimensions(group, group[key].ndim)}
        for group in groups
        for key in group
        if getattr(group[key], "ndim", 0) >= 2 and group[key].dtype.kind in REAL
    ]
    return any(not {"y", "x"} <= one for one in names)


def _is_velox(file: Any) -> bool:
    try:
        text = file["Version"][0]
    # no such dataset, or one of another kind
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return False
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return "Velox" in words or "DevelopersKit" in words


class _Sizes(NamedTuple):
    """Size of a pixel along each axis of an array, with its unit, as one field states it."""

    source: str
    values: tuple[tuple[Any, str], ...]


class _Described(NamedTuple):
    """An array of a file, with the names of its axes and the sizes of its pixels."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    nbytes: int
    axes: tuple[str, ...]
    sizes: tuple[_Sizes, ...]
    notes: tuple[str, ...]


def _described(one: Any) -> _Described:
    notes: list[str] = []
    if "emd_group_type" in one.parent.attrs:
        # a Berkeley EMD, whose axes have datasets of their own beside it
        found = _dimensions(one.parent, one.ndim)
        axes = tuple(name for name, *_ in found)
        sizes = [_Sizes("the file", tuple((step, unit) for _, step, unit in found))]
    else:
        axes = _axis_names(one)
        names = _usual_names(one.shape, axes)
        sizes = [*_of_elements(one, names, notes), *_of_tags(one, notes), *_of_odemis(one, names)]
    return _Described(
        one.name[1:], one.shape, one.dtype, one.nbytes, axes, tuple(sizes), tuple(notes)
    )


def _usual_names(shape: tuple[int, ...], axes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the axes; without any, z, y and x are those before the colours."""
    if len(axes) == len(shape) and {"y", "x"} <= {name_of(name) for name in axes}:
        return tuple(name_of(name) for name in axes)
    order = order_of(shape)
    lengths = order.axes[:-1] if order.is_colour else order.axes
    found = dict(zip(lengths[::-1], "xyz", strict=False))
    return tuple(found.get(place, "") for place in range(len(shape)))


def _of_elements(one: Any, names: tuple[str, ...], notes: list[str]) -> Iterator[_Sizes]:
    """Sizes in micrometres as Fiji writes them: z, y and x; or one for each axis of the array."""
    given = np.atleast_1d(one.attrs.get("element_size_um", ())).tolist()
    if not given:
        return
    ways = {1: "zyx", 2: "yx", 3: "zyx"}
    usual = "".join(name for name in names if name in "zyx" and name)
    if len(given) == len(names) and (len(given) != 3 or sorted(names) == ["x", "y", "z"]):
        by_axis = dict(zip(names, given, strict=True))
    elif len(given) in ways:
        by_axis = dict(zip(ways[len(given)], given * 3, strict=False))
        if len(given) == len(names) or (len(given) == 2 and len(usual) > 2):
            notes.append(
                f"element_size_um has {len(given)} numbers, taken for those of "
                f"{', '.join(ways[len(given)])}, not of the axes {', '.join(names)}: check them"
            )
    else:
        notes.append(
            f"element_size_um has {len(given)} numbers for {len(names)} axes: no pixel size"
        )
        return
    values = ((number(by_axis.get(name)) if name in ("z", "y", "x") else None) for name in names)
    yield _Sizes(
        "element_size_um", tuple((None if one is None else one * 1e-6, "m") for one in values)
    )


def _of_tags(one: Any, notes: list[str]) -> Iterator[_Sizes]:
    """Resolutions of the axis tags of ilastik, which keeps their units in ``axis_units``."""
    tags, units = _json(one, "axistags"), _json(one, "axis_units")
    axes = [tag for tag in tags.get("axes", ()) if isinstance(tag, dict)]
    # 0: not known
    stated = {str(tag.get("key")): number(tag.get("resolution")) or None for tag in axes}
    values = tuple((stated[key], str(units.get(key) or "")) for key in stated)
    if len(values) != one.ndim or stated.get("y") is None or stated.get("x") is None:
        return
    if not (units.get("y") and units.get("x")):
        size = f"{stated['x']:g} x {stated['y']:g}"
        notes.append(f"the axis tags state pixels of {size} {NO_UNIT}")
        return
    yield _Sizes("the axis tags", values)


def _of_odemis(one: Any, names: tuple[str, ...]) -> Iterator[_Sizes]:
    """Odemis (Delmic, SPARC) keeps the size of a pixel beside the array."""
    sizes = [_scalar(one.parent, f"DimensionScale{name.upper()}") if name else None
             for name in names]  # fmt: skip
    if any(size is not None for size in sizes):
        yield _Sizes("the file", tuple((size, "m") for size in sizes))


def _dimensions(group: Any, count: int) -> list[tuple[str, Any, str]]:
    """Name, step and unit of each axis of an array of a Berkeley EMD."""
    first = 0 if "dim0" in group else 1
    found = []
    for place in range(count):
        dimension = group.get(f"dim{first + place}")
        attributes = {} if dimension is None else dimension.attrs
        name, unit = (_text(attributes.get(key)) for key in ("name", "units"))
        places = [] if dimension is None or dimension.ndim != 1 else dimension[:2].tolist()
        step = places[1] - places[0] if len(places) == 2 and dimension.dtype.kind in "iuf" else None
        found.append((name, step, unit.replace("_", "").strip("[]")))
    return found


def _text(value: Any) -> str:
    value = np.asarray("" if value is None else value).reshape(-1)[:1].tolist()
    text = value[0] if value else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _scalar(group: Any, name: str) -> Any:
    found = group.get(name)
    return number(found[()]) if found is not None and found.shape in ((), (1,)) else None


def _json(one: Any, name: str) -> dict[str, Any]:
    import json

    try:
        found = json.loads(one.attrs.get(name, "null"))
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _axis_names(one: Any) -> tuple[str, ...]:
    """Names of the axes of an array: of the tags of ilastik, or of HDF5's dimension scales."""
    try:
        keys = tuple(str(tag["key"]) for tag in _json(one, "axistags").get("axes", ()))
    except (TypeError, KeyError):
        keys = ()
    # not h5py's dims[...].label: it crashes on texts of another kind or number
    text = one.attrs.get("DIMENSION_LABELS")
    if isinstance(text, str | bytes):
        # one letter for each axis
        text = list(_text(text))
    labels = tuple(map(_text, text)) if isinstance(text, np.ndarray | list) else ()
    return keys or (labels if len(labels) == one.ndim else ())


def _micrograph(path: Path, one: _Described, title: str) -> Micrograph:
    read_part = functools.partial(_hdf5_part, path, one.name)
    source = _Dataset(read_part, one.shape, one.dtype)
    data = from_file(source, path, one.name, chunks_of(one.shape, one.dtype))
    if not is_large(one.nbytes):
        data = np.asarray(data)
    order = order_of(one.shape, one.axes)
    lengths = order.axes[:-1] if order.is_colour else order.axes
    claims = []
    for source_of, values in one.sizes:
        sizes, units = zip(*(values[place] for place in lengths[-2:]), strict=True)
        if None not in sizes:
            claims.append(combined_claim(source_of, sizes, units))
    spacing, unit, stated, notes = resolve_pixel_size(claims)
    axes, of_axes = _leading(one, order, lengths[:-2])
    notes = (*notes, *one.notes, *of_axes, *((order.note,) if order.note else ()))
    return Micrograph(
        order.apply(data), spacing, unit, title, path, axes=axes, notes=notes,
        pixel_size_from=stated,
    )  # fmt: skip


def _leading(
    one: _Described, order: Order, places: tuple[int, ...]
) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    """Axes before the rows; none where neither their names nor their steps are known."""
    steps = [
        next((values[place] for _, values in one.sizes if values[place][0] is not None), (None, ""))
        for place in places
    ]
    names = order.leading
    if not names and any(step is not None for step, _ in steps):
        usual = _usual_names(one.shape, ())
        named = len(one.axes) == len(one.shape)
        names = tuple((named and one.axes[place]) or usual[place] or "axis" for place in places)
    found = [axis(name, *step) for name, step in zip(names, steps, strict=False)]
    return tuple(one for one, _ in found), tuple(note for _, notes in found for note in notes)


class _Dataset:
    """A dataset whose file is opened whenever it is indexed."""

    def __init__(self, read: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self._read, self.shape, self.dtype, self.ndim = read, shape, np.dtype(dtype), len(shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._read(key)


def _hdf5_part(path: Path, name: str, key: Any) -> np.ndarray:
    import h5py

    from . import probe

    with h5py.File(path, "r", locking=False) as file:
        one = file[name]
        if wrong := probe.bomb(one, probe.places(one, key)):
            raise UnreadableFileError(wrong)
        return np.asarray(one[key])
