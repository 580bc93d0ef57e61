"""Labels as a transparent picture that other programs lay over the micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from ..core.files import PICTURE, written
from ..core.layers import LabelsLayer
from ..core.layers.palette import of_labels

Overlay = Literal["none", "filled", "outlined"]

# as in Visual-CCC
_ALPHA, _BORDER_ALPHA = 0.35, 0.75


def label_overlay(
    layer: LabelsLayer, path: Path, *, outlined: bool = False, force: bool = False
) -> None:
    """Write labels as an RGBA picture with one pixel for each of theirs.

    Parameters
    ----------
    layer : LabelsLayer
        Of a stack, the first slice, in the colours of the viewer; the background is transparent.
    path : Path
        Ends in ``.png``.
    outlined : bool
        Draw the border pixels of every label in white.
    force : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    for key, text in PICTURE.items():
        said.add_text(key, text)
    labels = np.asarray(layer.data[(0,) * (layer.data.ndim - 2)])
    with written(path, force=force) as part:
        pixels = coloured(labels, layer.palette, outlined=outlined)
        Image.fromarray(pixels).save(part, format="PNG", pnginfo=said)


def coloured(labels: np.ndarray, palette: np.ndarray, *, outlined: bool = False) -> np.ndarray:
    """Colour (Y, X) labels: (Y, X, 4) uint8."""
    table = np.round(255 * np.c_[palette, np.full(len(palette), _ALPHA)]).astype(np.uint8)
    found = of_labels(table, labels)
    found[labels == 0] = 0
    if outlined:
        found[_borders(labels)] = (255, 255, 255, round(255 * _BORDER_ALPHA))
    return found


def _borders(labels: np.ndarray) -> np.ndarray:
    """Pixels of labels beside another label, or at the border of the image."""
    around = np.pad(labels, 1)
    inside = np.ones(labels.shape, bool)
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        beside = around[down : down + labels.shape[0], right : right + labels.shape[1]]
        inside &= beside == labels
    return (labels > 0) & ~inside
