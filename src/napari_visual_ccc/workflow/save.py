"""Write a whole result into a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from ..core.files import check_free, write_table, write_text
from ..core.micrograph import Axis, InfoBar, Micrograph
from ..core.result import Result
from ..io.write.layers import ending_of, write_layer
from .recipe import to_yaml
from .record import Record


def write_result(  # noqa: PLR0913
    result: Result,
    folder: Path,
    name: str,
    record: Record,
    *,
    image: Any = None,
    spacing: tuple[float, ...] | None = None,
    unit: str = "px",
    axes: tuple[Axis, ...] = (),
    origin: tuple[float, ...] = (0.0, 0.0),
    info_bar: InfoBar | None = None,
    format: Literal["ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej"] = "ome-tiff",
    tables: Literal["csv", "parquet"] = "csv",
    figures: Literal["png", "svg", "none"] = "png",
    force: bool = False,
) -> list[Path]:
    """Write layers with figures of them, tables, and how they were made as YAML.

    Parameters
    ----------
    result : Result
        Of any operation.
    folder : Path
        Where to; it is made.
    name : str
        What the files' names start with.
    record : Record
        How it was made.
    image : (..., Y, X) array, optional
        The source, to draw under labels and heatmaps.
    spacing, unit, axes, origin, info_bar
        Of the source.
    format, tables, figures
        What to write layers, tables and figures as.
    force : bool
        Replace files that are there.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FileExistsError
        Before anything is written, if one of the files is there and `force` is not set.
    OSError
        If a file cannot be written; no half of it stays.
    """
    from ..report.figures import preview

    source = Micrograph(
        None, spacing, unit, name=name, axes=axes, info_bar=info_bar, metadata={"origin": origin}
    )
    stems = {layer.name: file_stem(f"{name} {layer.name}") for layer in result.layers}
    names = {
        file_stem(name if len(result.tables) == 1 else f"{name} {key}"): table
        for key, table in result.tables.items()
    }
    drawn = [] if figures == "none" else [f".{figures}"]
    images = [
        folder / f"{stems[layer.name]}{ending}"
        for layer in result.layers
        for ending in (ending_of(layer, format), *drawn)
    ]
    lists = [folder / f"{s}.{tables}" for s in names]
    recipe = recipe_file(folder, name)
    paths = [*images, *lists, recipe]
    for path in paths:
        check_free(path, force=force)
    for layer in result.layers:
        stem = folder / stems[layer.name]
        write_layer(
            layer, Path(f"{stem}{ending_of(layer, format)}"), source, format=format,
            record=record.of(layer.name).plain(), force=force,
        )  # fmt: skip
        if figures != "none":
            under = None if getattr(layer, "style", "") == "grey" else image
            path = Path(f"{stem}.{figures}")
            preview(layer, path, image=under, spacing=spacing, unit=unit, force=force)
    for table, path in zip(names.values(), lists, strict=True):
        write_table(table, path, force=force)
    first = next(iter(stems), "")
    write_text(to_yaml(record.of(first)), recipe, force=force)
    return paths


def base_name(source: str, operation: str, target: str = "") -> str:
    """Name what an operation gives of a source: two targets explained are two results."""
    return f"{source} {operation} {target}".strip()


def recipe_file(folder: Path, name: str) -> Path:
    """Name the file that tells how results were made."""
    return folder / f"{file_stem(name)}.yaml"


def file_stem(text: str) -> str:
    """Make a name that every file system takes."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")
