"""NumPy, Zarr and OME-Zarr, plain HDF5, folders of slices."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files import stem
from ..header import KEY, restored
from ..micrograph import Axis, Micrograph
from .calibration import axis, number, plain, settle, together
from .lazy import (
    DEFLATE,
    Mapped,
    Planes,
    Refused,
    check_claim,
    check_datasets,
    chunks_of,
    from_file,
    is_large,
    whole_tiles,
)

_REAL = "biufc"


def read_npy(path: Path) -> list[Micrograph]:
    """Read a NumPy array; nothing in it is unpickled."""
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    _check_real(len(shape), dtype)
    check_claim(_nbytes(shape, dtype), path)
    data = np.load(path, mmap_mode="r", allow_pickle=False)
    if not is_large(data.nbytes):
        data = np.array(data)
    else:
        data = from_file(Mapped(data), path, "", chunks_of(data.shape, data.dtype, square=True))
    return [Micrograph(data, name=stem(path), path=path)]


def read_npz(path: Path) -> list[Micrograph]:
    """Read the arrays of a NumPy archive that have two or more axes."""
    with zipfile.ZipFile(path) as archive:
        check_claim(sum(one.file_size for one in archive.infolist()), path, ratio=DEFLATE)
        readable = {one.filename for one in archive.infolist() if _is_readable(archive, one)}
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if {name, f"{name}.npy"} & readable]
        found = [(name, arrays[name]) for name in names]
    found = [(name, data) for name, data in found if data.ndim >= 2]
    if not found:
        raise Refused("holds no array of two or more axes")
    return [
        Micrograph(data, name=stem(path) if len(found) == 1 else f"{stem(path)} {name}", path=path)
        for name, data in found
    ]


def _is_readable(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Tell arrays of numbers, and insist that they are as large as their header says."""
    if not member.filename.endswith(".npy"):
        return False
    with archive.open(member) as file:
        shape, dtype = _npy_header(file)
    if dtype.kind in _REAL and _nbytes(shape, dtype) > member.file_size:
        raise Refused(f"is damaged: {member.filename} is shorter than its header says")
    return dtype.kind in _REAL


def _npy_header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
    # what numpy says of it is for programmers; it parses the header as Python
    except Exception as error:
        raise Refused(
            "is damaged, or no NumPy array: its header cannot be read; get an intact copy of it"
        ) from error
    return shape, dtype


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def _check_real(ndim: int, dtype: np.dtype) -> None:
    if dtype.hasobject:
        raise Refused(
            "holds Python objects, which are not opened; save its numbers with "
            "numpy.save(..., allow_pickle=False)"
        )
    if ndim < 2:
        raise Refused(f"holds an array of {ndim} axis, no image")
    if dtype.kind not in _REAL:
        raise Refused(f"holds an array of {dtype}, no image")


