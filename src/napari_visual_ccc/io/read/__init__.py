"""Read micrographs as they come: pixels as stored, pixel size, facts, label bar."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...core.micrograph import Micrograph
from .hdf5 import read_hdf5
from .lazy import Refused
from .npy import read_npy, read_npz
from .zarr import is_zarr, read_zarr

TIFF = (".tif", ".tiff")

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

_NUMPY = (".npy", ".npz")

_HDF5 = (".h5", ".hdf5")

_ROSETTA = (
    ".dm3", ".dm4", ".ser", ".emi", ".emd", ".mrc", ".mrcs", ".rec", ".st", ".ali", ".hspy",
)  # fmt: skip

# folders that are one image
FOLDERS = (".zarr", ".zspy")

SUFFIXES = (*TIFF, *PICTURES, *_NUMPY, *_HDF5, *_ROSETTA, *FOLDERS)


def is_image(path: Path) -> bool:
    """Tell by its name whether a file is an image.

    The .emi of a .ser holds no pixels of its own: it does not count as one more image.
    """
    return path.suffix.lower() in SUFFIXES and path.suffix.lower() != ".emi"


def read(path: str | Path) -> Micrograph:
    """Open an image file.

    Parameters
    ----------
    path : str or Path
        A micrograph of any kind, see `read_all`; or a folder of slices.

    Returns
    -------
    Micrograph
        Pixels as stored; pixel size where the file states one; in
        ``metadata["visual_ccc"]`` how it was made, when it is one of our results. Of several
        images in a file the first that has a pixel size, and a note that there are more.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If a package is missing that this kind of file needs; it names the extra.
    ValueError
        If it is not an image, damaged or cut off. The message names the file.
    """
    images = read_all(path)
    if len(images) == 1:
        return images[0]
    chosen = next((k for k, one in enumerate(images) if one.spacing is not None), 0)
    note = f"the file holds {len(images)} images; this is number {chosen + 1}"
    return dataclasses.replace(images[chosen], notes=(*images[chosen].notes, note))


def read_all(path: str | Path) -> list[Micrograph]:
    """Open all images of a file.

    Parameters
    ----------
    path : str or Path
        TIFF (also of FEI, Zeiss, JEOL, Hitachi, TESCAN, Olympus, TVIPS, ImageJ, and OME), PNG,
        JPEG or BMP (with the text that a microscope wrote beside it), DM3/DM4, SER/EMI, EMD,
        MRC/REC/ST, HyperSpy, HDF5, NumPy, Zarr, OME-Zarr, or a folder of slices.

    Returns
    -------
    list of Micrograph
        At least one. Data above 64 MiB are lazy dask arrays; the file is closed.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        found = _read(path)
    except (PermissionError, ImportError):
        raise
    except MemoryError:
        raise ValueError(
            f"{path}: is damaged, or too large for the memory of this machine"
        ) from None
    except Refused as error:
        raise ValueError(f"{path}: {error}") from None
    # decoders raise whatever they meet in a damaged file
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: cannot be read as an image ({reason[:300]})") from error
    if not found or any(one.data.size == 0 for one in found):
        raise ValueError(f"{path}: holds no pixels")
    return found


def _read(path: Path) -> list[Micrograph]:
    suffix = path.suffix.lower()
    if path.is_dir():
        return _folder(path, suffix)
    if suffix not in SUFFIXES:
        known = ", ".join(one[1:].upper() for one in SUFFIXES if one not in (".tiff", ".jpeg"))
        raise Refused(f"not a kind of image that can be read ({known})")
    if path.stat().st_size == 0:
        raise Refused("is empty: it has no bytes; get an intact copy of it")
    if suffix in TIFF:
        from . import tiff

        return tiff.read(path)
    if suffix in PICTURES:
        from . import pictures

        return [pictures.read(path)]
    if suffix in _ROSETTA or suffix == ".zspy":
        from . import rosetta

        return rosetta.read(path)
    if suffix in _HDF5:
        return read_hdf5(path)
    if suffix == ".zarr":
        return read_zarr(path)
    return read_npy(path) if suffix == ".npy" else read_npz(path)


def _folder(path: Path, suffix: str) -> list[Micrograph]:
    from . import slices as arrays

    if suffix == ".zspy":
        from . import rosetta

        return rosetta.read(path)
    if is_zarr(path):
        return read_zarr(path)
    slices = slices_of(path)
    if not slices:
        raise Refused("is a folder without images in it; name an image, or a folder of slices")
    return [arrays.read_slices(slices, path.name, path, read)]


def slices_of(folder: Path) -> list[Path]:
    """Images of a folder, in the order of the numbers in their names."""
    from .slices import natural

    found = [
        one for one in folder.iterdir()
        if one.suffix.lower() in (*TIFF, *PICTURES) and one.is_file() and one.name[0] != "."
    ]  # fmt: skip
    return sorted(found, key=lambda one: natural(one.name))


def stack(paths: list[Path], folder: Path) -> Micrograph:
    """Make one lazy stack of files of one slice each, in the order of the numbers in their names.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`; also if the slices are of different sizes.
    """
    from .slices import read_slices

    try:
        return read_slices(paths, folder.name, folder, read)
    except Refused as error:
        raise ValueError(f"{folder}: {error}") from None
