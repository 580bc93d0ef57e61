"""Cluster pixels into phases: exact k-means on grey levels, or k-means on feature maps."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import numpy as np

from ...arrays.breaks import break_steps
from ...arrays.filters.blur import SIGMA, smoothed
from ...arrays.histogram import grey_histogram, occurrences
from ...arrays.inputs import refuse_grey, require_integers, to_gray
from ...arrays.lazy import is_lazy
from ...arrays.mapping import map_planes
from ...arrays.pairs import zero_is_darkest
from ...arrays.stacks import Scope, check_scope, map_slices
from ...arrays.tiling import middle
from ...core.layers import LabelsLayer
from ...core.pixel_size import PixelSize, Spacing
from ...core.progress import Steps
from ...core.result import Result
from ...core.tables import cluster_table
from .features import cluster_features, label_dtype

# labels that a message lists
_NAMED = 12

# more labels than these may be grey levels
_CLUSTERS = 64

# the brightest of 8 bit, and how many times more pixels than the next level it has if saturated
_WHITE, _SATURATED = 255, 3

# labels are 16-bit numbers
MOST_CLUSTERS = 65_535

# a map is speckled where more pixels than this have no neighbour of their cluster; looked for in
# the middle of a plane
_SPECKLED, _SIDE = 0.03, 1024

# what helps against speckle
_BLUR = "blur more (sigma), "
_ADVICE = "denoise the image first, or choose fewer clusters"

# grey levels alone are clustered exactly, without a sample
_SAMPLED = {"features": ("multiscale", "texture", "network")}


def kmeans(  # noqa: PLR0913
    image: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    clusters: Annotated[int, {"min": 2, "max": MOST_CLUSTERS}] = 3,
    features: Literal["intensity", "multiscale", "texture", "network"] = "intensity",
    sigma: Annotated[float, {**SIGMA, "applies": {"features": ("intensity",)}}] = 1.0,
    sample: Annotated[
        int,
        {
            "min": 1_000,
            "max": 1_000_000,
            "step": 10_000,
            "label": "Sample (pixels)",
            "applies": _SAMPLED,
            "more": True,
        },
    ] = 100_000,
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1, "applies": _SAMPLED, "more": True}] = 0,
    scope: Scope = "stack",
) -> Steps[Result]:
    """Cluster the pixels of an image by k-means, labelled from dark to bright.

    On intensity the clustering is the global optimum: one-dimensional k-means is solved exactly by
    dynamic programming on the histogram of grey levels (Wang & Song,
    R Journal 3(2), 2011; Grønlund et al., arXiv:1701.07204).

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    clusters : int
        Number of clusters; an image of fewer grey levels (after the blur) has as many clusters
        as levels. On intensity, 2 GiB of memory limit clusters times levels: 8,192 clusters of
        65,536 levels.
    features : {'intensity', 'multiscale', 'texture', 'network'}
        Features of a pixel: its grey level; blurs, edges and ridges at three scales; local
        statistics in three windows; or activations of the first layers of an ImageNet network.
    sigma : float
        Gaussian blur of the grey levels before they are clustered, in pixels: less speckle of
        noise. Missing pixels have no weight and stay missing. 0 clusters the levels as they are.
        Not for features, which look at the surroundings of a pixel themselves.
    sample : int
        Pixels that feature clusters are fitted on (intensity always uses all).
    seed : int
        Seed of the sample and of the starting centres of feature clusters.
    scope : {'stack', 'slice'}
        Cluster the whole stack, so that a label is the same phase in every slice; or each slice,
        for brightness that drifts.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) uint8, above 255 clusters uint16; 1 = darkest cluster by mean
        intensity (after the blur), 0 = not finite.
        ``table``: one row a cluster, with its mean intensity in the image itself, pixels, per cent
        of the pixels analysed (the finite ones), and area in `unit` squared where there is a
        scale, summed over a stack; by slice, one row a cluster and slice. ``facts``: centres,
        thresholds and inertia (the sum of squared distances to the centres) of the blurred grey
        levels, by slice as lists; of features the inertia of the sampled pixels, standardised.
        Labels of dask are lazy: for a stack its grey levels are counted first (limits, limits of
        the blurred image, histogram: a pass each, of 8 bit and without a blur the last one alone),
        or its features sampled (then numbers and table go by the sample); by slice nothing is, so
        table and facts are missing. A note says where the map is speckled by noise.

    Raises
    ------
    ValueError
        If no pixel is finite, a parameter is out of range, or so many clusters of so many grey
        levels would not fit into memory.
    """
    if not 2 <= clusters <= MOST_CLUSTERS:
        raise ValueError(f"clusters is {clusters}; choose 2 to {MOST_CLUSTERS}")
    if features not in ("intensity", "multiscale", "texture", "network"):
        raise ValueError(
            f"features is {features!r}; choose intensity, multiscale, texture or network"
        )
    if sample < clusters and features != "intensity":
        raise ValueError(f"sample is {sample} pixels; {clusters} clusters need more")
    check_scope(scope)
    pixel_size = PixelSize.of(spacing, unit)
    grey, notes = to_gray(image)
    if scope == "slice" and grey.ndim > 2:
        one = functools.partial(
            kmeans, spacing=spacing, unit=unit, clusters=clusters, features=features,
            sigma=sigma, sample=sample, seed=seed,
        )  # fmt: skip
        like = LabelsLayer(None, name=f"k-means {clusters}")
        dtype = label_dtype(clusters)
        return (yield from map_slices(one, grey, 2, (like,), dtype=dtype, notes=notes))
    if features == "intensity":
        return (yield from _by_intensity(grey, clusters, sigma, pixel_size, notes))
    found = yield from cluster_features(grey, features, clusters, sample, seed)
    table = cluster_table(found.pixels, found.means, pixel_size)
    if is_lazy(grey):
        notes = (*notes, f"labels, areas and intensities are those of {found.facts['sampled']} "
                 "sampled pixels")  # fmt: skip
    labels = found.labels.astype(label_dtype(clusters), copy=False)
    layer = LabelsLayer(labels, table=table, name=f"k-means {len(table)}")
    notes = (*notes, *_fewer(clusters, len(table)), *_speckled(labels, _ADVICE))
    return Result((layer,), facts=found.facts, notes=notes)


def _by_intensity(
    grey: Any,
    clusters: int,
    sigma: float,
    pixel_size: PixelSize | None,
    notes: tuple[str, ...],
) -> Steps[Result]:
    smooth = yield from smoothed(grey, sigma)
    image = smooth.image
    histogram = yield from grey_histogram(image, None if image is grey else grey)
    values, counts = smooth.grey_of(histogram.values), histogram.counts
    starts = yield from break_steps(values, counts, clusters)
    pixels = np.add.reduceat(counts, starts)
    centres = np.add.reduceat(counts * values, starts) / pixels
    means = np.add.reduceat(histogram.sums, starts) / pixels
    inertia = np.sum(counts * (values - np.repeat(centres, np.diff([*starts, len(values)]))) ** 2)
    dtype = label_dtype(clusters)
    # a look-up table is as fast as the memory: bands would only write everything twice
    halo = None if image.dtype == np.uint8 and not is_lazy(image) else 0
    labels = yield from map_planes(
        histogram.labeller(starts, dtype), image, dtype=dtype, halo=halo, note="labels"
    )
    table = cluster_table(pixels, means, pixel_size)
    return Result(
        (LabelsLayer(labels, table=table, name=f"k-means {len(starts)}"),),
        facts={
            "centres": centres.tolist(),
            "thresholds": smooth.grey_of(histogram.lowest[starts[1:]]).tolist(),
            "inertia": float(inertia),
        },
        notes=(*notes, *_fewer(clusters, len(starts)), *_speckled(labels, _BLUR + _ADVICE)),
    )


def _fewer(wanted: int, found: int) -> tuple[str, ...]:
    if found == wanted:
        return ()
    if found == 1:
        return ("image is constant: one cluster",)
    return (f"image has only {found} distinct grey levels: {found} clusters instead of {wanted}",)


def _speckled(labels: Any, advice: str) -> tuple[str, ...]:
    """Say that many pixels are single ones, as noise makes them."""
    if is_lazy(labels):
        return ()
    planes = labels.reshape(-1, *labels.shape[-2:])
    plane = planes[len(planes) // 2]
    plane = plane[middle(plane.shape, _SIDE)]
    down, right = plane[1:] == plane[:-1], plane[:, 1:] == plane[:, :-1]
    joined = np.zeros(plane.shape, bool)
    joined[1:] |= down
    joined[:-1] |= down
    joined[:, 1:] |= right
    joined[:, :-1] |= right
    share = float(np.mean(~joined))
    if share < _SPECKLED:
        return ()
    return (
        f"the clusters are speckled: {share:.0%} of the pixels have no neighbour of theirs; "
        f"{advice}",
    )


def select_cluster(
    labels: Any,
    spacing: Spacing = None,
    unit: str = "px",
    *,
    cluster: Annotated[int, {"min": 1, "max": 2**31 - 1, "label_in": "labels"}] = 1,
) -> Steps[Result]:
    """Select one cluster as a mask, with its share of the image area.

    Parameters
    ----------
    labels : (..., Y, X) integer array
        Clusters, such as from `kmeans`; 0 is not analysed. Numpy or dask, whose labels are counted
        in one pass; the mask is lazy.
    spacing : float or (y, x)
        Size of a pixel in `unit`.
    unit : str
        Of `spacing`, such as ``"nm"``.
    cluster : int
        Label of the cluster.

    Returns
    -------
    Result
        ``labels``: (..., Y, X) uint8, 1 in the cluster. ``table``: one row with its pixels, its
        percentage of the analysed area (pixels that are not 0) and its area in
        `unit` squared where there is a scale.

    Raises
    ------
    ValueError
        If the labels are not integers, look like a grey image, or do not contain the cluster.
    """
    import pandas as pd

    labels = require_integers(labels, "run k-means first")
    pixel_size = PixelSize.of(spacing, unit)
    counts = yield from occurrences(labels)
    if cluster == 0 or cluster not in counts:
        labels_there = [str(label) for label in sorted(counts) if label]
        present = ", ".join(labels_there[:_NAMED]) or "none"
        if len(labels_there) > _NAMED:
            present += f" and {len(labels_there) - _NAMED} more: of a grey image, run k-means first"
        raise ValueError(f"there is no cluster {cluster}; labels hold {present}")
    if not _are_numbered(counts, labels):
        refuse_grey(labels, _CLUSTERS)
    analysed = sum(count for label, count in counts.items() if label)
    row: dict[str, Any] = {"label": 1, "cluster": cluster, "pixels": counts[cluster]}
    row["area_percent"] = 100 * counts[cluster] / analysed
    if pixel_size is not None:
        row[pixel_size.extent_column] = counts[cluster] * pixel_size.extent
    mask = yield from map_planes(
        lambda plane: plane == cluster, labels, dtype=np.uint8, halo=0, note="mask"
    )
    layer = LabelsLayer(mask, table=pd.DataFrame([row]), name=f"cluster {cluster}")
    return Result((layer,), facts=row)


def _are_numbered(counts: dict[int, int], labels: Any) -> bool:
    """Whether labels are numbered as k-means does: 1, 2, 3, ... without a gap, and 0 is blank.

    Grey levels have no gap only where all are used. White is then saturated, and black lies in
    what is darkest, unlike blank pixels. Of 525 micrographs, blurred or not, 4 of the 284 with
    black and without a gap pass, and 1 of 5 that have all levels but black.
    """
    there = [label for label in sorted(counts) if label]
    if there != list(range(1, len(there) + 1)):
        return False
    if there[-1] == _WHITE and counts[_WHITE] > _SATURATED * counts[_WHITE - 1]:
        return False
    return 0 not in counts or not zero_is_darkest(labels[(0,) * (labels.ndim - 2)])
