"""Examples, and cells that look like them to a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ...arrays.filling import filled
from ...arrays.inputs import validate_labels
from ...arrays.stacks import items
from ...core.layers import (
    LabelsLayer,
    Placement,
    PointsLayer,
    ShapesLayer,
    outline,
)
from ...core.pixel_size import PixelSize, kept_pixels
from .cells import Seen, cell_means
from .ranking import flat_cells, has_value

Background = Literal["subtract", "keep"]

NONE_POSITIVE = "no point of the example is positive: set one on what to look for"

# column of a points layer that tells negative points, and the words for them
_LABEL, _NEGATIVE = "label", ("negative", "-", "0", "0.0", "false", "background")

# shapes that enclose nothing
_OPEN = ("path", "line")


def example_weights(example: Any, seen: Seen) -> np.ndarray:
    """Weight of every cell in an example.

    Parameters
    ----------
    example : PointsLayer, ShapesLayer or (Y, X) integer array
        In pixels of the image. A point stands for the four cells around it, a region for the cells
        that it covers. Points whose feature ``label`` is negative show what is not meant.
    seen : Seen
        Cells of the image.

    Returns
    -------
    (h, w) array
        Sums to 1; with negative points to 0.

    Raises
    ------
    ValueError
        If there is no example, no point is positive, or it lies outside the image, or in or near
        missing pixels; of a region the cells that have a value count.
    """
    cells = (int(seen.maps.shape[1]), int(seen.maps.shape[2]))
    if isinstance(example, PointsLayer):
        return _of_points(example, seen, cells)
    mask = _mask(example, seen.shape)
    if not mask.any():
        raise ValueError("the example covers no pixel of the image: draw it on the specimen")
    share = cell_means(mask, seen.placement, cells)
    # cells at the border of a region show what is beside it
    weights = np.where(share >= 0.5, share, 0.0)
    weights = weights if weights.any() else share
    if not weights.any():
        # the region lies beyond the outermost cells
        weights = point_weights(middle_of(example, seen), seen.placement, cells)
    return weights_of(weights / weights.sum(), seen.maps, "the example")


def middle_of(example: Any, seen: Seen) -> tuple[float, float]:
    """Pixel (y, x) in the middle of an example; of points the first positive one."""
    if isinstance(example, PointsLayer):
        places = np.asarray(example.data, float)[~_negative(example)]
        return float(places[0, -2]), float(places[0, -1])
    rows, columns = np.nonzero(_mask(example, seen.shape))
    return float(rows.mean()), float(columns.mean())


def by_sign(example: Any, seen: Seen) -> list[tuple[int, int, Any]]:
    """Split an example into what is meant, 1, and what is not, -1.

    Returns
    -------
    list of (sign, number of points, shapes or pixels, example)
    """
    if isinstance(example, ShapesLayer):
        return [(1, len(example.data), example)]
    if not isinstance(example, PointsLayer):
        return [(1, max(1, int((np.asarray(example) != 0).sum())), example)]
    _inside(example, seen)
    negative = _negative(example)
    chosen = [(1, np.flatnonzero(~negative)), (-1, np.flatnonzero(negative))]
    plain = replace(example, features=None)
    return [
        (sign, len(numbers), items(plain, numbers.tolist()))
        for sign, numbers in chosen
        if len(numbers)
    ]


def feature_of(maps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of the features: (C, h, w) and (h, w) → (C,)."""
    maps = maps if has_value(maps).all() else np.nan_to_num(maps)
    return np.tensordot(maps, weights.astype(np.float32), axes=((1, 2), (0, 1)))


def point_weights(
    point: tuple[float, float], placement: Placement, cells: tuple[int, int]
) -> np.ndarray:
    """Bilinear weights of the cells around a pixel (y, x): (h, w)."""
    sides = []
    for place, first, count in zip(point, placement.first_centre, cells, strict=True):
        cell = float(np.clip((place - first) / placement.stride, 0, count - 1))
        low = min(int(cell), max(count - 2, 0))
        side = np.zeros(count)
        side[low] = 1 - (cell - low)
        side[min(low + 1, count - 1)] += cell - low
        sides.append(side)
    return np.outer(*sides)


def _inside(example: PointsLayer, seen: Seen) -> np.ndarray:
    """Points (y, x), that lie in the image."""
    places = np.asarray(example.data, float)[:, -2:]
    if not len(places):
        raise ValueError("the example has no points: click on what to look for")
    outside = ((places < -0.5) | (places > np.array(seen.shape) - 0.5)).any(axis=1)
    if outside.any():
        number = int(np.flatnonzero(outside)[0]) + 1
        raise ValueError(
            f"point {number} of the example lies outside the image without its info bar"
        )
    return places


def _of_points(example: PointsLayer, seen: Seen, cells: tuple[int, int]) -> np.ndarray:
    places = _inside(example, seen)
    negative = _negative(example)
    if negative.all():
        raise ValueError(NONE_POSITIVE)
    found = np.zeros(cells)
    for (y, x), against in zip(places, negative, strict=True):
        share = -1 / negative.sum() if against else 1 / (~negative).sum()
        mine = point_weights((float(y), float(x)), seen.placement, cells)
        found += share * weights_of(mine, seen.maps, f"the place ({y:.0f}, {x:.0f}) of the example")
    return found


