"""Grey levels of an image as they are drawn beside a threshold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays.histogram import grey_histogram
from ...arrays.inputs import to_gray
from ...core.micrograph import InfoBar, plane_shape
from ...core.progress import Steps

# bins that are drawn
_DRAWN = 256


class GreyLevels(NamedTuple):
    """Counts of grey levels in even bins from dark to bright.

    Parameters
    ----------
    counts : (n,) int array
        Pixels in each bin. Outliers are counted in the first and the last.
    low, high : float
        Centres of the first and the last bin.
    """

    counts: np.ndarray
    low: float
    high: float

    @property
    def step(self) -> float:
        """Width of a bin; 1 where the image has one constant level."""
        return (self.high - self.low) / (len(self.counts) - 1) if len(self.counts) > 1 else 1.0


def grey_levels(image: Any, bar: InfoBar | None = None) -> Steps[GreyLevels]:
    """Count the grey levels of an image, without its info bar, in at most 256 bins.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask.
    bar : InfoBar, optional
        Is left out.

    Returns
    -------
    GreyLevels
        One bin for each grey level where there are no more than that.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    grey, _ = to_gray(image)
    rows, columns = (bar or InfoBar()).specimen(*plane_shape(grey))
    histogram = yield from grey_histogram(grey[..., rows, columns])
    counts, centres = histogram.even(_DRAWN)
    return GreyLevels(counts, float(centres[0]), float(centres[-1]))
