"""Prompts of a person or of another segmentation, one object each."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    number: int
    points: np.ndarray
    positive: np.ndarray
    box: tuple[float, float, float, float] | None = None
    mask: Mask | None = None

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
        groups = table[OBJECT].astype(str).to_numpy()
        names = list(dict.fromkeys(groups))
        chosen = [np.flatnonzero(groups == name) for name in names]
    else:
        # what is not to be in an object holds for all of them
        against = np.flatnonzero(positive == 0)
        chosen = [np.append(one, against) for one in np.flatnonzero(positive)]
    found = [
        Prompt(number, x_y[rows], positive[rows])
        for number, rows in enumerate(chosen, start=1)
        if positive[rows].any()
    ]
    if not found:
        raise ValueError("no point of the prompts is positive: set one on each object")
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

    found = []
    for number, window in enumerate(find_objects(labels.astype(np.int64)), start=1):
        if window is None:
            continue
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


def padded(prompts: Sequence[Prompt]) -> tuple[np.ndarray, np.ndarray]:
    """Points (P, N, 2) and labels (P, N) of prompts; -10 is no point."""
    most = max(len(one.points) for one in prompts)
    points = np.zeros((len(prompts), most, 2))
    labels = np.full((len(prompts), most), -10)
    for row, one in enumerate(prompts):
        points[row, : len(one.points)] = one.points
        labels[row, : len(one.points)] = one.positive
    return points, labels
