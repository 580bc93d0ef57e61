"""A heatmap and the regions of a segmentation, summed over a common grid of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.progress import Progress, Steps

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# cells along the longer side: class activation maps have fewer cells of their own
LONGEST = 256

# rows of cells between two reports of progress
_BAND = 16


@dataclass(frozen=True, eq=False)
class Cells:
    """Sums over regions, and what a permutation test shifts.

    Parameters
    ----------
    labels : (regions,) int array
        Labels of the regions, ascending.
    area : (regions,) array
        Number of compared pixels.
    evidence : (regions,) array
        Sum of the positive evidence on these pixels.
    marked : (regions,) array
        Number of these pixels whose evidence reaches the threshold.
    side : int
        Side of a cell, in pixels.
    density : (rows, columns) array
        Mean positive evidence; 0 where it is not valid.
    valid : (rows, columns) array
        1 where the heatmap is finite in a pixel of the cell, otherwise 0.
    coverage : (regions, rows * columns) sparse array
        Number of compared pixels of each region in each cell.
    """

    labels: np.ndarray
    area: np.ndarray
    evidence: np.ndarray
    marked: np.ndarray
    side: int
    density: np.ndarray
    valid: np.ndarray
    coverage: csr_array

    @property
    def share_of_area(self) -> np.ndarray:
        """Fraction of the compared pixels in each region."""
        return self.area / self.area.sum()

    @property
    def share_of_evidence(self) -> np.ndarray:
        """Fraction of the positive evidence in each region."""
        return self.evidence / self.evidence.sum()

    @property
    def enrichment(self) -> np.ndarray:
        """Share of evidence divided by share of area, of each region."""
        return self.share_of_evidence / self.share_of_area

    @property
    def overlap(self) -> np.ndarray:
        """Intersection over union of the marked pixels and each region."""
        return self.marked / (self.area + self.marked.sum() - self.marked)


def cells_of(
    heatmap: np.ndarray, labels: np.ndarray, *, threshold: float, background: bool
) -> Steps[Cells]:
    """Sum a heatmap over regions and cells.

    Parameters
    ----------
    heatmap : (Y, X) float array
        Pixels that are not finite are not compared; negative values count as no evidence.
    labels : (Y, X) integer array
        0 and above.
    threshold : float
        Fraction of the maximum from which on evidence is marked.
    background : bool
        Whether label 0 is a region; otherwise its pixels are not compared.
    """
    import pandas as pd
    from scipy.sparse import hstack

    height, width = heatmap.shape
    side = max(1, -(-max(height, width) // LONGEST))
    names = np.sort(pd.unique(np.ravel(labels)))
    names = names if background else names[names != 0]
    cut = threshold * float(np.max(heatmap, where=np.isfinite(heatmap), initial=0))
    grid = (-(-height // side), -(-width // side))
    sums, density, valid = np.zeros((3, len(names))), np.zeros(grid), np.zeros(grid)
    covered = []
    for top in range(0, grid[0], _BAND):
        yield Progress(top, grid[0], "regions")
        rows = slice(top, min(top + _BAND, grid[0]))
        pixels = slice(rows.start * side, rows.stop * side)
        part = np.asarray(heatmap[pixels], np.float64)
        finite = np.isfinite(part)
        positive = np.maximum(np.where(finite, part, 0), 0)
        valid[rows], density[rows] = _means(positive, finite, side)
        inside = finite if background else finite & (labels[pixels] != 0)
        which = np.searchsorted(names, labels[pixels][inside])
        evidence = positive[inside]
        marked = (evidence >= cut) & (evidence > 0)
        for row, weight in zip(sums, (None, evidence, marked), strict=True):
            row += np.bincount(which, weight, len(names))
        cell = _cell_numbers(part.shape, side)[inside]
        covered.append(_counts(which, cell, (len(names), density[rows].size)))
    there = sums[0] > 0
    area, evidence, marked = sums[:, there]
    coverage = hstack(covered, "csr")[there]
    return Cells(names[there], area, evidence, marked, side, density, valid, coverage)


def _means(positive: np.ndarray, finite: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each cell is valid, and its mean evidence."""
    starts = [np.arange(0, n, side) for n in positive.shape]

    def total(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)

    known = total(finite.astype(np.float64))
    return known > 0, total(positive) / np.maximum(known, 1)


def _cell_numbers(shape: tuple[int, ...], side: int) -> np.ndarray:
    down, across = (np.arange(n) // side for n in shape)
    return down[:, None] * (across[-1] + 1) + across


def _counts(which: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> csr_array:
    from scipy.sparse import coo_array

    return coo_array((np.ones(len(which), np.float32), (which, cell)), shape).tocsr()
