"""Files of this package that are no images, when they are dropped or opened: models, records."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info

from ..form.batch.session import remember
from ..parts.jobs import EXPECTED, report

MODELS, RECORDS = (".safetensors",), (".yaml", ".yml")


def get_reader(path: str | Sequence[str]) -> Callable[..., list[Any]] | None:
    """Return what explains models and records; None where another file is among them."""
    return about if all(one.suffix.lower() in (*MODELS, *RECORDS) for one in _paths(path)) else None


def about(path: str | Sequence[str]) -> list[Any]:
    """Say what a model or a record is, and where it is used; no layer comes of it."""
    for one in _paths(path):
        try:
            show_info(_of_model(one) if one.suffix.lower() in MODELS else _of_record(one))
        except EXPECTED as error:
            report(error)
    # the sign of napari that a file was read
    return [(None,)]


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str | os.PathLike) else path)]


def _of_model(path: Path) -> str:
    from ...nets.card import RECONSTRUCTION, read_card

    card = read_card(path)
    if card.task == RECONSTRUCTION:
        return f"{path.name} is an autoencoder: choose it as Model in AI lens, Anomaly map"
    classes = ", ".join(card.classes)
    return f"{path.name} is a model ({classes}): choose it as Model in Classify & Explain"


def _of_record(path: Path) -> str:
    from ...workflow.recipe import load

    steps = ", ".join(step.operation for step in load(path).steps)
    # the dialog of many images offers it
    remember(record=str(path))
    return (
        f"{path.name} is a record ({steps}): Run on many images, below a form, repeats it on a "
        "folder, and ccc.replay on one image"
    )
