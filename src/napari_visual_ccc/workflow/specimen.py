"""Bring inputs into the frame of the image, and run operations without its info bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.labels.pictures import labels_of
from ..arrays.lazy import is_lazy
from ..core.dataset import Dataset
from ..core.files import as_path
from ..core.layers import Layer, Placement, PointsLayer, ShapesLayer
from ..core.micrograph import CHANNEL_AXIS, Axis, InfoBar, Micrograph, plane_shape, select_channels
from ..core.pixel_size import PixelSize
from ..core.progress import Steps
from ..core.result import Result
from ..engine.acquisition.info_bar import Doubts
from ..io.axes import in_order
from .operations import Operation
from .signature import INFO_BAR, checked, parameters

# columns with positions along y and x, which a bar at the top or left shifts
_DOWN = ("centroid_y_px", "bbox_top", "bbox_bottom")

_ACROSS = ("centroid_x_px", "bbox_left", "bbox_right")


def model_channels(operation: Operation, choices: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the channels that the chosen model takes; empty for a grey image or no model.

    Raises
    ------
    ValueError
        If the operation does not work with a model of several channels.
    """
    if operation.family not in ("classify", "lens") or "model" not in parameters(operation.name):
        return ()
    from ..nets.card import read_card

    card = read_card(_model(operation, choices))
    if card.depth == 1:
        return ()
    if not operation.channels:
        raise ValueError(
            f"{operation.title} does not work with a model of several channels "
            f"({', '.join(card.channels)}); choose a model of grey images"
        )
    return tuple(card.channels)


def keeps_info_bar(operation: Operation, choices: Mapping[str, Any]) -> bool:
    """Whether the chosen model is shown the info bar of an image, as its card states."""
    is_network = operation.family in ("classify", "lens") or operation.name == "evaluate"
    if not is_network or "model" not in parameters(operation.name):
        return False
    from ..nets.card import read_card

    return read_card(_model(operation, choices)).keeps_info_bar


def _model(operation: Operation, choices: Mapping[str, Any]) -> Path | None:
    path: Path | None = checked(operation.name, {"model": choices.get("model")})["model"]
    return path


def open_dataset(
    name: str, source: Any, choices: Mapping[str, Any], *, group: str = "", channels: str = ""
) -> Dataset:
    """Find the images of a data set, for an operation on one.

    Parameters
    ----------
    name : str
        Of the operation: it needs two classes, one to evaluate, none for an autoencoder.
    source : str, Path, DataFrame or Dataset
        Folder or table, as `io.datasets.load` takes it; a data set is returned.
    choices : mapping
        Of the operation; an evaluation takes the channels of its model.
    group, channels : str
        As `io.datasets.load` takes them.
    """
    from ..io.datasets import load
    from ..nets.card import read_card

    if isinstance(source, Dataset):
        return source
    least = {"evaluate": 1, "train_autoencoder": 0}.get(name, 2)
    if name == "evaluate":
        card = read_card(choices.get("model"))
        channels = ",".join(card.channels) if card.depth > 1 else ""
    return load(source, group=group, channels=channels, min_classes=least)


def with_channels(given: Any, channels: Sequence[str]) -> Any:
    """Array of an image (..., C, Y, X), with the channels of a model in their order.

    A micrograph from the file of one channel gets the others from the files beside it.
    """
    if not isinstance(given, Micrograph):
        return given
    from ..io.channels import files_of, read_channels

    if given.data.ndim == 2 and given.path is not None and files_of(given.path, channels):
        given = replace(
            given, data=read_channels(given.path, channels).data, axes=(Axis(CHANNEL_AXIS),)
        )
    return select_channels(given, channels).data


