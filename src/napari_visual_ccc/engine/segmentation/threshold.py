"""Threshold an image into objects and background, or into grey classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...arrays.filters.blur import Sigma, Smooth, smoothed
from ...arrays.histogram import GreyHistogram, grey_histogram
from ...arrays.inputs import to_gray
from ...arrays.lazy import is_lazy
from ...arrays.mapping import map_planes
from ...arrays.reduction import PairwiseSum, count_pieces, map_pieces
from ...arrays.stacks import Scope, check_scope, map_slices
from ...arrays.volumes import Dimensions, axes_of, map_parts
from ...core.layers import LabelsLayer
from ...core.pixel_size import PixelSize, Spacing, least_pixels, voxel_shape
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...core.tables import cluster_table
from .methods import METHODS, Classes, GreyValue, MinObject, Side
from .objects import numbered
from .side import objects_of

if TYPE_CHECKING:
    import pandas as pd

    MethodName = str
else:
    MethodName = Literal[tuple(METHODS)]


def threshold(  # noqa: PLR0913
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    method: MethodName = "otsu",
    classes: Classes = 2,
    value: GreyValue = 0.0,
    objects: Side = "auto",
    sigma: Sigma = 1.0,
    min_diameter: MinObject = 0.0,
    dimensions: Dimensions = "2D",
    scope: Scope = "stack",
) -> Steps[Result]:
    """Threshold an image into objects and background, or into up to five grey classes.

    Otsu's thresholds minimise the variance within the classes; they are the optimum over all grey
    levels, not that of a coarse histogram (Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62; Liao
    et al., J. Inf. Sci. Eng. 17 (2001) 713). The other automatic methods are those of
    scikit-image; of 8-bit images their thresholds are the same. Yen, triangle and minimum count
    grey levels in 256 even bins also where scikit-image has one bin for each level of 16 bit: there
    a peak is noise, and the triangle may put nearly all pixels on one side. They give what
    scikit-image gives for ``image.astype(float)``, up to outliers that would take most of the bins.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask.
    spacing : float, (y, x) or (z, y, x)
        Size of a pixel in `unit`; in 3D of a voxel.
    unit : str
        Of `spacing`, such as ``"nm"``.
    method : str
        Otsu: least variance within classes. Yen: maximum correlation. Isodata: midway between the
        class means. Li: minimum cross entropy. Triangle: at the foot of a single peak (few
        objects). Minimum: between the two peaks. Manual: `value`.
    classes : int
        Two: objects and background. More (Otsu only): grey classes, 1 is the darkest.
    value : float
        Grey value of the manual threshold: pixels of this value or above are bright.
    objects : {'auto', 'border', 'bright', 'dark'}
        Which side of the threshold is objects (two classes). Auto: weighs roundness, spread of grey
        levels, sizes and number of the parts of both sides, and the border, as *Particles*
        does; up to five slices are looked at, of planes above 16 megapixels the middle. A note
        says where it is doubtful. Border: the class that fills most of the image border is
        background; it decides in 3D as well.
    sigma : float
        Standard deviation in pixels of the Gaussian blur before the threshold; suppresses noise.
    min_diameter : float
        Smaller objects become background (two classes): diameter of a circle of the same area (in
        3D of a ball of the same volume), in `unit` if there is a pixel size, otherwise in pixels.
        0 keeps all.
    dimensions : {'2D', '3D'}
        Blur, and separate objects, within each slice or within the volume of the last three axes.
        In 3D a blur reaches as far across slices as within one, in the unit of the voxel.
    scope : {'stack', 'slice'}
        One set of thresholds for the whole stack, or one for each slice (in 3D for each volume of
        a series): for brightness that drifts.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) uint8. Two classes: 1 = object, 0 = background or not finite. More:
        1 = darkest class, 0 = not finite. ``table``: one row a class with its mean intensity,
        pixels, area % and area in `unit`² (in 3D: volume in `unit`³), summed over a stack; by
        slice, one row a class and slice. ``facts``: the thresholds (lowest grey value of each
        brighter class), which side objects are on, the evidence for it and whether it is
        doubtful, by slice a list of them. Labels of dask are
        lazy: for a stack its grey levels are counted first (limits, limits of the blurred image,
        histogram: a pass each, of 8 bit the last one alone; `min_diameter`, and a manual value
        on floats, take one more for the table); by slice nothing is, so table and facts are
        missing.

    Raises
    ------
    ValueError
        If a parameter is out of range, the method gives no threshold or not that many classes,
        the image is constant or no pixel of it is finite.
    """
    _check(method, classes, objects)
    check_scope(scope)
    grey, notes = to_gray(image)
    axes = axes_of(dimensions, grey.shape)
    pixel_size = PixelSize.of(spacing, unit, axes)
    min_size = least_pixels(min_diameter, pixel_size, axes)
    name = method.capitalize() if classes == 2 else f"{method.capitalize()} {classes} classes"
    if scope == "slice" and grey.ndim > axes:
        one = functools.partial(
            threshold, spacing=spacing, unit=unit, method=method, classes=classes, value=value,
            objects=objects, sigma=sigma, min_diameter=min_diameter, dimensions=dimensions,
        )  # fmt: skip
        like = LabelsLayer(None, name=name)
        return (yield from map_slices(one, grey, axes, (like,), dtype=np.uint8, notes=notes))
    smooth = yield from smoothed(grey, sigma, voxel_shape(pixel_size) if axes == 3 else None)
    histogram = yield from grey_histogram(smooth.image, None if smooth.image is grey else grey)
    starts = _starts(histogram, method, classes, value, smooth)
    manual = method == "manual"
    label = _compared(smooth.value_of(value)) if manual else histogram.labeller(starts)
    labels = yield from map_planes(label, smooth.image, dtype=np.uint8, halo=0, note="threshold")
    pixels = np.add.reduceat(histogram.counts, starts)
    sums = np.add.reduceat(histogram.sums, starts)
    lowest = histogram.lowest[starts[1:]]
    thresholds = [float(value)] if manual else smooth.grey_of(lowest).tolist()
    facts: dict[str, Any] = {"thresholds": thresholds}
    if classes > 2:
        table = cluster_table(pixels, sums / pixels, pixel_size)
        table["name"] = [row.replace("cluster", "class") for row in table["name"]]
        layer = LabelsLayer(labels, table=table, name=name)
        return Result((layer,), facts=facts, notes=notes)
    if objects in ("auto", "border"):
        # slices through a volume have not the forms of its objects, and show blurred ones nearby
        by = objects if axes == 2 else "border"
        found, side_notes = yield from objects_of(labels, grey, by)
        facts, notes = facts | found, (*notes, *side_notes)
    else:
        facts["objects"] = objects
    inside = 1 if facts["objects"] == "dark" else 2
    mask = yield from _object_mask(labels, inside, min_size, axes)
    if min_size > 1 or (manual and not histogram.is_exact):
        pixels, sums = yield from _recounted(mask, grey, inside, pixels, sums)
    table = _object_table(pixels, sums / np.maximum(pixels, 1), inside, pixel_size)
    return Result((LabelsLayer(mask, table=table, name=name),), facts=facts, notes=notes)


def _check(method: str, classes: int, objects: str) -> None:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose {', '.join(METHODS)}")
    if not 2 <= classes <= 5:
        raise ValueError(f"classes is {classes}; choose 2 to 5")
    if objects not in ("auto", "border", "bright", "dark"):
        raise ValueError(f"objects is {objects!r}; choose auto, border, bright or dark")


def _starts(
    histogram: GreyHistogram, method: str, classes: int, value: float, smooth: Smooth
) -> np.ndarray:
    """Index of the first grey level of every class."""
    levels = len(histogram.values)
    if levels < classes:
        raise ValueError(f"image has {levels} grey level(s): too few for {classes} classes")
    level = smooth.value_of(value)
    starts = np.array([0, *METHODS[method](histogram, classes, level)])
    low, high = histogram.scale.ends(histogram.bins)
    if method == "manual" and not low < level <= high:
        low, high = smooth.grey_of(low), smooth.grey_of(high)
        raise ValueError(
            f"all pixels are on one side of {value:.9g}: give a grey value between {low:.9g} and "
            f"{high:.9g}"
        )
    if starts[1] == 0 or starts[-1] == levels:
        raise ValueError(f"{method} puts all pixels on one side; choose another method")
    return starts


def _compared(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Function that labels a plane as `GreyHistogram.labeller`: 2 from the value on, 1 below."""

    def label(plane: np.ndarray) -> np.ndarray:
        labels = (plane >= value).astype(np.uint8) + np.uint8(1)
        if plane.dtype.kind == "f":
            labels[~np.isfinite(plane)] = 0
        return labels

    return label


