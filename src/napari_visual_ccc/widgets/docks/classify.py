"""The Classify & Explain dock: classes, heatmaps, tests of heatmaps, and occlusion."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from napari.layers import Image, Shapes
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from ...core.progress import Progress, Steps
from ...core.result import Result, prediction_of
from ...nets.card import read_card
from ...report.enrichment import charts
from ...workflow import signature
from ...workflow.models import describe_model, import_visual_ccc
from ...workflow.operations import OPERATIONS, Operation
from ...workflow.run import execute
from ...workflow.specimen import model_channels
from ..controls.timers import settled
from ..form.card_choices import CardChoices, model_path, offer
from ..form.table_form import TableForm
from ..layers.channels import layers_of_sources, with_channels
from ..layers.metadata import drawn_on
from ..layers.source import Source, take
from ..parts.bars import Bars, ScoreCard, Similar
from ..parts.jobs import EXPECTED, Job, report
from ..parts.open import open_row
from ..parts.report import Canvas

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from ..controls.rows import Rows

PREDICTED, NOTHING, LAST = "the predicted class", "nothing", "the last map"

# class of an operation that is given a heatmap
EXPLAINED = "that of the heatmap"

OCCLUSION = "occlusion"


class Classify(TableForm):
    """Classify an image, explain the class, and test the explanation."""

    family = "classify"

    def __init__(self, napari_viewer: Viewer) -> None:
        self._known = CardChoices()
        self._shapes: Shapes | None = None
        self._occluding: Job | None = None
        self._occlude_again = False
        super().__init__(napari_viewer)
        self.bars, self.similar, self.card = Bars(), Similar(), ScoreCard()
        self.chart = Canvas()
        self.occlude_button = QPushButton("Occlude")
        self.occlude_button.setToolTip(
            "Draw boxes over the image: their content is replaced by its surroundings, and the "
            "probabilities are updated"
        )
        self.occlude_button.clicked.connect(self.start_occlusion)
        self.folder_button = QPushButton("Classify a folder…")
        self.folder_button.setToolTip(signature.summary("classify_folder"))
        self.folder_button.clicked.connect(lambda: self.classify_folder())
        self.layers_button = QPushButton("Layers")
        self.layers_button.setToolTip(
            "List the layers of the model: shapes, parameters, and which of them are trained"
        )
        self.layers_button.clicked.connect(self.show_layers)
        self._folder: Path | None = None
        self._occlude_soon = settled(self.native, 30, self._occlude)
        self.compare_button = QPushButton("Concordance of a folder…")
        self.compare_button.setToolTip(signature.summary("concordance_folder"))
        self.compare_button.clicked.connect(lambda: self.compare_folder())
        self.chart.hide()
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder_button)
        row.addWidget(self.occlude_button)
        row.addWidget(self.layers_button)
        self.table.picked.connect(self._open_row)
        self.details = (self.bars, self.similar, self.card, self.chart)
        for widget in (buttons, self.compare_button, *self.details, self.table):
            self.native.layout().addWidget(widget)

    # fields with choices of the model card --------------------------------------------------------

    def make_fields(self, name: str) -> Rows:
        """Make the fields; those of classes and layers offer what the model's card names."""
        fields = super().make_fields(name)
        none = EXPLAINED if "heatmap" in signature.inputs(name) else PREDICTED
        classes = functools.partial(self._known.names, fields, "classes")
        layers = functools.partial(self._known.names, fields, "layers")
        offers = {
            "target": lambda: [(none, ""), *((c, c) for c in classes())],
            "against": lambda: [(NOTHING, ""), *((c, c) for c in classes())],
            "layer": lambda: [(LAST, ""), *((c, c) for c in layers())],
        }
        names = [field.name for field in fields]
        if "model" in names:
            fields["model"].changed.connect(lambda path: self._import(fields, path))
        for field, choices in offers.items():
            if field in names:
                offer(fields, field, choices)
        return fields

    def _import(self, fields: Container, path: Any) -> None:
        """Convert weights published by Visual-CCC to a model file next to them, and select it."""
        chosen = model_path(path)
        if chosen is None or chosen.suffix.lower() not in (".pth", ".pt"):
            return
        try:
            target = _imported(chosen)
            if not target.exists():
                import_visual_ccc(chosen, target)
                self.say(f"Imported {chosen.name} as {target.name}.")
        except EXPECTED as error:
            report(error)
            return
        fields["model"].value = target

    def use_model(self, path: Path) -> None:
        """Choose a model file for all methods."""
        for title in self.operations:
            self.method.value = title
            if "model" in [field.name for field in self.fields]:
                self.fields["model"].value = path
                # the file may have changed
                self.fields.reset_choices()
        self.method.value = next(iter(self.operations))

    # results --------------------------------------------------------------------------------------

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """Show probabilities as bars, the most similar training images, and tables."""
        prediction = prediction_of(result)
        # the bars are the table of a prediction
        listed = result if prediction is None else Result()
        self.show_tables(listed)
        if prediction is not None:
            self.bars.show_prediction(source.layer.name, prediction, result.target)
            self.similar.show_images(prediction.similar)
        elif listed.tables:
            self.card.show_table(next(iter(listed.tables.values())))
        self._show_chart(result)
        self.keep_words("", source.layer)

    def show_tables(self, result: Result) -> None:
        """List the first table, in place of all that was shown of another result."""
        self.hide_details()
        super().show_tables(result)

    def _show_chart(self, result: Result) -> None:
        """Draw the first table that has a chart."""
        for drawn in list(charts(result).values())[:1]:
            self.chart.show()
            self.chart.draw(drawn)

    def show_layers(self) -> None:
        """List the layers of the chosen model in the table."""
        if self.job is not None:
            return
        model = self.fields["model"].value if "model" in [f.name for f in self.fields] else None
        self.start(_described(model_path(model)), "Layers", self._show_model)
        self.reveal()

    def _show_model(self, result: Result) -> None:
        facts = result.facts
        text = (
            f"{facts['name']}: {facts['architecture']}, {facts['parameters']:,} parameters, of "
            f"which {facts['trained']:,} are trained."
        )
        if facts["operating_point"] is not None:
            limits = facts["operating_point"]["thresholds"].items()
            text += f" Operating point: {', '.join(f'{k} {v:.3g}' for k, v in limits)}."
        self.say(text)
        self._folder = None
        self._show_table(result)

    # a folder -------------------------------------------------------------------------------------

    def classify_folder(self, folder: Path | None = None) -> None:
        """Classify all images of a folder into the table; ask for the folder if none is given."""
        self._run_folder("classify_folder", folder)

    def compare_folder(self, folder: Path | None = None) -> None:
        """Compare the evidence with phases in all images of a folder."""
        self._run_folder("concordance_folder", folder)

    def _run_folder(self, name: str, folder: Path | None) -> None:
        if folder is None:
            chosen = QFileDialog.getExistingDirectory(self.native, "Folder of images")
            if not chosen:
                return
            folder = Path(chosen)
        if self.job is not None:
            return
        self._folder = folder
        fields = self.parameters
        parameters = {k: fields[k] for k in signature.parameters(name) if k in fields}
        self.start(
            execute(name, {"folder": folder}, parameters),
            f"{OPERATIONS[name].title}: {folder.name}",
            lambda outcome: self._show_folder(outcome.result),
        )
        self.reveal()

    def _show_folder(self, result: Any) -> None:
        self.say(f"{'; '.join(result.notes)}. Click a row to open its image.")
        self._show_table(result)

    def _show_table(self, result: Result) -> None:
        """Show a table, with its chart, in place of what was below the buttons."""
        self.hide_details()
        self.end_mark()
        self._listen_to(None)
        self.table.set_title("" if self._folder is None else self._folder.name)
        self._show_chart(result)
        self.table.show()
        self.table.show_frame(result.table)

    def _open_row(self, row: int) -> None:
        frame = self.table.frame
        if self._folder is None or frame is None or "problem" not in frame:
            return
        open_row(self.viewer, self._folder, frame, row)

    # occlusion ------------------------------------------------------------------------------------

    def start_occlusion(self) -> None:
        """Add a layer for boxes; the image is classified without their content."""
        image = self.inputs.get("image") or _first(self.viewer)
        if image is None:
            report(ValueError("Occlude needs an Image layer: open or choose one"))
            return
        if self._shapes is None or self._shapes not in self.viewer.layers:
            self._shapes = self.viewer.add_shapes(
                name=OCCLUSION, scale=image.scale[-2:], translate=image.translate[-2:],
                rotate=image.rotate[-2:, -2:], units=image.units[-2:], edge_color="#ffcc00",
                face_color="#00000080", edge_width=max(1, round(min(image.data.shape[:2]) / 200)),
            )  # fmt: skip
            self._shapes.events.data.connect(self._on_boxes)
        self.viewer.layers.selection.active = self._shapes
        self._shapes.mode = "add_rectangle"

    @property
    def is_occluding(self) -> bool:
        """Whether the image is classified without its occluded parts at the moment."""
        return self._occluding is not None

    def _on_boxes(self, event: Any = None) -> None:
        self._occlude_soon()

    def _occlude(self) -> None:
        if self._occluding is not None:
            self._occlude_again = True
            return
        if self._shapes is None or self._shapes not in self.viewer.layers:
            return
        image = self.inputs.get("image") or _first(self.viewer)
        if image is None:
            return
        if not len(self._shapes.data):
            self.bars.hide()
            self.say("")
            return
        source = take(image, self.viewer, planar=True)
        regions = drawn_on(self._shapes, image)
        model = self.fields["model"].value if "model" in [f.name for f in self.fields] else None
        channels = model_channels(OPERATIONS["occlude"], {"model": model_path(model)})
        if channels:
            try:
                source = with_channels(source, self.viewer, channels)
            except EXPECTED as error:
                report(error)
                return
        self._occluding = Job(
            execute(
                "occlude",
                {"image": source.micrograph, "regions": regions},
                {"model": model_path(model)},
            ),
            "Occlude",
            returned=lambda outcome: self._show_occlusion(image.name, outcome.result),
            finished=self._on_occluded, progressed=self.work.show_progress,
        )  # fmt: skip
        self.work.begin()
        self.work.visible = True
        needed = [*layers_of_sources([source], self.viewer), self._shapes]
        self._occluding.need(needed, self.viewer, self._on_occlusion_lost)

    def _show_occlusion(self, name: str, result: Result) -> None:
        self.bars.show_occlusion(name, result)
        self.similar.show_images(())
        self.say(" ".join(f"{note}." for note in result.notes))

    def _on_occlusion_lost(self, reason: str) -> None:
        # another image is not classified instead
        self._occlude_again = False
        self.bars.hide()
        if self._occluding is not None:
            self._occluding.cancel(reason, self.say)

    def _on_occluded(self) -> None:
        again, self._occlude_again, self._occluding = self._occlude_again, False, None
        self.work.visible = self.job is not None
        if again:
            self._occlude()

    def on_closed(self, *args: Any) -> None:
        """Stop both jobs, and follow the viewer and the boxes no longer."""
        if self._shapes is not None:
            self._shapes.events.data.disconnect(self._on_boxes)
        if self._occluding is not None:
            self._occluding.abandon()
        super().on_closed(*args)


def _described(model: Path | None) -> Steps[Result]:
    """Describe a model on the thread of a job: loading it takes long the first time."""
    yield Progress(0, 0, "model")
    return describe_model(model)


def _imported(weights: Path) -> Path:
    """Path of the converted model; numbered if another model has this name."""
    from ...nets.card import file_hash

    number, path = 1, weights.with_suffix(".safetensors")
    while path.exists():
        made = read_card(path).training_data
        if isinstance(made, dict) and made.get("sha256") == file_hash(weights):
            break
        number += 1
        path = weights.with_name(f"{weights.stem}-{number}.safetensors")
    return path


def _first(viewer: Viewer) -> Image | None:
    return next((layer for layer in viewer.layers if isinstance(layer, Image)), None)
