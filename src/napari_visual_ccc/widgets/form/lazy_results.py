"""Lazy results: computed while their layers are open, or into a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.layers import Layer
from qtpy.QtWidgets import QFileDialog

from ...core.plain import real
from ...core.progress import Progress
from ...io.read import read
from ...io.write.images import write_image
from ...workflow.save import file_stem
from ..controls.timers import later
from ..layers.convert import as_micrograph
from ..layers.lazy import compute_lazy
from ..layers.metadata import current_slice
from ..layers.result_layer import ResultLayer
from ..parts.jobs import report

if TYPE_CHECKING:
    from .form import Form

# seconds between two updates of a layer that is filled
_REFRESH = 0.3


class LazyResults:
    """Jobs of a form that compute its lazy results.

    Parameters
    ----------
    form : Form
        Whose results they are; it starts the jobs.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self._current: tuple[int, ...] = ()
        self._refreshed = 0.0
        self.button = PushButton(
            text="Compute all…", visible=False,
            tooltip="Compute the whole result into a file; the layer then reads from it",
        )  # fmt: skip

    def fill(self) -> None:
        """Fill the layers that are still empty, the current slice first."""
        form, results = self.form, self.form.results
        parts, results.waiting = results.waiting, []
        self._note_slice()
        self._refreshed = time.monotonic()
        form.start(
            compute_lazy(parts, lambda: self._current),
            f"{form.operation.title}: {results.last[0].layer.name}",
            lambda _: results.finish(),
            failed=self._on_failed,
            progressed=self._on_progress,
        )
        later(form.native, 400, form.reveal)

    def _note_slice(self) -> None:
        """Note the current slice for the thread that fills the layers."""
        self._current = current_slice(self.form.last[0].layer, self.form.viewer)

    def _on_progress(self, progress: Progress) -> None:
        self.form.work.show_progress(progress)
        if self.form.last:
            self._note_slice()
        if time.monotonic() - self._refreshed > _REFRESH:
            self.form.results.refresh()
            self._refreshed = time.monotonic()

    def _on_failed(self, error: Exception) -> None:
        self.form.say("Only a part was computed.")
        report(error)

    def stop_if_closed(self, event: Any = None) -> None:
        """Compute no more of layers that were removed."""
        form = self.form
        if form.results.is_computing and not form.results.is_open:
            form.results.clear()
            form.history.refresh()
            form.store_button.visible = False
            form.stop()

    def store(self, path: Path | None = None) -> None:
        """Compute what is too large for memory into a file; ask for the file if none is given."""
        form, result_layer = self.form, self.form.results.too_large
        if result_layer is None or form.job is not None:
            return
        layer = result_layer.layer
        if path is None:
            name, _ = QFileDialog.getSaveFileName(
                form.native, "Compute all into", f"{file_stem(layer.name)}.ome.zarr",
                "OME-Zarr (*.ome.zarr);;OME-TIFF (*.ome.tif)",
            )  # fmt: skip
            if not name:
                return
            path = Path(name)
        if any(_is_read(one, path) for one in form.viewer.layers):
            report(ValueError(f"{path} is open in the viewer: compute into another file"))
            return
        image, lazy = as_micrograph(*layer.as_layer_data_tuple()), layer.data
        form.start(
            write_image(image, path, force=True),
            f"Compute {layer.name}",
            lambda written: self._on_stored(result_layer, lazy, written),
        )
        form.reveal()

    def _on_stored(self, result_layer: ResultLayer, lazy: Any, path: Path) -> None:
        """Let the layer read what was written, unless it shows something else by now."""
        form = self.form
        if result_layer.layer.data is lazy and result_layer.layer in form.viewer.layers:
            result_layer.layer.data = read(path).data
            result_layer.stored = True
            result_layer.finish_computing()
        form.store_button.visible = form.results.too_large is not None
        form.say(f"Computed into {path}.")


def _is_read(layer: Layer, path: Path) -> bool:
    """Whether a layer may still read from a file."""
    source = layer.source.path
    return source is not None and real(Path(source)) == real(path)
