"""What a network sees at a pixel, and where it sees the like."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.layers import PointsLayer, ShapesLayer
from ...core.pixel_size import PixelSize
from ...core.result import Result
from .activations import Activations
from .similar import background_of, cosine_map, feature_of, peaks, point_weights


def nearest_patches(
    seen: Activations,
    y: float,
    x: float,
    *,
    count: int = 9,
    spacing: Any = None,
    unit: str = "px",
) -> Result:
    """Read the feature vector of a pixel, and find the patches of the image that are most like it.

    Parameters
    ----------
    seen : Activations
        What `activations` returned for one image.
    y, x : float
        Pixel of the image.
    count : int
        Number of channels and of patches that are listed.
    spacing, unit : (y, x) and str, optional
        Pixel size, for positions and sizes.

    Returns
    -------
    Result
        Tables ``"channels"`` (those that are highest here, in standard deviations above their mean
        over the image) and ``"patches"`` (position, side and cosine similarity, after the mean
        feature of the image is subtracted; the pixel itself is the first), and the patches as
        rectangles.

    Raises
    ------
    ValueError
        If the activations are of a stack, or the pixel lies outside the image.
    """
    import pandas as pd

    maps: np.ndarray = getattr(seen, "features", np.empty(0))
    if maps.ndim != 3 or not len(maps):
        raise ValueError("these activations are of a stack; take them of one slice")
    place = seen.layers[0].placement
    _, *sides = maps.shape
    cells = (sides[0], sides[1])
    ends = np.array(place.first_centre) + (np.array(cells) - 0.5) * place.stride
    starts = np.array(place.first_centre) - 0.5 * place.stride
    if not ((starts <= (y, x)) & ((y, x) <= ends)).all():
        raise ValueError(f"pixel ({y:.0f}, {x:.0f}) lies outside the activations")
    feature = feature_of(maps, point_weights((y, x), place, cells))
    mean, spread = maps.mean(axis=(1, 2)), maps.std(axis=(1, 2))
    above = (feature - mean) / np.maximum(spread, 1e-30)
    order = np.argsort(-above, kind="stable")[:count]
    channels = pd.DataFrame(
        {
            "channel": seen.tables["channels"]["channel"].to_numpy()[order],
            "rank": order + 1,
            "value": feature[order],
            "deviations": above[order],
        }
    )
    background = background_of(maps, "subtract")
    coarse = cosine_map(maps, feature - background, background)
    size = PixelSize.of(spacing, unit)
    side = max(3 * place.stride, 8.0)
    found = peaks(coarse, count, apart=round(side / place.stride))
    centres = place.to_source([(row, column) for row, column, _ in found])
    patches = patch_rows(centres, [height for _, _, height in found], side, size)
    boxes = ShapesLayer(
        [_square(centre, side) for centre in centres], kinds="rectangle", features=patches,
        name="nearest patches",
    )  # fmt: skip
    here = PointsLayer(np.array([[y, x]], float), name="pixel")
    tables = {"channels": channels, "patches": patches}
    return Result((boxes, here), tables, facts={"y_px": y, "x_px": x}, model=seen.model)


def patch_rows(centres: np.ndarray, heights: list[float], side: float, size: Any) -> Any:
    """Table of patches: similarity, and centre and side in pixels and in the unit."""
    import pandas as pd

    rows = {
        "patch": np.arange(1, len(centres) + 1), "similarity": heights,
        "y_px": centres[:, 0], "x_px": centres[:, 1], "side_px": side,
    }  # fmt: skip
    if size is not None:
        rows |= {
            f"y_{size.unit}": centres[:, 0] * size.height,
            f"x_{size.unit}": centres[:, 1] * size.width,
            f"side_{size.unit}": side * size.width,
        }
    return pd.DataFrame(rows)


def _square(centre: np.ndarray, side: float) -> np.ndarray:
    half = side / 2
    corners = np.array([(-half, -half), (-half, half), (half, half), (half, -half)])
    return centre + corners
