"""The histogram in the form of a threshold: counted in the background, moved by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer

from ...arrays.lazy import is_lazy
from ...core.progress import run
from ...engine.segmentation.levels import GreyLevels, grey_levels
from ..layers.source import Source, take
from ..parts.jobs import EXPECTED, Job
from .histogram import HistogramPlot

if TYPE_CHECKING:
    from ..form.form import Form

# pixels that are counted at once, and that a level of a pyramid should have
_QUICK = 1 << 20

# of a threshold, which objects may lie on
_SIDES = ("bright", "dark")


class ThresholdLevels:
    """Shows the grey levels of the image of a form, and its thresholds.

    A line that is moved sets the method *manual* and its grey value.

    Parameters
    ----------
    form : Form
        With the operation `threshold`; the histogram stands below its fields.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.plot = HistogramPlot()
        self.job: Job | None = None
        self._counted: tuple[Any, ...] = ()
        # thresholds of the last run, and the layer that they are of
        self._found: list[float] = []
        self._found_of: Any = None
        # the side that the last run took for objects; the choice that a moved line has replaced by
        # it, and the layer
        self._side = ""
        self._replaced: tuple[Any, str, str] | None = None
        self._method = ""
        self.plot.moved.connect(self._on_moved)
        # an empty choice of layers tells nobody
        form.viewer.layers.events.removed.connect(self._on_removed)
        layout = form.native.layout()
        layout.insertWidget(layout.indexOf(form.place.native) + 1, self.plot)
        self.refresh()

    @property
    def _layer(self) -> Layer | None:
        return self.form.inputs["image"]

    def refresh(self) -> None:
        """Follow the layer and the fields of the form."""
        is_threshold = self.form.operation.name == "threshold"
        layer = self._layer if is_threshold else None
        self.plot.setVisible(layer is not None)
        if layer is None:
            self.stop()
            return
        self._count(layer)
        self._begin_manual()
        self._choose_side_again()
        self._show_lines()

    def show_found(self, facts: Mapping[str, Any]) -> None:
        """Show the thresholds of a run; of slices with their own, the lowest and the highest."""
        values = np.array(facts.get("thresholds") or [], float)
        if values.ndim > 1:
            values = np.concatenate([values.min(axis=0), values.max(axis=0)])
        self._found, self._found_of = np.unique(values).tolist(), self._identity
        side = facts.get("objects")
        # slices may have one side each
        self._side = side if isinstance(side, str) else ""
        # the run may have found the info bar
        self.refresh()

    def stop(self) -> None:
        """Count no longer."""
        if self.job is not None:
            self.job.abandon()
            self.job = None
        self._counted = ()

    def close(self) -> None:
        """Follow the viewer no longer; Qt has deleted the form."""
        self.form.viewer.layers.events.removed.disconnect(self._on_removed)
        if self.job is not None:
            self.job.abandon()

    def _on_removed(self, event: Any) -> None:
        if self._counted and event.value.unique_id == self._counted[0]:
            self.stop()
            self.plot.hide()

    # grey levels ----------------------------------------------------------------------------------

    @property
    def _identity(self) -> Any:
        return None if self._layer is None else self._layer.unique_id

    def _count(self, layer: Layer) -> None:
        try:
            source = self._source(layer)
        except EXPECTED:
            # what is wrong with the layer, the run says
            self.stop()
            self.plot.hide()
            return
        image = source.micrograph
        key = (layer.unique_id, id(_finest(layer)), source.corner, str(image.info_bar))
        if key == self._counted:
            return
        self.stop()
        self._counted = key
        steps = grey_levels(image.data, image.info_bar)
        if isinstance(image.data, np.ndarray) and image.data.size <= _QUICK:
            try:
                self._show(run(steps), source)
            except EXPECTED:
                self._fail()
            return
        self.plot.show_levels(None, "Grey levels are counted…")
        self.job = Job(
            steps, f"Grey levels: {layer.name}",
            returned=lambda levels: self._on_counted(levels, source),
            failed=lambda _: self._fail(), finished=self._on_finished,
        )  # fmt: skip

    def _source(self, layer: Layer) -> Source:
        """The pixels that are counted: of large files the displayed slice, of pyramids a level."""
        level = 0
        if getattr(layer, "multiscale", False):
            sizes = [math.prod(shape[:2] if layer.rgb else shape[-2:]) for shape in
                     layer.level_shapes.tolist()]  # fmt: skip
            level = max((k for k, size in enumerate(sizes) if size >= _QUICK), default=0)
        planar = is_lazy(_finest(layer)) and layer.ndim > 2
        return take(layer, self.form.viewer, planar=planar, level=level)

    def _show(self, levels: GreyLevels, source: Source) -> None:
        leading = source.corner[:-2] if is_lazy(source.data) else ()
        of = f" of slice {', '.join(f'{place:g}' for place in leading)}" if leading else ""
        self.plot.show_levels(levels, f"Grey levels{of} (log count)")

    def _on_counted(self, levels: GreyLevels, source: Source) -> None:
        self._show(levels, source)
        self._begin_manual()
        self._show_lines()

    def _fail(self) -> None:
        self.plot.show_levels(None, "")
        self.plot.hide()

    def _on_finished(self) -> None:
        self.job = None

    # lines ----------------------------------------------------------------------------------------

    def _begin_manual(self) -> None:
        """Begin a manual threshold with the one that was found, or in the middle."""
        fields, levels = self.form.fields, self.plot.levels
        method, before = str(fields["method"].value), self._method
        if levels is None:
            return
        self._method = method
        if method != "manual" or before == "manual":
            return
        if not levels.low < fields["value"].value <= levels.high:
            found = self._found if self._found_of == self._identity else []
            middle = self.plot.value_at(self.plot.place_of((levels.low + levels.high) / 2))
            fields["value"].value = found[0] if found else middle

    def _show_lines(self) -> None:
        fields = self.form.fields
        if fields["method"].value == "manual":
            self.plot.show_lines([fields["value"].value])
        else:
            self.plot.show_lines(self._found if self._found_of == self._identity else [])

    def _on_moved(self, value: float) -> None:
        fields = self.form.fields
        self._method = "manual"
        fields["value"].value = value
        fields["method"].value = "manual"
        self._keep_side()

    def _keep_side(self) -> None:
        """Keep the side of the objects while a line moves: it would change at some grey value."""
        box = self.form.fields["objects"]
        is_found = self._side in _SIDES and self._found_of == self._identity
        if is_found and box.value not in _SIDES:
            self._replaced = self._identity, str(box.value), self._side
            box.value = self._side

    def _choose_side_again(self) -> None:
        """Let a run choose the side again, for another image or by another method."""
        box = self.form.fields["objects"]
        if self._replaced is None:
            return
        layer, before, side = self._replaced
        if self._identity != layer or self.form.fields["method"].value != "manual":
            self._replaced = None
            if box.value == side:
                box.value = before


def _finest(layer: Layer) -> Any:
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data