def weights_of(weights: np.ndarray, maps: np.ndarray, what: str) -> np.ndarray:
    """Weights, that sum to 1, of the cells that have a value; an error if they have less than half.

    Raises
    ------
    ValueError
        If most of the place is in or near missing pixels.
    """
    there = np.where(has_value(maps), weights, 0)
    if there.sum() < 0.5:
        raise ValueError(
            f"{what} lies in or near missing pixels (NaN or infinite), where this layer has no "
            "value: choose another place, or an earlier layer"
        )
    return there / there.sum()


def _negative(example: PointsLayer) -> np.ndarray:
    table = example.features
    if table is None or _LABEL not in table:
        return np.zeros(len(example.data), bool)
    return table[_LABEL].astype(str).str.strip().str.lower().isin(_NEGATIVE).to_numpy(bool)


def _mask(example: Any, shape: tuple[int, int]) -> np.ndarray:
    if not isinstance(example, ShapesLayer):
        labels = np.asarray(validate_labels(example))
        if labels.shape != shape:
            raise ValueError(f"the labels are {labels.shape}, the image is {shape}: they differ")
        return labels > 0
    from skimage.draw import polygon

    mask = np.zeros(shape, bool)
    for number, (vertices, kind) in enumerate(
        zip(example.data, example.kind_of_each, strict=True), start=1
    ):
        if kind in _OPEN:
            raise ValueError(f"shape {number} of the example is a {kind}: draw a closed one")
        places = outline(np.asarray(vertices, float)[:, -2:], kind)
        mask[polygon(places[:, 0], places[:, 1], shape=shape)] = True
    return mask


def background_of(maps: np.ndarray, how: Background) -> np.ndarray:
    """Feature that counts as the background of an image: its mean, or zeros: (C,)."""
    if how == "keep":
        return np.zeros(len(maps), np.float32)
    return np.asarray(flat_cells(maps).mean(axis=1))


def cosine_map(maps: np.ndarray, feature: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Cosine similarity of every cell with a feature.

    Parameters
    ----------
    maps : (C, h, w) array
        Features of the cells.
    feature : (C,) array
        Of the example, without the background of its image.
    background : (C,) array
        Of this image.

    Returns
    -------
    (h, w) float32 array
        -1 to 1; 0 where a cell has no feature at all, NaN where it has no value.
    """
    there = has_value(maps)
    flat = flat_cells(maps) - background[:, None]
    size = np.linalg.norm(flat, axis=0) * np.linalg.norm(feature)
    found = np.divide(feature @ flat, size, out=np.zeros(flat.shape[1], np.float32), where=size > 0)
    made = np.full(there.shape, np.nan, np.float32)
    made[there] = np.clip(found, -1, 1)
    return made


def to_image(
    coarse: np.ndarray, placement: Placement, shape: tuple[int, int], known: Any = None
) -> np.ndarray:
    """Interpolate a map of cells to the pixels of the image: (Y, X) float32.

    NaN where a pixel is not `known`, (Y, X) bool, and where cells without a value have most weight.
    """
    from ...nets.interpolate import to_pixels

    def fine(values: np.ndarray) -> np.ndarray:
        first = placement.first_centre[0]
        return to_pixels(values, shape, shape, placement.stride, first).astype(np.float32)

    whole, there = filled(coarse)
    made = fine(whole)
    if there is not None:
        made[fine(there.astype(np.float32)) < 0.5] = np.nan
    return made if known is None else np.where(known, made, np.float32(np.nan))


def similar_regions(
    similarity: np.ndarray, threshold: float, min_diameter: float, size: PixelSize | None
) -> LabelsLayer:
    """Label the regions above a threshold, the most similar first.

    Parameters
    ----------
    similarity : (Y, X) array
        At every pixel.
    threshold : float
        Smallest similarity of a region.
    min_diameter : float
        Smaller regions are left out; 0: those of fewer than 20 pixels.
    size : PixelSize, optional
        Of the image, for areas and the diameter.

    Returns
    -------
    LabelsLayer
        With a table of ``similarity`` (the highest), ``mean``, area and centroid.
    """
    import pandas as pd
    from skimage.measure import label, regionprops_table

    found = label(similarity >= threshold, connectivity=2)
    wanted = ("label", "area", "intensity_max", "intensity_mean", "centroid")
    table = pd.DataFrame(regionprops_table(found, similarity, properties=wanted))
    table = table[table["area"] >= kept_pixels(min_diameter, size, 20)]
    table = table.sort_values("intensity_max", ascending=False, kind="stable", ignore_index=True)
    new = np.zeros(int(found.max()) + 1, np.int32)
    new[table["label"].to_numpy(int)] = np.arange(1, len(table) + 1)
    rows = {
        "label": np.arange(1, len(table) + 1), "similarity": table["intensity_max"],
        "mean": table["intensity_mean"], "area_px": table["area"].astype(int),
    }  # fmt: skip
    if size is not None:
        rows[f"area_{size.unit}2"] = table["area"] * size.height * size.width
    rows |= {"centroid_y_px": table["centroid-0"], "centroid_x_px": table["centroid-1"]}
    return LabelsLayer(new[found], table=pd.DataFrame(rows), name="similar")