def on_field(
    work: Callable[[dict[str, Any]], Steps[Result]],
    arrays: Mapping[str, Any],
    bar: InfoBar,
    spacing: Any = None,
    unit: str = "px",
) -> Steps[Result]:
    """Run an operation on the image without its info bar.

    Parameters
    ----------
    work : callable
        Gets the arrays without their bar.
    arrays : mapping of arrays
        By name; those with the size of the first have the same bar.
    bar : InfoBar
        Of the first.
    spacing, unit : (y, x) and str, optional
        Pixel size of the first, for positions in a unit of length.

    Returns
    -------
    Result
        In the frame of the arrays: layers of their size are blank (0, or NaN where there is NaN)
        in the bar, coarser ones are placed after it, positions in tables are those of the array.

    Raises
    ------
    ValueError
        If the bar leaves nothing of the image.
    """
    height, width = plane_shape(next(iter(arrays.values())))
    rows, columns = bar.specimen(height, width)
    cut = {name: _within(array, rows, columns, (height, width)) for name, array in arrays.items()}
    result = yield from work(cut)
    field = (rows.stop - rows.start, columns.stop - columns.start)
    result = result.with_layers(lambda layer: layer.uncropped(bar, field))
    tables = {
        name: _moved(table, rows.start, columns.start, spacing, unit)
        for name, table in result.tables.items()
    }
    return replace(
        result,
        tables=tables,
        facts={**result.facts, "info_bar": bar.pixels},
        notes=(*result.notes, f"the info bar was left out: {bar}"),
    )


def as_input(given: Any, kind: str) -> tuple[Any, tuple[str, ...]]:
    """Decide axes and colours of an input: of an array as of a file without names of axes.

    Parameters
    ----------
    given : Micrograph, Result, Layer or array
        Results and layers are as operations made them.
    kind : {'image', 'labels', 'heatmap'}
        Labels that are a picture become labels; what was drawn of a result is refused.

    Returns
    -------
    given
        With the axes in order.
    notes : tuple of str
        What was decided, for the user; notes of a file have been given when it was read.
    """
    if isinstance(given, Result | Layer):
        return given, ()
    is_array = not isinstance(given, Micrograph)
    if isinstance(given, np.ma.MaskedArray):
        given = _without_masked(given, kind == "labels")
    image = (
        Micrograph(given if hasattr(given, "ndim") else np.asarray(given)) if is_array else given
    )
    found = in_order(image)
    notes = found.notes[len(image.notes) :]
    if kind == "labels":
        from ..io.read import is_lossy

        if found.metadata.get("picture"):
            raise ValueError(found.metadata["picture"])
        lossy = "visual_ccc" not in found.metadata and is_lossy(found.path)
        data, more = labels_of(found.data, lossy)
        notes = (*notes, *more)
        found = found if data is found.data else replace(found, data=data, levels=())
    return (found.data if is_array else found), notes


def as_micrograph(image: Any) -> Micrograph:
    """Image of a file, an array, a result or a layer of one."""
    if isinstance(image, str | Path):
        from ..io.read import read

        image = read(image)
    image = layer_of(image)
    if isinstance(image, Layer):
        return Micrograph(image.data, image.spacing, image.unit)
    if isinstance(image, Micrograph):
        return image
    return Micrograph(image if hasattr(image, "shape") else np.asarray(image))


def _without_masked(given: Any, labels: bool) -> np.ndarray:
    """Masked pixels of an array as missing ones (NaN), or as the background of labels."""
    if labels or not np.ma.is_masked(given):
        return np.asarray(given.filled(0))
    wide = given.dtype.kind in "iu" and given.dtype.itemsize > 2
    floats = given if given.dtype.kind == "f" else given.astype("f8" if wide else "f4")
    return np.asarray(floats.filled(np.nan))


