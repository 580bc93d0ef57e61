"""Masks as labels with a table, and as outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.layers import LabelsLayer, ShapesLayer
from ...core.pixel_size import PixelSize
from ...core.progress import Progress, Steps
from ...nets.sam.mask import Mask

# pixels by which an outline may differ from the border of its mask
_TOLERANCE = 0.7


def label_layer(
    masks: Sequence[Mask], shape: tuple[int, int], pixel_size: PixelSize | None
) -> LabelsLayer:
    """Draw masks as labels, the largest first, so that small ones lie on top.

    Parameters
    ----------
    masks : sequence of Mask
        In the image.
    shape : (rows, columns)
        Of the image.
    pixel_size : PixelSize or None
        For the area.

    Returns
    -------
    LabelsLayer
        Labels 1, 2, ... from the largest to the smallest mask; its table has the predicted IoU
        (``score``), the stability, the pixels of the label and those of the whole mask, which
        includes what smaller ones cover. Masks that are covered completely are left out.
    """
    import pandas as pd

    order = sorted(masks, key=lambda mask: (-mask.area, mask.top, mask.left))
    labels = np.zeros(shape, np.int32)
    for number, mask in enumerate(order, start=1):
        labels[mask.window][mask.pixels] = number
    pixels = np.bincount(labels.ravel(), minlength=len(order) + 1)
    seen = pixels > 0
    seen[0] = False
    labels = (np.cumsum(seen) * seen).astype(np.int32)[labels]
    shown = [mask for mask, is_seen in zip(order, seen[1:], strict=True) if is_seen]
    table = pd.DataFrame(
        {
            "label": np.arange(1, len(shown) + 1),
            "score": [mask.score for mask in shown],
            "stability": [mask.stability for mask in shown],
            "pixels": pixels[seen],
            "mask_pixels": [mask.area for mask in shown],
            "prompt": [mask.prompt for mask in shown],
        }
    )
    if pixel_size is not None:
        table.insert(4, pixel_size.extent_column, pixels[seen] * pixel_size.extent)
    return LabelsLayer(labels, table=table, name="masks")


def outline_layer(layer: LabelsLayer) -> Steps[ShapesLayer]:
    """Outlines of labels as polygons, simplified to less than a pixel; of each the largest part.

    Parameters
    ----------
    layer : LabelsLayer
        From `label_layer`; its table becomes the features of the polygons.
    """
    from scipy.ndimage import find_objects
    from skimage.measure import approximate_polygon, find_contours

    labels, polygons, rows = np.asarray(layer.data), [], []
    windows = find_objects(labels)
    for number, window in enumerate(windows, start=1):
        yield Progress(number, len(windows), "outlines")
        if window is None:
            continue
        inside = np.pad(labels[window] == number, 1).astype(float)
        contours = find_contours(inside, 0.5, fully_connected="high")
        longest = max(contours, key=_enclosed)
        simple = approximate_polygon(longest, _TOLERANCE)
        simple = simple if len(simple) > 3 else longest
        polygons.append(simple[:-1] - 1 + [window[0].start, window[1].start])
        rows.append(number - 1)
    assert layer.table is not None
    features = layer.table.iloc[rows].reset_index(drop=True)
    return ShapesLayer(polygons, name="outlines", kinds="polygon", features=features)


def _enclosed(contour: np.ndarray) -> float:
    y, x = contour[:, 0], contour[:, 1]
    return abs(float(np.dot(y, np.roll(x, 1)) - np.dot(x, np.roll(y, 1)))) / 2
