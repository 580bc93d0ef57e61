"""Classify all images of a folder into one table."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

from ..dataset import unlabelled
from ..progress import Progress, Steps, through
from ..results import TableResult
from .classify import Device, classify


def classify_folder(
    folder: Path,
    *,
    model: Path | None = None,
    confidence: Annotated[float, {"min": 0.5, "max": 0.99, "step": 0.01}] = 0.9,
    turns: bool = True,
    device: Device = "auto",
) -> Steps[TableResult]:
    """Classify every image of a folder: a table of classes, what is likely, and what is unknown.

    Parameters
    ----------
    folder : Path
        Its images, also those in folders within it.
    model : Path
        A model file (.safetensors); without it the shipped one.
    confidence : float
        How often the set of likely classes is to hold the true one (conformal prediction).
    turns : bool
        Look at all eight turned and mirrored views of a crop.
    device : {'auto', 'cpu', 'cuda', 'mps'}
        Where the network runs; auto takes a graphics processor if there is one.

    Returns
    -------
    TableResult
        One row an image: ``name``, ``verdict`` (a class, or unknown), ``probability``, ``likely``,
        ``distance`` to the training images, ``second`` class, ``windows``, ``problem`` (why an
        image could not be classified).

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, no image in it, or the file is not a model.
    """
    import pandas as pd

    from ..nets import checkpoint

    checkpoint.read_card(model)
    examples, rows = unlabelled(folder), []
    for number, example in enumerate(examples):
        yield Progress(number, len(examples), "images")
        try:
            found = example.read()
            steps = classify(
                found.data, found.spacing, found.unit, model=model, confidence=confidence,
                turns=turns, device=device,
            )  # fmt: skip
            # one image may be left half-way, while the bar tells how far the folder is
            prediction = yield from through(steps, functools.partial(_bar, number, len(examples)))
            rows.append({"name": example.name, **prediction.row})
        except (ValueError, OSError) as error:
            rows.append({"name": example.name, "verdict": "", "problem": str(error)})
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    text = ["verdict", "likely", "second", "problem"]
    table[text] = table[text].fillna("")
    counts = table["verdict"].value_counts().to_dict()
    notes = tuple(
        f"{count} {'not classified' if name == '' else name}" for name, count in counts.items()
    )
    return TableResult(table, name="predictions", facts={"counts": counts}, notes=notes)


_COLUMNS = (
    "name", "verdict", "probability", "likely", "second", "distance", "windows", "problem"
)  # fmt: skip


def _bar(number: int, count: int, _: Progress) -> Progress:
    return Progress(number, count, "images")
