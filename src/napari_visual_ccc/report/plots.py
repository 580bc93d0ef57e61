"""Figures of the performance of a classifier, for the report and the widget."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.layers.palette import class_colours, luminance
from ..core.result import Audit, Evaluation
from ..engine.classification.calibration import reliability
from ..engine.evaluation.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    Curves = dict[str, tuple[np.ndarray, np.ndarray, float]]

_MOST_CURVES, _LONGEST_NAME = 10, 26

# colours that colour-blind people can tell apart (Okabe & Ito 2008)
_BLUE, _RED, _GREEN = "#0072b2", "#d55e00", "#009e73"

# luminance above which a line is hard to see on white
_BRIGHT = 0.5

METRICS = {"precision": ("Precision", _BLUE), "recall": ("Recall", _RED), "f1": ("F1", _GREEN)}

# axes of levels of degradation, by unit
_LEVELS = {"of contrast": "sigma (fraction of the contrast)", "counts": "counts of a bright pixel"}

ECE = "expected calibration error"


def draw_pictures(axes: Axes, audit: Audit) -> None:
    """Draw some pictures of every class, a row for each."""
    rows = [[picture for _, picture in some] for some in audit.pictures.values()]
    side = next((one.shape[0] for some in rows for one in some), 1)
    count = max(1, max(map(len, rows)))
    # a thin line between the pictures
    sheet = np.full((len(rows), side + 4, count, side + 4), 255, np.uint8)
    for row, some in enumerate(rows):
        for column, picture in enumerate(some):
            sheet[row, 2:-2, column, 2:-2] = picture
    height = side + 4
    axes.imshow(sheet.reshape(len(rows) * height, -1), cmap="gray", vmin=0, vmax=255)
    places = (np.arange(len(rows)) + 0.5) * height - 0.5
    axes.set_yticks(places, [short(name) for name in audit.pictures])
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_confusion(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the confusion matrix: images, and per cent of the true class."""
    counts, number = evaluation.confusion, len(evaluation.classes)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    # points a cell is wide, once names have taken their part of the axes
    cell = 0.75 * min(axes.bbox.width, axes.bbox.height) * 72 / axes.figure.dpi / number
    size = float(np.clip(cell / (4 if cell > 20 else 2.2), 4, 11))
    for (i, j), count in np.ndenumerate(counts):
        # a decimal where there is room: "100 %" beside a mistake would be wrong
        share = f"\n{percent[i, j]:.{int(cell > 36)}f} %" if cell > 20 else ""
        axes.text(
            j, i, f"{count}{share}" if count else "", ha="center", va="center",
            size=size, color="white" if percent[i, j] > 55 else "black",
        )  # fmt: skip
    names, small = [short(name) for name in evaluation.classes], float(np.clip(cell / 2, 6, 10))
    slanted = max(map(len, names)) * 0.6 * small > cell
    turn: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    )
    axes.set_xticks(range(number), names, size=small, **turn)
    axes.set_yticks(range(number), names, size=small)
    axes.set(xlabel="predicted", ylabel="true")


def draw_report(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the classification report: precision, recall and F1 of every class, and their means."""
    rows = report_rows(evaluation)
    values = np.array([row[2:] for row in rows], float)
    axes.imshow(100 * values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        axes.text(
            j, i, percent(value), ha="center", va="center", size=9,
            color="white" if value > 0.55 else "black",
        )  # fmt: skip
    axes.set_xticks(range(len(METRICS)), [label for label, _ in METRICS.values()])
    axes.set_yticks(range(len(rows)), [f"{short(name)} ({n})" for name, n, *_ in rows], size=9)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    # the means are set apart
    axes.axhline(len(evaluation.classes) - 0.5, color="white", lw=4)


def report_rows(evaluation: Evaluation) -> list[tuple[Any, ...]]:
    """Rows of the classification report: name, images, and the metrics; the last two are means.

    The macro mean weighs the classes alike, the weighted mean by their images. A class without a
    value (it was never predicted, say) counts as 0, one without images not at all.
    """
    table = evaluation.per_class
    columns = [table[metric].to_numpy(float) for metric in METRICS]
    rows: list[tuple[Any, ...]] = list(
        zip(table["class"], table["images"].tolist(), *columns, strict=True)
    )
    count = table["images"].to_numpy()
    for name, weights in (("macro mean", count > 0), ("weighted mean", count)):
        means = [float(np.average(np.nan_to_num(one), weights=weights)) for one in columns]
        rows.append((name, int(count.sum()), *means))
    return rows


def draw_per_class(axes: Axes, evaluation: Evaluation) -> None:
    """Draw precision, recall and F1 of every class, with 95 % intervals."""
    table = evaluation.per_class
    place = np.arange(len(table))
    for k, (metric, (label, colour)) in enumerate(METRICS.items()):
        y = place + 0.22 * (k - 1)
        # no error bars: an interval need not contain its value
        axes.hlines(y, 100 * table[f"{metric}_low"], 100 * table[f"{metric}_high"], color=colour)
        axes.plot(100 * table[metric], y, "o", ms=5, color=colour, label=label, clip_on=False)
    rows = zip(table["class"], table["images"], strict=True)
    axes.set_yticks(place, [f"{short(name)} ({n})" for name, n in rows])
    axes.set(xlim=(0, 100), ylim=(len(table) - 0.5, -0.5), xlabel="percent, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)


def draw_roc(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the ROC curve of each class against the rest."""
    axes.plot([0, 1], [0, 1], ":", color="grey")
    curves = roc(evaluation)
    colours = _draw_curves(axes, evaluation, curves, "AUC", "lower right", "default")
    if evaluation.operating_point is not None:
        for row in evaluation.operating_point.to_dict("records"):
            if row["class"] in colours:
                colour = colours[row["class"]]
                axes.plot(row["fpr"], row["tpr"], "o", ms=7, mfc="none", mew=1.5, mec=colour)
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)", title="ROC")


