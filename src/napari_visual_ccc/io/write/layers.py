"""Write layers of results: pixels as images, points and shapes as tables of coordinates.

`FILES` says for each kind of layer how it becomes a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...core.files import write_csv
from ...core.layers import (
    ChannelsLayer,
    ColourLayer,
    ImageLayer,
    LabelsLayer,
    Layer,
    PointsLayer,
    ShapesLayer,
)
from ...core.micrograph import Axis, Micrograph
from ...core.progress import run
from .images import ENDINGS, Format, write_image

_NO_RECORD: Mapping[str, Any] = {}


def ending_of(layer: Layer, format: str) -> str:
    """Return what the name of a layer's file ends in."""
    return FILES[type(layer)].ending or ENDINGS[format]


def write_layer(
    layer: Layer,
    path: Path,
    source: Micrograph,
    *,
    format: Format = "auto",
    record: Mapping[str, Any] = _NO_RECORD,
    force: bool = False,
) -> None:
    """Write one layer of a result.

    Parameters
    ----------
    layer : Layer
        What an operation returned; lazy data are computed chunk by chunk.
    path : Path
        Of the file; see `write_image` for images and labels, ``.csv`` for points and shapes.
    source : Micrograph
        Name, pixel size, axes, origin (``metadata["origin"]``) and info bar of the image that the
        layer belongs to.
    format : str
        Of images and labels, see `write_image`.
    record : mapping, optional
        From `Record.plain`; files of coordinates carry none.
    force : bool
        Replace a file that is there.

    Raises
    ------
    ValueError, FileExistsError, OSError
        As `write_image`; if the file of points or shapes does not end in ``.csv``.
    """
    FILES[type(layer)].write(layer, path, source, format=format, record=record, force=force)


def micrograph_of(
    layer: Layer, source: Micrograph, record: Mapping[str, Any] = _NO_RECORD
) -> Micrograph:
    """Describe a layer of pixels as a micrograph, to be written.

    Parameters
    ----------
    layer : ImageLayer, ChannelsLayer, ColourLayer or LabelsLayer
        Lazy data stay lazy.
    source, record
        As for `write_layer`.
    """
    metadata: dict[str, Any] = {"visual_ccc": dict(record)} if record else {}
    if isinstance(layer, LabelsLayer):
        metadata["labels"] = True
    place, data = layer.placement, layer.data
    channels = (Axis("channel"),) if isinstance(layer, ChannelsLayer) else ()
    axes = (*source.axes, *channels)
    sizes = (1.0, 1.0) if source.spacing is None else tuple(map(float, source.spacing[-2:]))
    origin = tuple(source.metadata.get("origin", (0.0, 0.0)))
    # the first cell of a coarse map, or of a part, does not lie on the corner of the source
    first = [
        start + centre * size
        for start, centre, size in zip(origin[-2:], place.first_centre, sizes, strict=True)
    ]
    # of a stack, or of one of its slices
    before = origin[:-2] if len(origin) == data.ndim else ()
    if any((*before, *first)):
        metadata["origin"] = [*before, *first]
    return Micrograph(
        data,
        None if source.spacing is None else tuple(size * place.stride for size in sizes),
        source.unit,
        name=source.name,
        metadata=metadata,
        axes=axes if len(axes) == data.ndim - 2 else channels if data.ndim == 3 else (),
        # a coarse map has no bar of its own
        info_bar=source.info_bar if place.stride == 1 else None,
    )


def coordinates_table(layer: PointsLayer | ShapesLayer, source: Micrograph) -> Any:
    """Return a table of coordinates that napari opens as points or shapes.

    Columns are ``index``, ``axis-0``, ... (source pixels), for shapes ``shape-type`` and
    ``vertex-index``, with a pixel size ``y_UNIT`` and ``x_UNIT`` (from the origin of the source),
    and the features.
    """
    import pandas as pd

    table = FILES[type(layer)].rows(layer)
    axes = [name for name in table if name.startswith("axis-")]
    if source.spacing is not None:
        origin = tuple(source.metadata.get("origin", (0.0, 0.0)))[-2:]
        for letter, axis, start, size in zip(
            "yx", axes[-2:], origin, source.spacing[-2:], strict=True
        ):
            table[f"{letter}_{source.unit}"] = start + table[axis] * float(size)
    if layer.features is None:
        return table
    features = layer.features.drop(columns=[n for n in layer.features if n in table])
    of_items = features.iloc[table["index"].to_numpy(int)].reset_index(drop=True)
    return pd.concat([table, of_items], axis=1)


def _axes(coordinates: np.ndarray) -> dict[str, np.ndarray]:
    return {f"axis-{number}": column for number, column in enumerate(coordinates.T)}


def _points(layer: PointsLayer) -> Any:
    import pandas as pd

    places = layer.placement.to_source(layer.data)
    places = places if places.ndim == 2 else places.reshape(0, 2)
    return pd.DataFrame({"index": np.arange(len(places)), **_axes(places)})


def _vertices(layer: ShapesLayer) -> Any:
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "index": number,
                "shape-type": kind,
                "vertex-index": np.arange(len(shape)),
                **_axes(layer.placement.to_source(shape)),
            }
        )
        for number, (shape, kind) in enumerate(zip(layer.data, layer.kind_of_each, strict=True))
    ]
    empty = pd.DataFrame(columns=["index", "shape-type", "vertex-index", "axis-0", "axis-1"])
    return pd.concat(tables, ignore_index=True) if tables else empty


class _Write(Protocol):
    def __call__(
        self, layer: Any, path: Path, source: Micrograph, *, format: Format,
        record: Mapping[str, Any], force: bool,
    ) -> None: ...  # fmt: skip


def _write_pixels(
    layer: Layer, path: Path, source: Micrograph, *, format: Format, record: Mapping[str, Any],
    force: bool,
) -> None:  # fmt: skip
    run(write_image(micrograph_of(layer, source, record), path, format=format, force=force))


def _write_coordinates(
    layer: Any, path: Path, source: Micrograph, *, format: Format, record: Mapping[str, Any],
    force: bool,
) -> None:  # fmt: skip
    if path.suffix.lower() != ".csv":
        raise ValueError(f"{path.name}: points and shapes are written as .csv; choose that ending")
    # without the mark that tables for Excel begin with: napari takes it for a part of the name
    write_csv(coordinates_table(layer, source), path, force=force)


class _File(NamedTuple):
    """How a kind of layer is written.

    Parameters
    ----------
    write : callable
        As `write_layer`.
    ending : str
        Of the file in the folder of a result, unlike that of a table; empty for that of the image
        format.
    rows : callable, optional
        Layer of coordinates → table of one row per point or vertex.
    """

    write: _Write
    ending: str = ""
    rows: Any = None


FILES: dict[type[Layer], _File] = {
    ImageLayer: _File(_write_pixels),
    ChannelsLayer: _File(_write_pixels),
    ColourLayer: _File(_write_pixels),
    LabelsLayer: _File(_write_pixels),
    PointsLayer: _File(_write_coordinates, "_points.csv", _points),
    ShapesLayer: _File(_write_coordinates, "_shapes.csv", _vertices),
}
