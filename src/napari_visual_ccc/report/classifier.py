"""Report on a classifier: numbers as JSON, and one HTML page with figures that stands alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import written
from ..core.plain import check_given, path_given, plain
from ..core.result import Evaluation, TrainedModel
from ..core.units import counted
from ..engine.evaluation.metrics import confused_pairs
from .architecture import totals, trainable
from .pages import render
from .performance import Drawn, embedded, mistakes, performance
from .pictures import all_pictures
from .plots import precision_recall, roc

if TYPE_CHECKING:
    import pandas as pd

_MOST_SKIPPED = 200

# starts of the names of figures that a report may lack
_FIGURES_OF = ("validation_", "training", "robustness_")

# what the numbers of the images are that a model was calibrated with
_PARTS = {
    "validation part": (
        "These images were not trained with, but early stopping, the temperature and the "
        "thresholds were chosen on them: the metrics are optimistic."
    ),
    "cross-validation": (
        "Every image of the training part, classified by a model of the cross-validation that was "
        "trained without it. The penalty, the temperature and the thresholds were chosen on these "
        "predictions: the metrics are slightly optimistic."
    ),
}

_CARD = {
    "name": "Name", "architecture": "Architecture", "backbone": "Backbone", "classes": "Classes",
    "input_px": "Network input (px)", "window_px": "Window in the image (px)", "view": "View",
    "normalisation": "Normalisation", "pixel_size_nm": "Pixel size (nm)", "use": "Intended use",
    "training_data": "Training data", "licence": "Licence", "version": "Version", "hash": "SHA-256",
}  # fmt: skip


def report_numbers(result: TrainedModel | Evaluation) -> dict[str, Any]:
    """Give the content of the report as values that JSON can hold; unknown values are None."""
    numbers = {**_numbers(_evaluation(result), _facts(result)), "notes": _notes(result)}
    if isinstance(result, TrainedModel):
        validation = result.validation
        if validation is not None:
            numbers["validation"] = {
                "part": validation.facts["part"], **_numbers(validation, validation.facts)
            }  # fmt: skip
        numbers["model"] = _card(result)
        numbers["history"] = result.history.to_dict("records")
        numbers["checkpoints"] = [model.card.checkpoint.as_dict() for model in result.checkpoints]
        if result.architecture is not None:
            numbers["parameters"] = totals(result.architecture)
            numbers["layers"] = result.architecture.to_dict("records")
        numbers["split"] = _split(result.split).to_dict("index")
        numbers["skipped"] = result.skipped.to_dict("records")
    return plain(numbers)


def _numbers(evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Performance on one part of the images."""
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
    }
    if evaluation.operating_point is not None:
        point = {**facts["operating_point"], "classes": evaluation.operating_point}
        numbers["operating_point"] = point | {"classes": point["classes"].to_dict("records")}
    if evaluation.robustness is not None:
        numbers["robustness"] = evaluation.robustness.to_dict("records")
    return numbers


