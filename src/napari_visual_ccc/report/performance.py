"""The page's section on a part of the images: numbers as text, tables, pictures."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..core.result import Evaluation
from ..core.units import counted
from ..engine.evaluation.metrics import confused_pairs, worst_mistakes
from ..engine.evaluation.operating_point import rates_of
from .pictures import Picture
from .plots import ECE, METRICS, percent, report_rows

# fewer groups support no firm conclusion about new specimens
_FEW_GROUPS = 10

_MOST_MISTAKES, _MOST_PAIRS = 24, 15

_WORDS = {
    "accuracy": "Accuracy: images classified correctly",
    "balanced accuracy": "Balanced accuracy: mean recall, all classes weigh the same",
    "weighted F1": "Weighted F1: larger classes weigh more",
    "mean F1": "Mean F1: all classes weigh the same",
    ECE: "Calibration error (ECE): gap between confidence and accuracy",
}


def performance(evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the section on one part of the images.

    Parameters
    ----------
    evaluation : Evaluation
        Of these images.
    facts : mapping
        Temperature and calibration errors.
    """
    summary = evaluation.summary.itertuples(index=False, name=None)
    pairs = confused_pairs(evaluation).head(_MOST_PAIRS).itertuples(index=False, name=None)
    records = evaluation.per_class.to_dict("records")
    return {
        "headline": headline(evaluation),
        "summary": [(_WORDS.get(m, m), percent(v), interval(*ends)) for m, v, *ends in summary],
        "most_pairs": _MOST_PAIRS,
        "pairs": [(name, other, n, percent(share / 100)) for name, other, n, share in pairs],
        "class_columns": ["class", "images", *(label for label, _ in METRICS.values())],
        "classes": [
            (row["class"], row["images"], *(_with_ends(row, m) for m in METRICS)) for row in records
        ]
        + [(*row[:2], *map(percent, row[2:])) for row in report_rows(evaluation)[-2:]],
        "calibration": _calibration(facts),
        "operating_point": _operating_point(evaluation),
        "robustness": _robustness(evaluation),
    }


def _operating_point(evaluation: Evaluation) -> dict[str, Any] | None:
    table = evaluation.operating_point
    if table is None:
        return None
    facts = evaluation.facts["operating_point"]
    records = table.to_dict("records")
    rows = [
        (
            row["class"], f"{row['threshold']:.4g}", _with_ends(row, "tpr"), _with_ends(row, "fpr"),
            f"{row['j']:.3f}",
        )
        for row in records
    ]  # fmt: skip
    text = ""
    if "correct" in facts:
        none = facts["none"]
        text = f"{facts['correct']} of {counted(facts['images'], 'image')} are assigned correctly"
        text += f", {none} to no class." if none else "."
    where = facts["chosen_on"]
    if facts["here"]:
        where = f"these images ({where}), so the rates are optimistic"
        if facts.get("nested"):
            where = f"these images ({where}); the rates are those of {rates_of(facts)}"
    columns = ["class", "threshold", "true positive rate", "false positive rate", "J"]
    return {"chosen_on": where, "columns": columns, "rows": rows, "text": text}


def _robustness(evaluation: Evaluation) -> list[tuple[str, ...]]:
    table = evaluation.robustness
    records = [] if table is None else table.to_dict("records")
    return [
        (
            row["degradation"], f"{row['level']:g} {row['unit']}" if row["unit"] else "–",
            percent(row["accuracy"]), interval(row["low"], row["high"]),
            percent(row["probability"]), percent(row["unknown"]),
        )
        for row in records
    ]  # fmt: skip


def headline(evaluation: Evaluation) -> dict[str, Any]:
    """Accuracy with its interval, what it is to be compared with, and warnings."""
    n, groups = len(evaluation.images), evaluation.independent
    row = evaluation.summary.set_index("metric").to_dict("index")["accuracy"]
    alone = evaluation.images["group"].astype(str).equals(evaluation.images["name"].astype(str))
    among = counted(groups, "independent group")
    source = ", each counted as independent," if alone else f" from {among}"
    few = f"{among} (specimens or parent images) {'was' if groups == 1 else 'were'}"
    table = evaluation.per_class
    return {
        "accuracy": percent(row["value"]),
        "interval": interval(row["low"], row["high"]),
        "images": f"{counted(n, 'image')}{source} {'is' if n == 1 else 'are'}",
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


def mistakes(evaluation: Evaluation, thumbnails: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Misclassified images with their thumbnails, the most confident first."""
    worst = worst_mistakes(evaluation)
    count = (
        f"{counted(len(worst), 'image')} misclassified, the most confident first"
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


class Drawn(NamedTuple):
    """A figure and its SVG."""

    picture: Picture
    svg: bytes


def embedded(drawn: Drawn) -> dict[str, Any]:
    """A figure for the page: the same SVG as in the file beside it."""
    return image_of(drawn.svg, "svg+xml", drawn.picture.title, round(96 * drawn.picture.size[0]))


def _thumbnail(picture: np.ndarray | None, name: str) -> dict[str, Any] | None:
    from PIL import Image

    if picture is None:
        return None
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return image_of(file.getvalue(), "png", name, 160)


def image_of(content: bytes, kind: str, alt: str, width: int) -> dict[str, Any]:
    """Embed the content of an image file, of MIME type ``image/KIND``, in the page."""
    data = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return {"data": data, "alt": alt, "width": width}


def _with_ends(row: Mapping[Any, Any], metric: str) -> str:
    ends = interval(row[f"{metric}_low"], row[f"{metric}_high"])
    return percent(row[metric]) + (f" ({ends})" if ends != "–" else "")


def interval(low: float, high: float) -> str:
    """Write the limits of an interval as per cent."""
    return f"{100 * low:.1f} to {percent(high)}" if math.isfinite(low + high) else "–"
