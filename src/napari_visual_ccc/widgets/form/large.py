"""What a form does for images that are large: levels, a forecast, results that come bit by bit."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, Label, PushButton
from napari.layers import Layer
from qtpy.QtWidgets import QFileDialog

from ...arrays.lazy import is_lazy
from ...core.progress import Progress
from ...io.read import read
from ...io.write.images import write_image
from ...workflow.cost import estimate, sentence
from ...workflow.save import file_stem
from ..layers.convert import as_micrograph
from ..layers.lazy import PreparedLayer, compute_lazy, memory_budget
from ..layers.metadata import current_slice
from ..layers.result_layer import ResultLayer
from ..parts.jobs import Job, report
from .fields import later

# above this many pixels a form says what a run will need
FORECAST_PIXELS = 16_000_000

# seconds between two looks at a layer that is being filled
_REFRESH = 0.3


class Large(Container):
    """The part of a `Form` that large images need."""

    viewer: Any
    operation: Any
    bar: Any
    _fields: dict[str, Container]
    _job: Job | None
    _last: list[Any]

    def _make_large(self) -> None:
        """Make the widgets and what they keep."""
        self._waiting: list[PreparedLayer] = []
        self._here: tuple[int, ...] = ()
        self._refreshed = 0.0
        self.level = ComboBox(
            choices=self._levels, label="Level", visible=False,
            tooltip="Which level of the pyramid is worked on; a coarse one is quick",
        )  # fmt: skip
        self.forecast = Label(value="", visible=False)
        self.store_button = PushButton(
            text="Compute all…", visible=False,
            tooltip="Compute the whole result into a file, which then takes its place",
        )  # fmt: skip
        self.store_button.changed.connect(lambda: self.store())

    # large images -------------------------------------------------------------------------------

    def _levels(self, _: Any = None) -> list[tuple[str, int]]:
        layer = next(iter(self.inputs.values()), None) if self._fields else None
        if layer is None or not getattr(layer, "multiscale", False):
            return [("full resolution", 0)]
        names = ["full resolution"]
        names += [f"1/{factor[-1]:.3g}" for factor in layer.downsample_factors[1:]]
        return [(name, number) for number, name in enumerate(names)]

    def _show_forecast(self) -> None:
        """Say what a large run will need, before it begins."""
        layer = next(iter(self.inputs.values()), None)
        self.level.reset_choices()
        self.level.visible = getattr(layer, "multiscale", False)
        text = "" if layer is None else self._forecast(layer)
        self.forecast.value, self.forecast.visible = text, bool(text)

    def _forecast(self, layer: Layer) -> str:
        data = layer.data[int(self.level.value or 0)] if getattr(layer, "multiscale", False) \
            else layer.data  # fmt: skip
        shape = data.shape[:-1] if getattr(layer, "rgb", False) else data.shape
        shape = shape[-2:] if self.operation.planar else shape
        if math.prod(shape) < FORECAST_PIXELS:
            return ""
        cost = estimate(
            self.operation.cost,
            shape,
            data.dtype,
            is_lazy(data),
            self.parameters,
            room=memory_budget(),
        )
        if cost is None:
            return ""
        said = sentence(cost)
        return f"{said[:1].upper()}{said[1:]}."

    # lazy results -------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Compute what is on screen already as an empty layer, the slice on screen first."""
        parts, self._waiting = self._waiting, []
        layer = self._last[0].layer
        self._look_here()
        self._refreshed = time.monotonic()
        self._start(
            compute_lazy(parts, lambda: self._here),
            f"{self.operation.title}: {layer.name}",
            lambda _: self._on_filled(),
            failed=self._on_fill_failed,
            progressed=self._on_fill_progress,
        )
        later(self.native, 400, self._reveal)

    def _look_here(self) -> None:
        """Note which slice is on screen, for the thread that fills."""
        self._here = current_slice(self._last[0].layer, self.viewer)

    def _on_removed(self, *_: Any) -> None:
        """Compute no more of layers that are gone."""
        if self._is_filling and not any(one.layer in self.viewer.layers for one in self._last):
            self._last, self._waiting = [], []
            self.undo_button.enabled = self.store_button.visible = False
            if self._job is not None:
                self._job.cancel()

    @property
    def _is_filling(self) -> bool:
        return any(shown.computing for shown in self._last)

    def _on_fill_progress(self, progress: Progress) -> None:
        self._on_progress(progress)
        if self._last:
            self._look_here()
        if time.monotonic() - self._refreshed > _REFRESH:
            self._refresh()

    def _refresh(self) -> None:
        for shown in self._last:
            if shown.computing and shown.layer in self.viewer.layers:
                shown.take_contrast(current_slice(shown.layer, self.viewer))
                shown.layer.refresh()
        self._refreshed = time.monotonic()

    def _on_filled(self) -> None:
        self._refresh()
        for shown in self._last:
            if shown.computing:
                shown.finish_computing()

    def store(self, path: Path | None = None) -> None:
        """Compute what is too large for memory into a file; ask for it, unless it is said."""
        shown = next((one for one in self._last if is_stored_later(one)), None)
        if shown is None or self._job is not None:
            return
        layer = shown.layer
        if path is None:
            name, _ = QFileDialog.getSaveFileName(
                self.native, "Compute all into", f"{file_stem(layer.name)}.ome.zarr",
                "OME-Zarr (*.ome.zarr);;OME-TIFF (*.ome.tif)",
            )  # fmt: skip
            if not name:
                return
            path = Path(name)
        if any(_is_read(one, path) for one in self.viewer.layers):
            report(ValueError(f"{path} is open in the viewer: compute into another file"))
            return
        image, lazy = as_micrograph(*layer.as_layer_data_tuple()), layer.data
        self.bar.max, self.bar.value = 0, 0
        self._start(
            write_image(image, path, force=True),
            f"Compute {layer.name}",
            lambda written: self._on_stored(shown, lazy, written),
        )
        self._reveal()

    def _on_stored(self, shown: ResultLayer, lazy: Any, path: Path) -> None:
        """Let the layer read what was written, unless it shows something else by now."""
        if shown.layer.data is lazy and shown.layer in self.viewer.layers:
            shown.layer.data = read(path).data
            shown.stored = True
            shown.finish_computing()
        self.store_button.visible = any(is_stored_later(one) for one in self._last)
        self._say(f"Computed into {path}.")

    def _on_fill_failed(self, error: Exception) -> None:
        self._say("Only a part was computed.")
        report(error)


def _is_read(layer: Layer, path: Path) -> bool:
    """Whether a layer may still read from a file."""
    source = layer.source.path
    return source is not None and Path(source).resolve() == path.resolve()


def is_stored_later(shown: Any) -> bool:
    """Whether a result is lazy, as it is larger than memory should hold."""
    data = getattr(shown.layer, "data", None)
    kept = getattr(shown, "stored", True)
    return not kept and is_lazy(data)
