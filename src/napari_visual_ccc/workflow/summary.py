"""A result in one line."""

from __future__ import annotations

from typing import Any


def summary(result: Any) -> str:
    """Say in a line what a result is."""
    from ..core.results import (
        HeatmapResult,
        LabelsResult,
        PredictionResult,
        StackResult,
        TableResult,
    )

    if isinstance(result, HeatmapResult) and result.prediction is not None:
        return f"evidence for {result.target}; prediction: {summary(result.prediction)}"
    if isinstance(result, PredictionResult):
        text = ", ".join(f"{name} {100 * value:.1f} %" for name, value in result.top())
        text = f"unknown; nearest {text}" if result.unknown else text
        return text if result.windows == 1 else f"{text} (mean of {result.windows} windows)"
    if isinstance(result, StackResult) and "slices" in result.tables:
        verdicts = result.tables["slices"]["verdict"]
        counts = ", ".join(f"{count} {name}" for name, count in verdicts.value_counts().items())
        return f"{len(verdicts)} slices: {counts}"
    if isinstance(result, TableResult):
        return f"{len(result.table)} {result.name}"
    table = result.table if isinstance(result, LabelsResult) else None
    if table is not None and "name" in table and "area_percent" in table:
        rows = zip(table["name"], table["area_percent"], strict=True)
        return ", ".join(f"{name} {share:.2f} %" for name, share in rows)
    if table is not None and "area_percent" in table:
        return f"{table['area_percent'].iloc[0]:.2f} % of the image area"
    return ", ".join(layer.name for layer in result.layers)
