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

_AT_ONCE = 200


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
    count : int
        Number of shifted heatmaps.
    """

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_corrected: np.ndarray
    count: int


def chance_test(cells: Cells) -> Steps[ChanceTest]:
    """Test the enrichment of every region against shifted, rotated and mirrored heatmaps.

    The deviation of a region from its mean over all shifts is divided by the spread on its side of
    the mean, since enrichment is skewed. The largest deviation of all regions corrects for their
    number (maxT; Westfall & Young, Resampling-Based Multiple Testing, Wiley 1993).

    Parameters
    ----------
    cells : Cells
        From `cells_of`.
    """
    few = len(cells.labels) <= FEW_REGIONS
    found = yield from (all_shifts(cells) if few else sampled_shifts(cells))
    yield Progress(0, 0, "chance")
    mean, below, above = spreads(found)
    deviation = deviations(found)
    # differences below are rounding errors of the FFT
    observed = deviation[:, :1] * (1 - 1e-9) - 1e-9
    largest = deviation.max(axis=0)
    reach = np.quantile(deviation, 0.95, axis=1, method="higher")
    return ChanceTest(
        np.maximum(mean - reach * below, 0),
        mean + reach * above,
        (deviation >= observed).mean(axis=1),
        (largest >= observed).mean(axis=1),
        found.shape[1] - 1,
    )


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
    """Enrichment under all shifts and orientations: (regions, n), the observed one first."""
    from scipy.fft import irfft2, rfft2

    rows, columns = cells.density.shape
    period = (2 * rows, 2 * columns)
    regions = cells.coverage.toarray().reshape(-1, rows, columns).astype(np.float64)
    masks = np.conj(rfft2(regions, period))

    def sums(field: np.ndarray) -> np.ndarray:
        found = irfft2(masks * rfft2(field), period)
        return np.maximum(found, 0).reshape(len(masks), -1)

    found = []
    fields = zip(mirrored(cells.density), mirrored(cells.valid), strict=True)
    for number, (density, valid) in enumerate(fields):
        yield Progress(number, 2, "shifts")
        area = cells.area[:, None] if cells.valid.all() else sums(valid)
        found.append(_enrichment(sums(density), area))
    return _defined(np.concatenate(found, axis=1))


def sampled_shifts(cells: Cells) -> Steps[np.ndarray]:
    """Enrichment under an even sample of shifts: (regions, n), the observed one first."""
    rows, columns = cells.density.shape
    # repeated, so that every shift is a window
    evidence, area = (
        [np.tile(whole, (2, 2)) for whole in mirrored(field)]
        for field in (cells.density, cells.valid)
    )
    numbers = np.arange(SAMPLED + 1)
    places = (numbers[:, None] * _STEPS % 1 * (2 * rows, 2 * columns)).astype(int)
    found = []
    for start in range(0, len(numbers), _AT_ONCE):
        yield Progress(start, len(numbers), "shifts")
        some = numbers[start : start + _AT_ONCE]
        sums = []
        for fields in (evidence, area):
            windows = [
                fields[k % len(fields)][y : y + rows, x : x + columns].ravel()
                for k, (y, x) in zip(some, places[some], strict=True)
            ]
            sums.append(cells.coverage @ np.stack(windows, axis=1))
        found.append(_enrichment(*sums))
    return _defined(np.concatenate(found, axis=1))


def _enrichment(evidence: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Share of evidence over share of area; NaN where no evidence or none of a region is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (evidence / evidence.sum(axis=0)) / (area / area.sum(axis=0))


def _defined(found: np.ndarray) -> np.ndarray:
    """Leave out shifts under which a region or the evidence is not in the image."""
    return found[:, np.isfinite(found).all(axis=0)]
