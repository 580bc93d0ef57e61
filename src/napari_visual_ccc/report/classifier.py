"""Report on a classifier: numbers as JSON, and one HTML page with figures that stands alone."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.files import written
from ..core.plain import plain
from ..core.result import Evaluation, TrainedModel
from ..engine.evaluation.metrics import confused_pairs, worst_mistakes
from .pages import render
from .plots import (
    ECE,
    METRICS,
    draw_confusion,
    draw_history,
    draw_per_class,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
    percent,
    precision_recall,
    roc,
)

if TYPE_CHECKING:
    import pandas as pd

# fewer groups support no firm conclusion about new specimens
_FEW_GROUPS = 10

_MOST_MISTAKES, _MOST_PAIRS, _MOST_SKIPPED = 24, 15, 200

_WORDS = {
    "accuracy": "Accuracy: images classified correctly",
    "balanced accuracy": "Balanced accuracy: mean recall, all classes weigh the same",
    "weighted F1": "Weighted F1: larger classes weigh more",
    "mean F1": "Mean F1: all classes weigh the same",
    ECE: "Calibration error (ECE): gap between confidence and accuracy",
}

_CARD = {
    "name": "Name", "architecture": "Architecture", "backbone": "Backbone", "classes": "Classes",
    "input_px": "Network input (px)", "window_px": "Window in the image (px)", "view": "View",
    "normalisation": "Normalisation", "pixel_size_nm": "Pixel size (nm)", "use": "Intended use",
    "training_data": "Training data", "licence": "Licence", "version": "Version", "hash": "SHA-256",
}  # fmt: skip


def report_numbers(result: TrainedModel | Evaluation) -> dict[str, Any]:
    """Give the content of the report as values that JSON can hold; unknown values are None."""
    evaluation, facts = _evaluation(result), _facts(result)
    areas = {"roc_auc": roc(evaluation), "average_precision": precision_recall(evaluation)}
    classes = evaluation.per_class.to_dict("records")
    for row in classes:
        row |= {k: curves[row["class"]][2] for k, curves in areas.items() if row["class"] in curves}
    numbers = {
        "images": len(evaluation.images),
        "independent_groups": evaluation.independent,
        "summary": {row.pop("metric"): row for row in evaluation.summary.to_dict("records")},
        "classes": list(evaluation.classes),
        "per_class": classes,
        "confusion": evaluation.confusion,
        "confused_pairs": confused_pairs(evaluation).to_dict("records"),
        **{key: facts.get(key) for key in ("temperature", "ece_before", "ece_after")},
        "notes": _notes(result),
    }
    if isinstance(result, TrainedModel):
        numbers["model"] = _card(result)
        numbers["history"] = result.history.to_dict("records")
        numbers["split"] = _split(result.split).to_dict("index")
        numbers["skipped"] = result.skipped.to_dict("records")
    return plain(numbers)


def write_report(
    result: TrainedModel | Evaluation,
    path: Path,
    *,
    force: bool = False,
) -> None:
    """Write the report as one HTML page that needs no other file.

    Parameters
    ----------
    result : TrainedModel or Evaluation
        The trained model, or the evaluation of one.
    path : Path
        Of the page.
    force : bool
        Replace a file that is there.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    with written(path, force=force) as part:
        part.write_text(render("classifier", **_page(result)), encoding="utf-8")


