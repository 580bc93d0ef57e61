"""Write what scripts have made: a layer, a table, a figure, a model, or a whole result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.files import check_free, write_table, write_text
from ...core.layers import Layer, PointsLayer, ShapesLayer
from ...core.micrograph import Axis, Micrograph
from ...core.plain import check_given, path_given
from ...core.progress import run
from ...core.result import Result
from ...io.write.images import Format, write_image
from ...io.write.layers import write_layer

TABLES = (".csv", ".parquet")

FIGURES = (".png", ".svg", ".pdf")


def write(
    what: Result | Micrograph,
    path: str | Path,
    *,
    source: Micrograph | None = None,
    layer: str = "",
    format: Format = "auto",
    force: bool = False,
) -> Path:
    """Write a result, a layer of it, or a micrograph, from a script.

    Parameters
    ----------
    what : Result or Micrograph
        What an operation returned, or an image with its description.
    path : str or Path
        Its ending says what is written: an image (``.ome.tif``, ``.ome.zarr``, ``.tif``) one
        layer, with the record in it; ``.csv`` or ``.parquet`` the main table, or the first layer
        if it is one of points or shapes, with the record beside it (``.yaml``); ``.png``, ``.svg``
        or ``.pdf`` the figure of `plot`; ``.safetensors`` a trained model with its report. Without
        an ending it is a folder for all layers, tables, figures and the record.
    source : Micrograph, optional
        What the result was made of: pixel size, origin, leading axes and info bar are its own.
        By default pixel size and info bar are those that the result knows.
    layer : str
        Which layer, or table, of a result of several; the first one when empty.
    format, force
        As for `write_image`.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError, FileExistsError, OSError
        As `write_layer`; if the result has no such layer or table.
    """
    check_given(what, (Result, Micrograph), "what", "a result or a micrograph")
    path = path_given(path, "path")
    ending = path.suffix.lower()
    if isinstance(what, Micrograph):
        run(write_image(what, path, format=format, force=force))
    elif ending == ".safetensors":
        _write_model(what, path, force)
    elif not ending and format == "auto" and what.record is not None:
        _write_all(what, path, source, force)
    elif ending in FIGURES:
        _write_figure(what, path, source, layer, force)
    elif ending in TABLES and what.tables and not _is_coordinates(what, layer):
        _write_table(what, path, layer, force)
    else:
        _write_layer(what, path, source, layer, format, force)
    return path


def _write_model(what: Any, path: Path, force: bool) -> None:
    from ..models import save_model

    if not hasattr(getattr(what, "model", None), "net"):
        raise ValueError(f"{path.name}: only the result of a training is written as a model")
    save_model(what, path, force=force)


def _write_all(what: Result, path: Path, source: Micrograph | None, force: bool) -> None:
    from ..save import write_result

    size = source or (_source_of(what.layers[0]) if what.layers else Micrograph(None))
    name = what.record.source.name or what.record.last.operation
    write_result(what, path, name, what.record, size, force=force)


def _write_figure(
    what: Result, path: Path, source: Micrograph | None, name: str, force: bool
) -> None:
    from ...report.figures import save
    from ...report.notebooks.plot import plot

    save(plot(what, name, image=source), path, force=force)


def _write_table(what: Result, path: Path, name: str, force: bool) -> None:
    if name and name not in what.tables:
        there = ", ".join(map(repr, what.tables)) or "none at all"
        raise ValueError(f"the result has no table {name!r}; it has {there}")
    table = what.tables[name] if name else what.table
    beside = _check_record(what, path, force)
    write_table(table, path, force=force)
    _write_record(what, beside, "")


def _write_layer(
    what: Result, path: Path, source: Micrograph | None, name: str, format: Format, force: bool
) -> None:
    if not what.layers:
        raise ValueError(
            f"{path.name}: a result without layers is a table; choose .csv or .parquet"
        )
    layer = what.layer(name)
    record = {} if what.record is None else what.record.of(layer.name).plain()
    coordinates = isinstance(layer, PointsLayer | ShapesLayer)
    beside = _check_record(what, path, force) if coordinates else None
    known = source or _source_of(layer)
    write_layer(layer, path, known, format=format, record=record, force=force)
    _write_record(what, beside, layer.name)


def _check_record(what: Result, path: Path, force: bool) -> Path | None:
    """Where the record goes that the file itself cannot hold."""
    if what.record is None:
        return None
    beside = path.with_suffix(".yaml")
    check_free(path, force=force)
    check_free(beside, force=force)
    return beside


def _write_record(what: Result, beside: Path | None, layer: str) -> None:
    from ..recipe import to_yaml

    if beside is not None:
        write_text(to_yaml(what.record.of(layer)), beside, force=True)


def _source_of(layer: Layer) -> Micrograph:
    """Pixel size and info bar of the image that a layer was made of."""
    spacing, unit = layer.frame.spacing, layer.frame.unit
    if spacing is None:
        return Micrograph(None, info_bar=layer.frame.info_bar or None)
    deep = (Axis("z", spacing[0], unit),) if len(spacing) > 2 else ()
    return Micrograph(None, spacing[-2:], unit, axes=deep, info_bar=layer.frame.info_bar or None)


def _is_coordinates(what: Result, name: str) -> bool:
    if name in what.tables and name not in what.maps:
        return False
    return bool(what.layers) and isinstance(what.layer(name), PointsLayer | ShapesLayer)
