"""Tables of regions with their area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)


def cluster_table(
    pixels: np.ndarray, means: np.ndarray, size: tuple[str, float] | None
) -> pd.DataFrame:
    """One row a cluster, from dark to bright; `size` is a pixel's, after the name of its column."""
    share = 100 * pixels / pixels.sum()
    last = len(pixels)
    rows: list[dict[str, Any]] = []
    for label, (count, mean, per_cent) in enumerate(zip(pixels, means, share, strict=True), 1):
        side = " (darkest)" if label == 1 < last else " (brightest)" if label == last > 1 else ""
        row = {"label": label, "name": f"cluster {label}{side}", "area_percent": float(per_cent)}
        if size is not None:
            row[size[0]] = int(count) * size[1]
        row |= {"mean_intensity": float(mean), "pixels": int(count)}
        rows.append(row)
    return _frame(rows)
