"""Write images with their pixel size: OME-TIFF, OME-Zarr, and TIFF for ImageJ and Fiji."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ...core.files import written
from ...core.micrograph import Axis, InfoBar, Micrograph
from ...core.progress import Steps, run
from ...core.results import ImageResult, LabelsResult, Result, layer_of
from .encode import Stored
from .pyramid import write_levels
from .targets import TARGETS

Format = Literal["auto", "ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej"]

ENDINGS = {
    "ome-tiff": ".ome.tif", "ome-zarr": ".ome.zarr", "ome-zarr-0.4": ".ome.zarr", "imagej": ".tif",
}  # fmt: skip


def write_image(
    image: Micrograph, path: str | Path, *, format: Format = "auto", force: bool = False
) -> Steps[Path]:
    """Write an image, with its pixel size and how it was made, for other programs and for us.

    Parameters
    ----------
    image : Micrograph
        Numpy or lazy dask; a lazy image is computed chunk by chunk as it is written. With
        ``metadata["labels"]`` set it is taken for labels; ``metadata["origin"]`` is where its
        first pixel is centred, as (y, x) in its unit; or as (..., y, x), what comes before in the
        units of the leading axes.
    path : Path
        Of the file, or of the folder of a Zarr. Its folder is made.
    format : {'auto', 'ome-tiff', 'ome-zarr', 'ome-zarr-0.4', 'imagej'}
        By default what the ending of the path says: OME-TIFF or OME-Zarr 0.5. Above 4096 pixels
        a side, both get a pyramid. ImageJ takes labels as 16 bit, other images as 8 or 16 bit
        or as 32-bit decimals.
    force : bool
        Replace what is there.

    Yields
    ------
    Progress
        For every piece. Closing the generator leaves nothing behind.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError
        If no format goes by that ending, the image is empty or not of numbers, or its values do
        not fit into the format.
    FileExistsError, OSError
        As `files.written`.
    """
    path = Path(path)
    kind = _kind(path) if format == "auto" else format
    stored = Stored(image, kind)
    with written(path, force=force) as part, TARGETS[kind](stored, part) as (rows, put):
        yield from write_levels(
            stored.data, stored.leading, stored.sizes, rows,
            lambda level, index, start, band: put(level, index, start, stored.cast(band)),
            pick=stored.picks,
        )  # fmt: skip
    return path


def write(
    what: Result | Micrograph,
    path: str | Path,
    *,
    source: Micrograph | None = None,
    layer: str = "",
    format: Format = "auto",
    force: bool = False,
) -> Path:
    """Write a result or a micrograph from a script: `write_image` with the place of its source.

    Parameters
    ----------
    what : Result or Micrograph
        What an operation gave, or an image that is described already.
    path : Path
        Of the file, or of the folder of a Zarr.
    source : Micrograph, optional
        What the result was made of: pixel size, place, leading axes and label bar are its own.
    layer : str
        Which layer of a result of several; the first one when empty.
    format, force
        As for `write_image`.

    Raises
    ------
    ValueError, FileExistsError, OSError
        As `write_image` does; if the result has no such layer.
    """
    if not isinstance(what, Micrograph):
        of = source or Micrograph(None)
        what = of_result(
            layer_of(what, layer), name=of.name, spacing=of.spacing, unit=of.unit, axes=of.axes,
            origin=tuple(of.metadata.get("origin", (0.0, 0.0))), info_bar=of.info_bar,
        )  # fmt: skip
    return run(write_image(what, path, format=format, force=force))


def of_result(
    layer: ImageResult | LabelsResult,
    *,
    name: str = "image",
    spacing: tuple[float, ...] | None = None,
    unit: str = "px",
    axes: tuple[Axis, ...] = (),
    origin: tuple[float, ...] = (0.0, 0.0),
    info_bar: InfoBar | None = None,
    record: Mapping[str, Any] | None = None,
) -> Micrograph:
    """Make a micrograph of a result, to be written.

    Parameters
    ----------
    layer : ImageResult or LabelsResult
        What an operation gave; lazy data stay lazy.
    name : str
        Of the source.
    spacing, unit, axes, info_bar
        Of the source, see `Micrograph`; those of a coarse map follow from them.
    origin : (y, x) or (..., y, x)
        Where the centre of the source's first pixel lies, in `unit` (in pixels without a size)
        and in the units of the leading axes.
    record : mapping, optional
        From `provenance.provenance`.
    """
    metadata: dict[str, Any] = {} if record is None else {"visual_ccc": dict(record)}
    if isinstance(layer, LabelsResult):
        metadata["labels"] = True
    sizes = (1.0, 1.0) if spacing is None else tuple(float(size) for size in spacing[-2:])
    # the first cell of a coarse map, or of a part, does not lie on the corner of the source
    place = [
        start + first * size
        for start, first, size in zip(origin[-2:], layer.first_centre, sizes, strict=True)
    ]
    # of a stack, or of one of its slices
    before = origin[:-2] if len(origin) == layer.array.ndim else ()
    if any((*before, *place)):
        metadata["origin"] = [*before, *place]
    if spacing is not None:
        spacing = tuple(size * layer.stride for size in sizes)
    axes = axes if len(axes) == layer.array.ndim - 2 else ()
    # a coarse map has no bar of its own
    bar = info_bar if layer.stride == 1 else None
    return Micrograph(
        layer.array, spacing, unit, name=name, metadata=metadata, axes=axes, info_bar=bar
    )


def _kind(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in (".tif", ".tiff"):
        return "ome-tiff"
    if ending == ".zarr":
        return "ome-zarr"
    raise ValueError(
        f"{path}: images are not written as {ending or 'a file without an ending'}; "
        "let the name end in .ome.tif or .ome.zarr"
    )
