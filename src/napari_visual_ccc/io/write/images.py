"""Write images with their pixel size as OME-TIFF, OME-Zarr, or TIFF for ImageJ and Fiji."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...core.files import written
from ...core.micrograph import Micrograph
from ...core.progress import Steps
from .encode import EncodedImage
from .pyramid import write_levels
from .targets import TARGETS

Format = Literal["auto", "ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej"]

ENDINGS = {
    "ome-tiff": ".ome.tif", "ome-zarr": ".ome.zarr", "ome-zarr-0.4": ".ome.zarr", "imagej": ".tif",
}  # fmt: skip


def write_image(
    image: Micrograph, path: str | Path, *, format: Format = "auto", force: bool = False
) -> Steps[Path]:
    """Write an image with its pixel size and its record.

    Parameters
    ----------
    image : Micrograph
        Numpy or lazy dask; a lazy image is computed chunk by chunk as it is written. With
        ``metadata["labels"]`` set it is written as labels; ``metadata["origin"]`` is where its
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
        For every band of rows. Closing the generator removes the partial file.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError
        If no format has that ending, the image is empty or not of numbers, or its values do
        not fit into the format.
    FileExistsError, OSError
        As `files.written`.
    """
    path = Path(path)
    kind = _kind(path) if format == "auto" else format
    stored = EncodedImage(image, kind)
    with written(path, force=force) as part, TARGETS[kind](stored, part) as (rows, put):
        yield from write_levels(
            stored.data, stored.leading, stored.sizes, rows,
            lambda level, index, start, band: put(level, index, start, stored.cast(band)),
            pick=stored.picks,
        )  # fmt: skip
    return path


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
