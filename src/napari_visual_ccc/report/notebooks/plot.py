"""One figure of any result: its layers, its numbers, or a table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.layers import Layer
from ...core.micrograph import Micrograph
from ...core.pixel_size import PixelSize
from ...core.plain import check_given
from ...core.result import Evaluation, Prediction, Result, TrainedModel
from ...core.units import is_known
from ..enrichment import CHARTS
from ..figures import bars, bytes_of, draw, without_formulas
from ..pictures import all_pictures
from ..plots import draw_history, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# figures of the performance of a classifier that are drawn together
_PERFORMANCE = ("confusion_matrix", "classes", "roc", "reliability")

# what the histogram of a table shows, where it has such columns
_SIZES = ("equivalent_diameter", "max_feret", "area", "volume")

# of a table that is a list of names with numbers
_NAMES = ("name", "class", "metric", "image", "file", "phase")

_MOST = 20


Draw = Callable[["Axes"], None]


def plot(result: Result, name: str = "", *, image: Any = None) -> Figure:
    """Draw a result, as its files and the viewer show it.

    Parameters
    ----------
    result : Result
        Of any operation.
    name : str
        Of a layer, a table, or a figure of a report (``"roc"``). By default all layers beside each
        other; of a classifier its confusion matrix, classes, ROC and reliability; of a result
        without layers its main table.
    image : Micrograph or (..., Y, X) array, optional
        What lies under labels, heatmaps, points and shapes.

    Returns
    -------
    matplotlib Figure
        With a scale bar where the pixel size is known. A notebook shows it, ``savefig`` writes it;
        no screen is needed.

    Raises
    ------
    ValueError
        If the result has nothing of that name, or nothing to draw.
    """
    from matplotlib.figure import Figure

    check_given(result, Result, "result", "what an operation returned")
    under = image.data if isinstance(image, Micrograph) else image
    known = _drawings(result, under)
    if name and name not in known:
        there = ", ".join(map(repr, known)) or "nothing that can be drawn"
        raise ValueError(f"the result has no {name!r}; it has {there}")
    chosen = {name: known[name]} if name else _main(result, known)
    if not chosen:
        raise ValueError(f"the result has nothing to draw; it is {result!r}")
    columns = 1 if len(chosen) == 1 else 2 if len(chosen) in (2, 4) else 3
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(5.2 * columns, 4.4 * rows), dpi=110, layout="constrained")
    places = iter(figure.subplots(rows, columns, squeeze=False).ravel())
    for one, axes in zip(chosen.values(), places, strict=False):
        one(axes)
    for axes in places:
        axes.set_axis_off()
    # a notebook shows a figure without a window by this method alone
    shown: Any = without_formulas(figure)
    shown._repr_png_ = functools.partial(_png, figure)
    return figure


def _png(figure: Figure) -> bytes:
    return bytes_of(figure, "png")


def _drawings(result: Result, image: Any) -> dict[str, Draw]:
    """All that can be drawn of a result, by name."""
    known: dict[str, Draw] = {}
    if isinstance(result, TrainedModel | Evaluation):
        for name, picture in all_pictures(result).items():
            known[name.removeprefix("test_")] = picture.draw
    for name, table in result.tables.items():
        if len(table) and name not in known:
            known[name] = functools.partial(_draw_table, name=name, table=table)
    if isinstance(result, Prediction):
        known["probabilities"] = functools.partial(bars, prediction=result)
    for layer in result.layers:
        known[layer.name] = functools.partial(_draw_layer, layer=layer, image=image)
    return known


def _main(result: Result, known: dict[str, Draw]) -> dict[str, Draw]:
    """What is drawn where no name is given."""
    if isinstance(result, TrainedModel | Evaluation):
        return {name: known[name] for name in _PERFORMANCE}
    layers = {layer.name: known[layer.name] for layer in result.layers}
    if layers and isinstance(result, Prediction):
        return {**layers, "probabilities": known["probabilities"]}
    return layers or dict(list(known.items())[:1])


def _draw_layer(axes: Axes, *, layer: Layer, image: Any) -> None:
    size = PixelSize.of(layer.frame.spacing, layer.frame.unit)
    alone = getattr(layer, "style", "") == "grey"
    draw(axes, layer, image=None if alone else image, pixel_size=size)


def _draw_table(axes: Axes, *, name: str, table: pd.DataFrame) -> None:
    """Draw a table: a known chart, curves by epoch, bars of names, or a distribution."""
    if name in CHARTS:
        CHARTS[name](axes, table)
        return
    if "epoch" in table:
        draw_history(axes, table)
        return
    numbers = table.select_dtypes("number")
    names = next((column for column in _NAMES if column in table), None)
    sizes = [c for start in _SIZES for c in numbers if str(c).startswith(start)]
    columns = [*sizes, *(c for c in numbers if c not in ("label", "index", "slice"))]
    axes.set_title(short(name))
    if not columns or len(table) == 1:
        # one image is no distribution
        text = table.T.to_string(header=False) if len(table) == 1 else table.head(_MOST).to_string()
        axes.set_axis_off()
        axes.text(0, 1, text.replace("$", r"\$"), va="top", size=8, family="monospace")
    elif names is not None and not sizes:
        rows = table.head(_MOST)[::-1]
        axes.barh([short(str(one)) for one in rows[names]], rows[columns[0]], color="#4c9be8")
        axes.set_xlabel(_head(str(columns[0])))
    else:
        values = table[columns[0]].to_numpy(float)
        values = values[np.isfinite(values)]
        axes.hist(values, bins=min(30, max(5, int(np.sqrt(len(values))))), color="#4c9be8")
        axes.set(xlabel=_head(str(columns[0])), ylabel=f"number (of {len(values)})")


def _head(column: str) -> str:
    """Name of a column as the text of an axis: ``area_nm2`` is "area (nm²)"."""
    name, _, unit = column.rpartition("_")
    if not name or not (unit.rstrip("23") == "px" or is_known(unit.rstrip("23"))):
        return column.replace("_", " ")
    power = unit.replace("2", "²").replace("3", "³")
    return f"{name.replace('_', ' ')} ({power})"
