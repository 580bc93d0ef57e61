"""Write results: to a temporary name first, never over what is there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .results import ImageResult, LabelsResult

_OME_UNITS = {"px": "pixel", "A": "Å", "um": "µm", "μm": "µm"}


def stem(path: Path) -> str:
    """Give the name of an image file without what says its kind."""
    short = re.sub(r"\.(ome\.)?(tiff?|zarr)$", "", path.name, flags=re.I)
    return short if short != path.name else path.stem


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
        if layer.stride > 1:
            metadata["Plane"] = _position(layer.first_centre, spacing, name, data.shape[:-2])
    if record is not None:
        metadata["Description"] = json.dumps(dict(record), ensure_ascii=False)
    with written(path, force=force) as part:
        tifffile.imwrite(part, data, ome=True, metadata=metadata, compression="zlib")


def _position(
    first: float, spacing: tuple[float, ...], unit: str, stack: tuple[int, ...]
) -> dict[str, Any]:
    """Where the first cell of a coarse map lies: not on the corner of the source."""
    planes = int(np.prod(stack))
    place: dict[str, list[Any]] = {}
    for axis, size in zip("YX", spacing[-2:], strict=True):
        place[f"Position{axis}"] = [first * float(size)] * planes
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
