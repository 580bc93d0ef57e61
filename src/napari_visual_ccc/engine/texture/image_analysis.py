"""Grey image, Otsu's mask and texture at once, the image analysis of Visual-CCC."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays.inputs import to_gray
from ...arrays.mapping import map_planes
from ...arrays.stacks import Scope, check_scope, map_slices
from ...core.layers import ImageLayer, LabelsLayer
from ...core.progress import Steps
from ...core.result import Result
from .edge_density import edge_density, otsu_labels


def image_analysis(image: Any, *, scope: Scope = "stack") -> Steps[Result]:
    """Show the grey image, its binary mask and its texture side by side.

    The mask has the pixels above Otsu's threshold, and the texture is the contrast of that mask in
    5 x 5 windows, as in Visual-CCC: see `edge_density`.

    Parameters
    ----------
    image : (..., Y, X) array
        Grey or colour, any real dtype, numpy or dask. Pixels that are not finite are background.
    scope : {'stack', 'slice'}
        One threshold for the whole stack, or one for each slice.

    Returns
    -------
    Result
        Three layers: ``grey``, (..., Y, X), in the dtype of a grey image; ``binary``, (..., Y, X)
        uint8, 1 above the threshold; ``texture``, (..., Y, X) float64, 0 to 1. ``facts``: the
        threshold, by slice a list. Lazy for dask.

    Raises
    ------
    ValueError
        If no pixel is finite.
    """
    check_scope(scope)
    grey, notes = to_gray(image)
    if scope == "slice" and grey.ndim > 2:
        binary = yield from map_slices(_binary, grey, 2, (_mask(None),), dtype=np.uint8)
    else:
        binary = yield from _binary(grey)
    texture = yield from edge_density(grey, scope=scope)
    shown = texture.layer()
    assert isinstance(shown, ImageLayer)
    layers = (
        ImageLayer(grey, name="grey"),
        binary.layer(),
        replace(shown, name="texture", beside=True),
    )
    return Result(layers, facts=binary.facts, notes=(*notes, *binary.notes))


def _binary(grey: Any) -> Steps[Result]:
    label, facts = yield from otsu_labels(grey)
    mask = yield from map_planes(
        lambda plane: label(plane) == 2, grey, dtype=np.uint8, halo=0, note="mask"
    )
    notes = () if facts else ("image is constant: nothing is above the threshold",)
    return Result((_mask(mask),), facts=facts, notes=notes)


def _mask(data: Any) -> LabelsLayer:
    return LabelsLayer(data, name="binary")