def in_pixels(given: Any, shape: tuple[int, ...]) -> Any:
    """Return points and shapes with pixels of the image as coordinates; labels as they are.

    Parameters
    ----------
    given : PointsLayer, ShapesLayer, (n, D) array or labels
        An array with the rows and columns of the image is one of labels.
    shape : tuple of int
        Of the image.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    given = given.layer() if isinstance(given, Result) else given
    if isinstance(given, PointsLayer | ShapesLayer):
        return replace(given.mapped(given.placement.to_source), placement=Placement())
    size = np.shape(given if hasattr(given, "shape") else getattr(given, "data", given))
    image = shape[:-1] if len(shape) > 2 and shape[-1] in (3, 4) else shape
    if size[-2:] == image[-2:]:
        return given
    if len(size) == 2 and 2 <= size[1] <= len(image) and not isinstance(given, Micrograph | Layer):
        return PointsLayer(np.asarray(given, float))
    raise ValueError(
        f"prompts have the shape {size}; give points (array (n, 2) or CSV), shapes, or labels of "
        f"the size of the image, {image[-2]} x {image[-1]}"
    )


def _within(given: Any, rows: slice, columns: slice, size: tuple[int, int]) -> Any:
    """Part of an array of the size of the image; points and shapes in its pixels."""
    if isinstance(given, PointsLayer | ShapesLayer):
        corner = np.array([rows.start, columns.start])
        return given.mapped(lambda places: _shifted(places, -corner))
    return _cut(given, rows, columns) if plane_shape(given) == size else given


def _shifted(places: np.ndarray, by: np.ndarray) -> np.ndarray:
    places = np.array(places, float)
    places[..., -2:] += by
    return places


def _cut(array: Any, rows: slice, columns: slice) -> Any:
    array = array if hasattr(array, "shape") else np.asarray(array)
    colour = (slice(None),) if array.ndim > 2 and array.shape[-1] in (3, 4) else ()
    return array[(..., rows, columns, *colour)]


def _moved(table: Any, down: int, across: int, spacing: Any, unit: str) -> Any:
    moves: dict[str, float] = {**dict.fromkeys(_DOWN, down), **dict.fromkeys(_ACROSS, across)}
    size = PixelSize.of(spacing, unit)
    names = ["centroid_y", "centroid_x"]
    # a table of files has positions in those
    if "y_px" in table and "file" not in table:
        moves |= {"y_px": down, "x_px": across}
        names += ["y", "x"]
    if size is not None:
        far = {"y": down * size.height, "x": across * size.width}
        moves |= {f"{name}_{unit}": far[name[-1]] for name in names}
    here = {name: table[name] + by for name, by in moves.items() if name in table}
    return table.assign(**here) if here else table


def bar_notes(bar: InfoBar | None, array: Any) -> tuple[str, ...]:
    """Notes on a doubtful info bar, and on one that an array seems to have (None: no array)."""
    doubt = (bar.doubt,) if bar is not None and bar.doubt else ()
    return (*doubt, *_bar_of_array(array))


def watched(
    operation: Operation, given: Mapping[str, Any], choices: Mapping[str, Any]
) -> tuple[dict[str, Any], Doubts]:
    """Inputs whose data sets gather images with a doubtful info bar, and what gathers them."""
    doubts = Doubts()
    sets = {key: one for key, one in given.items() if isinstance(one, Dataset)}
    if not sets or operation.takes_arrays or choices.get(INFO_BAR) == "keep":
        return dict(given), doubts
    try:
        if keeps_info_bar(operation, choices):
            return dict(given), doubts
    # what is wrong with the model, the operation says
    except (OSError, ValueError):
        return dict(given), doubts
    seen = {
        key: replace(one, examples=tuple(doubts.watched(one.examples, one.channels)))
        for key, one in sets.items()
    }
    return {**given, **seen}, doubts


def _bar_of_array(given: Any) -> tuple[str, ...]:
    """Say that an array seems to have an info bar, which is not left out of it."""
    if isinstance(given, Micrograph | Result | Layer) or is_lazy(given) or np.ndim(given) < 2:
        return ()
    from ..engine.acquisition.bar_detector import find_info_bar

    try:
        bar = find_info_bar(np.asarray(given))
    # what is wrong with the array, the operation says
    except ValueError:
        return ()
    if not bar:
        return ()
    given_as = ", ".join(f"{border}={size}" for border, size in bar.pixels.items() if size)
    return (
        f"the array seems to have an info bar ({bar}), which is not left out: pass "
        f"info_bar=InfoBar({given_as}), or a Micrograph",
    )


def folder_of(given: Any) -> Any:
    """Path of a folder; a data set as it is, where an operation takes one instead."""
    return given if isinstance(given, Dataset) else as_path(given, "a folder")


def layers_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs by name, with the first layer of each result."""
    return {name: layer_of(one) for name, one in given.items()}


def layer_of(given: Any) -> Any:
    """The first layer of a result, which is what later steps work on; other inputs as they are."""
    return given.layer() if isinstance(given, Result) and given.layers else given