def write_numbers(result: TrainedModel | Evaluation, path: Path, *, force: bool = False) -> None:
    """Write `report_numbers` as JSON.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    with written(path, force=force) as part:
        part.write_text(json.dumps(report_numbers(result), indent=1), encoding="utf-8")


def _page(result: TrainedModel | Evaluation) -> dict[str, Any]:
    """Values of the template."""
    evaluation = _evaluation(result)
    model = result.model.card.name if isinstance(result, TrainedModel) else None
    summary = evaluation.summary.itertuples(index=False, name=None)
    pairs = confused_pairs(evaluation).head(_MOST_PAIRS).itertuples(index=False, name=None)
    records = evaluation.per_class.to_dict("records")
    return {
        "title": f"{model or 'Classifier'}: performance on test images",
        "headline": _headline(evaluation),
        "notes": _notes(result),
        "summary": [(_WORDS.get(m, m), percent(v), _interval(*ends)) for m, v, *ends in summary],
        "pictures": _pictures(evaluation),
        "most_pairs": _MOST_PAIRS,
        "pairs": [(name, other, n, percent(share / 100)) for name, other, n, share in pairs],
        "class_columns": ["class", "images", *(label for label, _ in METRICS.values())],
        "classes": [
            (row["class"], row["images"], *(_with_ends(row, m) for m in METRICS)) for row in records
        ],
        "calibration": _calibration(_facts(result)),
        "mistakes": _mistakes(evaluation, result.thumbnails),
        "training": _training(result) if isinstance(result, TrainedModel) else None,
    }


def _pictures(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    number = len(evaluation.classes)
    side = float(np.clip(3.5 + 0.45 * number, 5, 12))
    height = 1.6 + 0.45 * number
    curves = [draw_roc, draw_precision_recall]
    return {
        "confusion": _picture("Confusion matrix", (side + 1, side), draw_confusion, evaluation),
        "classes": _picture("Classes", (8, height), draw_per_class, evaluation),
        "curves": _picture("Curves", (11, 5.4), curves, evaluation),
        "reliability": _picture("Reliability", (5.4, 5.6), draw_reliability, evaluation),
    }


def _headline(evaluation: Evaluation) -> dict[str, Any]:
    n, groups = len(evaluation.images), evaluation.independent
    row = evaluation.summary.set_index("metric").to_dict("index")["accuracy"]
    alone = evaluation.images["group"].astype(str).equals(evaluation.images["name"].astype(str))
    among = _some(groups, "independent group")
    source = ", each counted as independent," if alone else f" from {among}"
    few = f"{among} (specimens or parent images) {'was' if groups == 1 else 'were'}"
    table = evaluation.per_class
    return {
        "accuracy": percent(row["value"]),
        "interval": _interval(row["low"], row["high"]),
        "images": f"{_some(n, 'image')}{source} {'is' if n == 1 else 'are'}",
        "baseline": percent(evaluation.confusion.sum(axis=1).max() / n),
        "few_groups": few if groups < _FEW_GROUPS else "",
        "enough_groups": _FEW_GROUPS,
        "untested": ", ".join(table["class"][table["images"] == 0]),
    }


def _calibration(facts: Mapping[str, Any]) -> str:
    text = ""
    if facts.get("temperature"):
        text = (
            f"Probabilities are calibrated by temperature scaling, with a temperature of "
            f"{facts['temperature']:.2f} (above 1 lowers the confidence, below 1 raises it). "
        )
    if facts.get("ece_before") is not None:
        before, after = percent(facts["ece_before"]), percent(facts.get("ece_after"))
        text += f"Calibration error before {before}, after {after}. "
    return text


def _mistakes(evaluation: Evaluation, thumbnails: Mapping[str, np.ndarray]) -> dict[str, Any]:
    worst = worst_mistakes(evaluation)
    count = (
        f"{_some(len(worst), 'image')} misclassified, the most confident first"
        if len(worst)
        else "None"
    )
    more = f"; {_MOST_MISTAKES} are listed" if len(worst) > _MOST_MISTAKES else ""
    images = [
        {
            "name": str(row["name"]),
            "label": row["label"],
            "predicted": row["predicted"],
            "probability": percent(row["probability"]),
            "picture": _thumbnail(thumbnails.get(str(row["name"])), str(row["name"])),
        }
        for row in worst.head(_MOST_MISTAKES).to_dict("records")
    ]
    return {"summary": count + more, "images": images}


def _training(result: TrainedModel) -> dict[str, Any]:
    history, counts = result.history, _split(result.split)
    drawn = len(history) and "epoch" in history
    rows = result.skipped.head(_MOST_SKIPPED)
    more = f"; {len(rows)} of them are:" if len(rows) < len(result.skipped) else ":"
    return {
        "history": _picture("Loss and accuracy by epoch", (8, 4), draw_history, history)
        if drawn
        else None,
        "parts": ["class", *counts.columns],
        "split": list(counts.itertuples(name=None)),
        "left_out": f"{_some(len(result.skipped), 'file')} could not be used{more}",
        "skipped": rows[["name", "reason"]].to_numpy().tolist() if len(rows) else [],
        "card": [(_CARD[key], _words(value)) for key, value in _card(result).items()],
    }


def _card(result: TrainedModel) -> dict[str, Any]:
    """Entries of the model card that the report lists."""
    known = {**result.model.card.as_dict(), "hash": result.model.hash or None}
    return {key: known.get(key) for key in _CARD}


def _split(split: pd.DataFrame) -> pd.DataFrame:
    """Images by class and part, and below them the groups by part."""
    import pandas as pd

    table = pd.crosstab(split["label"], split["part"])
    order = {"train": 0, "validation": 1, "test": 2}
    table = table[sorted(table.columns, key=lambda part: (order.get(str(part), 3), str(part)))]
    table.loc["all images"] = table.sum()
    table.loc["all groups"] = split.groupby("part")["group"].nunique()
    return table


def _evaluation(result: TrainedModel | Evaluation) -> Evaluation:
    return result.evaluation if isinstance(result, TrainedModel) else result


def _facts(result: TrainedModel | Evaluation) -> dict[str, Any]:
    return {**_evaluation(result).facts, **result.facts}


def _notes(result: TrainedModel | Evaluation) -> list[str]:
    return list(dict.fromkeys((*result.notes, *_evaluation(result).notes)))


def _picture(
    alt: str, size: tuple[float, float], draw: Callable | Sequence[Callable], data: Any
) -> dict[str, Any]:
    from matplotlib.figure import Figure

    draws = [draw] if callable(draw) else draw
    figure = Figure(figsize=size, dpi=130, layout="constrained")
    for one, axes in zip(draws, figure.subplots(1, len(draws), squeeze=False)[0], strict=True):
        one(axes, data)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # names in scripts that the font lacks: the tables give them
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, format="png", facecolor="white")
    return _image(file.getvalue(), alt, round(96 * size[0]))


def _thumbnail(picture: np.ndarray | None, name: str) -> dict[str, Any] | None:
    from PIL import Image

    if picture is None:
        return None
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return _image(file.getvalue(), name, 160)


def _image(png: bytes, alt: str, width: int) -> dict[str, Any]:
    return {"data": base64.b64encode(png).decode(), "alt": alt, "width": width}


def _with_ends(row: Mapping[Any, Any], metric: str) -> str:
    ends = _interval(row[f"{metric}_low"], row[f"{metric}_high"])
    return percent(row[metric]) + (f" ({ends})" if ends != "–" else "")


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {percent(high)}" if math.isfinite(low + high) else "–"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{str(k).replace('_', ' ')}: {_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return "–" if value is None or value == "" or value != value else str(value)
