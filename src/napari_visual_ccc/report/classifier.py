"""How good a classifier is, drawn and told for people: figures and one self-contained page."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.files import written
from ..core.plain import plain
from ..core.result import Evaluation, TrainedModel
from ..engine.learning.evaluate import confused_pairs, worst_mistakes
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

# with fewer groups nothing firm can be said of new specimens
_FEW_GROUPS = 10

_MOST_MISTAKES, _MOST_PAIRS, _MOST_SKIPPED = 24, 15, 200

_WORDS = {
    "accuracy": "Accuracy: images named rightly",
    "balanced accuracy": "Balanced accuracy: mean recall, every class counts the same",
    "weighted F1": "Weighted F1: larger classes count more",
    "mean F1": "Mean F1: every class counts the same",
    ECE: "Calibration error (ECE): gap between how sure and how often right",
}

_CARD = {
    "name": "Name", "architecture": "Architecture", "backbone": "Backbone", "classes": "Classes",
    "input_px": "Network input (px)", "window_px": "Window in the image (px)", "view": "View",
    "normalisation": "Normalisation", "pixel_size_nm": "Pixel size (nm)", "use": "Good for",
    "training_data": "Training data", "licence": "Licence", "version": "Version", "hash": "SHA-256",
}  # fmt: skip

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886 } .headline { font-size: 1.3rem }
.warning { background: #d5840026; border-left: .3rem solid #d58400; padding: .6rem 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #8886; text-align: left;
  vertical-align: top; overflow-wrap: anywhere } td:first-child { min-width: 6rem }
.numbers td + td, .numbers th + th { text-align: right; white-space: nowrap }
.scroll { overflow-x: auto } img { max-width: 100%; height: auto; background: #fff }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem }
figure { margin: 0; font-size: .85rem; overflow-wrap: anywhere } figure img { width: 100% }
@media print { :root { color-scheme: light } body { margin: 0; max-width: none; font-size: 10pt }
  h2, h2 + p { break-after: avoid } img, tr, figure { break-inside: avoid }
  .scroll { overflow: visible } }
</style></head><body><h1>$title</h1>
$body
</body></html>
""")


def report_numbers(result: TrainedModel | Evaluation) -> dict[str, Any]:
    """Give what the report tells as values that JSON can hold; what is not known is None."""
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
    """Write how good a classifier is as one HTML page that needs no other file.

    Parameters
    ----------
    result : TrainedModel or Evaluation
        What to tell of.
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
        model = result.model.card.name if isinstance(result, TrainedModel) else None
        title = escape(f"{model or 'Classifier'}: how well it names images")
        page = _PAGE.substitute(title=title, body="\n".join(_body(result, result.thumbnails)))
        part.write_text(page, encoding="utf-8")


def write_numbers(result: TrainedModel | Evaluation, path: Path, *, force: bool = False) -> None:
    """Write `report_numbers` as JSON.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    with written(path, force=force) as part:
        part.write_text(json.dumps(report_numbers(result), indent=1), encoding="utf-8")


def _body(result: TrainedModel | Evaluation, thumbnails: Mapping[str, np.ndarray]) -> Iterator[str]:
    evaluation = _evaluation(result)
    number = len(evaluation.classes)
    yield from _headline(evaluation)
    yield "".join(f"<p>{escape(note)}</p>" for note in _notes(result))
    yield "<h2>In numbers</h2>"
    rows = evaluation.summary.itertuples(index=False, name=None)
    yield _table(
        ["", "value", "95 % interval"],
        [(_WORDS.get(m, m), percent(value), _interval(*ends)) for m, value, *ends in rows],
    )
    yield "<h2>Which class is taken for which</h2><p>Rows are the true classes, columns what the "
    yield "model said. Each field gives the images and their share of the row.</p>"
    side = float(np.clip(3.5 + 0.45 * number, 5, 12))
    yield _picture("Confusion matrix", (side + 1, side), draw_confusion, evaluation)
    yield f"<p>Most frequent mistakes (at most {_MOST_PAIRS}):</p>"
    pairs = confused_pairs(evaluation).head(_MOST_PAIRS).itertuples(index=False, name=None)
    yield _table(
        ["class", "taken for", "images", "of the class"],
        [(name, other, n, percent(share / 100)) for name, other, n, share in pairs],
    )
    yield "<h2>Class by class</h2><p>Precision: of the images given this name, the share that bear "
    yield "it rightly. Recall: of the images of this class, the share that was found. F1 is their "
    yield "harmonic mean.</p>"
    yield _picture("Classes", (8, 1.6 + 0.45 * number), draw_per_class, evaluation)
    records = evaluation.per_class.to_dict("records")
    yield _table(
        ["class", "images", *(label for label, _ in METRICS.values())],
        [(row["class"], row["images"], *(_with_ends(row, m) for m in METRICS)) for row in records],
    )
    yield "<h2>Each class against the rest</h2><p>What if the needed probability were higher or "
    yield "lower? The nearer a curve comes to the upper left (ROC) or upper right (precision and "
    yield "recall), the better; 1 is a perfect area.</p>"
    yield _picture("Curves", (11, 5.4), [draw_roc, draw_precision_recall], evaluation)
    yield "<h2>Can its probabilities be believed?</h2>"
    yield f"<p>{_calibration(_facts(result))}Where points lie below the line, "
    yield "the model was surer than it was right.</p>"
    yield _picture("Reliability", (5.4, 5.6), draw_reliability, evaluation)
    yield from _mistakes(evaluation, thumbnails)
    if isinstance(result, TrainedModel):
        yield from _training(result)