def write_report(
    result: TrainedModel | Evaluation,
    path: str | Path,
    *,
    figures: str | Path | None = None,
    force: bool = False,
) -> None:
    """Write the report as one HTML page that needs no other file.

    Parameters
    ----------
    result : TrainedModel or Evaluation
        The trained model, or the evaluation of one.
    path : str or Path
        Of the page.
    figures : str or Path, optional
        Folder to write the figures of the page to as well, as SVG files with text that can be
        edited; it is made.
    force : bool
        Replace files that are there.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    wanted = "a trained model or an evaluation of one"
    check_given(result, (TrainedModel, Evaluation), "result", wanted)
    path = path_given(path, "path")
    folder = None if figures is None else path_given(figures, "figures")
    with written(path, force=force) as part:
        # figures take a second: not before it is known that the page may be written
        drawn = {name: Drawn(one, one.svg()) for name, one in all_pictures(result).items()}
        part.write_text(render("classifier", **_page(result, drawn)), "utf-8", "backslashreplace")
    if folder is not None:
        _write_figures(drawn, folder, force)


def write_numbers(result: TrainedModel | Evaluation, path: Path, *, force: bool = False) -> None:
    """Write `report_numbers` as JSON.

    Raises
    ------
    FileExistsError, OSError
        As `files.written`.
    """
    with written(path, force=force) as part:
        part.write_text(json.dumps(report_numbers(result), indent=1), encoding="utf-8")


def _write_figures(drawn: Mapping[str, Drawn], folder: Path, force: bool) -> None:
    for name, one in drawn.items():
        with written(folder / f"{name}.svg", force=force) as part:
            part.write_bytes(one.svg)
    # an earlier report may have had more parts
    for start in _FIGURES_OF:
        for path in folder.glob(f"{start}*.svg"):
            if path.stem not in drawn:
                path.unlink()


def _page(result: TrainedModel | Evaluation, drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    """Values of the template."""
    evaluation = _evaluation(result)
    trained = result if isinstance(result, TrainedModel) else None
    model = "Classifier" if trained is None else trained.model.card.name
    return {
        "title": f"{model}: performance on test images",
        "notes": _notes(result),
        "test": performance(evaluation, _facts(result))
        | _pictures(drawn, "" if trained is None else "test_"),
        "mistakes": mistakes(evaluation, result.thumbnails),
        "validation": None if trained is None else _validation(trained, drawn),
        "training": None if trained is None else _training(trained, drawn),
    }


def _pictures(drawn: Mapping[str, Drawn], start: str) -> dict[str, Any]:
    """Figures of the part whose names start like this."""
    own = {
        name.removeprefix(start): embedded(one)
        for name, one in drawn.items()
        if name.startswith(start)
    }
    return {"pictures": own, "degraded": [name for name in own if name.startswith("robustness")]}


def _validation(result: TrainedModel, drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    """Values of the section on the validation part; only a text where there is none."""
    evaluation = result.validation
    if evaluation is None:
        text = (
            "There is no validation part beside the images of the test, whose metrics stand above."
        )
        return {"text": text, "part": None}
    part = performance(evaluation, evaluation.facts) | _pictures(drawn, "validation_")
    return {"text": _PARTS[evaluation.facts["part"]], "part": part}


def _training(result: TrainedModel, drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    counts = _split(result.split)
    rows = result.skipped.head(_MOST_SKIPPED)
    more = f"; {len(rows)} of them are:" if len(rows) < len(result.skipped) else ":"
    return {
        "history": embedded(drawn["training"]) if "training" in drawn else None,
        "checkpoints": _checkpoints(result),
        "parts": ["class", *counts.columns],
        "split": list(counts.itertuples(name=None)),
        "left_out": f"{counted(len(result.skipped), 'file')} could not be used{more}",
        "skipped": rows[["name", "reason"]].to_numpy().tolist() if len(rows) else [],
        "card": card_rows(_card(result)),
        "layers": _layers(result),
    }


def card_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Entries of a model card in words, those that a report lists."""
    return [(name, _words(card[key])) for key, name in _CARD.items() if key in card]


def _checkpoints(result: TrainedModel) -> list[tuple[Any, ...]]:
    """Epoch, value and place of each checkpoint."""
    found = [model.card.checkpoint for model in result.checkpoints]
    return [
        (
            one.epoch, f"{one.value:#.4g}",
            ", ".join([f"no. {one.rank}"] * (one.rank > 0) + ["last epoch"] * one.last),
        )
        for one in found
    ]  # fmt: skip


def _layers(result: TrainedModel) -> dict[str, Any] | None:
    table = result.architecture
    if table is None:
        return None
    count = totals(table)
    rows = [
        (row["layer"], row["type"], row["output"], f"{row['parameters']:,}", trainable(row))
        for row in table.to_dict("records")
    ]
    text = f"{count['parameters']:,} parameters, of which {count['trained']:,} are trained."
    return {"text": text, "rows": rows}


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


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{str(k).replace('_', ' ')}: {_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return "–" if value is None or value == "" or value != value else str(value)
