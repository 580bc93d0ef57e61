"""Optimal partition of a histogram into classes: exact 1-D k-means, and Otsu's thresholds."""

from __future__ import annotations

import numpy as np

from ..core.progress import Progress, Steps, run

# most memory that the starts of all prefixes may take
_MOST_BYTES = 2 << 30


def optimal_breaks(values: np.ndarray, counts: np.ndarray, clusters: int) -> np.ndarray:
    """Cut sorted grey levels into the clusters of least inertia there are.

    Dynamic programming over prefixes: the best split of the first j levels into c clusters ends
    with a cluster that starts where the cost of the two parts is least. That start moves up with
    j, so half of the levels bound the search of the other half, O(c n log n) in all (Grønlund et
    al., arXiv:1701.07204).

    Parameters
    ----------
    values : (n,) array
        Distinct grey levels, ascending.
    counts : (n,) array
        Pixels at each, above zero.
    clusters : int
        How many clusters; at most n are made.

    Returns
    -------
    (k,) int array
        Index of the first level of each cluster; the first is 0.

    Raises
    ------
    ValueError
        If so many clusters of so many levels would not fit into memory.
    """
    return run(break_steps(values, counts, clusters))


def break_steps(values: np.ndarray, counts: np.ndarray, clusters: int) -> Steps[np.ndarray]:
    """Do what `optimal_breaks` describes, with progress."""
    levels = len(values)
    clusters = min(clusters, levels)
    if clusters == levels:
        return np.arange(levels)
    # the starts are indices of 16-bit histograms at most
    most = _MOST_BYTES // (4 * levels)
    if clusters > most:
        raise ValueError(
            f"{clusters} clusters of {levels:,} grey levels do not fit into memory; choose at most "
            f"{most}"
        )
    cost = _Costs(values, counts)
    best = cost(np.zeros(levels, np.intp), np.arange(1, levels + 1))
    chosen = []
    for number in range(clusters - 1):
        best, start = _add_cluster(best, cost)
        chosen.append(start.astype(np.int32))
        yield Progress(number, clusters - 1, "clusters")
    starts, end = [], levels - 1
    for start in reversed(chosen):
        starts.append(int(start[end]))
        end = starts[-1] - 1
    return np.array([0, *reversed(starts)], np.intp)


class _Costs:
    """Inertia of levels first to stop - 1 about their mean, in constant time by prefix sums."""

    def __init__(self, values: np.ndarray, counts: np.ndarray) -> None:
        counts = counts.astype(np.float64)
        # centred and scaled: the square of a sum is subtracted from a sum of squares below
        scaled = values - np.average(values, weights=counts)
        scaled = scaled / max(float(np.abs(scaled).max()), np.finfo(float).tiny)
        self.sums = np.zeros((3, len(values) + 1))
        np.cumsum([counts, counts * scaled, counts * scaled**2], axis=1, out=self.sums[:, 1:])

    def __call__(self, first: np.ndarray, stop: np.ndarray) -> np.ndarray:
        count, total, squares = (sums[stop] - sums[first] for sums in self.sums)
        return squares - total * total / count


def _add_cluster(best: np.ndarray, cost: _Costs) -> tuple[np.ndarray, np.ndarray]:
    """Cost of every prefix with one more cluster, and where its last cluster starts.

    Middle ends come first: their starts bound those of the ends between them.
    """
    levels = len(best)
    start = np.ones(levels + 1, np.intp)
    # sentinel: no start lies beyond the last level
    start[levels] = levels - 1
    total = np.full(levels, np.inf)
    step = 1 << (levels - 1).bit_length()
    while step > 1:
        half = step // 2
        ends = np.arange(half, levels, step)
        low = start[ends - half]
        high = np.minimum(start[np.minimum(ends + half, levels)], ends)
        sizes = high - low + 1
        offsets = np.cumsum(sizes) - sizes
        tried = np.arange(sizes.sum()) + np.repeat(low - offsets, sizes)
        totals = best[tried - 1] + cost(tried, np.repeat(ends + 1, sizes))
        total[ends] = np.minimum.reduceat(totals, offsets)
        hits = np.flatnonzero(totals == np.repeat(total[ends], sizes))
        start[ends] = tried[hits[np.searchsorted(hits, offsets)]]
        step = half
    return total, start[:levels]
