"""Permutation test of enrichment: the heatmap is shifted, rotated and mirrored over the regions.

Toroidal shifts keep the smoothness of a map, which a permutation of pixels would destroy (Lotwick &
Silverman, J. R. Stat. Soc. B 44 (1982) 406; Harms et al., J. Ecol. 89 (2001) 947). All shifts of a
region are one cross-correlation (FFT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.progress import Progress, Steps
from .cells import Cells

# more regions are tested by a random sample of the shifts
FEW_REGIONS = 16

# of random shifts
SAMPLED = 1999

_AT_ONCE = 200


@dataclass(frozen=True, eq=False)
class ChanceTest:
    """Enrichment compared with that of shifted heatmaps.

    Parameters
    ----------
    low, high : (regions,) array
        The central 95 % of the enrichment of shifted heatmaps.
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


def chance_test(cells: Cells, *, seed: int) -> Steps[ChanceTest]:
    """Test the enrichment of every region against shifted, rotated and mirrored heatmaps.

    The deviation of a region from its mean over all shifts is divided by the spread on its side of
    the mean, since enrichment is skewed. The largest deviation of all regions corrects for their
    number (maxT; Westfall & Young, Resampling-Based Multiple Testing, Wiley 1993).

    Parameters
    ----------
    cells : Cells
        From `cells_of`.
    seed : int
        Of the sample of shifts, where there are many regions.
    """
    few = len(cells.labels) <= FEW_REGIONS
    found = yield from (all_shifts(cells) if few else sampled_shifts(cells, seed))
    yield Progress(0, 0, "chance")
    deviation = deviations(found)
    # differences below are rounding errors of the FFT
    observed = deviation[:, :1] * (1 - 1e-9) - 1e-9
    largest = deviation.max(axis=0)
    low, high = np.quantile(found, (0.025, 0.975), axis=1)
    return ChanceTest(
        low,
        high,
        (deviation >= observed).mean(axis=1),
        (largest >= observed).mean(axis=1),
        found.shape[1] - 1,
    )


def deviations(found: np.ndarray) -> np.ndarray:
    """Distance from the mean of each row, divided by the spread on its side of the mean."""
    apart = found - found.mean(axis=1, keepdims=True)
    above = apart > 0
    result = np.zeros_like(apart)
    for side in (above, ~above):
        count = np.maximum(side.sum(axis=1, keepdims=True), 1)
        spread = np.sqrt((apart**2 * side).sum(axis=1, keepdims=True) / count)
        np.divide(np.abs(apart), spread, out=result, where=side & (spread > 1e-12))
    return result


def orientations(field: np.ndarray) -> list[np.ndarray]:
    """Rotated and mirrored fields of the same shape, the field itself first: 8 of a square, 4 of
    another rectangle."""
    half = [field, field[::-1, ::-1], field[::-1], field[:, ::-1]]
    return half + [one.T for one in half] if field.shape[0] == field.shape[1] else half


def all_shifts(cells: Cells) -> Steps[np.ndarray]:
    """Enrichment under all shifts and orientations: (regions, n), the observed one first."""
    from scipy.fft import irfft2, rfft2

    shape = cells.density.shape
    masks = np.conj(rfft2(cells.coverage.toarray().reshape(-1, *shape), axes=(-2, -1)))

    def sums(field: np.ndarray) -> np.ndarray:
        found = irfft2(masks * rfft2(field), shape, axes=(-2, -1))
        return np.maximum(found, 0).reshape(len(masks), -1)

    turned = zip(orientations(cells.density), orientations(cells.valid), strict=True)
    found = []
    for number, (density, valid) in enumerate(turned):
        yield Progress(number, 8, "shifts")
        area = cells.area[:, None] if cells.valid.all() else sums(valid)
        found.append(_enrichment(sums(density), area))
    return _defined(np.concatenate(found, axis=1))


def sampled_shifts(cells: Cells, seed: int) -> Steps[np.ndarray]:
    """Enrichment under random shifts and orientations: (regions, n), the observed one first."""
    rng = np.random.default_rng(seed)
    rows, columns = cells.density.shape
    both = [orientations(field) for field in (cells.density, cells.valid)]
    moves = rng.integers((len(both[0]), rows, columns), size=(SAMPLED + 1, 3))
    moves[0] = 0
    found = []
    for start in range(0, len(moves), _AT_ONCE):
        yield Progress(start, len(moves), "shifts")
        density, valid = (
            cells.coverage @ np.stack([np.roll(turned[k], (-y, -x), (0, 1)).ravel()
                      for k, y, x in moves[start : start + _AT_ONCE]], axis=1)
            for turned in both
        )
        found.append(_enrichment(density, valid))
    return _defined(np.concatenate(found, axis=1))


def _enrichment(evidence: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Share of evidence over share of area; NaN where no evidence or none of a region is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (evidence / evidence.sum(axis=0)) / (area / area.sum(axis=0))


def _defined(found: np.ndarray) -> np.ndarray:
    """Leave out shifts under which a region or the evidence is not in the image."""
    return found[:, np.isfinite(found).all(axis=0)]
