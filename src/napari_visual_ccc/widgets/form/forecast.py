"""The level of a pyramid to work on, and a forecast of what a large run needs."""

from __future__ import annotations

import math
from typing import Any

from magicgui.widgets import ComboBox, Label
from napari.layers import Layer

from ...arrays.lazy import is_lazy
from ...workflow.cost import OfRun, describe, estimate
from ...workflow.operations import Operation
from ..layers.lazy import memory_budget

# above this many pixels a form shows a forecast
FORECAST_PIXELS = 16_000_000


class Forecast:
    """Two widgets of a form: ``level`` and ``label``."""

    def __init__(self) -> None:
        self._layer: Layer | None = None
        self.level = ComboBox(
            choices=lambda _: self.levels, label="Level", visible=False,
            tooltip="Pyramid level to process; coarse levels are faster",
        )  # fmt: skip
        self.label = Label(value="", visible=False)

    @property
    def levels(self) -> list[tuple[str, int]]:
        """Levels of the layer, with their names."""
        names = ["full resolution"]
        if self._layer is not None and getattr(self._layer, "multiscale", False):
            names += [f"1/{factor[-1]:.3g}" for factor in self._layer.downsample_factors[1:]]
        return [(name, number) for number, name in enumerate(names)]

    def update(self, operation: Operation, layer: Layer | None, parameters: dict[str, Any]) -> None:
        """Offer the levels of a layer and show what a run on it needs, if it is large."""
        self._layer = layer
        self.level.reset_choices()
        self.level.visible = getattr(layer, "multiscale", False)
        text = "" if layer is None else self._text(operation, layer, parameters)
        self.label.value, self.label.visible = text, bool(text)

    def _text(self, operation: Operation, layer: Layer, parameters: dict[str, Any]) -> str:
        data = layer.data
        if getattr(layer, "multiscale", False):
            data = data[int(self.level.value or 0)]
        shape = data.shape[:-1] if getattr(layer, "rgb", False) else data.shape
        shape = shape[-2:] if operation.planar else shape
        if math.prod(shape) < FORECAST_PIXELS and not isinstance(operation.cost, OfRun):
            return ""
        lazy, free = is_lazy(data), memory_budget()
        cost = estimate(operation.cost, shape, data.dtype, lazy, parameters, room=free)
        text = "" if cost is None else f"{describe(cost)}."
        return f"{text[:1].upper()}{text[1:]}"
