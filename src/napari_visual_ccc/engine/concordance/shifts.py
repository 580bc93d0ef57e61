"""Permutation test of enrichment: the heatmap is shifted, rotated and mirrored over the regions.

Toroidal shifts keep the smoothness of a map, which a permutation of pixels would destroy (Lotwick &
Silverman, J. R. Stat. Soc. B 44 (1982) 406; Harms et al., J. Ecol. 89 (2001) 947). A map that does
not continue at the opposite border gets a seam, and the test becomes liberal (Fortin & Payette,
Ecoscience 9 (2002) 213; docs/concordance.md has the rates measured here). So the map is mirrored at
its borders first: the shifts over both periods have no seam, and contain the mirrored maps and the
one rotated by 180 degrees. All shifts of a region are one cross-correlation (FFT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.progress import Progress, Steps
from .cells import Cells

# more regions are tested by an even sample of the shifts
FEW_REGIONS = 16

SAMPLED = 1999

# steps of the R2 sequence, which covers a square evenly (Roberts 2018; powers of the plastic ratio)
_STEPS = np.array([0.7548776662466927, 0.5698402909980532])

# shifts, and regions, that are computed at once
_AT_ONCE, _REGIONS = 50, 512

# digits of an enrichment: beyond are rounding errors of the FFT, which would break ties
_DIGITS = 7

# sums of evidence below, of the largest one, are such errors too
_SMALLEST = 1e-12

# p is below it outside the range of chance
_LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class ChanceTest:
    """Enrichment compared with that of shifted heatmaps.

    Parameters
    ----------
    low, high : (regions,) array
        95 % of the shifted heatmaps have an enrichment in between; p is below 0.05 outside.
    p : (regions,) array
        Two-sided, of each region by itself.
    p_corrected : (regions,) array
        Two-sided, with control of the family-wise error over the regions.
    observed : (regions,) array
        Enrichment that is compared: of cells instead of pixels.
    count : int
        Number of shifted heatmaps.
    tried : int
        With those under which a region or the evidence is not in the image, which are left out.
    """

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_corrected: np.ndarray
    observed: np.ndarray
    count: int
    tried: int


def chance_test(cells: Cells) -> Steps[ChanceTest]:
    """Test the enrichment of every region against shifted, rotated and mirrored heatmaps.

    Few regions: the share of shifts that are as far out in one of both tails is the p of each
    shift, and the least p of all regions corrects for their number (minP; Westfall & Young,
    Resampling-Based Multiple Testing, Wiley 1993). It treats regions with tails of different
    weight alike. Many regions: a sample of shifts has too few ranks for that, and the largest
    standardised deviation is used (maxT).

    Parameters
    ----------
    cells : Cells
        From `cells_of`.
    """
    few = len(cells.labels) <= FEW_REGIONS
    found = yield from (all_shifts(cells) if few else sampled_shifts(cells))
    tried = found.shape[1] - 1
    there = np.isfinite(found).all(axis=0)
    found = found if there.all() else found[:, there]
    low, high, p, corrected = yield from (by_rank(found) if few else by_deviation(found))
    observed = found[:, 0].astype(np.float64)
    return ChanceTest(low, high, p, corrected, observed, found.shape[1] - 1, tried)


def by_rank(found: np.ndarray) -> Steps[tuple[np.ndarray, ...]]:
    """Range of chance, p and corrected p of the first column by the least p (minP).

    Parameters
    ----------
    found : (regions, n) array
        Enrichment under all shifts, the observed one first.
    """
    least = np.ones(found.shape[1])
    low, high, p = np.empty((3, len(found)))
    for number, row in enumerate(found):
        yield Progress(number, len(found), "chance")
        of_row = two_sided(row)
        usual = row[of_row >= _LEVEL]
        low[number], high[number], p[number] = usual.min(), usual.max(), of_row[0]
        np.minimum(least, of_row, out=least)
    ordered = np.sort(least)
    return low, high, p, np.searchsorted(ordered, p, side="right") / len(ordered)


def two_sided(values: np.ndarray) -> np.ndarray:
    """Share of values that are as far out as each one, in the tail that has fewer of them.

    A tail that ends in many equal values, such as no evidence at all, has no far ones.
    """
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    up_to = np.cumsum(counts)
    tail = np.minimum(up_to, len(values) - up_to + counts)
    as_far = np.cumsum(np.bincount(tail, counts))[tail]
    return (as_far / len(values))[which]


def by_deviation(found: np.ndarray) -> Steps[tuple[np.ndarray, ...]]:
    """Range of chance, p and corrected p of the first column by the largest deviation (maxT).

    The deviation of a region from its mean over all shifts is divided by the spread on its side of
    the mean, since enrichment is skewed.

    Parameters
    ----------
    found : (regions, n) array
        Enrichment under a sample of shifts, the observed one first.
    """
    largest = np.zeros(found.shape[1])
    low, high, p, observed = np.empty((4, len(found)))
    for start in range(0, len(found), _REGIONS):
        yield Progress(start, len(found), "chance")
        rows = slice(start, start + _REGIONS)
        some = found[rows].astype(np.float64)
        mean, below, above = spreads(some)
        deviation = deviations(some)
        # differences below are rounding errors
        observed[rows] = deviation[:, 0] * (1 - 1e-9) - 1e-9
        reach = np.quantile(deviation, 1 - _LEVEL, axis=1, method="higher")
        low[rows] = np.maximum(mean - reach * below, 0)
        high[rows] = mean + reach * above
        p[rows] = (deviation >= observed[rows, None]).mean(axis=1)
        np.maximum(largest, deviation.max(axis=0), out=largest)
    ordered = np.sort(largest)
    corrected = 1 - np.searchsorted(ordered, observed, side="left") / len(ordered)
    return low, high, p, corrected


def spreads(found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of each row, and the root mean square distances of what is below and above it."""
    mean = found.mean(axis=1)
    apart = found - mean[:, None]
    sides = []
    for side in (apart <= 0, apart > 0):
        count = np.maximum(side.sum(axis=1), 1)
        sides.append(np.sqrt((apart**2 * side).sum(axis=1) / count))
    return mean, sides[0], sides[1]


