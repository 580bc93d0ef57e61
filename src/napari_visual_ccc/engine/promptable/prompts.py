"""Prompts of a person or of another segmentation, one object each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays.inputs import validate_labels
from ...core.layers import PointsLayer, ShapesLayer
from ...nets.sam.mask import Mask

# column of a points layer that tells positive from negative points, and the one that groups them
LABEL, OBJECT = "label", "object"

_MEANING = {
    "positive": 1, "+": 1, "1": 1, "1.0": 1, "true": 1, "foreground": 1,
    "negative": 0, "-": 0, "0": 0, "0.0": 0, "-1": 0, "false": 0, "background": 0,
}  # fmt: skip

# shapes that enclose nothing
_OPEN = ("path", "line")


@dataclass(frozen=True, eq=False)
class Prompt:
    """What tells one object, in (x, y) pixels of the image.

    Parameters
    ----------
    number : int
        Of the point, shape or object, from 1; of labels the label.
    points : (N, 2) array
        Points in the object and beside it.
    positive : (N,) int array
        1: in the object, 0: beside it.
    box : (left, top, right, bottom), optional
        Around the object.
    mask : Mask, optional
        Rough mask of the object.
    object : int or str, optional
        Value of the feature ``object`` of its points.
    """

    number: int
    points: np.ndarray
    positive: np.ndarray
    box: tuple[float, float, float, float] | None = None
    mask: Mask | None = None
    object: Any = None

    @property
    def name(self) -> Any:
        """What a person calls it: the value of the feature ``object``, else the number."""
        return self.number if self.object is None else self.object

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Box (left, top, right, bottom), or that around the positive points."""
        if self.box is not None:
            return self.box
        inside = self.points[self.positive > 0]
        (left, top), (right, bottom) = inside.min(axis=0), inside.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the object, as far as it is known."""
        if self.box is not None:
            left, top, right, bottom = self.box
            return (left + right) / 2, (top + bottom) / 2
        x, y = self.points[self.positive > 0].mean(axis=0)
        return float(x), float(y)


def prompts_of(given: Any, shape: tuple[int, int], *, centroids: bool = False) -> list[Prompt]:
    """Read the prompts of a layer.

    Parameters
    ----------
    given : PointsLayer, ShapesLayer or (Y, X) integer array
        In pixels of the image, see `sam_masks`.
    shape : (rows, columns)
        Of the image.
    centroids : bool
        Of labels: a point in the middle of each object, instead of its mask.

    Raises
    ------
    ValueError
        If there is no prompt, one lies outside the image, or no point is positive.
    """
    if isinstance(given, PointsLayer):
        return _points(given, shape)
    if isinstance(given, ShapesLayer):
        return _boxes(given, shape)
    labels = np.asarray(validate_labels(given))
    if labels.shape != shape:
        raise ValueError(f"the labels are {labels.shape}, the image is {shape}: they must agree")
    return _objects(labels, centroids=centroids)


def _points(layer: PointsLayer, shape: tuple[int, int]) -> list[Prompt]:
    places = np.asarray(layer.data, float)[:, -2:]
    outside = np.flatnonzero(((places < -0.5) | (places > np.array(shape) - 0.5)).any(axis=1))
    if len(outside):
        raise ValueError(
            f"point {outside[0] + 1} of the prompts lies outside the image without its info bar"
        )
    x_y, positive = places[:, ::-1], _positive(layer)
    table = layer.features
    if table is not None and OBJECT in table:
        return _grouped(x_y, positive, table[OBJECT])
    # what is not to be in an object holds for all of them
    against = np.flatnonzero(positive == 0)
    chosen = [np.append(one, against) for one in np.flatnonzero(positive)]
    if not chosen:
        raise ValueError("no point of the prompts is positive: set one on each object")
    return [Prompt(int(rows[0]) + 1, x_y[rows], positive[rows]) for rows in chosen]


def _grouped(x_y: np.ndarray, positive: np.ndarray, objects: Any) -> list[Prompt]:
    """One prompt for each value of the feature ``object``."""
    groups, found = objects.astype(str).to_numpy(), []
    for number, group in enumerate(dict.fromkeys(groups), start=1):
        rows = np.flatnonzero(groups == group)
        if not positive[rows].any():
            raise ValueError(f"object {group} of the prompts has no positive point: set one on it")
        name = objects.iloc[rows[0]]
        # from a file 3 may be 3.0
        is_whole = isinstance(name, (int, float, np.number)) and name == np.floor(name)
        found.append(
            Prompt(number, x_y[rows], positive[rows], object=int(name) if is_whole else group)
        )
    return found


def _positive(layer: PointsLayer) -> np.ndarray:
    table = layer.features
    if table is None or LABEL not in table:
        return np.ones(len(layer.data), int)
    words = table[LABEL].astype(str).str.strip().str.lower()
    unknown = sorted(set(words) - _MEANING.keys())
    if unknown:
        raise ValueError(
            f"the points have {LABEL} {unknown[0]!r}; write positive or negative (1 or 0)"
        )
    return words.map(_MEANING).to_numpy(int)


def _boxes(layer: ShapesLayer, shape: tuple[int, int]) -> list[Prompt]:
    found = []
    ends = np.array(shape) - 1
    for number, (vertices, kind) in enumerate(
        zip(layer.data, layer.kind_of_each, strict=True), start=1
    ):
        places = np.asarray(vertices, float)[:, -2:]
        (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0)
        if kind in _OPEN:
            raise ValueError(f"shape {number} of the prompts is a {kind}: draw rectangles")
        if top > ends[0] or left > ends[1] or bottom < 0 or right < 0:
            raise ValueError(
                f"shape {number} of the prompts lies outside the image without its info bar"
            )
        box = (
            float(max(left, 0)), float(max(top, 0)),
            float(min(right, ends[1])), float(min(bottom, ends[0])),
        )  # fmt: skip
        found.append(Prompt(number, *_NO_POINTS, box=box))
    if not found:
        raise ValueError("the prompts hold no shape: draw a box around each object")
    return found


_NO_POINTS = (np.zeros((0, 2)), np.zeros(0, int))


def _objects(labels: np.ndarray, *, centroids: bool) -> list[Prompt]:
    from scipy.ndimage import find_objects

    # labels may be any numbers: without gaps, or the largest would count
    numbers, compact = np.unique(labels, return_inverse=True)
    first = int(np.searchsorted(numbers, 1))
    compact = np.maximum(compact.reshape(labels.shape) - (first - 1), 0)
    found = []
    for number, window in zip(numbers[first:].tolist(), find_objects(compact), strict=True):
        assert window is not None
        top, left = window[0].start, window[1].start
        mask = Mask(top, left, labels[window] == number, prompt=number)
        if centroids:
            found.append(Prompt(number, _middle(mask)[None], np.ones(1, int)))
        else:
            found.append(Prompt(number, *_NO_POINTS, box=mask.box, mask=mask))
    if not found:
        raise ValueError("the labels that are to be prompts hold no object")
    return found


def _middle(mask: Mask) -> np.ndarray:
    """Pixel (x, y) of a mask that is nearest to its centroid: in a ring, it is not in the hole."""
    places = np.argwhere(mask.pixels)
    nearest = np.square(places - places.mean(axis=0)).sum(axis=1).argmin()
    return np.array([places[nearest, 1] + mask.left, places[nearest, 0] + mask.top], float)
