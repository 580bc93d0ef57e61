"""Bring a layer, its results, their records and their tables to another pixel size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Points, Shapes

from ...core.pixel_size import PixelSize
from ...engine.measure.region_table import rescaled_table
from ...workflow.upgrade import in_pixels
from .metadata import METADATA, calibration, plane_shape, steps_of

if TYPE_CHECKING:
    import pandas as pd
    from napari.viewer import Viewer


def pixel_sides(layer: Layer, *, as_shown: bool = False) -> tuple[float, ...]:
    """Height and width of a pixel in the world, whichever transform sets them; as `steps_of`."""
    steps = steps_of(layer, as_shown=as_shown)[-2:]
    return tuple(float(np.linalg.norm(one)) for one in steps)


def results_of(layer: Layer, viewer: Viewer) -> list[Layer]:
    """Results of a layer, and results of those."""
    known, found = {str(layer.unique_id)}, []
    # results come after their source, unless the user has moved them
    for _ in range(2):
        for one in viewer.layers:
            record = one.metadata.get(METADATA) or {}
            if record.get("layer") in known and str(one.unique_id) not in known:
                known.add(str(one.unique_id))
                found.append(one)
    return found


# key of the metadata of a drawing: the image whose pixel size it has taken
_FOLLOWS = "visual_ccc_follows"


def lying_with(layer: Layer, viewer: Viewer) -> tuple[list[Layer], list[Layer]]:
    """Layers that were painted or drawn on an image, in its pixels.

    Returns
    -------
    with_it : list of Layer
        Without a pixel size: labels of its size in its place; points and shapes in its place where
        no other image is.
    unsure : list of Layer
        Those with a pixel size of their own, and points and shapes that may lie on another image.
    """
    results = {str(one.unique_id) for one in results_of(layer, viewer)}
    others = [
        one for one in viewer.layers if one is not layer and str(one.unique_id) not in results
    ]
    # results of other images lie on those
    others = [one for one in others if METADATA not in one.metadata and _in_frame(one, layer)]
    alone = not any(isinstance(one, Image) for one in others)
    labels = [
        one for one in others if isinstance(one, Labels) and plane_shape(one) == plane_shape(layer)
    ]
    drawn = [one for one in others if isinstance(one, Points | Shapes) and len(one.data)]
    if calibration(layer)[0] is not None:
        # a file or a person gave them their size, unless they had followed this image before
        there = [*labels, *drawn]
        own = [one for one in there if one.metadata.get(_FOLLOWS) == str(layer.unique_id)]
        return own, [one for one in there if one not in own]
    found = [*labels, *drawn] if alone else labels
    for one in found:
        one.metadata[_FOLLOWS] = str(layer.unique_id)
    return found, [] if alone else drawn


def left_in_pixels(viewer: Viewer) -> list[Layer]:
    """Layers without a pixel size, whatever they lie on; results follow what they were made of."""
    return [
        one for one in viewer.layers
        if METADATA not in one.metadata and calibration(one)[0] is None
        and (isinstance(one, Image | Labels) or len(one.data))
    ]  # fmt: skip


def _in_frame(one: Layer, layer: Layer) -> bool:
    """Whether two layers have the same scale, place and unit of rows and columns."""
    return (
        one.units[-2:] == layer.units[-2:]
        and np.allclose(one.scale[-2:], layer.scale[-2:])
        and np.allclose(one.translate[-2:], layer.translate[-2:])
    )


def record_pixel_size(layers: list[Layer], size: tuple[float, ...], unit: str) -> None:
    """Enter a new pixel size into the records of results; a volume has three sides."""
    for one in layers:
        record = one.metadata.get(METADATA)
        if isinstance(record, dict) and isinstance(record.get("source"), dict):
            sides = max(len(record["source"].get("spacing") or ()), 2)
            spacing = [float(side) for side in size[-sides:]]
            # lengths were chosen for the pixel size of then
            steps = [in_pixels(step, record["source"]) for step in record.get("steps") or ()]
            record |= {"steps": steps} if steps else {}
            record["source"] |= {"spacing": spacing, "unit": unit}


def at_size(table: pd.DataFrame, before: Any, after: Any) -> pd.DataFrame:
    """Convert a table of labels from one result of `calibration` to another."""
    if before == after:
        return table
    sizes = [spacing and PixelSize(tuple(spacing), unit) for spacing, unit in (before, after)]
    return rescaled_table(table, *sizes)


def rescale_tables(layers: list[Layer], before: Any, after: Any) -> str:
    """Convert tables of labels to another pixel size; return which must be measured again."""
    short = []
    for one in layers:
        if before == after or not isinstance(one, Labels) or not len(one.features.columns):
            continue
        table = at_size(one.features, before, after)
        if len(table.columns) < len(one.features.columns):
            short.append(one.name)
        one.features = table
    if not short:
        return ""
    return f" Measure {', '.join(short)} again: columns that need the new voxel size were dropped."