def draw_precision_recall(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the precision-recall curve of each class against the rest."""
    curves = precision_recall(evaluation)
    _draw_curves(axes, evaluation, curves, "average precision", "lower left", "steps-post")
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall")


def roc(evaluation: Evaluation) -> Curves:
    """False and true positive rate of each class against the rest, and the area below."""
    from sklearn.metrics import auc, roc_curve

    curves = {name: roc_curve(*data)[:2] for name, data in _against_rest(evaluation).items()}
    return {name: (x, y, float(auc(x, y))) for name, (x, y) in curves.items()}


def precision_recall(evaluation: Evaluation) -> Curves:
    """Recall and precision of each class against the rest, and the average precision."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = {}
    for name, data in _against_rest(evaluation).items():
        precision, recall, _ = precision_recall_curve(*data)
        found[name] = (recall, precision, float(average_precision_score(*data)))
    return found


def _against_rest(evaluation: Evaluation) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    targets, chances = evaluation.targets, evaluation.probabilities.T
    pairs = {c: (targets == k, chances[k]) for k, c in enumerate(evaluation.classes)}
    return {c: pair for c, pair in pairs.items() if pair[0].any() and not pair[0].all()}


def _draw_curves(
    axes: Axes, evaluation: Evaluation, curves: Curves, area: str, corner: Any, steps: Any
) -> dict[str, np.ndarray]:
    """Draw the curves of all classes; the colours of those that the legend lists."""
    palette = class_colours(len(evaluation.classes))
    support = dict(zip(evaluation.classes, evaluation.confusion.sum(axis=1), strict=True))
    shown = sorted(curves, key=lambda name: -support[name])[:_MOST_CURVES]
    for name in (name for name in curves if name not in shown):
        axes.plot(*curves[name][:2], drawstyle=steps, color="0.8", lw=1)
    handles, colours = [], {}
    for k, name in enumerate(shown):
        x, y, value = curves[name]
        colours[name] = palette[evaluation.classes.index(name) % len(palette)]
        # dashes too: good curves overlap
        handles += axes.plot(
            x, y, ("-", "--", "-.")[k % 3], color=colours[name], drawstyle=steps,
            label=f"{value:.3f}  {short(name)}", path_effects=on_white(colours[name]),
        )  # fmt: skip
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(alpha=0.3)
    title = area if len(shown) == len(curves) else f"{area} ({len(shown)} largest classes)"
    if handles:
        axes.legend(handles=handles, title=title, loc=corner, fontsize=8, title_fontsize=8)
    else:
        axes.text(0.5, 0.3, "needs images of two classes", ha="center")
    return colours


def on_white(colour: np.ndarray) -> list[Any]:
    """Effects of a line: a bright one has a dark rim."""
    from matplotlib.patheffects import Normal, Stroke

    rim = [Stroke(linewidth=3, foreground="0.35")] if luminance(colour) > _BRIGHT else []
    return [*rim, Normal()]


def draw_reliability(axes: Axes, evaluation: Evaluation) -> None:
    """Draw the reliability diagram: accuracy against confidence, with the calibration error."""
    facts, targets = evaluation.facts, evaluation.targets
    axes.plot([0, 1], [0, 1], ":", color="grey", label="ideal")
    sure, right, count = reliability(evaluation.probabilities, targets)
    if "probabilities_before" in facts:
        earlier = reliability(np.asarray(facts["probabilities_before"], float), targets)
        there = earlier[2] > 0
        axes.plot(earlier[0][there], earlier[1][there], "s--", color=_RED, label="uncalibrated")
    there = count > 0
    axes.plot(sure[there], right[there], color=_BLUE, lw=1, alpha=0.5)
    # 95 % score intervals; images of one specimen count by their share of the independent ones
    part = min(1.0, evaluation.independent / count.sum()) if evaluation.independent else 1.0
    pairs = zip(right[there].tolist(), count[there].tolist(), strict=True)
    ends = np.array([wilson(share, max(1, round(n * part))) for share, n in pairs])
    axes.vlines(sure[there], ends[:, 0], ends[:, 1], color=_BLUE, lw=1, alpha=0.7)
    # the area of a point shows its number of images
    area = 10 + 60 * count[there] / count.max()
    points = axes.scatter(sure[there], right[there], area, _BLUE, clip_on=False, zorder=3)
    points.set_label("this model")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set(xlabel="predicted probability", ylabel="fraction correct")
    axes.grid(alpha=0.3)
    top = axes.secondary_xaxis("top")
    top.set_xticks((np.arange(len(count)) + 0.5) / len(count), [str(n) for n in count], size=7)
    top.tick_params(length=0, pad=7)
    top.set_xlabel("images", size=8)
    ece = percent(facts.get("ece_before")), percent(facts.get("ece_after"))
    known = "" if ece[0] == "–" else f"\n(before calibration {ece[0]}, after {ece[1]})"
    axes.set_title(f"calibration error {percent(evaluation.value(ECE))}{known}", size=10)
    axes.legend(loc="upper left", fontsize=8)


def draw_history(axes: Axes, history: pd.DataFrame, metric: str = "accuracy") -> None:
    """Draw loss (left) and metric (right) by epoch, and the learning rate below them.

    Columns may be missing.
    """
    from matplotlib.ticker import MaxNLocator

    below = _draw_learning_rate(axes, history) if _has(history, "learning_rate") else axes
    right, lines = axes.twinx(), []
    for place, column, colour in ((axes, "loss", _BLUE), (right, metric, _RED)):
        for name, look in ((column, "o-"), (f"validation_{column}", "s--")):
            if _has(history, name):
                curve = (history["epoch"], history[name], look)
                label = name.replace("_", " ")
                lines += place.plot(*curve, ms=3, color=colour, label=label)
        place.set_ylabel(column, color=colour)
        place.yaxis.set_visible(place.has_data())
    if metric == "accuracy":
        right.set_ylim(0, 1.02)
    axes.set(xlim=(history["epoch"].min() - 0.5, history["epoch"].max() + 0.5))
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    # in a dock the names need two lines
    columns = 4 if axes.figure.bbox.width / axes.figure.dpi > 6 else 2
    axes.legend(
        handles=lines, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=columns, fontsize=8
    )


def _has(history: pd.DataFrame, column: str) -> bool:
    return column in history and bool(history[column].notna().any())


def _draw_learning_rate(axes: Axes, history: pd.DataFrame) -> Axes:
    """Draw the learning rate below other axes, which give up a part of their room."""
    place = axes.get_subplotspec()
    assert place is not None
    grid = place.subgridspec(2, 1, height_ratios=(3, 1))
    axes.set_subplotspec(grid[0])
    below: Axes = axes.figure.add_subplot(grid[1], sharex=axes)
    below.plot(history["epoch"], history["learning_rate"], "o-", ms=3, color=_GREEN)
    below.set_ylabel("learning\nrate", color=_GREEN)
    below.set_ylim(bottom=0)
    below.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    below.grid(alpha=0.3)
    axes.tick_params(labelbottom=False)
    return below


def draw_robustness(axes: Axes, evaluation: Evaluation, kind: str) -> None:
    """Draw the accuracy at every level of one kind of added noise or blur, with 95 % intervals."""
    table = evaluation.robustness
    assert table is not None
    rows = table[table["degradation"].isin(["none", kind])]
    place = np.arange(len(rows))
    # levels are far apart: each has the same room
    axes.vlines(place, 100 * rows["low"], 100 * rows["high"], color=_BLUE)
    axes.plot(place, 100 * rows["accuracy"], "o-", ms=5, color=_BLUE, label="accuracy")
    axes.plot(place, 100 * rows["probability"], "s--", ms=3, color=_RED, label="mean probability")
    if rows["unknown"].notna().all():
        axes.plot(place, 100 * rows["unknown"], "^:", ms=3, color=_GREEN, label="unknown")
    axes.set_xticks(place, ["none", *(f"{level:g}" for level in rows["level"][1:])])
    unit = rows["unit"].iloc[-1]
    axes.set(ylim=(0, 102), ylabel="percent of the images")
    axes.set(xlabel=f"{kind}, {_LEVELS.get(unit, f'sigma ({unit})')}")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=7, frameon=False)


def percent(value: float | None) -> str:
    """Write a share as per cent; a dash where it is not known."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def short(name: str) -> str:
    """Shorten a name to fit beside axes; long names often differ at their end."""
    half = _LONGEST_NAME // 2
    name = name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[1 - half :]}"
    # matplotlib renders text between two dollars as mathematics
    return name.replace("$", r"\$")
