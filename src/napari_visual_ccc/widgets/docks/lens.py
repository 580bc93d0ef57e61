"""The AI lens: layers of a network on an image, what they look for, and where there is more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from napari.layers import Image, Layer, Points
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget
from superqt import QCollapsible

from ...core.layers import ChannelsLayer
from ...core.progress import Progress, Steps
from ...core.result import Result
from ...workflow import signature
from ...workflow.operations import OPERATIONS, Operation
from ...workflow.run import Outcome, execute
from ..form.card_choices import CardChoices, offer
from ..form.table_form import TableForm
from ..layers.build import build, build_alone
from ..layers.source import Source
from ..layers.viewers import short, show_patch, show_slice, text_overlay
from ..layers.world import from_viewer
from ..parts.jobs import EXPECTED, report
from ..parts.open import open_image
from ..parts.tables import Table
from .autoencoder import AutoencoderTraining

if TYPE_CHECKING:
    from napari.viewer import Viewer

LAST = "the last maps, or the code"

_CLICK = "Click on the maps, or on the micrograph, to see what the network sees there."


class Lens(TableForm):
    """Look through the layers of a network, collect its patterns, and find more like this."""

    family = "lens"

    def __init__(self, napari_viewer: Viewer) -> None:
        self._card = CardChoices()
        # shapes of the layers, by the path of the model, once they are known
        self._shapes: dict[str, dict[str, str]] = {}
        self.seen: Any = None
        self._source: Source | None = None
        # parameters of these maps
        self._asked: dict[str, Any] = {}
        # where the patches of the table lie
        self._of_patches: Source | None = None
        self.maps: Image | None = None
        self._names: tuple[str, ...] = ()
        self._shown: list[Layer] = []
        self._folder: Path | None = None
        self.patterns: Any = None
        super().__init__(napari_viewer)
        self.pixel = Table("pixel")
        self.pixel.hide()
        self.pixel.picked.connect(self._on_patch)
        self.like_button = QPushButton("Patches like it in a folder…")
        self.like_button.setToolTip("Also look for patches like this pixel in images of a folder")
        self.like_button.clicked.connect(lambda: self.look_in_folder())
        self.like_button.hide()
        self.folder_button = QPushButton("Common patterns of a folder…")
        self.folder_button.setToolTip(signature.summary("common_patterns"))
        self.folder_button.clicked.connect(lambda: self.collect_patterns())
        self.page_button = QPushButton("Save page…")
        self.page_button.setToolTip("Save what the classes and channels look like as a web page")
        self.page_button.setEnabled(False)
        self.page_button.clicked.connect(lambda: self.save_page())
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder_button)
        row.addWidget(self.page_button)
        layout = self.native.layout()
        layout.insertWidget(layout.indexOf(self.table), buttons)
        layout.addWidget(self.like_button)
        layout.addWidget(self.pixel)
        self.training = AutoencoderTraining(napari_viewer, self.use_autoencoder)
        self.fold = QCollapsible("Train an autoencoder")
        self.fold.addWidget(self.training.native)
        self.fold.collapse(animate=False)
        layout.addWidget(self.fold)
        self.viewer.dims.events.current_step.connect(self._on_slider)
        self.viewer.mouse_drag_callbacks.append(self._on_mouse)

    def make_fields(self, name: str) -> Any:
        """Make the fields; that of layers offers what the card of the model names."""
        fields = super().make_fields(name)
        if "layer" in [field.name for field in fields]:
            offer(fields, "layer", lambda: self._layers(fields))
        return fields

    def _layers(self, fields: Container) -> list[tuple[str, str]]:
        known = self._shapes.get(str(fields["model"].value), {})
        names = self._card.names(fields, "layers")
        return [
            (LAST, ""),
            *((f"{name}   {known[name]}" if name in known else name, name) for name in names),
        ]

    def use_autoencoder(self, path: Path) -> None:
        """Choose a trained autoencoder for activations, reconstructions and anomaly maps."""
        titles = {one.name: title for title, one in self.operations.items()}
        for name in ("activations", "reconstruct", "anomaly_map"):
            self.method.value = titles[name]
            self.fields["model"].value = path
        self.say(f"The model is {path.name}: run {self.method.value}.")

    # results --------------------------------------------------------------------------------------

    def show_result(self, operation: Operation, source: Source, result: Result) -> None:
        """List the channels or the regions; follow the slider through the channels."""
        frames = dict(result.tables)
        layers = frames.pop("layers", None)
        if layers is not None:
            shapes = dict(zip(layers["layer"], layers["output"], strict=True))
            self._shapes[str(self.fields["model"].value)] = shapes
            box = self.fields["layer"]
            chosen = box.value
            box.reset_choices()
            # the texts of the choices have changed
            box.value = chosen
        self._folder = self.parameters.get("folder") if "hits" in frames else None
        self.pixel.hide()
        self.like_button.hide()
        if operation.name == "activations":
            self._follow(source, result)
        if self._folder is not None:
            self.table.setVisible(True)
            self.table.show_frame(frames["hits"], title=self._folder.name)
            self.say(f"{self.message.value} Click a row to open its image at the place.")
            if "patches" in frames:
                self._show_patches(source, frames["patches"])
            return
        super().show_result(operation, source, result)

    def _follow(self, source: Source, result: Result) -> None:
        found = [
            (entry.layer, part)
            for entry, part in zip(self.last, result.layers, strict=True)
            if isinstance(part, ChannelsLayer)
        ]
        self.maps, part = found[0]
        self.seen, self._source, self._names = result, source, part.channels
        self._asked = self.parameters
        axis = self.viewer.dims.ndim - self.maps.ndim
        labels = list(self.viewer.dims.axis_labels)
        labels[axis] = "channel"
        self.viewer.dims.axis_labels = tuple(labels)
        self.viewer.dims.set_current_step(axis, 0)
        self.maps.events.visible.connect(self._on_slider)
        self._on_slider()
        self.say(f"{self.message.value} {_CLICK}")

    @property
    def _is_followed(self) -> bool:
        return self.maps is not None and self.maps in self.viewer.layers

    def _on_slider(self, event: Any = None) -> None:
        """Name the channel over the canvas, and stretch its contrast."""
        overlay = text_overlay(self.viewer)
        if self.maps is None:
            return
        if not self._is_followed:
            self.maps, overlay.visible = None, False
            return
        dims = self.viewer.dims
        number = min(int(dims.current_step[dims.ndim - self.maps.ndim]), len(self._names) - 1)
        overlay.text = f"{short(self.maps.name)}\n{short(self._names[number])}"
        overlay.visible = self.maps.visible
        self.maps.reset_contrast_limits(mode="slice")

    def _on_picked(self, row: int) -> None:
        frame = self.table.frame
        if frame is None:
            return
        if "file" in frame:
            if self._folder is not None:
                found = frame.iloc[row]
                name = str(found["file"])
                layer = open_image(self.viewer, self._folder / name, name)
                if layer is not None:
                    place = (float(found["y_px"]), float(found["x_px"]))
                    show_patch(self.viewer, layer, place, float(found["side_px"]))
        elif "channel" in frame and self._is_followed and row < len(self._names):
            assert self.maps is not None
            show_slice(self.viewer, self.maps, (row, *(0,) * (self.maps.ndim - 1)))
        else:
            super()._on_picked(row)

    # a pixel --------------------------------------------------------------------------------------

    def _on_mouse(self, viewer: Viewer, event: Any) -> Any:
        active = viewer.layers.selection.active
        asked = self._is_followed and self._source is not None
        if not asked or active not in (self.maps, getattr(self._source, "layer", None)):
            return
        if active is None or active.mode != "pan_zoom" or event.button != 1:
            return
        yield
        if event.type == "mouse_move":
            return
        self.look_at(event.position)

    def look_at(self, world: Any) -> None:
        """List what the network sees at a place of the world, and mark the patches like it."""
        source = self._source
        if source is None or self.job is not None:
            return
        place = source.layer.world_to_data(from_viewer(self.viewer, source.layer, world))[-2:]
        y, x = (
            (p - c) / step
            for p, c, step in zip(place, source.corner[-2:], source.steps[-2:], strict=True)
        )
        # a place that is refused has no table, also none of an earlier one
        self.pixel.hide()
        self.like_button.hide()
        for layer in self._shown:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.start(
            _nearest(self.seen, float(y), float(x), source.spacing, source.unit),
            "What the network sees here",
            lambda found: self._show_pixel(source, found),
            failed=report,
            needs=[source.layer],
        )

    def _show_pixel(self, source: Source, found: Result) -> None:
        self._shown = self._add([build(source, part, {}) for part in found.layers])
        self._show_patches(source, found.tables["patches"])
        # attention is no layer that could be looked for elsewhere
        self.like_button.setVisible(self._asked.get("show") != "attention")
        (note,) = found.notes
        self.say(f"{note[:1].upper()}{note[1:]}.")

    def _add(self, layers: list[Layer]) -> list[Layer]:
        """Add layers; the selection and the fields stay."""
        active = self.viewer.layers.selection.active
        with self.results.adding():
            added = [self.viewer.add_layer(one) for one in layers]
            self.viewer.layers.selection.active = active
        return added

    def _show_patches(self, source: Source, frame: Any) -> None:
        self._of_patches = source
        self.pixel.show_frame(frame, title=f"Patches like it in {source.layer.name}")
        self.pixel.show()

    def _on_patch(self, row: int) -> None:
        source, frame = self._of_patches, self.pixel.frame
        if source is None or frame is None or source.layer not in self.viewer.layers:
            return
        found = frame.iloc[row]
        place = (
            found[name] * step + corner
            for name, step, corner in zip(
                ("y_px", "x_px"), source.steps[-2:], source.corner[-2:], strict=True
            )
        )
        before = tuple(self.viewer.dims.current_step)
        show_patch(self.viewer, source.layer, tuple(place), found["side_px"] * source.steps[-1])
        self.viewer.dims.current_step = before

    def look_in_folder(self, folder: Path | None = None) -> None:
        """Look in a folder for patches like the pixel that was clicked; ask for the folder."""
        if folder is None:
            chosen = QFileDialog.getExistingDirectory(self.native, "Folder of images")
            if not chosen:
                return
            folder = Path(chosen)
        points = [one for one in self._shown if isinstance(one, Points)]
        if self._source is None or not points or points[0] not in self.viewer.layers:
            self.say("Click a pixel first.")
            return
        # the result has the rectangles, too
        for one in self._shown:
            if one is not points[0] and one in self.viewer.layers:
                self.viewer.layers.remove(one)
        self.method.value = OPERATIONS["look_at"].title
        wanted = {"image": self._source.layer, "example": points[0], "folder": folder}
        known = {name: self._asked[name] for name in ("model", "layer", "device")}
        for name, value in (known | wanted).items():
            if value is not None:
                self.fields[name].value = value
        self.run()

    # a folder -------------------------------------------------------------------------------------

    def collect_patterns(self, folder: Path | None = None, **choices: Any) -> None:
        """Collect the common patterns of a folder; ask for the folder if none is given."""
        if folder is None:
            chosen = QFileDialog.getExistingDirectory(self.native, "Folder of images")
            if not chosen:
                return
            folder = Path(chosen)
        if self.job is not None:
            return
        given = {k: v for k, v in self.parameters.items() if k in ("model", "layer", "device")}
        self.start(
            execute("common_patterns", {"folder": folder}, {**given, **choices}),
            f"Common patterns of {folder.name}",
            lambda outcome: self._show_patterns(folder, outcome),
        )
        self.reveal()

    def _show_patterns(self, folder: Path, outcome: Outcome) -> None:
        self.patterns, self._folder = outcome.result, folder
        self._add([build_alone(outcome.result, f"{folder.name} patterns", outcome.record)])
        self.table.show()
        self.table.show_frame(self.patterns.table, title=folder.name)
        self.page_button.setEnabled(True)
        notes = " ".join(f"{note[:1].upper()}{note[1:]}." for note in self.patterns.notes)
        self.say(f"{notes} A row of the sheet is a channel. Click a row to open its image.")

    def save_page(self, path: Path | None = None) -> None:
        """Save the patterns as one web page; ask for the file if none is given."""
        from ...report.lens.patterns import write_patterns

        if path is None:
            chosen, _ = QFileDialog.getSaveFileName(
                self.native, "Save page", "patterns.html", "Web page (*.html)"
            )
            if not chosen:
                return
            path = Path(chosen)
        try:
            write_patterns(self.patterns, path, force=True)
        except EXPECTED as error:
            report(error)
            return
        self.say(f"Saved {path}.")

    def on_closed(self, *args: Any) -> None:
        """Stop the job and follow the viewer no longer."""
        self.viewer.dims.events.current_step.disconnect(self._on_slider)
        self.viewer.mouse_drag_callbacks.remove(self._on_mouse)
        super().on_closed(*args)


def _nearest(seen: Any, y: float, x: float, spacing: Any, unit: str) -> Steps[Result]:
    from ...engine.lens.nearest import nearest_patches

    yield Progress(0, 0, "patches")
    return nearest_patches(seen, y, x, spacing=spacing, unit=unit)
