"""HDF5."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import stem
from ...core.micrograph import Micrograph
from .lazy import UnreadableFileError, check_datasets, chunks_of, from_file, is_large
from .npy import REAL

SUFFIXES = (".h5", ".hdf5")


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
        if str(file.attrs.get("file_format", "")).lower().startswith("hyperspy"):
            return rosetta.read(path, "hspy")
        if "version_major" in file.attrs:
            return rosetta.read(path, "emd")

        def look(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset) and one.ndim >= 2 and one.dtype.kind in REAL:
                found.append(one)

        file.visititems(look)
        check_datasets(found, path)
        described = [(one.name[1:], one.shape, one.dtype, one.nbytes) for one in found]
    if not described:
        raise UnreadableFileError("holds no array of two or more axes")
    images = []
    for name, shape, dtype, nbytes in described:
        read_part = functools.partial(_hdf5_part, path, name)
        source = _Dataset(read_part, shape, dtype)
        data = from_file(source, path, name, chunks_of(shape, dtype))
        if not is_large(nbytes):
            data = np.asarray(data)
        title = stem(path) if len(described) == 1 else f"{stem(path)} {name}"
        images.append(Micrograph(data, name=title, path=path))
    return images


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
