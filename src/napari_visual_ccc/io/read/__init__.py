"""Read micrographs: pixels as stored, pixel size, acquisition facts, info bar.

A file format is a module with ``SUFFIXES``, ``read(path)`` and ``is_plain(path)``, and its name in
`FORMATS`.
"""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Protocol, cast

from ...core.files import restore
from ...core.micrograph import Micrograph, has_colours, plane_shape
from ...core.plain import is_waited_for, path_given
from ..axes import in_order
from . import hdf5, mrc, npy, pictures, rosetta, slices, tiff, zarr
from .checks import UnreadableFileError
from .pictures import netpbm
from .pixel_size import PRINTED


class Format(Protocol):
    """Interface of a module that reads a file format."""

    SUFFIXES: tuple[str, ...]

    def read(self, path: Path) -> list[Micrograph]:
        """Read all images of a file."""

    def is_plain(self, path: Path) -> bool:
        """Whether the file holds nothing but the pixels of one image."""


FORMATS = tuple(cast(Format, one) for one in (tiff, pictures, netpbm, npy, hdf5, rosetta, zarr))

# formats by the ending of a file's name
READERS: dict[str, Format] = {suffix: one for one in FORMATS for suffix in one.SUFFIXES}

SUFFIXES = tuple(READERS)

# endings that say the same as another one
_SYNONYMS = (".tiff", ".jpeg", ".j2k", ".pnm")

# a preview has so many times fewer rows and columns
_SMALLER = 2

# so many images that were left out are named
_NAMED = 4

# folders that are one image
FOLDERS = (*zarr.FOLDERS, *rosetta.FOLDERS)


def is_image(path: Path) -> bool:
    """Whether a file is an image, by its name.

    The .emi of a .ser holds no pixels of its own: it does not count as one more image. A .map is
    one where it is MRC (CCP4).
    """
    suffix = path.suffix.lower()
    return suffix in SUFFIXES and suffix != ".emi" and mrc.is_map(path)


def is_lossy(path: Path | None) -> bool:
    """Whether the pixels of a file have been compressed with loss, as by JPEG."""
    return path is not None and (pictures.is_lossy(path) or tiff.is_lossy(path))


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
        ``metadata["visual_ccc"]`` the record of the operations, if this package wrote the file. Of
        several images in a file, the one that has a pixel size or facts of its acquisition, and
        of these the first grey one that is no preview; notes name it and those left out.

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
    chosen = _first_of(images)
    note = f"the file holds {len(images)} images; this is number {chosen + 1}"
    left = [(k, one) for k, one in enumerate(images) if k != chosen]
    named = "; ".join(f"number {k + 1}, {_in_words(one)}" for k, one in left[:_NAMED])
    named += f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    notes = (*images[chosen].notes, note, f"left out: {named}")
    return dataclasses.replace(images[chosen], notes=notes)


def _in_words(image: Micrograph) -> str:
    rows, columns = plane_shape(image.data)
    leading = image.data.shape[: -3 if has_colours(image) else -2]
    sizes = " x ".join(map(str, (*leading, rows, columns)))
    return f"{sizes}, {'in colour' if has_colours(image) else image.data.dtype}"


def read_all(path: str | Path) -> list[Micrograph]:
    """Open all images of a file.

    Parameters
    ----------
    path : str or Path
        TIFF (also of FEI, Zeiss, JEOL, Hitachi, TESCAN, Olympus, TVIPS, ImageJ, and OME), PNG,
        JPEG, JPEG 2000, WebP, GIF or BMP (with the text that a microscope wrote beside it), PBM,
        PGM, PPM, PFM, DM3/DM4, SER/EMI, EMD, MRC/REC/ST/MAP, HyperSpy, HDF5, NumPy, Zarr,
        OME-Zarr, or a folder of slices.

    Returns
    -------
    list of Micrograph
        At least one. Data above 64 MiB are lazy dask arrays; the file is closed.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`.
    """
    path = path_given(path, "path")
    if not path.exists():
        restore(path.parent)
    if not path.exists():
        lost = "; it is a link that leads nowhere" if os.path.islink(path) else ""
        raise FileNotFoundError(f"{path}: no such file{lost}")
    try:
        images = _read_folder(path) if path.is_dir() else _read_file(path)
    except (PermissionError, ImportError):
        raise
    except MemoryError:
        raise ValueError(
            f"{path}: is damaged, or too large for the memory of this machine"
        ) from None
    except UnreadableFileError as error:
        raise ValueError(f"{path}: {error}") from None
    # decoders raise any exception on a damaged file
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        # a lazy part has named the file
        if reason.startswith(f"{path}: "):
            raise ValueError(reason) from error
        if not isinstance(error, ValueError | OSError | RuntimeError):
            # of a key or a type, which no user knows
            reason = f"it is damaged or no {path.suffix.lower() or 'image'}: {reason}"
        # decoders name the file, too
        reason = reason.replace(f" {str(path)!r}", "")[:300]
        raise ValueError(
            f"{path}: cannot be read as an image ({reason}); get an intact copy of it, or give it "
            "the ending of its kind"
        ) from error
    if not images or any(one.data.size == 0 for one in images):
        raise ValueError(f"{path}: holds no pixels")
    return [in_order(one) for one in images]


