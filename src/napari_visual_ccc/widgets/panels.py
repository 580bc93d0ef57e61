"""The dock widgets: each a form of one family, with a panel where a layer is not enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container, Widget
from napari.layers import Labels

from ..nets.checkpoint import read_card
from ..operations import Operation
from ..results import HeatmapResult, LabelsResult, PredictionResult, Result
from .form import Form
from .jobs import report
from .layers import Source
from .tables import Table

if TYPE_CHECKING:
    from napari.viewer import Viewer

PREDICTED = "the predicted class"


class _TableForm(Form):
    """A form that lists the result's table, with the colours of its labels."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.table = Table(self.family)
        self.table.hide()
        self.table.picked.connect(self._on_picked)
        self.native.layout().addWidget(self.table)

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the first table."""
        frames = list(result.tables.values())
        self.table.setVisible(bool(frames))
        if frames:
            has_labels = isinstance(result, LabelsResult) and bool(self._last)
            self.table.show_frame(frames[0], self._color if has_labels else None)

    @property
    def labels_layer(self) -> Labels | None:
        """The layer the table speaks of."""
        layers = [s.layer for s in self._last if isinstance(s.layer, Labels)]
        return layers[0] if layers and layers[0] in self.viewer.layers else None

    def _color(self, label: int) -> Any:
        layer = self.labels_layer
        return None if layer is None else layer.get_color(label)

    def _on_picked(self, row: int) -> None:
        layer, frame = self.labels_layer, self.table.frame
        if layer is not None and frame is not None and "label" in frame:
            layer.selected_label = int(frame["label"].iloc[row])


class Denoise(Form):
    """Take noise away."""

    family = "denoise"


class Segment(_TableForm):
    """Separate objects from background, and from each other."""

    family = "segment"


class Texture(Form):
    """Map texture."""

    family = "texture"


class Cluster(_TableForm):
    """Group pixels into phases."""

    family = "cluster"


class Classify(Form):
    """Name what is seen, and show where the evidence lies."""

    family = "classify"

    def __init__(self, napari_viewer: Viewer) -> None:
        self._refused: Path | None = None
        super().__init__(napari_viewer)
        from .bars import Bars

        self.bars = Bars()
        self.native.layout().addWidget(self.bars)

    def _make_fields(self, name: str) -> Container:
        fields = super()._make_fields(name)
        if "target" in [field.name for field in fields]:
            self._replace_target(fields)
        return fields

    def _replace_target(self, fields: Container) -> None:
        """Offer the model's classes instead of a line to type into."""
        old: Widget = fields["target"]
        index = list(fields).index(old)
        box = ComboBox(
            name="target",
            label=old.label,
            tooltip=old.tooltip,
            choices=lambda _: [(PREDICTED, ""), *((c, c) for c in self._classes(fields))],
        )
        fields.remove(old)
        fields.insert(index, box)
        fields["model"].changed.connect(box.reset_choices)

    def _classes(self, fields: Container) -> list[str]:
        path = fields["model"].value
        try:
            chosen = None if path is None or str(path) in ("", ".") else Path(path)
            return list(read_card(chosen)["classes"])
        except (ValueError, OSError) as error:
            # asked again whenever layers come or go: once is enough
            if path != self._refused:
                report(error)
            self._refused = path
            return []

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Draw the classes as bars."""
        prediction = result.prediction if isinstance(result, HeatmapResult) else result
        if isinstance(prediction, PredictionResult):
            target = result.target if isinstance(result, HeatmapResult) else ""
            self.bars.show_prediction(source.layer.name, prediction, target)
