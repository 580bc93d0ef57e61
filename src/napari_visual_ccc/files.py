"""Read micrographs, and write results: to a temporary name first, never over what is there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .micrograph import Micrograph
from .results import ImageResult, LabelsResult

TIFF = (".tif", ".tiff")
OTHER = (".png", ".jpg", ".jpeg", ".bmp")
# above this a contiguous TIFF is mapped instead of read
_MAPPED_BYTES = 1 << 30
_OME_UNITS = {"px": "pixel", "A": "Å", "um": "µm", "μm": "µm"}
_METRES = {"pm": 1e-12, "Å": 1e-10, "nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}
_PLAIN_UNITS = {"micron": "µm", "um": "µm", "\\u00B5m": "µm", "μm": "µm", "pixel": "px", "": "px"}


def read(path: str | Path) -> Micrograph:
    """Open an image file.

    Parameters
    ----------
    path : str or Path
        TIFF (also OME and ImageJ, with stacks and pixel size), PNG, JPEG or BMP.

    Returns
    -------
    Micrograph
        Pixels as stored; pixel size where the file states one; in
        ``metadata["visual_ccc"]`` how it was made, when it is one of our results.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, damaged or cut off. The message names the file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; name the images in it")
    suffix = path.suffix.lower()
    if suffix not in (*TIFF, *OTHER):
        known = ", ".join(s[1:].upper() for s in (*TIFF, *OTHER) if s not in (".tiff", ".jpeg"))
        raise ValueError(f"{path}: not a kind of image that can be read ({known})")
    try:
        found = _read_tiff(path) if suffix in TIFF else _read_other(path)
    except MemoryError:
        raise MemoryError(f"{path}: too large for the memory of this machine") from None
    except _Damaged as error:
        raise ValueError(f"{path}: {error}; get an intact copy of it") from None
    # decoders raise whatever they meet in a damaged file
    except Exception as error:
        if isinstance(error, PermissionError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: cannot be read as an image ({reason})") from error
    if found.data.size == 0:
        raise ValueError(f"{path}: holds no pixels")
    return found


class _Damaged(Exception):
    """The file is cut off."""


def stem(path: Path) -> str:
    """Give the name of an image file without what says its kind."""
    return re.sub(r"\.(ome\.)?tiff?$", "", path.name, flags=re.I) if path.suffix.lower() in TIFF \
        else path.stem  # fmt: skip


def _read_other(path: Path) -> Micrograph:
    from PIL import Image

    # micrographs are large, and a person's own
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as opened:
        opened.verify()
    if _is_deep_colour(path):
        import cv2

        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if data is None:
            raise _Damaged("is damaged")
        return Micrograph(_red_first(data), name=stem(path), path=path)
    with Image.open(path) as opened:
        image: Image.Image = opened
        if image.mode in ("P", "CMYK", "YCbCr"):
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode in ("1", "LA"):
            image = image.convert("L")
        data = np.array(image)
    return Micrograph(data, name=stem(path), path=path)


def _is_deep_colour(path: Path) -> bool:
    """Tell PNG of 16-bit colour (or grey with alpha), which Pillow would squeeze into 8 bit."""
    with path.open("rb") as file:
        start = file.read(26)
    return start[:8] == b"\x89PNG\r\n\x1a\n" and start[24] == 16 and start[25] in (2, 4, 6)


def _red_first(data: np.ndarray) -> np.ndarray:
    if data.ndim == 2:
        return data
    order = [2, 1, 0, 3][: data.shape[-1]]
    return np.ascontiguousarray(data[..., order])


def _read_tiff(path: Path) -> Micrograph:
    import tifffile

    size = path.stat().st_size
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        for page in series.pages:
            if page is None or not page.dataoffsets:
                continue
            ends = np.add(page.dataoffsets, page.databytecounts)
            if ends.max() > size:
                raise _Damaged(f"is cut off: {size} of {int(ends.max())} bytes are there")
        mapped = series.nbytes > _MAPPED_BYTES and series.dataoffset is not None
        data = tifffile.memmap(path, mode="r") if mapped else series.asarray()
        data = _colour_last(data, series.axes)
        ome = _ome(tif) if tif.is_ome else None
        spacing, unit = _tiff_calibration(tif, ome)
        record = _tiff_record(ome)
    metadata = {"visual_ccc": record} if record else {}
    return Micrograph(data, spacing, unit, name=stem(path), path=path, metadata=metadata)


def _colour_last(data: np.ndarray, axes: str) -> np.ndarray:
    if "S" in axes and axes.index("S") != len(axes) - 1 and data.ndim == len(axes):
        return np.moveaxis(data, axes.index("S"), -1)
    return data


def _tiff_calibration(
    tif: Any, ome: dict[str, Any] | None
) -> tuple[tuple[float, float] | None, str]:
    if ome is not None:
        pixels = ome["Pixels"]
        size = [pixels.get(f"PhysicalSize{axis}") for axis in "YX"]
        other, unit = (
            _PLAIN_UNITS.get(name, name)
            for name in (pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in "YX")
        )
        if other != unit:
            if not {other, unit} <= _METRES.keys() or size[0] is None:
                return None, "px"
            size[0] *= _METRES[other] / _METRES[unit]
    elif tif.is_imagej:
        tags = tif.pages[0].tags
        size = [_per_pixel(tags.get(f"{axis}Resolution")) for axis in "YX"]
        unit = str((tif.imagej_metadata or {}).get("unit", ""))
        unit = _PLAIN_UNITS.get(unit, unit)
    else:
        return None, "px"
    if unit not in _METRES or not all(isinstance(s, float) and 0 < s < np.inf for s in size):
        return None, "px"
    return (size[0], size[1]), unit


def _per_pixel(tag: Any) -> float | None:
    if tag is None or tag.value[0] == 0:
        return None
    return float(tag.value[1] / tag.value[0])


def _ome(tif: Any) -> dict[str, Any]:
    """Pixel attributes and description of the first image."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(tif.ome_metadata)
    pixels = root.find(".//{*}Pixels")
    found: dict[str, Any] = {} if pixels is None else dict(pixels.attrib)
    for key in ("PhysicalSizeX", "PhysicalSizeY"):
        if key in found:
            found[key] = float(found[key])
    return {"Pixels": found, "Description": root.findtext(".//{*}Image/{*}Description")}


def _tiff_record(ome: dict[str, Any] | None) -> dict[str, Any] | None:
    if ome is None:
        return None
    try:
        record = json.loads(ome["Description"] or "")
    except ValueError:
        return None
    return record if isinstance(record, dict) and "steps" in record else None


def check_free(path: Path, *, force: bool) -> None:
    """Insist that a file is not there yet, or may be replaced.

    Raises
    ------
    FileExistsError
        If it is there and `force` is not set.
    """
    if path.exists() and not force:
        raise FileExistsError(f"{path} is there already; add --force to replace it")


@contextmanager
def written(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; what is complete gets its own name.

    Parameters
    ----------
    path : Path
        Where the file is to be. Its folder is made.
    force : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError
        If there is one and `force` is not set.
    OSError
        If the disk is full, say; nothing half-written stays.
    """
    check_free(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the ending stays: writers choose the format by it
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        if error.filename is None or str(part) in str(error.filename):
            reason = error.strerror or str(error)
            raise OSError(f"{path}: could not be written ({reason})") from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write_layer(
    layer: ImageResult | LabelsResult,
    path: Path,
    *,
    spacing: tuple[float, ...] | None = None,
    unit: str = "px",
    record: Mapping[str, Any] | None = None,
    force: bool = False,
) -> None:
    """Write an image or labels as OME-TIFF with pixel size and how it was made.

    Parameters
    ----------
    layer : ImageResult or LabelsResult
        What to write; lazy data is computed.
    path : Path
        Ends in ``.ome.tif``.
    spacing, unit : (y, x) and str
        Size of a pixel of the source; that of a coarse map follows from it.
    record : mapping, optional
        From `provenance.provenance`.
    force : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    import tifffile

    data = np.asarray(layer)
    narrower = {"int64": np.int32, "uint64": np.uint32, "float16": np.float32, "bool": np.uint8}
    data = data.astype(narrower.get(data.dtype.name, data.dtype), copy=False)
    if data.ndim > 5:
        # OME-TIFF has three axes beside Y and X
        data = data.reshape(-1, *data.shape[-2:])
    metadata: dict[str, Any] = {"axes": "TCZ"[-(data.ndim - 2) :][: data.ndim - 2] + "YX"}
    if spacing is not None:
        name = _OME_UNITS.get(unit, unit)
        for axis, size in zip("YX", spacing[-2:], strict=True):
            metadata[f"PhysicalSize{axis}"] = float(size) * layer.stride
            metadata[f"PhysicalSize{axis}Unit"] = name
        if any(layer.first_centre):
            metadata["Plane"] = _position(layer.first_centre, spacing, name, data.shape[:-2])
    if record is not None:
        metadata["Description"] = json.dumps(dict(record), ensure_ascii=False)
    with written(path, force=force) as part:
        tifffile.imwrite(part, data, ome=True, metadata=metadata, compression="zlib")


def _position(
    first: tuple[float, float], spacing: tuple[float, ...], unit: str, stack: tuple[int, ...]
) -> dict[str, Any]:
    """Where the first cell of a coarse map or a part lies: not on the corner of the source."""
    planes = int(np.prod(stack))
    place: dict[str, list[Any]] = {}
    for axis, centre, size in zip("YX", first, spacing[-2:], strict=True):
        place[f"Position{axis}"] = [centre * float(size)] * planes
        place[f"Position{axis}Unit"] = [unit] * planes
    return place


def write_table(table: Any, path: Path, *, force: bool = False) -> None:
    """Write a table as CSV (UTF-8, with a mark by which Excel knows it).

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    with written(path, force=force) as part:
        table.to_csv(part, index=False, encoding="utf-8-sig")


def write_text(text: str, path: Path, *, force: bool = False) -> None:
    """Write text as UTF-8.

    Raises
    ------
    FileExistsError, OSError
        As `written`.
    """
    with written(path, force=force) as part:
        part.write_text(text, encoding="utf-8")