def _first_of(images: list[Micrograph]) -> int:
    """Number of the micrograph among the images of a file.

    Smaller copies of another image do not count, nor what has no pixel size or facts beside what
    has them. Of the rest it is the first grey one that is not far smaller than the largest.
    """
    left = [k for k, one in enumerate(images) if not any(_is_preview(one, of) for of in images)]
    for known in (lambda one: one.spacing is not None, _has_facts):
        left = [k for k in left if known(images[k])] or left
    pixels = {k: _pixels_of(images[k]) for k in left}
    left = [k for k in left if pixels[k] * _SMALLER**2 > max(pixels.values())]
    return next((k for k in left if not has_colours(images[k])), left[0])


def _has_facts(image: Micrograph) -> bool:
    """Whether a file states facts of the acquisition, not only how large it is to be printed."""
    return bool(set(image.metadata.get("facts") or ()) - {PRINTED})


def _pixels_of(image: Micrograph) -> int:
    colours = image.data.shape[-1] if has_colours(image) else 1
    return math.prod(image.data.shape) // colours


def _is_preview(image: Micrograph, of: Micrograph) -> bool:
    """Whether an image has the shape of another one, but far fewer rows and columns."""
    (height, width), (rows, columns) = plane_shape(image.data), plane_shape(of.data)
    if image.data.ndim - has_colours(image) != of.data.ndim - has_colours(of):
        return False
    # as large to a pixel of the preview
    same = abs(rows * width - columns * height) < max(rows, columns)
    return same and rows >= _SMALLER * height and columns >= _SMALLER * width


def declared(path: Path) -> int:
    """Numbers of the largest image of a file by its header, without its pixels.

    It is the bytes of formats that compress little, and 0 where it cannot be read.
    """
    try:
        if path.is_dir() and _folder_format(path) is None:
            slices_ = _pictures_in(path)
            return len(slices_) * max(map(declared, slices_[:1]), default=0)
        # a pipe is waited for without end
        if not path.exists() or is_waited_for(path):
            return 0
        reader = zarr if path.is_dir() else READERS.get(path.suffix.lower())
        count = getattr(reader, "declared", None)
        return int(count(path)) if count else path.stat().st_size
    # headers of damaged files raise any exception
    except Exception:  # noqa: BLE001
        return 0


def is_plain(path: Path) -> bool:
    """Whether a file or folder holds pixels and nothing else: no pixel size, no facts.

    It may raise any exception on a damaged file.
    """
    if path.is_dir():
        folder = _folder_format(path)
        if folder is None and path.suffix.lower() not in FOLDERS:
            files = _pictures_in(path)
            # several are put in order here, and what is left out is said; napari's own reader
            # takes all that lies beside a picture for one more
            alone = len(files) == 1 == sum(one.name[0] != "." for one in path.iterdir())
            # napari would open a folder of such a name as a file
            is_folder = path.suffix.lower() not in (".csv", ".npy")
            return is_folder and (not files or (alone and is_plain(files[0])))
        return folder is not None and folder.is_plain(path)
    reader = READERS.get(path.suffix.lower())
    # a pipe is waited for without end
    return reader is not None and path.is_file() and reader.is_plain(path)


def slices_of(folder: Path) -> list[Path]:
    """Images of a folder that are its slices, in the order of the numbers in their names."""
    return slices.chosen(_pictures_in(folder)).paths


def _pictures_in(folder: Path) -> list[Path]:
    return [
        one for one in folder.iterdir()
        if one.suffix.lower() in (*tiff.SUFFIXES, *pictures.SUFFIXES, *netpbm.SUFFIXES)
        and one.is_file() and one.name[0] != "."
    ]  # fmt: skip


def stack(paths: list[Path], folder: Path) -> Micrograph:
    """Make one lazy stack of files of one slice each, in the order of the numbers in their names.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `read`; also if the slices are of different sizes.
    """
    try:
        of_set = _image_of_set(paths)
        if of_set:
            return in_order(of_set[0])
        return slices.read_slices(paths, folder.name, folder, read)
    except UnreadableFileError as error:
        raise ValueError(f"{folder}: {error}") from None


def _read_file(path: Path) -> list[Micrograph]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(one[1:].upper() for one in SUFFIXES if one not in _SYNONYMS)
        raise UnreadableFileError(f"not a kind of image that can be read ({known})")
    if is_waited_for(path):
        raise UnreadableFileError("is no file, but a pipe, a socket or a device")
    if path.stat().st_size == 0:
        raise UnreadableFileError("is empty: it has no bytes; get an intact copy of it")
    return reader.read(path)


def _read_folder(path: Path) -> list[Micrograph]:
    folder = _folder_format(path)
    if folder is not None:
        return folder.read(path)
    files = _pictures_in(path)
    if not files:
        raise UnreadableFileError(
            "is a folder without images in it; name an image, or a folder of slices"
        )
    return _image_of_set(files) or [slices.read_slices(files, path.name, path, read)]


def _image_of_set(files: list[Path]) -> list[Micrograph]:
    """Image that was saved in several files, which each name all of them; empty if they do not."""
    first = min(files)
    of_set = tiff.set_of(first)
    there = [one.name for one in files if one.name in of_set]
    if len(there) < 2:
        return []
    if len(there) < len(files):
        raise UnreadableFileError(
            f"holds {len(there)} files of one OME image and other files: open the image by one of "
            f"them, {first.name}"
        )
    return _read_file(first)


def _folder_format(path: Path) -> Format | None:
    """Format of a folder that is one image; None if it can only hold slices."""
    if path.suffix.lower() in rosetta.FOLDERS:
        return cast(Format, rosetta)
    return cast(Format, zarr) if zarr.is_zarr(path) else None
