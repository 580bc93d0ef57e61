"""Write a whole result into a folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .files import check_free, write_layer, write_table, write_text
from .recipe import to_yaml
from .results import Result


def write_result(
    result: Result,
    folder: Path,
    name: str,
    record: Callable[[str], dict[str, Any]],
    *,
    image: Any = None,
    spacing: tuple[float, ...] | None = None,
    unit: str = "px",
    force: bool = False,
) -> list[Path]:
    """Write layers as OME-TIFF and PNG, tables as CSV, and how they were made as YAML.

    Parameters
    ----------
    result : Result
        Of any operation.
    folder : Path
        Where to; it is made.
    name : str
        What the files' names start with.
    record : callable
        Name of a layer → its record, see `provenance.provenance`.
    image : (..., Y, X) array, optional
        The source, to draw under labels and heatmaps.
    spacing, unit : (y, x) and str
        Size of a pixel of the source.
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
    from .figures import preview

    stems = {layer.name: file_stem(f"{name} {layer.name}") for layer in result.layers}
    tables = {
        file_stem(name if len(result.tables) == 1 else f"{name} {key}"): table
        for key, table in result.tables.items()
    }
    images = [folder / f"{s}{end}" for s in stems.values() for end in (".ome.tif", ".png")]
    lists = [folder / f"{s}.csv" for s in tables]
    recipe = folder / f"{file_stem(name)}.yaml"
    paths = [*images, *lists, recipe]
    for path in paths:
        check_free(path, force=force)
    for layer in result.layers:
        stem = stems[layer.name]
        common: dict[str, Any] = {"spacing": spacing, "unit": unit, "force": force}
        write_layer(layer, folder / f"{stem}.ome.tif", record=record(layer.name), **common)
        grey = getattr(layer, "look", "") == "grey"
        preview(layer, folder / f"{stem}.png", image=None if grey else image, **common)
    for table, path in zip(tables.values(), lists, strict=True):
        write_table(table, path, force=force)
    first = next(iter(stems), "")
    write_text(to_yaml(record(first)), recipe, force=force)
    return paths


def base_name(source: str, operation: str, result: Result) -> str:
    """Name what an operation gives of a source: two targets explained are two results."""
    target = getattr(result, "target", "")
    return f"{source} {operation} {target}".strip()


def file_stem(text: str) -> str:
    """Make a name that every file system takes."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")
