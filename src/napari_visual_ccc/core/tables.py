"""Tables of regions with their area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .pixel_size import PixelSize

if TYPE_CHECKING:
    import pandas as pd


def cluster_table(
    pixels: np.ndarray, means: np.ndarray, pixel_size: PixelSize | None
) -> pd.DataFrame:
    """Table of clusters from dark to bright: area (of voxels volume), mean intensity, pixels."""
    import pandas as pd

    share = 100 * pixels / pixels.sum()
    last = len(pixels)
    rows: list[dict[str, Any]] = []
    for label, (count, mean, per_cent) in enumerate(zip(pixels, means, share, strict=True), 1):
        side = " (darkest)" if label == 1 < last else " (brightest)" if label == last > 1 else ""
        row = {"label": label, "name": f"cluster {label}{side}", "area_percent": float(per_cent)}
        if pixel_size is not None:
            row[pixel_size.extent_column] = int(count) * pixel_size.extent
        row |= {"mean_intensity": float(mean), "pixels": int(count)}
        rows.append(row)
    return pd.DataFrame(rows)
