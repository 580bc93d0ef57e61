"""Separate objects from background by grey level, and touching objects from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ..progress import Progress, Steps
from ..results import LabelsResult
from .blocks import Total
from .breaks import optimal_breaks
from .cluster import Spacing, cluster_table, pixel_area
from .histogram import grey_histogram, limits, occurrences
from .images import as_grey, counted_from
from .labels import checked_labels, label_planes
from .planes import count_pieces, map_planes, over_pieces

if TYPE_CHECKING:
    import pandas as pd

# share of the height and width that counts as border when the background is looked for
_BORDER = 0.01
# parts of a grey level that an 8-bit image is blurred in
_FINE = np.uint16(256)


def otsu(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    classes: Annotated[int, {"min": 2, "max": 5}] = 2,
    objects: Literal["auto", "bright", "dark"] = "auto",
    sigma: Annotated[float, {"min": 0, "max": 20, "step": 0.5}] = 1.0,
    smallest: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
) -> Steps[LabelsResult]:
    """Split an image into objects and background, or into up to five grey classes.

    The thresholds leave the least variance within the classes, and are the best ones there are,
    not those of a coarse histogram (Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62; Liao et al.,
    J. Inf. Sci. Eng. 17 (2001) 713). A stack gets one set of thresholds.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    classes : int
        Two: objects and background. More: grey classes, 1 being the darkest.
    objects : {'auto', 'bright', 'dark'}
        Which side of the threshold is an object (two classes). Auto: the class that fills most of
        the image's border is background, since particles may be dark.
    sigma : float
        Gaussian blur before the cut, in pixels: noise speckles no classes.
    smallest : int
        Objects with fewer pixels become background (two classes), 0 keeps all.

    Returns
    -------
    LabelsResult
        ``labels``: (..., Y, X) uint8. Two classes: 1 = object, 0 = background or not finite. More:
        1 = darkest class, 0 = not finite. ``table``: one row a class with its mean intensity,
        pixels, area % and area in `unit`². ``facts``: the thresholds and which side objects are on.

    Raises
    ------
    ValueError
        If a parameter is out of range, the image is constant or no pixel of it is finite.
    """
    if not 2 <= classes <= 5:
        raise ValueError(f"classes is {classes}; choose 2 to 5")
    if objects not in ("auto", "bright", "dark"):
        raise ValueError(f"objects is {objects!r}; choose auto, bright or dark")
    area = pixel_area(spacing, unit)
    grey, notes = as_grey(image)
    seen, zero, step = grey, 0.0, 1.0
    if sigma > 0 and grey.dtype == np.uint8:
        seen, step = (yield from _blurred_bytes(grey, sigma)), 1 / float(_FINE)
    elif sigma > 0:
        dark, bright = yield from limits(grey)
        # the blur of a constant image differs in its last digits: classes where there are none
        if bright > dark:
            zero = float(dark)
            seen = yield from _blurred(grey, sigma, zero)
    histogram = yield from grey_histogram(seen)
    starts = optimal_breaks(histogram.values, histogram.counts, classes)
    if len(starts) < classes:
        levels = len(histogram.values)
        raise ValueError(f"image has {levels} grey level(s): too few for {classes} classes")
    labels = yield from map_planes(
        histogram.labeller(starts), seen, dtype=np.uint8, halo=0, note="threshold"
    )
    pixels = np.add.reduceat(histogram.counts, starts)
    facts: dict[str, Any] = {"thresholds": (histogram.lowest[starts[1:]] * step + zero).tolist()}
    sums, border = yield from _sums(labels, grey, classes)
    if classes > 2:
        table = cluster_table(pixels, sums[1:] / pixels, area, unit)
        table["name"] = [name.replace("cluster", "class") for name in table["name"]]
        return LabelsResult(
            labels, table=table, name=f"Otsu {classes} classes", facts=facts, notes=notes
        )
    facts["objects"] = objects
    if objects == "auto":
        facts["objects"] = "bright" if border[1] >= border[2] else "dark"
        notes = (*notes, f"objects are {facts['objects']}: the other side fills the image border")
    side = 1 if facts["objects"] == "dark" else 2
    mask = yield from map_planes(
        lambda plane: _objects(plane, side, smallest),
        labels,
        dtype=np.uint8,
        halo=None if smallest > 1 else 0,
        note="objects",
    )
    sums = sums[1:]
    if smallest > 1:
        found = (yield from occurrences(mask)).get(1, 0)
        pixels[2 - side] += pixels[side - 1] - found
        pixels[side - 1] = found
        sums, _ = yield from _sums(mask, grey, 1)
        sums = sums[::-1] if side == 1 else sums
    means = sums / np.maximum(pixels, 1)
    return LabelsResult(
        mask,
        table=_objects_table(pixels, means, side, area, unit),
        name="Otsu",
        facts=facts,
        notes=notes,
    )


def _blurred_bytes(grey: Any, sigma: float) -> Steps[Any]:
    """Blur 8 bit in whole numbers: as fine as is needed, and counted in one pass."""
    import cv2

    def blur(plane: np.ndarray) -> np.ndarray:
        fine = plane.astype(np.uint16) * _FINE
        return cv2.GaussianBlur(fine, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)

    halo = int(4 * sigma) + 2
    return (yield from map_planes(blur, grey, dtype=np.uint16, halo=halo, note="blur"))


def _blurred(grey: Any, sigma: float, zero: float) -> Steps[Any]:
    import cv2

    # decided for the whole image: bands and chunks have to be worked on alike
    has_missing = grey.dtype.kind == "f" and (yield from _any_missing(grey))

    def smooth(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)

    def blur(plane: np.ndarray) -> np.ndarray:
        plane = counted_from(plane, zero)
        if not has_missing:
            return smooth(plane)
        # what is missing has no weight, and stays missing
        there = np.isfinite(plane)
        with np.errstate(invalid="ignore", divide="ignore"):
            filled = smooth(np.where(there, plane, np.float32(0))) / smooth(there.astype("f4"))
        return np.where(there, filled, np.float32(np.nan))

    halo = int(4 * sigma) + 2
    return (yield from map_planes(blur, grey, dtype=np.float32, halo=halo, note="blur"))


def _any_missing(image: Any) -> Steps[bool]:
    total = count_pieces(image)
    finite = over_pieces(lambda _, piece: bool(np.isfinite(piece).all()), image)
    for done, (_, all_there) in enumerate(finite, start=1):
        if not all_there:
            return True
        yield Progress(done, total, "missing pixels")
    return False


def _sums(labels: Any, grey: Any, count: int) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Sum of finite grey in each label from 0 to `count`, and its pixels on the image's border."""

    def add(place: Any, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        border = np.bincount(_on_border(place, which, grey.shape), minlength=count + 1)
        return np.stack([_grey_sums(values, which, count), border])

    found, pieces = Total(), count_pieces(grey)
    for done, (number, sums) in enumerate(over_pieces(add, grey, labels), start=1):
        found.add(number, sums)
        yield Progress(done, pieces, "means")
    return tuple(found.value)


def _grey_sums(values: np.ndarray, which: np.ndarray, count: int) -> np.ndarray:
    import cv2

    width, found = values.shape[-1], np.zeros(count + 1)
    # row by row: what is as wide as 64 bits stays small
    rows = (np.ascontiguousarray(part).reshape(-1, width) for part in (which, values))
    for label, row in zip(*rows, strict=True):
        if row.dtype == np.uint8:
            # counts of pairs, which are exact and need nothing wider
            sizes = [count + 1, 256]
            counts = cv2.calcHist([label, row], [0, 1], None, sizes, [0, sizes[0], 0, 256])
            found += counts.astype(np.float64) @ np.arange(256.0)
            continue
        weights = row.astype(np.float64)
        weights[~np.isfinite(weights)] = 0
        found += np.bincount(label, weights=weights, minlength=count + 1)
    return found


def _on_border(place: Any, which: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The labels of a piece that lie on the border of the image."""
    border = np.ones(which.shape[-2:], bool)
    inner = []
    for part, length in zip(place[-2:], shape[-2:], strict=True):
        edge = max(1, round(length * _BORDER))
        inner.append(slice(max(edge - part.start, 0), max(length - edge - part.start, 0)))
    border[tuple(inner)] = False
    return which[..., border].ravel()


def _objects(plane: np.ndarray, side: int, smallest: int) -> np.ndarray:
    mask = plane == side
    if smallest <= 1:
        return mask
    from skimage.measure import label

    parts = label(mask, connectivity=1)
    return (np.bincount(parts.ravel()) >= smallest)[parts] & mask


def _objects_table(
    pixels: np.ndarray, means: np.ndarray, side: int, area: float | None, unit: str
) -> pd.DataFrame:
    table = cluster_table(pixels, means, area, unit)
    inside = side - 1
    table["label"] = [1 if row == inside else 0 for row in range(2)]
    table["name"] = ["objects" if row == inside else "background" for row in range(2)]
    return table.sort_values("label", ascending=False, ignore_index=True)


def watershed_split(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    tolerance: Annotated[float, {"min": 0.1, "max": 20, "step": 0.1}] = 1.0,
    smallest: Annotated[int, {"min": 0, "max": 1_000_000}] = 0,
    only: Annotated[int, {"min": 0}] = 0,
) -> Steps[LabelsResult]:
    """Split objects that touch at their necks, and number every object.

    Watershed on the distance to the background; maxima of the distance that rise less than the
    tolerance above their saddle are not split off (Soille, Morphological Image Analysis, 2nd ed.,
    2004, section 9.2).

    Parameters
    ----------
    labels : (..., Y, X) integer or bool array
        0 is background. Every slice of a stack is split on its own.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    tolerance : float
        How much narrower than the smaller object a neck must be (its half width), in pixels:
        larger values split less.
    smallest : int
        Objects with fewer pixels are dropped, 0 keeps all.
    only : int
        Split this label alone (of several classes, say), 0 takes all that are not background.

    Returns
    -------
    LabelsResult
        ``labels``: (..., Y, X) int32, one number an object, no number twice in a stack.
        ``table``: one row an object with its pixels and, with a scale, its area in `unit`².

    Raises
    ------
    ValueError
        If the labels are not whole numbers, or there is nothing to split.
    """
    labels = checked_labels(labels)
    area = pixel_area(spacing, unit)
    split = np.zeros(labels.shape, np.int32)
    count, total = 0, int(np.prod(labels.shape[:-2]))
    for done, (index, plane) in enumerate(
        zip(np.ndindex(labels.shape[:-2]), label_planes(labels), strict=True)
    ):
        mask = plane == only if only else plane != 0
        parts = yield from _split(mask, tolerance, smallest, done, total)
        split[index] = np.where(parts > 0, parts + count, 0)
        count += int(parts.max(initial=0))
    if count == 0:
        wanted = f"label {only}" if only else "objects"
        raise ValueError(f"labels hold no {wanted} of {smallest} or more pixels: nothing to split")
    pixels = np.bincount(split.ravel(), minlength=count + 1)[1:]
    table = _pixels_table(pixels, area, unit)
    return LabelsResult(
        split, table=table, name="split", facts={"objects": count}, notes=(f"{count} objects",)
    )


def _split(
    mask: np.ndarray, tolerance: float, smallest: int, done: int, total: int
) -> Steps[np.ndarray]:
    from scipy import ndimage
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    yield Progress(4 * done, 4 * total, "distance")
    # a frame of background: an object cut by the border is no wider for it
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    yield Progress(4 * done + 1, 4 * total, "maxima")
    lowered = reconstruction(np.maximum(distance - tolerance, 0), distance)
    peaks = local_maxima(lowered, connectivity=2) & mask
    yield Progress(4 * done + 2, 4 * total, "watershed")
    seeds, _ = ndimage.label(peaks, structure=np.ones((3, 3)))
    seeds = _with_seed_everywhere(seeds, mask)
    parts = watershed(-distance, seeds, mask=mask)
    if smallest > 1:
        keep = np.bincount(parts.ravel()) >= smallest
        keep[0] = False
        parts = (np.cumsum(keep) * keep)[parts]
    yield Progress(4 * done + 3, 4 * total, "objects")
    return parts


def _with_seed_everywhere(seeds: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An object lower than the tolerance has no maximum left: it is its own seed."""
    from scipy import ndimage

    bodies, count = ndimage.label(mask)
    seeded = np.zeros(count + 1, bool)
    seeded[bodies[seeds > 0]] = True
    seeded[0] = True
    fresh = np.cumsum(~seeded) * ~seeded
    return np.where(seeded[bodies], seeds, fresh[bodies] + seeds.max(initial=0))


def _pixels_table(pixels: np.ndarray, area: float | None, unit: str) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame({"label": np.arange(1, len(pixels) + 1), "pixels": pixels})
    if area is not None:
        table[f"area_{unit}2"] = pixels * area
    return table