def _headline(evaluation: Evaluation) -> Iterator[str]:
    n, groups = len(evaluation.images), evaluation.independent
    row = evaluation.summary.set_index("metric").to_dict("index")["accuracy"]
    alone = evaluation.images["group"].astype(str).equals(evaluation.images["name"].astype(str))
    among = _some(groups, "independent group")
    source = ", each counted as independent," if alone else f" from {among}"
    yield (
        f'<p class="headline"><strong>{percent(row["value"])}</strong> '
        f"({_interval(row['low'], row['high'])}) of {_some(n, 'image')}{source} "
        f"{'is' if n == 1 else 'are'} named rightly.</p>"
    )
    most = evaluation.confusion.sum(axis=1).max() / n
    yield f"<p>Always naming the most frequent class would be right for {percent(most)}.</p>"
    if groups < _FEW_GROUPS:
        yield (
            f'<p class="warning">Only {among} (specimens or parent images) '
            f"{'was' if groups == 1 else 'were'} tested. Images of one group are alike, so on new "
            "specimens the numbers may well be worse, and the intervals are rough. Test on "
            f"{_FEW_GROUPS} groups or more before you rely on them.</p>"
        )
    table = evaluation.per_class
    untested = ", ".join(table["class"][table["images"] == 0])
    if untested:
        yield f'<p class="warning">No image of these classes was tested: {escape(untested)}.</p>'


def _calibration(facts: Mapping[str, Any]) -> str:
    text = ""
    if facts.get("temperature"):
        text = (
            f"Probabilities were matched to the truth by a temperature of "
            f"{facts['temperature']:.2f} (above 1 softens, below 1 sharpens). "
        )
    if facts.get("ece_before") is not None:
        before, after = percent(facts["ece_before"]), percent(facts.get("ece_after"))
        text += f"Calibration error before {before}, after {after}. "
    return text


def _mistakes(evaluation: Evaluation, thumbnails: Mapping[str, np.ndarray]) -> Iterator[str]:
    yield "<h2>Worst mistakes</h2>"
    worst = worst_mistakes(evaluation)
    said = f"{_some(len(worst), 'image')} named wrongly, the surest first" if len(worst) else "None"
    shown = f"; {_MOST_MISTAKES} are shown" if len(worst) > _MOST_MISTAKES else ""
    yield f'<p>{said}{shown}.</p><div class="mistakes">'
    for row in worst.head(_MOST_MISTAKES).to_dict("records"):
        name, picture = str(row["name"]), ""
        if name in thumbnails:
            picture = _image(_png(thumbnails[name]), name)
        yield (
            f"<figure>{picture}<figcaption>{escape(name)}<br>is <b>{escape(row['label'])}</b>, "
            f"named <b>{escape(row['predicted'])}</b> ({percent(row['probability'])})"
            "</figcaption></figure>"
        )
    yield "</div>"


def _training(result: TrainedModel) -> Iterator[str]:
    if len(result.history) and "epoch" in result.history:
        yield "<h2>Training</h2>"
        yield _picture("Loss and accuracy by epoch", (8, 4), draw_history, result.history)
    yield "<h2>How the images were divided</h2>"
    counts = _split(result.split)
    yield _table(["class", *counts.columns], list(counts.itertuples(name=None)))
    if len(result.skipped):
        left_out, rows = _some(len(result.skipped), "file"), result.skipped.head(_MOST_SKIPPED)
        shown = f"; {len(rows)} of them are:" if len(rows) < len(result.skipped) else ":"
        yield f"<h2>Left out</h2><p>{left_out} could not be used{shown}</p>"
        yield _table(["file", "reason"], rows[["name", "reason"]].to_numpy().tolist(), "words")
    card = [(_CARD[key], _words(value)) for key, value in _card(result).items()]
    yield "<h2>The model</h2>" + _table(["", ""], card, "words")


def _card(result: TrainedModel) -> dict[str, Any]:
    """What a report says of the model."""
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
) -> str:
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
    return f'<div class="scroll">{_image(file.getvalue(), alt, round(96 * size[0]))}</div>'


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return file.getvalue()


def _image(png: bytes, alt: str, width: int = 160) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(alt)}" width="{width}" src="data:image/png;base64,{data}">'


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]], kind: str = "numbers") -> str:
    if not rows:
        return "<p>None.</p>"
    top = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in head)
    lines = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    top = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    return f'<div class="scroll"><table class="{kind}">{top}<tbody>{body}</tbody></table></div>'


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
