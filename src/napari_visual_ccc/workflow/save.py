"""Write a whole result into a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..core.files import check_free, write_table, write_text
from ..core.layers import ChannelsLayer, LabelsLayer, Layer
from ..core.micrograph import Micrograph, plane_shape
from ..core.result import Result
from ..io.write.layers import ending_of, write_layer
from ..report.overlay import Overlay, label_overlay
from .operations import OPERATIONS
from .recipe import to_yaml
from .record import Record


@dataclass(frozen=True)
class Formats:
    """File formats of layers, tables and figures, and pictures of labels to lay over the image."""

    layers: Literal["ome-tiff", "ome-zarr", "ome-zarr-0.4", "imagej", "none"] = "ome-tiff"
    tables: Literal["csv", "parquet", "none"] = "csv"
    figures: Literal["png", "svg", "none"] = "png"
    overlays: Overlay = "none"


DEFAULT = Formats()

# no files at all, of a run whose tables alone are wanted
NOTHING = Formats("none", "none", "none")

# end of the name of a transparent picture of labels
_OVERLAY = "_overlay.png"


def write_result(
    result: Result,
    folder: Path,
    name: str,
    record: Record,
    source: Micrograph,
    *,
    formats: Formats = DEFAULT,
    force: bool = False,
) -> list[Path]:
    """Write layers with figures of them, tables with charts of some, and the record as YAML.

    A result of one layer, or one table, has files of one name: ``image_kmeans.ome.tif``, ``.png``,
    ``.csv``, ``.yaml``. Of several, the name of each follows (``image_classify_probability.png``);
    parts of one name have numbered files: ``_2``, ``_3``, ...

    Parameters
    ----------
    result : Result
        Of any operation.
    folder : Path
        Created if it does not exist.
    name : str
        Start of the names of all files.
    record : Record
        Of the run.
    source : Micrograph
        Pixel size, axes, origin and info bar of the image; its data are drawn under labels and
        heatmaps (None draws them alone).
    formats : Formats
        Of the files.
    force : bool
        Replace files that exist.

    Returns
    -------
    list of Path
        All files.

    Raises
    ------
    FileExistsError
        Before anything is written, if one of the files exists and `force` is not set.
    OSError
        If a file cannot be written; no part of it remains.
    """
    recipe = recipe_file(folder, name)
    taken = {recipe.name.casefold()}
    tables = [
        (folder / _free(file_stem(one), [f".{formats.tables}"], taken)[0], table)
        for one, table in _table_names(result, name).items()
        if formats.tables != "none"
    ]
    alone = len(result.layers) == 1
    layers = [
        (layer, [folder / one for one in _free(stem, _endings(layer, formats), taken)])
        for layer in result.layers
        for stem in [file_stem(name if alone else f"{name} {layer.name}")]
    ]
    figures_too = (path for _, files in layers for path in files)
    panels = _panels(folder, name, record, formats, taken)
    plots = _charts(result, folder, name, formats, taken)
    paths = [*figures_too, *panels, *(path for path, _ in tables), *plots, recipe]
    for path in paths:
        check_free(path, force=force)
    named = replace(source, data=None, name=name)
    for layer, files in layers:
        if formats.layers != "none":
            write_layer(
                layer,
                files.pop(0),
                named,
                format=formats.layers,
                record=record.of(layer.name).plain(),
                force=force,
            )
        for figure in files:
            _draw(layer, figure, source, formats, force=force)
    for path in panels:
        _draw_panels(result, path, source, title=name, force=force)
    for path, table in tables:
        write_table(table, path, force=force)
    for path, draw in plots.items():
        _draw_chart(draw, path, force=force)
    first = result.layers[0].name if result.layers else ""
    write_text(to_yaml(record.of(first)), recipe, force=force)
    return paths


def _charts(
    result: Result, folder: Path, name: str, formats: Formats, taken: set[str]
) -> dict[Path, Any]:
    """What draws the charts of tables, by the path of the figure."""
    from ..report.enrichment import charts

    if formats.figures == "none":
        return {}
    stems = dict(zip(result.tables, _table_names(result, name), strict=True))
    return {
        folder / _free(file_stem(f"{stems[key]} chart"), [f".{formats.figures}"], taken)[0]: draw
        for key, draw in charts(result).items()
    }


def _draw_chart(draw: Any, path: Path, *, force: bool) -> None:
    from ..report.enrichment import write_chart

    write_chart(draw, path, force=force)


def _table_names(result: Result, name: str) -> dict[str, Any]:
    """Tables by the name of their file; a single one is named like the result."""
    if len(result.tables) == 1:
        return {name: result.table}
    return {f"{name} {key}": table for key, table in result.tables.items()}


def _endings(layer: Layer, formats: Formats) -> list[str]:
    figures = [] if formats.figures == "none" else [f".{formats.figures}"]
    if isinstance(layer, LabelsLayer) and formats.overlays != "none":
        figures.append(_OVERLAY)
    return figures if formats.layers == "none" else [ending_of(layer, formats.layers), *figures]


def _free(stem: str, endings: Sequence[str], taken: set[str]) -> list[str]:
    """Names of files that no other part of the result has; a number follows where one has."""
    names, number = [f"{stem}{ending}" for ending in endings], 1
    # Windows and macOS take names that differ in case for one
    while not taken.isdisjoint(map(str.casefold, names)):
        number += 1
        names = [f"{stem}_{number}{ending}" for ending in endings]
    taken.update(map(str.casefold, names))
    return names


def _draw(layer: Layer, path: Path, source: Micrograph, formats: Formats, *, force: bool) -> None:
    if isinstance(layer, LabelsLayer) and path.name.endswith(_OVERLAY):
        label_overlay(layer, path, outlined=formats.overlays == "outlined", force=force)
        return
    from ..report.figures import preview

    # a grey image covers its source, and a contact sheet has no place on it
    alone = isinstance(layer, ChannelsLayer) or getattr(layer, "style", "") == "grey"
    beside = source.data is not None and layer.lies_beside(plane_shape(source.data))
    under = None if alone or beside else source.data
    size = source.pixel_size
    preview(layer, path, image=under, pixel_size=size, bar=not beside, force=force)


def _panels(
    folder: Path, name: str, record: Record, formats: Formats, taken: set[str]
) -> list[Path]:
    """Path of the figure of all layers, where the operation shows them side by side."""
    if formats.figures == "none" or not OPERATIONS[record.last.operation].side_by_side:
        return []
    return [folder / _free(file_stem(name), [f".{formats.figures}"], taken)[0]]


def _draw_panels(
    result: Result, path: Path, source: Micrograph, *, title: str, force: bool
) -> None:
    from ..report.figures import side_by_side

    size = source.pixel_size
    side_by_side(result.layers, path, title=title, pixel_size=size, force=force)


def base_name(source: str, operation: str, target: str = "") -> str:
    """Name the files of a result; explanations of two targets are two results."""
    return f"{source} {operation} {target}".strip()


def recipe_file(folder: Path, name: str) -> Path:
    """Name the file of the record."""
    return folder / f"{file_stem(name)}.yaml"


def file_stem(text: str) -> str:
    """Replace characters that some file systems refuse; a file of the name is not hidden."""
    found = re.sub(r"[^\w.+-]+", "_", text).strip("_")
    # of signs alone nothing remains: the ending would be the name, and the file hidden
    return found if found and not found.startswith(".") else f"image{found}"
