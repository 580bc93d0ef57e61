"""Figures of the performance of a classifier: for the page, the files beside it and the dock."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.result import Evaluation, TrainedModel
from . import plots
from .figures import any_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn.

    Parameters
    ----------
    title : str
        What it shows.
    size : (width, height)
        In inches.
    draw : callable
        Draws into axes.
    """

    title: str
    size: tuple[float, float]
    draw: Callable[[Axes], None]

    def svg(self) -> bytes:
        """Draw as SVG, with text that can be edited; the same bytes on every run."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        style: Any = {"svg.hashsalt": "visual-ccc", "svg.fonttype": "none"}
        file = io.BytesIO()
        with rc_context(style):
            figure = Figure(figsize=self.size, facecolor="white", layout="constrained")
            self.draw(figure.add_subplot())
            # once, where savefig would draw a layout twice
            canvas: Any = FigureCanvasSVG(figure)
            with any_names(figure):
                canvas.print_svg(file, metadata={"Date": None})
        return file.getvalue()


def evaluation_pictures(evaluation: Evaluation) -> dict[str, Picture]:
    """Figures of an evaluation, by the name of their file."""
    number = len(evaluation.classes)
    side = float(np.clip(3.5 + 0.45 * number, 5, 12))

    def one(title: str, size: tuple[float, float], draw: Callable[..., None]) -> Picture:
        return Picture(title, size, functools.partial(draw, evaluation=evaluation))

    found = {
        "confusion_matrix": one("Confusion matrix", (side + 1, side), plots.draw_confusion),
        "classification_report": one(
            "Classification report", (6, 1.2 + 0.4 * (number + 2)), plots.draw_report
        ),
        "classes": one("Classes", (8, 1.6 + 0.45 * number), plots.draw_per_class),
        "roc": one("ROC", (5.4, 5.4), plots.draw_roc),
        "precision_recall": one("Precision and recall", (5.4, 5.4), plots.draw_precision_recall),
        "reliability": one("Reliability", (5.4, 5.6), plots.draw_reliability),
    }
    for kind in degraded(evaluation):
        draw = functools.partial(plots.draw_robustness, kind=kind)
        name = f"robustness_{kind.lower().replace(' ', '_')}"
        found[name] = one(f"Robustness: {kind}", (4.2, 4), draw)
    return found


def degraded(evaluation: Evaluation) -> list[str]:
    """Kinds of noise and blur that an evaluation has levels of."""
    table = evaluation.robustness
    if table is None:
        return []
    return [kind for kind in table["degradation"].unique() if kind != "none"]


def training_picture(history: pd.DataFrame) -> Picture | None:
    """Curves of a training; None where it has no epochs."""
    if not len(history) or "epoch" not in history:
        return None
    return Picture("Training", (8, 5), lambda axes: plots.draw_history(axes, history))


def all_pictures(result: TrainedModel | Evaluation) -> dict[str, Picture]:
    """Figures of a report, by the name of their file: those of each part, and of the training."""
    if isinstance(result, Evaluation):
        return evaluation_pictures(result)
    parts = {"test": result.evaluation, "validation": result.validation}
    found = {
        f"{part}_{name}": picture
        for part, evaluation in parts.items()
        if evaluation is not None
        for name, picture in evaluation_pictures(evaluation).items()
    }
    curves = training_picture(result.history)
    return found if curves is None else {**found, "training": curves}
