"""The layers of a model as text: shapes, parameters, and which of them are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ..nets.card import ModelCard


def totals(table: pd.DataFrame) -> dict[str, int]:
    """Numbers of parameters of a table of layers: all, and those that are trained."""
    return {key: int(table[key].sum()) for key in ("parameters", "trained")}


def architecture_text(card: ModelCard, table: pd.DataFrame) -> str:
    """Describe the layers of a model as text with aligned columns.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    table : DataFrame
        From `nets.layers.layer_table`.
    """
    count = totals(table)
    lines = [
        f"{card.name}: {card.architecture}, input 1 × {card.input_px} × {card.input_px}, "
        + (f"{len(card.classes)} classes" if card.classes else "reconstructs its input"),
        f"parameters: {count['parameters']:,}, of which {count['trained']:,} are trained",
        "",
    ]
    return "\n".join([*lines, *_aligned(table), ""])


def _aligned(table: pd.DataFrame) -> list[str]:
    heads = ["layer", "type", "output", "parameters", "trainable"]
    cells = [heads, *(_cells(row) for row in table.to_dict("records"))]
    widths = [max(len(row[k]) for row in cells) for k in range(len(heads))]
    return [
        "  ".join(
            # numbers to the right
            text.rjust(width) if k == 3 else text.ljust(width)
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        row["layer"], row["type"], row["output"], f"{row['parameters']:,}", trainable(row),
    ]  # fmt: skip


def trainable(row: Mapping[Any, Any]) -> str:
    """Whether a training changes the parameters of a layer; empty where it has none."""
    if not row["parameters"]:
        return ""
    if row["trained"] in (0, row["parameters"]):
        return "yes" if row["trained"] else "no"
    return "partly"
