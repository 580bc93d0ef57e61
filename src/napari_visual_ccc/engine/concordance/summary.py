"""Many images: the region that the decisions for each class rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .findings import enriched

if TYPE_CHECKING:
    import pandas as pd

# an image without a region that is significantly enriched
NONE = "none"


def image_row(table: pd.DataFrame) -> dict[str, Any]:
    """Summarise the table of an image in one row.

    Parameters
    ----------
    table : DataFrame
        From `concordance`.

    Returns
    -------
    dict
        ``region``: name of the most enriched region among the significant ones, or ``"none"``, with
        its numbers; ``enrichment_NAME`` of every region.
    """
    above = enriched(table)
    first = None if above.empty else above.iloc[0]
    row: dict[str, Any] = {"region": NONE if first is None else first["name"]}
    for column in ("enrichment", "p_corrected", "share_of_evidence", "share_of_area", "effect"):
        if column in table:
            row[column] = np.nan if first is None else first[column]
    return row | {
        f"enrichment_{name}": value
        for name, value in zip(table["name"], table["enrichment"], strict=True)
    }


def class_table(images: pd.DataFrame, regions: Sequence[str]) -> pd.DataFrame:
    """Count for each class the regions that its images rest on.

    Parameters
    ----------
    images : DataFrame
        ``class`` and the columns of `image_row`; rows without a class are left out.
    regions : sequence of str
        Names in their order.

    Returns
    -------
    DataFrame
        One row a class and region: ``class``, ``images`` (of the class), ``region``, ``count``,
        ``share`` with its 95 % interval ``low`` and ``high`` (Wilson, J. Am. Stat. Assoc. 22 (1927)
        209), and the median ``enrichment`` with ``enrichment_low`` and ``enrichment_high``, its
        distribution-free 95 % interval, which needs six images.
    """
    import pandas as pd

    rows = []
    for name, some in images[images["class"] != ""].groupby("class", sort=True):
        for region in (*regions, NONE):
            count = int((some["region"] == region).sum())
            low, high = wilson(count, len(some))
            row = {"class": name, "images": len(some), "region": region, "count": count}
            row |= {"share": count / len(some), "low": low, "high": high}
            column = f"enrichment_{region}"
            values = some[column].dropna().to_numpy() if column in some else np.empty(0)
            row |= dict(
                zip(
                    ("enrichment", "enrichment_low", "enrichment_high"), median(values), strict=True
                )
            )
            rows.append(row)
    return pd.DataFrame(rows)


def wilson(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def median(values: np.ndarray) -> tuple[float, float, float]:
    """Median, and the order statistics that contain it with 95 % probability."""
    from scipy.stats import binom

    if not len(values):
        return np.nan, np.nan, np.nan
    ordered = np.sort(values)
    # the largest rank with less than 2.5 % below
    rank = int(binom.ppf(0.025, len(ordered), 0.5))
    if rank < 1:
        return float(np.median(ordered)), np.nan, np.nan
    return float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[-rank])


def class_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Say for each class which region most of its decisions rest on."""
    notes = []
    for name, rows in table.groupby("class", sort=True):
        first = rows.iloc[int(rows["count"].to_numpy().argmax())]
        many = f"{first['count']} of {first['images']} images"
        limits = f"{100 * first['low']:.0f} to {100 * first['high']:.0f} %"
        notes.append(
            f"{name}: in {many} no region is enriched ({limits})"
            if first["region"] == NONE
            else f"{name}: the evidence of {many} lies on {first['region']} ({limits})"
        )
    return tuple(notes)
