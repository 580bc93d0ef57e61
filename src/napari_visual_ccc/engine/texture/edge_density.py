"""The texture view of Visual-CCC: density of edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.breaks import optimal_breaks
from ...arrays.histogram import grey_histogram
from ...arrays.inputs import to_gray
from ...arrays.mapping import map_planes
from ...arrays.stacks import Scope, check_scope, map_slices
from ...core.layers import ImageLayer
from ...core.progress import Steps
from ...core.result import Result


def edge_density(image: Any, *, scope: Scope = "stack") -> Steps[Result]:
    """Map edges as Visual-CCC does: its texture view, to the last digit.

    Visual-CCC thresholds the image by Otsu and takes the contrast of the co-occurrence matrix of
    the two-level mask in 5 x 5 windows (distance 1, angle 0, symmetric), and leaves a rim of two
    pixels zero. With two levels that is the share of horizontal neighbours in the window that
    differ, out of 20: it measures the density of edges, not of grey-level texture. Use
    `glcm_features` for that.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Pixels that are not finite are not
        foreground.
    scope : {'stack', 'slice'}
        Threshold the whole stack at one grey level, or each slice at its own.

    Returns
    -------
    Result
        (..., Y, X) float64, 0 to 1, in steps of 1/20; 0 in the rim. ``facts``: the threshold, by
        slice a list. Lazy for dask: for a stack its grey levels are counted first, by slice
        nothing is, so the thresholds are not listed.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    check_scope(scope)
    grey, notes = to_gray(image)
    if scope == "slice" and grey.ndim > 2:
        like = _layer(None)
        return (
            yield from map_slices(
                edge_density, grey, 2, (like,), dtype=np.float64, blank=np.nan, notes=notes
            )
        )
    histogram = yield from grey_histogram(grey)
    starts = optimal_breaks(histogram.values, histogram.counts, 2)
    label = histogram.labeller(starts)

    def density(plane: np.ndarray) -> np.ndarray:
        return _share_of_edges(label(plane) == 2)

    data = yield from map_planes(density, grey, dtype=np.float64, halo=2, note="edges")
    facts = {"threshold": float(histogram.lowest[starts[-1]])} if len(starts) == 2 else {}
    return Result((_layer(data),), facts=facts, notes=notes)


def _layer(data: Any) -> ImageLayer:
    return ImageLayer(data, style="heat", limits=(0, 1), name="edge density")


def _share_of_edges(mask: np.ndarray) -> np.ndarray:
    import cv2

    share = np.zeros(mask.shape)
    if min(mask.shape) >= 5:
        differ = (mask[:, 1:] != mask[:, :-1]).astype(np.uint8)
        sums = cv2.boxFilter(differ, cv2.CV_32S, (4, 5), anchor=(0, 0), normalize=False)
        share[2:-2, 2:-2] = sums[: mask.shape[0] - 4, : mask.shape[1] - 4] / 20
    return share