def _object_mask(labels: Any, side: int, min_size: int, axes: int) -> Steps[Any]:
    """Mask of the class that is objects, without small ones."""
    if min_size <= 1:
        return (
            yield from map_planes(
                lambda plane: plane == side, labels, dtype=np.uint8, halo=0, note="objects"
            )
        )
    if axes == 2 and is_lazy(labels):
        # chunk by chunk: whole planes may not fit into memory
        numbers, _ = yield from numbered(labels == side, min_size)
        return (numbers > 0).astype(np.uint8)
    return (
        yield from map_parts(
            lambda part: _without_small(part == side, min_size), labels, axes, dtype=np.uint8,
            note="objects",
        )
    )  # fmt: skip


def _without_small(mask: np.ndarray, min_size: int) -> np.ndarray:
    from skimage.measure import label

    parts = label(mask, connectivity=1)
    return (np.bincount(parts.ravel()) >= min_size)[parts] & mask


def _recounted(
    mask: Any, grey: Any, side: int, pixels: np.ndarray, sums: np.ndarray
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Pixels and sums of both classes after small objects have changed sides."""

    def add(_: Any, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        there = values[which == 1]
        return np.array([there.size, there.sum(dtype=np.float64)])

    moved, total = PairwiseSum(), count_pieces(grey)
    for done, (number, found) in enumerate(map_pieces(add, grey, mask), start=1):
        moved.add(number, found)
        yield Progress(done, total, "means")
    inside, grey_inside = int(moved.value[0]), moved.value[1]
    new_pixels, new_sums = np.array([pixels.sum() - inside] * 2), np.array([sums.sum()] * 2)
    new_sums -= grey_inside
    new_pixels[side - 1], new_sums[side - 1] = inside, grey_inside
    return new_pixels, new_sums


def _object_table(
    pixels: np.ndarray, means: np.ndarray, side: int, pixel_size: PixelSize | None
) -> pd.DataFrame:
    table = cluster_table(pixels, means, pixel_size)
    inside = side - 1
    table["label"] = [1 if row == inside else 0 for row in range(2)]
    table["name"] = ["objects" if row == inside else "background" for row in range(2)]
    return table.sort_values("label", ascending=False, ignore_index=True)
