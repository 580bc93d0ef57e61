"""Where labelled images come from: folders, a table, open layers, or regions drawn on one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox, Container, FileEdit, LineEdit, SpinBox
from napari.layers import Image, Labels, Shapes
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from ...core.dataset import Dataset, from_arrays, from_regions
from ...io import datasets as dataset
from ..layers.metadata import calibration, drawn_on

if TYPE_CHECKING:
    from napari.viewer import Viewer

FOLDER, TABLE, LAYERS, REGIONS = "Folder of folders", "Table (CSV)", "Open layers", "Regions drawn"

CLASS = "class"


class LabelledImages(Container):
    """Fields that lead to a `Dataset`.

    Parameters
    ----------
    viewer : Viewer
        Whose layers are offered.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.source = ComboBox(
            label="Images from",
            choices=[FOLDER, TABLE, LAYERS, REGIONS],
            tooltip="One folder a class; a table with path, label and group; layers with a class; "
            "or regions of a micrograph with a class",
        )
        self.folder = FileEdit(mode="d", label="Folder", tooltip="Holds one folder a class")
        self.file = FileEdit(
            mode="r",
            filter="Tables (*.csv)",
            label="Table",
            tooltip="path, label and, if any, group",
        )
        self.group = LineEdit(
            label="Group",
            tooltip="Regular expression whose first (bracket) finds the specimen in a file's name; "
            "images of one specimen are never in two parts. Empty: folders within a class are "
            "specimens, other images stand alone",
        )
        self.image = ComboBox(label="Image", choices=lambda _: _of(viewer, Image))
        self.regions = ComboBox(
            label="Regions",
            choices=lambda _: _of(viewer, (Shapes, Labels)),
            tooltip="Shapes or Labels with a feature 'class'",
        )
        self.side = SpinBox(
            label="Crop", value=0, min=0, max=4096,
            tooltip="Side of the crops in pixels; 0: the bounding square of each region",
        )  # fmt: skip
        self.classes = QTableWidget(0, 3)
        self.classes.setHorizontalHeaderLabels(["layer", "class", "group"])
        self.classes.setToolTip(
            "Type the class of each layer (empty leaves it out), and its specimen or group"
        )
        self.classes.setMaximumHeight(140)
        super().__init__(
            widgets=[
                self.source, self.folder, self.file, self.group, self.image, self.regions, self.side
            ]
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        self.native.layout().addWidget(self.classes)
        self.source.changed.connect(self._show_fields)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._list_layers)
        self.native.destroyed.connect(self._disconnect)
        self._list_layers()
        self._show_fields()

    def _disconnect(self, *_: Any) -> None:
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._list_layers)

    def _show_fields(self, *_: Any) -> None:
        source = self.source.value
        self.folder.visible = source == FOLDER
        self.file.visible = source == TABLE
        self.group.visible = source in (FOLDER, TABLE)
        for field in (self.image, self.regions, self.side):
            field.visible = source == REGIONS
        self.classes.setVisible(source == LAYERS)

    def _list_layers(self, event: Any = None) -> None:
        """List the image layers, keeping the classes that were typed."""
        typed = self._typed()
        layers = _of(self._viewer, Image)
        self.classes.setRowCount(len(layers))
        self.classes.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for row, layer in enumerate(layers):
            name = QTableWidgetItem(layer.name)
            name.setFlags(name.flags() & ~name.flags().ItemIsEditable)
            self.classes.setItem(row, 0, name)
            label, group = typed.get(layer.name, ("", ""))
            label = label or str(layer.metadata.get(CLASS, ""))
            group = group or str(layer.metadata.get("group", ""))
            self.classes.setItem(row, 1, QTableWidgetItem(label))
            self.classes.setItem(row, 2, QTableWidgetItem(group))
        self.image.reset_choices()
        self.regions.reset_choices()

    def _typed(self) -> dict[str, tuple[str, str]]:
        """Class and group of each layer, as they are in the list."""
        found = {}
        for row in range(self.classes.rowCount()):
            cells = [self.classes.item(row, column) for column in range(3)]
            if all(cell is not None for cell in cells):
                name, label, group = (cell.text().strip() for cell in cells)
                found[name] = (label, group)
        return found

    def set_class(self, layer: str, label: str) -> None:
        """Type the class of a layer (for scripts)."""
        for row in range(self.classes.rowCount()):
            if self.classes.item(row, 0).text() == layer:
                self.classes.item(row, 1).setText(label)
                return
        raise ValueError(f"no image layer {layer!r}")

    def dataset(self) -> Dataset:
        """Give the labelled images that the fields lead to.

        Raises
        ------
        ValueError, FileNotFoundError
            In words, where they lead nowhere.
        """
        source = self.source.value
        if source in (FOLDER, TABLE):
            path = (self.folder if source == FOLDER else self.file).value
            if path is None or str(path) in ("", "."):
                raise ValueError("choose a folder with one folder a class, or a table")
            return dataset.load(path, group=self.group.value)
        return self._from_layers() if source == LAYERS else self._from_regions()

    def _from_layers(self) -> Dataset:
        typed = self._typed()
        chosen = [
            layer for layer in _of(self._viewer, Image) if typed.get(layer.name.strip(), ("",))[0]
        ]
        if not chosen:
            raise ValueError("type the class of each layer into the list")
        return from_arrays(
            [layer.data[0] if layer.multiscale else layer.data for layer in chosen],
            [typed[layer.name.strip()][0] for layer in chosen],
            names=[layer.name for layer in chosen],
            groups=[typed[layer.name.strip()][1] or layer.name for layer in chosen],
            spacings=[calibration(layer) for layer in chosen],
            name="layers",
        )

    def _from_regions(self) -> Dataset:
        image, regions = self.image.value, self.regions.value
        if image is None or regions is None:
            raise ValueError("choose an Image layer, and Shapes or Labels that lie on it")
        if CLASS not in regions.features:
            raise ValueError(
                f"{regions.name} has no feature {CLASS!r}: give each region its class (in the "
                "layer's features table)"
            )
        names = [str(name) for name in regions.features[CLASS]]
        if image.ndim != 2:
            raise ValueError(f"{image.name} is a stack: regions are cut from one plane")
        if isinstance(regions, Shapes):
            drawn = drawn_on(regions, image)
            numbers = range(1, len(names) + 1)
        else:
            drawn = np.asarray(regions.data)
            column = regions.features.get("index", range(len(names)))
            numbers = [int(number) for number in column]
        labels = {n: name for n, name in zip(numbers, names, strict=True) if name and name != "nan"}
        spacing, unit = calibration(image)
        cut = from_regions(
            image.data, drawn, labels, side=self.side.value, group=image.name,
            spacing=spacing, unit=unit,
        )  # fmt: skip
        return from_arrays(
            [crop for crop, *_ in cut],
            [label for _, label, *_ in cut],
            names=[f"{label} {number}" for number, (_, label, *_) in enumerate(cut, start=1)],
            groups=[group for _, _, group, _ in cut],
            spacings=[scale for *_, scale in cut],
            name=image.name,
        )


def _of(viewer: Viewer, kinds: Any) -> list[Any]:
    return [layer for layer in viewer.layers if isinstance(layer, kinds)]
