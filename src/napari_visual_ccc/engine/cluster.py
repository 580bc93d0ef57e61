"""Cluster pixels into phases: optimal k-means on grey levels, or k-means on feature maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from ..progress import Steps
from ..results import LabelsResult
from .breaks import optimal_breaks
from .histogram import GreyHistogram, grey_histogram, occurrences
from .images import as_grey
from .labels import whole_numbers
from .planes import is_lazy, map_planes

if TYPE_CHECKING:
    import pandas as pd

Spacing = Sequence[float] | float | None


def kmeans(
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    clusters: Annotated[int, {"min": 2, "max": 20}] = 3,
    features: Literal["intensity", "multiscale", "texture", "network"] = "intensity",
    sample: Annotated[int, {"min": 1_000, "max": 1_000_000, "step": 10_000}] = 100_000,
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0,
) -> Steps[LabelsResult]:
    """Group the pixels of an image into clusters, numbered from dark to bright.

    On intensity the clustering is the best there is, not the luck of a start: one-dimensional
    k-means is solved exactly by dynamic programming on the histogram of grey levels (Wang & Song,
    R Journal 3(2), 2011; Grønlund et al., arXiv:1701.07204). A stack is clustered as one, so a
    number means the same phase in every slice.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype. Dask: the histogram is taken at once, labels are lazy.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    clusters : int
        How many clusters.
    features : {'intensity', 'multiscale', 'texture', 'network'}
        What makes pixels alike: their grey level; blurs, edges and ridges at three scales; local
        statistics in three windows; or what the first layers of an ImageNet network see.
    sample : int
        Pixels that feature clusters are fitted on (intensity always uses all).
    seed : int
        Of the sample and of the starting centres of feature clusters.

    Returns
    -------
    LabelsResult
        ``labels``: (..., Y, X) uint8, 1 = darkest cluster by mean intensity, 0 = not finite.
        ``table``: one row a cluster, with its mean intensity, pixels, per cent of the pixels
        analysed (the finite ones), and area in `unit`² where there is a scale, summed over a
        stack. ``facts``: centres, thresholds (intensity) and inertia (the sum of squared
        distances to the centres; for features that of the sampled pixels, standardised).

    Raises
    ------
    ValueError
        If the image is not one, no pixel of it is finite, or a parameter is out of range.
    """
    if not 2 <= clusters <= 20:
        raise ValueError(f"clusters is {clusters}; choose 2 to 20")
    area = pixel_area(spacing, unit)
    grey, notes = as_grey(image)
    if features == "intensity":
        histogram = yield from grey_histogram(grey)
        return (yield from _by_intensity(grey, histogram, clusters, area, unit, notes))
    from .features import cluster_features

    if features not in ("multiscale", "texture", "network"):
        raise ValueError(
            f"features is {features!r}; choose intensity, multiscale, texture or network"
        )
    if sample < clusters:
        raise ValueError(f"sample is {sample} pixels; {clusters} clusters need more")
    found = yield from cluster_features(grey, features, clusters, sample, seed)
    table = cluster_table(found.pixels, found.means, area, unit)
    return LabelsResult(
        found.labels,
        table=table,
        name=f"k-means {len(table)}",
        facts=found.facts,
        notes=(*notes, *_fewer(clusters, len(table))),
    )


def _by_intensity(
    grey: Any,
    histogram: GreyHistogram,
    clusters: int,
    area: float | None,
    unit: str,
    notes: tuple[str, ...],
) -> Steps[LabelsResult]:
    values, counts = histogram.values, histogram.counts
    starts = optimal_breaks(values, counts, clusters)
    pixels = np.add.reduceat(counts, starts)
    means = np.add.reduceat(counts * values, starts) / pixels
    inertia = np.sum(counts * (values - np.repeat(means, np.diff([*starts, len(values)]))) ** 2)
    # a table look-up is faster than its memory: bands would only write everything twice
    halo = None if grey.dtype == np.uint8 and not is_lazy(grey) else 0
    labels = yield from map_planes(
        histogram.labeller(starts), grey, dtype=np.uint8, halo=halo, note="labels"
    )
    return LabelsResult(
        labels,
        table=cluster_table(pixels, means, area, unit),
        name=f"k-means {len(starts)}",
        facts={
            "centres": means.tolist(),
            "thresholds": histogram.lowest[starts[1:]].tolist(),
            "inertia": float(inertia),
        },
        notes=(*notes, *_fewer(clusters, len(starts))),
    )


def _fewer(wanted: int, found: int) -> tuple[str, ...]:
    if found == wanted:
        return ()
    if found == 1:
        return ("image is constant: it is one cluster",)
    return (f"image has only {found} distinct grey levels: {found} clusters instead of {wanted}",)


def target_cluster(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    cluster: Annotated[int, {"min": 1}] = 1,
) -> Steps[LabelsResult]:
    """Show one cluster as a mask, with its share of the image area.

    Parameters
    ----------
    labels : (..., Y, X) integer array
        Clusters, such as `kmeans` gives; 0 is "not analysed". Numpy or dask.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    cluster : int
        Number of the cluster.

    Returns
    -------
    LabelsResult
        ``labels``: (..., Y, X) uint8, 1 in the cluster. ``table``: one row with its pixels, its
        "% of the image area" (of the pixels that are not 0, the analysed ones) and its area in
        `unit`² where there is a scale.

    Raises
    ------
    ValueError
        If the labels are not integers, or hold no such cluster.
    """
    labels = whole_numbers(labels, "run k-means first")
    area = pixel_area(spacing, unit)
    counts = yield from occurrences(labels)
    if cluster == 0 or cluster not in counts:
        present = ", ".join(str(label) for label in sorted(counts) if label) or "none"
        raise ValueError(f"there is no cluster {cluster}; labels hold {present}")
    analysed = sum(count for label, count in counts.items() if label)
    row: dict[str, Any] = {"label": 1, "cluster": cluster, "pixels": counts[cluster]}
    row["area_percent"] = 100 * counts[cluster] / analysed
    if area is not None:
        row[f"area_{unit}2"] = counts[cluster] * area
    mask = yield from map_planes(
        lambda plane: plane == cluster, labels, dtype=np.uint8, halo=0, note="mask"
    )
    return LabelsResult(mask, table=_frame([row]), name=f"cluster {cluster}", facts=row)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)


def cluster_table(
    pixels: np.ndarray, means: np.ndarray, area: float | None, unit: str
) -> pd.DataFrame:
    """One row a cluster, from dark to bright."""
    share = 100 * pixels / pixels.sum()
    last = len(pixels)
    rows: list[dict[str, Any]] = []
    for label, (count, mean, per_cent) in enumerate(zip(pixels, means, share, strict=True), 1):
        side = " (darkest)" if label == 1 < last else " (brightest)" if label == last > 1 else ""
        row = {"label": label, "name": f"cluster {label}{side}", "area_percent": float(per_cent)}
        if area is not None:
            row[f"area_{unit}2"] = int(count) * area
        row |= {"mean_intensity": float(mean), "pixels": int(count)}
        rows.append(row)
    return _frame(rows)


def pixel_size(spacing: Spacing, unit: str) -> tuple[float, float] | None:
    """Size of a pixel (y, x) in `unit`; None without a scale.

    Raises
    ------
    ValueError
        If the size of a pixel is not above zero, or its unit is not given.
    """
    if spacing is None:
        return None
    if unit in ("px", "pixel", ""):
        raise ValueError(f"spacing is {spacing}, but of which unit? Add unit='nm', say")
    height, width = np.broadcast_to(np.atleast_1d(np.asarray(spacing, float))[-2:], 2).tolist()
    if not (0 < height < np.inf and 0 < width < np.inf):
        raise ValueError(f"spacing is {spacing} {unit} a pixel; it must be above zero")
    return height, width


def pixel_area(spacing: Spacing, unit: str) -> float | None:
    """Area of a pixel in `unit`²; None without a scale. Raises as `pixel_size`."""
    size = pixel_size(spacing, unit)
    return None if size is None else size[0] * size[1]
