"""HDF5 of any kind: EMD of Velox and Berkeley, HyperSpy, Odemis, ilastik, arrays."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.files import stem
from ...core.micrograph import Micrograph
from ..axes import name_of, order_of
from .lazy import UnreadableFileError, check_datasets, chunks_of, from_file, is_large
from .npy import REAL
from .pixel_size import axis, combined_claim, number, resolve_pixel_size

SUFFIXES = (".h5", ".hdf5", ".emd")


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

        def look(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset) and one.ndim >= 2 and one.dtype.kind in REAL:
                found.append(one)

        if not plugin:
            file.visititems(look)
            check_datasets(found, path)
        described = [_described(one) for one in found]
    if plugin:
        # it opens the file itself, which must be closed before
        return rosetta.read(path, plugin)
    if not described:
        raise UnreadableFileError("holds no array of two or more axes")
    title = stem(path)
    return [_micrograph(path, one, title if len(found) == 1 else f"{title} {one.name}")
            for one in described]  # fmt: skip


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
    return "emd" if groups and stated else ""


def _is_velox(file: Any) -> bool:
    try:
        text = file["Version"][0]
    # no such dataset, or one of another kind
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return False
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return "Velox" in words or "DevelopersKit" in words


class _Described(NamedTuple):
    """An array of a file, with the names of its axes, sizes (y, x) of a pixel and step of z."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    nbytes: int
    axes: tuple[str, ...]
    size: tuple[Any, ...]
    step: Any
    units: tuple[str, ...] = ("m", "m", "m")


def _described(one: Any) -> _Described:
    if "emd_group_type" in one.parent.attrs:
        return _of_emd(one)
    axes = _axis_names(one)
    # Odemis (Delmic, SPARC) keeps the size of a pixel beside the array
    size = tuple(_scalar(one.parent, f"DimensionScale{name}") for name in "YX")
    # ilastik and others keep that of all axes, z before y before x, in micrometres
    ready = np.atleast_1d(one.attrs.get("element_size_um", ()))
    if len(ready) == 3:
        return _Described(
            one.name[1:], one.shape, one.dtype, one.nbytes, axes,
            tuple(float(value) * 1e-6 for value in ready[1:]), float(ready[0]) * 1e-6,
        )  # fmt: skip
    return _Described(one.name[1:], one.shape, one.dtype, one.nbytes, axes, size,
                      _scalar(one.parent, "DimensionScaleZ"))  # fmt: skip


def _of_emd(one: Any) -> _Described:
    """Array of a Berkeley EMD, whose axes have datasets of their own beside it."""
    first = 0 if "dim0" in one.parent else 1
    found: dict[str, tuple[Any, str]] = {}
    names = []
    for place in range(one.ndim):
        dimension = one.parent.get(f"dim{first + place}")
        attributes = {} if dimension is None else dimension.attrs
        name, unit = (_text(attributes.get(key)) for key in ("name", "units"))
        places = [] if dimension is None or dimension.ndim != 1 else dimension[:2].tolist()
        step = places[1] - places[0] if len(places) == 2 and dimension.dtype.kind in "iuf" else None
        names.append(name)
        found[name_of(name)] = (step, unit.replace("_", "").strip("[]"))
    y, x, z = (found.get(name, (None, "")) for name in "yxz")
    return _Described(
        one.name[1:], one.shape, one.dtype, one.nbytes, tuple(names), (y[0], x[0]), z[0],
        (y[1], x[1], z[1]),
    )  # fmt: skip


def _text(value: Any) -> str:
    value = np.asarray("" if value is None else value).reshape(-1)[:1].tolist()
    text = value[0] if value else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _scalar(group: Any, name: str) -> Any:
    found = group.get(name)
    return number(found[()]) if found is not None and found.shape in ((), (1,)) else None


def _axis_names(one: Any) -> tuple[str, ...]:
    """Names of the axes of an array: of the tags of ilastik, or of HDF5's dimension scales."""
    import json

    try:
        tags = json.loads(one.attrs.get("axistags", "null"))
        keys = tuple(str(tag["key"]) for tag in (tags or {}).get("axes", ()))
    except (TypeError, ValueError, KeyError, AttributeError):
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
    names = tuple(name_of(name) for name in one.axes)
    order = order_of(one.shape, names)
    claims, steps = [], {}
    if None not in one.size:
        claims = [combined_claim("the file", one.size, one.units[:2])]
        steps = {"z": (one.step, one.units[2])}
    spacing, unit, notes = resolve_pixel_size(claims)
    found = [axis(name, *steps.get(name, (None, ""))) for name in order.leading]
    notes = (*notes, *(note for _, more in found for note in more))
    notes = (*notes, order.note) if order.note else notes
    return Micrograph(
        order.apply(data), spacing, unit, title, path, axes=tuple(one for one, _ in found),
        notes=notes,
    )  # fmt: skip


class _Dataset:
    """A dataset whose file is opened whenever it is indexed."""

    def __init__(self, read: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self._read, self.shape, self.dtype, self.ndim = read, shape, np.dtype(dtype), len(shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._read(key)


def _hdf5_part(path: Path, name: str, key: Any) -> np.ndarray:
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        return np.asarray(file[name][key])
