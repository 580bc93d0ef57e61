"""Size and shape of the regions of a volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays.inputs import require_non_negative
from ...core.pixel_size import PixelSize
from ...core.progress import Progress, Steps
from .shape2d import centroids

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 25


def volume_table(labels: Any, grey: Any, pixel_size: PixelSize) -> Steps[pd.DataFrame]:
    """Table of the regions of a (Z, Y, X) volume in memory, as in `region_table`.

    The column ``_pixels`` is for `min_diameter`.
    """
    import pandas as pd

    volume = require_non_negative(np.asarray(labels))
    image = None if grey is None else np.asarray(grey)
    rows: list[dict[str, Any]] = []
    for batch in _batches(_regions(volume, image, pixel_size.sizes)):
        rows += [
            _row(region, label, pixel_size, volume.shape, image is not None)
            for region, label in batch
        ]
        yield Progress(0, 0, f"{len(rows)} regions")
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    names = [f"centroid_{axis}_px" for axis in "zyx"]
    first, places = list(table.columns).index(names[0]), table[names].to_numpy()
    table = table.drop(columns=names)
    for offset, (name, values) in enumerate(centroids(places, pixel_size).items()):
        table.insert(first + offset, name, values)
    return table


def volume_pieces(labels: Any) -> int:
    """Number of connected components of the foreground of a (Z, Y, X) volume in memory."""
    from scipy.ndimage import label

    return int(label(np.asarray(labels) != 0, np.ones((3, 3, 3)))[1])


def _regions(
    volume: np.ndarray, image: np.ndarray | None, size: tuple[float, ...]
) -> Iterator[tuple[Any, int]]:
    from skimage.measure import regionprops

    # regionprops allocates a list as long as the highest label
    present, compact = np.unique(volume, return_inverse=True)
    compact = compact.reshape(volume.shape) + (present[0] != 0)
    names = present if present[0] == 0 else np.insert(present.astype(np.int64), 0, 0)
    if image is not None:
        image = image.astype(np.float64)
    for region in regionprops(compact, intensity_image=image, spacing=size):
        yield region, int(names[region.label])


def _batches(regions: Iterator[tuple[Any, int]]) -> Iterator[list[tuple[Any, int]]]:
    batch: list[tuple[Any, int]] = []
    for one in regions:
        batch.append(one)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


def _row(
    region: Any,
    label: int,
    pixel_size: PixelSize,
    shape: tuple[int, ...],
    with_grey: bool,
) -> dict[str, Any]:
    row: dict[str, Any] = {"label": label, **_solid(region, pixel_size)}
    if with_grey:
        row |= _grey_statistics(region.image_intensity[region.image])
    low, high = region.bbox[:3], region.bbox[3:]
    places = np.nonzero(region.image)
    for axis, inside, first in zip("zyx", places, low, strict=True):
        row[f"centroid_{axis}_px"] = inside.mean() + first
    row |= zip(("bbox_front", "bbox_top", "bbox_left"), low, strict=True)
    row |= zip(("bbox_back", "bbox_bottom", "bbox_right"), high, strict=True)
    row["touches_border"] = 0 in low or any(a == b for a, b in zip(high, shape, strict=True))
    row["_pixels"] = len(places[0])
    return row


def _solid(region: Any, pixel_size: PixelSize) -> dict[str, float]:
    volume, sizes, length = float(region.area), pixel_size.sizes, pixel_size.length_column
    points = np.argwhere(region.image) * sizes
    points -= points.mean(axis=0)
    # a voxel is not a point: it has a second moment
    moments = points.T @ points / len(points) + np.diag(np.square(sizes)) / 12
    minor, middle, major = 2 * np.sqrt(5 * np.linalg.eigvalsh(moments))
    return {
        pixel_size.extent_column: volume,
        length("equivalent_diameter"): float(np.cbrt(6 * volume / np.pi)),
        length("feret_max"): _longest(region.image, sizes),
        length("axis_major"): float(major),
        length("axis_middle"): float(middle),
        length("axis_minor"): float(minor),
        "aspect_ratio": float(minor / major),
    }


def _longest(region: np.ndarray, size: tuple[float, ...]) -> float:
    """Largest distance between corners of the voxels of a region."""
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    # only the ends of a column can be corners of the hull
    rows, columns = np.nonzero(region.any(axis=0))
    lines = region[:, rows, columns]
    first, last = lines.argmax(axis=0), len(region) - lines[::-1].argmax(axis=0)
    points = np.concatenate(
        [
            np.stack([side, rows + down, columns + right], axis=1)
            for side in (first, last) for down in (0, 1) for right in (0, 1)
        ]
    )  # fmt: skip
    # in voxels: the corners of the hull are the same, and those of thin slices are not flat
    corners = points[ConvexHull(points).vertices]
    return float(pdist(corners * np.asarray(size, float)).max())


def _grey_statistics(values: np.ndarray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    names = ("mean", "std", "min", "max")
    return {
        f"intensity_{name}": float(getattr(values, name)()) if values.size else np.nan
        for name in names
    }
