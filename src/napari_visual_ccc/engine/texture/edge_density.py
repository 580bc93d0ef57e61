"""Edge density, the texture view of Visual-CCC."""

from __future__ import annotations

from collections.abc import Callable
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
    """Map the density of edges, identical to the texture view of Visual-CCC.

    Visual-CCC thresholds the image by Otsu and takes the contrast of the co-occurrence matrix of
    the binary mask in 5 x 5 windows (distance 1, angle 0, symmetric), with a rim of two pixels of
    zeros. With two levels this is the share of the 20 pairs of horizontal neighbours that differ:
    the density of edges, not grey-level texture. Use `glcm_features` for that.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Pixels that are not finite are background.
    scope : {'stack', 'slice'}
        One threshold for the whole stack, or one for each slice.

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
    label, facts = yield from otsu_labels(grey)

    def density(plane: np.ndarray) -> np.ndarray:
        return _share_of_edges(label(plane) == 2)

    data = yield from map_planes(density, grey, dtype=np.float64, halo=2, note="edges")
    return Result((_layer(data),), facts=facts, notes=notes)


def otsu_labels(grey: Any) -> Steps[tuple[Callable[[np.ndarray], np.ndarray], dict[str, float]]]:
    """Function that labels a plane, 2 above Otsu's threshold; the threshold, if there is one.

    Parameters
    ----------
    grey : (..., Y, X) array
        Numpy or dask.
    """
    histogram = yield from grey_histogram(grey)
    starts = optimal_breaks(histogram.values, histogram.counts, 2)
    facts = {"threshold": float(histogram.lowest[starts[-1]])} if len(starts) == 2 else {}
    return histogram.labeller(starts), facts


def _layer(data: Any) -> ImageLayer:
    return ImageLayer(
        data,
        style="heat",
        limits=(0, 1),
        name="edge density",
        quantity="share of pairs that differ",
    )


def _share_of_edges(mask: np.ndarray) -> np.ndarray:
    import cv2

    share = np.zeros(mask.shape)
    if min(mask.shape) >= 5:
        differ = (mask[:, 1:] != mask[:, :-1]).astype(np.uint8)
        sums = cv2.boxFilter(differ, cv2.CV_32S, (4, 5), anchor=(0, 0), normalize=False)
        share[2:-2, 2:-2] = sums[: mask.shape[0] - 4, : mask.shape[1] - 4] / 20
    return share