def deviations(found: np.ndarray) -> np.ndarray:
    """Distance from the mean of each row, divided by the spread on its side of the mean."""
    mean, below, above = spreads(found)
    apart = found - mean[:, None]
    spread = np.where(apart > 0, above[:, None], below[:, None])
    return np.divide(np.abs(apart), spread, out=np.zeros_like(apart), where=spread > 1e-12)


def mirrored(field: np.ndarray) -> list[np.ndarray]:
    """Continue a (h, w) field by mirroring to (2 h, 2 w); a square one also transposed."""
    wide = np.concatenate([field, field[:, ::-1]], axis=1)
    whole = np.concatenate([wide, wide[::-1]])
    return [whole, whole.T] if field.shape[0] == field.shape[1] else [whole]


def all_shifts(cells: Cells) -> Steps[np.ndarray]:
    """Enrichment under all shifts and orientations: (regions, n), the observed one first.

    NaN where no evidence or none of a region is in the image.
    """
    from scipy.fft import irfft2, rfft2

    rows, columns = cells.density.shape
    period = (2 * rows, 2 * columns)
    regions = cells.coverage.toarray().reshape(-1, rows, columns).astype(np.float64)
    masks = np.conj(rfft2(regions, period))

    def sums(field: np.ndarray) -> np.ndarray:
        return irfft2(masks * rfft2(field), period).reshape(len(masks), -1)

    found = []
    fields = zip(mirrored(cells.density), mirrored(cells.valid), strict=True)
    for number, (density, valid) in enumerate(fields):
        yield Progress(number, 2, "shifts")
        # numbers of pixels are whole: what is left of 0 would be divided by
        area = cells.area[:, None] if cells.valid.all() else np.round(sums(valid))
        evidence = sums(density)
        evidence[(area <= 0) | (evidence < _SMALLEST * evidence.max())] = 0
        total = evidence.sum(axis=0)
        found.append(_enrichment(evidence, total, area, area.sum(axis=0)))
    return np.concatenate(found, axis=1)


def sampled_shifts(cells: Cells) -> Steps[np.ndarray]:
    """Enrichment under an even sample of shifts: (regions, n), the observed one first.

    NaN where no evidence or none of a region is in the image.
    """
    rows, columns = cells.density.shape
    # repeated, so that every shift is a window
    evidence, area = (
        [np.tile(whole, (2, 2)) for whole in mirrored(field)]
        for field in (cells.density, cells.valid)
    )
    numbers = np.arange(SAMPLED + 1)
    places = (numbers[:, None] * _STEPS % 1 * (2 * rows, 2 * columns)).astype(int)

    def sums(fields: list[np.ndarray], some: np.ndarray) -> np.ndarray:
        windows = [
            fields[k % len(fields)][y : y + rows, x : x + columns].ravel()
            for k, (y, x) in zip(some, places[some], strict=True)
        ]
        return np.asarray(cells.coverage @ np.stack(windows, axis=1))

    found = np.empty((len(cells.labels), len(numbers)), np.float32)
    for start in range(0, len(numbers), _AT_ONCE):
        yield Progress(start, len(numbers), "shifts")
        some = numbers[start : start + _AT_ONCE]
        there = cells.area[:, None] if cells.valid.all() else sums(area, some)
        values = sums(evidence, some)
        found[:, some] = _enrichment(values, values.sum(axis=0), there, there.sum(axis=0))
    return found


def _enrichment(
    evidence: np.ndarray, of_evidence: np.ndarray, area: np.ndarray, of_area: np.ndarray
) -> np.ndarray:
    """Share of evidence over share of area; NaN where no evidence or none of a region is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (evidence / of_evidence) / (area / of_area)
    return np.round(values, _DIGITS).astype(np.float32)