# Zarr ---------------------------------------------------------------------------------------------


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr store."""
    return any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def read_zarr(path: Path) -> list[Micrograph]:
    """Read a Zarr array, an OME-Zarr image with its levels, or all images of a group; lazily."""
    import zarr

    root = zarr.open(str(path), mode="r")
    if isinstance(root, zarr.Array):
        _check_real(root.ndim, root.dtype)
        return [_zarr_image(path, [root], stem(path), {})]
    found = list(_groups(path, root, stem(path)))
    if not found:
        raise Refused("is a Zarr group without an array of two or more axes")
    return found


def has_scale(path: Path) -> bool:
    """Tell whether a Zarr store says more than its numbers."""
    import zarr

    root = zarr.open(str(path), mode="r")
    return isinstance(root, zarr.Group) and (_multiscales(root) or len(list(root.groups())) > 0)


def _multiscales(group: Any) -> Any:
    attributes = dict(group.attrs)
    described = attributes.get("ome", attributes)
    scales = described.get("multiscales") if isinstance(described, Mapping) else None
    return scales if isinstance(scales, list) and scales else None


def _groups(path: Path, group: Any, name: str, depth: int = 0) -> Any:
    import zarr

    scales = _multiscales(group)
    if scales:
        for number_, one in enumerate(scales):
            arrays = [group[str(level["path"])] for level in one["datasets"]]
            title = name if len(scales) == 1 else f"{name} {number_ + 1}"
            image = _zarr_image(path, arrays, title, one)
            yield restored(image, dict(group.attrs).get(KEY))
    elif depth < 4:
        members = sorted([*group.groups(), *group.arrays()], key=lambda pair: natural(pair[0]))
        images = [
            (key, one) for key, one in members
            if isinstance(one, zarr.Group) or (one.ndim >= 2 and one.dtype.kind in _REAL)
        ]  # fmt: skip
        for key, one in images:
            title = name if len(images) == 1 else f"{name} {key}"
            if isinstance(one, zarr.Group):
                yield from _groups(path, one, title, depth + 1)
            else:
                yield _zarr_image(path, [one], title, {})


def _zarr_image(
    path: Path, arrays: Sequence[Any], name: str, described: Mapping[str, Any]
) -> Micrograph:
    levels = [from_file(one, path, f"{one.path} {one.name}", _zarr_chunks(one)) for one in arrays]
    data = levels[0]
    names, units = _zarr_axes(described, arrays[0])
    scale, shift = _zarr_place(described, data.ndim)
    stated = []
    if len(names) == data.ndim and names[-2:] == ["y", "x"] and scale:
        stated = [together("OME-Zarr", scale[-2:], units[-2:])]
    spacing, unit, notes = settle(stated)
    found = [
        axis(one, step, unit_)
        for one, step, unit_ in zip(names[:-2], scale or [1.0] * data.ndim, units, strict=False)
    ]
    leading = tuple(one for one, _ in found)
    notes = (*notes, *(note for _, more in found for note in more))
    if not described and not is_large(data.nbytes):
        data = np.asarray(data)
    metadata = {
        "facts": {},
        "original": plain({"multiscales": dict(described)} if described else {}),
    }
    if stated and any(shift) and all(scale):
        # as the size of a pixel: in one unit, or in pixels
        sizes = (*(one.step for one in leading), *(spacing or (1.0, 1.0)))
        place = [p / step * size for p, step, size in zip(shift, scale, sizes, strict=True)]
        metadata["origin"] = place if any(place[:-2]) else place[-2:]
    return Micrograph(
        data, spacing, unit, name, path, metadata,
        leading if len(names) == data.ndim else (), None, tuple(levels[1:]), notes,
    )  # fmt: skip


def _zarr_chunks(array: Any) -> tuple[int, ...]:
    """Its own chunks, joined in rows and columns where they are small: each is a task of dask."""
    joined = map(whole_tiles, array.shape[-2:], array.chunks[-2:])
    return (*array.chunks[:-2], *joined)


def _zarr_axes(described: Mapping[str, Any], array: Any) -> tuple[list[str], list[str]]:
    axes = described.get("axes")
    if not isinstance(axes, list):
        named = getattr(getattr(array, "metadata", None), "dimension_names", None) or ()
        return [_axis_name(one) for one in named], [""] * len(named)
    # the names of version 0.3 are texts, not dictionaries
    parts = [one if isinstance(one, Mapping) else {"name": one} for one in axes]
    names = [_axis_name(one.get("name")) for one in parts]
    return names, [str(one.get("unit") or "") for one in parts]


def _axis_name(name: Any) -> str:
    return str(name).lower() if len(str(name)) == 1 else str(name)


def _zarr_place(described: Mapping[str, Any], ndim: int) -> tuple[list[float], list[float]]:
    """Steps of the axes, and where the first pixel is centred: of the finest level in the whole."""
    scale, shift = np.ones(ndim), np.zeros(ndim)
    datasets = described.get("datasets") or [{}]
    for one in (datasets[0], described):
        for step in one.get("coordinateTransformations") or []:
            kind = step.get("type")
            values = step.get(kind) if kind in ("scale", "translation") else None
            if not isinstance(values, Sequence) or len(values) != ndim:
                continue
            numbers = np.array([number(value) or 0.0 for value in values])
            if kind == "scale":
                scale, shift = scale * numbers, shift * numbers
            else:
                shift = shift + numbers
    return [float(one) for one in scale] if described else [], [float(one) for one in shift]


# HDF5 ---------------------------------------------------------------------------------------------


def read_hdf5(path: Path) -> list[Micrograph]:
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
        raise Refused(wrong)
    found: list[Any] = []
    with h5py.File(path, "r", locking=False) as file:
        if str(file.attrs.get("file_format", "")).lower().startswith("hyperspy"):
            return rosetta.read(path, "hspy")
        if "version_major" in file.attrs:
            return rosetta.read(path, "emd")

        def look(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset) and one.ndim >= 2 and one.dtype.kind in _REAL:
                found.append(one)

        file.visititems(look)
        check_datasets(found, path)
        said = [(one.name[1:], one.shape, one.dtype, one.nbytes) for one in found]
    if not said:
        raise Refused("holds no array of two or more axes")
    images = []
    for name, shape, dtype, nbytes in said:
        read_part = functools.partial(_hdf5_part, path, name)
        source = _Dataset(read_part, shape, dtype)
        data = from_file(source, path, name, chunks_of(shape, dtype))
        if not is_large(nbytes):
            data = np.asarray(data)
        title = stem(path) if len(said) == 1 else f"{stem(path)} {name}"
        images.append(Micrograph(data, name=title, path=path))
    return images


class _Dataset:
    """A dataset whose file is opened for every look at it."""

    def __init__(self, read: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self._read, self.shape, self.dtype, self.ndim = read, shape, np.dtype(dtype), len(shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._read(key)


def _hdf5_part(path: Path, name: str, key: Any) -> np.ndarray:
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        return np.asarray(file[name][key])


# folders ------------------------------------------------------------------------------------------


def natural(name: str) -> list[Any]:
    """Sort ``slice2`` before ``slice10``."""
    import re

    return [(0, int(one), "") if one.isdigit() else (1, 0, one.lower())
            for one in re.split(r"(\d+)", name) if one]  # fmt: skip


def read_slices(paths: Sequence[Path], name: str, path: Path, read: Any) -> Micrograph:
    """Make one stack of images of one size; each is read when it is looked at.

    Parameters
    ----------
    paths : sequence of Path
        One image each; they are put in the order of the numbers in their names.
    name : str
        Of the stack.
    path : Path
        Of the folder.
    read : callable
        Opens one of them.
    """
    paths = sorted(paths, key=lambda one: natural(one.name))
    first = read(paths[0])
    data = first.data
    # what has three axes is a stack or has colours; a slice of either is read as a whole
    source = Planes(
        functools.partial(_slice, list(paths), read, data.shape, data.dtype),
        (len(paths), *data.shape), data.dtype, data.ndim,
    )  # fmt: skip
    chunks = (1, *data.shape)
    notes = first.notes
    for other in {paths[len(paths) // 2], paths[-1]} - {paths[0]}:
        one = read(other)
        unlike = _unlike(one.data, data.shape, data.dtype)
        if unlike:
            raise Refused(f"is no stack: {other.name} {unlike}; open its images one by one")
        if (one.spacing, one.unit) != (first.spacing, first.unit):
            notes = (
                *notes,
                f"{other.name} has another pixel size than the first slice, which was taken: "
                "check it",
            )
    if len(paths) > 1:
        notes = (*notes, f"{len(paths)} files are its slices, in the order of their numbers")
    return Micrograph(
        from_file(source, path, " ".join(one.name for one in paths), chunks),
        first.spacing, first.unit, name, path, first.metadata,
        (Axis("z"), *first.axes), first.info_bar, (), notes,
    )  # fmt: skip


def _slice(
    paths: Sequence[Path], read: Any, shape: tuple[int, ...], dtype: Any, index: int,
    part: tuple[slice, ...],
) -> np.ndarray:  # fmt: skip
    data = read(paths[index]).data
    unlike = _unlike(data, shape, dtype)
    if unlike:
        raise ValueError(f"{paths[index]} {unlike}")
    return np.asarray(data[part])


def _unlike(data: Any, shape: tuple[int, ...], dtype: Any) -> str:
    """Say in what an image differs from the first slice, if it does."""
    if data.shape == shape and data.dtype == dtype:
        return ""
    return f"is {data.shape} of {data.dtype}, the first slice is {shape} of {dtype}"
