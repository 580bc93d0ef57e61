"""A result in one line."""

from __future__ import annotations

from typing import Any

from ..core.result import Prediction, Result
from ..core.units import counted
from ..engine.classification.decision import worded


def summary(result: Result) -> str:
    """Describe a result in one line."""
    if isinstance(result, Prediction):
        return worded(result).removeprefix("prediction: ")
    if result.target and result.prediction is not None:
        return f"evidence for {result.target}; {worded(result.prediction)}"
    if "slices" in result.tables:
        verdicts = result.tables["slices"]["verdict"]
        counts = ", ".join(f"{count} {name}" for name, count in verdicts.value_counts().items())
        return f"{len(verdicts)} slices: {counts}"
    names = ", ".join(layer.name for layer in result.layers)
    if not result.tables:
        return names
    name, table = next(iter(result.tables.items()))
    areas = _of_areas(table) if len(result.layers) == 1 else ""
    return areas or names or _of_rows(name, len(table))


def _of_rows(name: str, rows: int) -> str:
    """Name of a table with its number of rows: ``3 images``, ``quality: 3 rows``."""
    if name.endswith("s"):
        return counted(rows, name[:-1])
    return name if rows == 1 else f"{name}: {counted(rows, 'row')}"


def _of_areas(table: Any) -> str:
    """Share of the image area of each class of a table, or of its first row."""
    if "area_percent" not in table:
        return ""
    if "name" not in table:
        return f"{table['area_percent'].iloc[0]:.2f} % of the image area"
    rows = zip(table["name"], table["area_percent"], strict=True)
    return ", ".join(f"{name} {share:.2f} %" for name, share in rows)
