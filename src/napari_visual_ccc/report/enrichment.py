"""Figures of concordance: enrichment of regions, and the regions that classes rest on."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.layers.palette import class_colours
from ..core.result import Result
from ..core.units import counted
from .figures import save
from .plots import short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# colours that colour-blind people can tell apart (Okabe & Ito 2008)
_ABOVE, _BELOW, _CHANCE = "#009e73", "#cc79a7", "0.75"

_SIGNIFICANT = 0.05

_MOST = 20

# enrichment of regions without evidence is drawn at this value
_SMALLEST = 1 / 16


def draw_enrichment(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the enrichment of every region as a bar from 1, with the range of chance.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        From `concordance`; the first 20 rows are drawn.
    """
    rows = table.head(_MOST)
    place = np.arange(len(rows))
    values = np.log2(np.maximum(rows["enrichment"].to_numpy(), _SMALLEST))
    low, high = (
        np.log2(np.maximum(rows[name].to_numpy(), _SMALLEST))
        for name in ("chance_low", "chance_high")
    )
    axes.barh(place, high - low, 0.8, left=low, color=_CHANCE, alpha=0.6, label="95 % by chance")
    sure = rows["p_corrected"].to_numpy() < _SIGNIFICANT
    colours = np.where(~sure, "0.45", np.where(values > 0, _ABOVE, _BELOW))
    axes.barh(place, values, 0.4, color=colours.tolist())
    axes.axvline(0, color="black", lw=1)
    texts = [
        f"{short(str(name))}\n{_p(p)}"
        for name, p in zip(rows["name"], rows["p_corrected"], strict=True)
    ]
    axes.set_yticks(place, texts, size=8 if len(rows) <= 8 else 6)
    ends = np.concatenate([values, low, high])
    left, right = min(-1.0, float(ends.min())) - 0.2, max(1.0, float(ends.max())) + 0.2
    ticks = np.arange(np.ceil(left), np.floor(right) + 1)
    axes.set_xticks(ticks, [f"{2**t:g}" if t >= 0 else f"1/{2**-t:g}" for t in ticks])
    more = len(table) - len(rows)
    axes.set(
        xlim=(left, right),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="share of evidence / share of area"
        + (f" ({counted(more, 'more region')})" if more else ""),
    )
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def draw_classes(axes: Axes, table: pd.DataFrame) -> None:
    """Draw for each class the share of images whose evidence lies on each region.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        ``classes`` of `concordance_folder`.
    """
    regions = list(dict.fromkeys(table["region"]))
    classes = table.drop_duplicates("class")
    height = 0.8 / len(regions)
    # "cluster 10" comes after "cluster 9"
    named = sorted(set(regions) - {"none"}, key=lambda one: (len(one), one))
    colours = dict(zip(named, itertools.cycle(class_colours(len(named))), strict=False))
    for number, region in enumerate(regions):
        rows = table[table["region"] == region]
        y = np.arange(len(rows)) + height * (number - (len(regions) - 1) / 2)
        colour = colours.get(region, "0.6")
        axes.barh(
            y, 100 * rows["share"], 0.9 * height, color=colour, edgecolor="0.35", linewidth=0.5,
            label=short(str(region)),
        )  # fmt: skip
        axes.hlines(y, 100 * rows["low"], 100 * rows["high"], color="black", lw=1)
    names = zip(classes["class"], classes["images"], strict=True)
    texts = [f"{short(str(name))}\n({count})" for name, count in names]
    axes.set_yticks(range(len(classes)), texts, size=8)
    axes.set(
        xlim=(0, 100),
        ylim=(len(classes) - 0.5, -0.5),
        xlabel="images (%), with 95 % interval",
    )
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=2, frameon=False, fontsize=8)


# how the tables of these operations are drawn: name of the table, function of axes and table
CHARTS: dict[str, Callable[..., None]] = {
    "concordance": draw_enrichment,
    "regions by class": draw_classes,
}


def charts(result: Result) -> dict[str, Callable[[Axes], None]]:
    """Charts of the tables of a result, by the name of the table."""
    return {
        name: functools.partial(CHARTS[name], table=table)
        for name, table in result.tables.items()
        if name in CHARTS and len(table) and not any(str(c).startswith("index_") for c in table)
    }


def write_chart(draw: Callable[[Axes], None], path: Path, *, force: bool = False) -> None:
    """Write a chart as PNG or SVG.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), dpi=130, layout="constrained")
    draw(figure.add_subplot())
    save(figure, path, force=force)
