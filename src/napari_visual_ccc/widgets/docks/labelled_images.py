"""Fields that choose labelled images: folders, a table, layers, or regions of a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, Container, FileEdit, LineEdit, PushButton, SpinBox
from napari.layers import Image, Labels, Layer, Shapes
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from ...core.dataset import Dataset, from_arrays, from_regions
from ...core.micrograph import InfoBar, Micrograph, channel_names
from ...engine.acquisition.bar_detector import find_info_bar
from ...engine.screening.specimens import keep_together
from ...io import datasets as dataset
from ...io.channels import split_name
from ..layers.channels import layers_of_channels, with_channels
from ..layers.metadata import calibration, known_bar, layers_of, regions_on
from ..layers.source import take

if TYPE_CHECKING:
    from napari.viewer import Viewer

FOLDER, TABLE, LAYERS, REGIONS = (
    "Folder for each class",
    "Table (CSV)",
    "Open layers",
    "Drawn regions",
)

CLASS = "class"

_FOLDER_HELP = (
    "Contains one folder for each class; or folders Train and Test (and Validation), each with one "
    "folder for each class"
)

_TABLE_HELP = (
    "Columns path, label and, optionally, group, part (train, validation or test) and name"
)


class LabelledImages(Container):
    """Choose the images of a `Dataset`.

    Parameters
    ----------
    viewer : Viewer
        Source of layers and regions.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        # layers of the last data set
        self.used: tuple[Layer, ...] = ()
        self.source = ComboBox(
            label="Images from",
            choices=[FOLDER, TABLE, LAYERS, REGIONS],
            tooltip="A folder with one folder for each class; a table with path and label; "
            "layers with a class; or regions of a micrograph with a class",
        )
        self.folder = FileEdit(
            mode=FileDialogMode.EXISTING_DIRECTORY,
            label="Folder",
            tooltip=_FOLDER_HELP,
        )
        self.file = FileEdit(
            mode=FileDialogMode.EXISTING_FILE,
            filter="Tables (*.csv *.tsv *.txt *.xlsx)",
            label="Table",
            tooltip=_TABLE_HELP,
        )
        self.group = LineEdit(
            label="Group",
            tooltip="Pattern that finds the specimen in a file name: a regular expression with the "
            "specimen in brackets, ^(S\\d+)_ for S12 in S12_003.tif. Images of one specimen are "
            "never split between training and test. Empty: a folder within a class is a specimen, "
            "any other image is one of its own",
        )
        self.propose_button = PushButton(visible=False)
        self._proposed = ""
        self.channels = LineEdit(
            label="Channels",
            tooltip="Names of channels, such as SE, BSE, Al: of files with a channel axis, of "
            "files or layers a_SE, a_BSE, a_Al, or of columns of the table. Empty: grey images",
        )
        self.image = ComboBox(label="Image", choices=layers_of(viewer, Image))
        self.regions = ComboBox(
            label="Regions",
            choices=layers_of(viewer, (Shapes, Labels)),
            tooltip="A Shapes or Labels layer with a feature 'class'",
        )
        self.side = SpinBox(
            label="Crop (px)", value=0, min=0, max=4096,
            tooltip="Side of the crops in pixels; 0 uses the bounding square of each region",
        )  # fmt: skip
        self.classes = QTableWidget(0, 3)
        self.classes.setHorizontalHeaderLabels(["layer", "class", "group"])
        self.classes.setToolTip("Class of each layer (empty: not used), and its specimen or group")
        self.classes.setMaximumHeight(140)
        super().__init__(
            widgets=[
                self.source, self.folder, self.file, self.group, self.propose_button,
                self.channels, self.image, self.regions, self.side,
            ]
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        self.native.layout().addWidget(self.classes)
        self._connect()
        self._list_layers()
        self._show_fields()

    def _connect(self) -> None:
        self.source.changed.connect(self._show_fields)
        self.propose_button.changed.connect(self._take_groups)
        for field in (self.source, self.folder, self.file, self.group):
            field.changed.connect(lambda: self.propose_groups(None))
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.connect(self._list_layers)
        self.native.destroyed.connect(self._disconnect)

    def _disconnect(self, *_: Any) -> None:
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._list_layers)

    def _show_fields(self, *_: Any) -> None:
        source = self.source.value
        self.folder.visible = source == FOLDER
        self.file.visible = source == TABLE
        self.group.visible = source in (FOLDER, TABLE)
        self.channels.visible = source != REGIONS
        for field in (self.image, self.regions, self.side):
            field.visible = source == REGIONS
        self.classes.setVisible(source == LAYERS)

    def propose_groups(self, hint: Mapping[str, Any] | None) -> None:
        """Offer the groups that names of files suggest; None offers nothing."""
        self.propose_button.visible = hint is not None
        if hint is None:
            return
        self._proposed = str(hint["pattern"])
        self.propose_button.text = f"Group: {hint['groups']} micrographs by their names"
        self.propose_button.tooltip = (
            f"These names look like parts of {hint['groups']} micrographs, such as "
            f"{hint['example']} of {hint['images']} images. Images of one micrograph are then "
            "never split between training and test"
        )

    def in_words(self, notes: Sequence[str]) -> tuple[str, ...]:
        """Notes that name the button instead of the pattern which it sets."""
        words = f"press {self.propose_button.text!r}"
        return tuple(one.replace(keep_together(self._proposed), words) for one in notes)

    def _take_groups(self) -> None:
        self.group.value = self._proposed

    def _list_layers(self, event: Any = None) -> None:
        """List the image layers; classes that were entered stay."""
        entered = self._entered()
        layers = _of(self._viewer, Image)
        self.classes.setRowCount(len(layers))
        header = self.classes.horizontalHeader()
        assert header is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for row, layer in enumerate(layers):
            name = QTableWidgetItem(layer.name)
            name.setFlags(name.flags() & ~name.flags().ItemIsEditable)
            self.classes.setItem(row, 0, name)
            label, group = entered.get(layer.name, ("", ""))
            label = label or str(layer.metadata.get(CLASS, ""))
            group = group or str(layer.metadata.get("group", ""))
            self.classes.setItem(row, 1, QTableWidgetItem(label))
            self.classes.setItem(row, 2, QTableWidgetItem(group))
        self.image.reset_choices()
        self.regions.reset_choices()

    def _entered(self) -> dict[str, tuple[str, str]]:
        """Class and group of each layer in the list."""
        found = {}
        for row in range(self.classes.rowCount()):
            cells = [self.classes.item(row, column) for column in range(3)]
            texts = [cell.text().strip() for cell in cells if cell is not None]
            if len(texts) == 3:
                name, label, group = texts
                found[name] = (label, group)
        return found

    def set_class(self, layer: str, label: str) -> None:
        """Enter the class of a layer."""
        for row in range(self.classes.rowCount()):
            name, entry = self.classes.item(row, 0), self.classes.item(row, 1)
            if name is not None and entry is not None and name.text() == layer:
                entry.setText(label)
                return
        raise ValueError(f"no image layer {layer!r}")

    def dataset(self, min_classes: int = 2) -> Dataset:
        """Give the labelled images that the fields choose.

        Parameters
        ----------
        min_classes : int
            Smallest number of classes; 1 is enough to test a model.

        Raises
        ------
        ValueError, FileNotFoundError
            If they choose none.
        """
        source, self.used = self.source.value, ()
        if source in (FOLDER, TABLE):
            path: Any = (self.folder if source == FOLDER else self.file).value
            if path is None or str(path) in ("", "."):
                raise ValueError("choose a folder with one folder for each class, or a table")
            return dataset.load(
                path, group=self.group.value, channels=self.channels.value,
                min_classes=min_classes,
            )  # fmt: skip
        return (self._from_layers if source == LAYERS else self._from_regions)(min_classes)

    def _from_layers(self, min_classes: int) -> Dataset:
        entered = self._entered()
        chosen = [
            layer for layer in _of(self._viewer, Image) if entered.get(layer.name.strip(), ("",))[0]
        ]
        if not chosen:
            raise ValueError("enter the class of each layer in the list")
        self.used = tuple(chosen)
        channels = channel_names(self.channels.value)
        pixels = [layer.data[0] if layer.multiscale else layer.data for layer in chosen]
        if channels:
            chosen, pixels = self._joined(chosen, channels)
        return from_arrays(
            [
                Micrograph(one, *calibration(layer), name=layer.name, info_bar=known_bar(layer))
                for one, layer in zip(pixels, chosen, strict=True)
            ],
            [entered[layer.name.strip()][0] for layer in chosen],
            names=[layer.name for layer in chosen],
            groups=[entered[layer.name.strip()][1] or layer.name for layer in chosen],
            channels=channels,
            name="layers",
            min_classes=min_classes,
        )

    def _joined(
        self, layers: list[Image], channels: tuple[str, ...]
    ) -> tuple[list[Image], list[np.ndarray]]:
        """One layer of each image, and its channels (C, Y, X)."""
        first, pixels, joined = [], [], set()
        for layer in layers:
            if layer in joined:
                continue
            source = take(layer, self._viewer, planar=True)
            pixels.append(with_channels(source, self._viewer, channels).data)
            first.append(layer)
            if split_name(layer.name, channels) is not None and layer.ndim == 2:
                joined.update(layers_of_channels(layer, self._viewer, channels))
        # a channel may have no class of its own
        self.used = (*self.used, *joined)
        return first, pixels

    def _from_regions(self, min_classes: int) -> Dataset:
        image, regions = self.image.value, self.regions.value
        if image is None or regions is None:
            raise ValueError("choose an Image layer, and a Shapes or Labels layer with its regions")
        if CLASS not in regions.features:
            raise ValueError(
                f"{regions.name} has no feature {CLASS!r}: add the class of each region to the "
                "features table of the layer"
            )
        self.used = (image, regions)
        names = [str(name) for name in regions.features[CLASS]]
        if image.ndim != 2:
            raise ValueError(f"{image.name} is a stack: choose a 2D image")
        if isinstance(regions, Shapes):
            drawn = regions_on(regions, image)
            numbers = list(range(1, len(names) + 1))
        else:
            drawn = regions_on(regions, image)
            column = regions.features.get("index", range(len(names)))
            numbers = [int(number) for number in column]
        labels = {n: name for n, name in zip(numbers, names, strict=True) if name and name != "nan"}
        spacing, unit = calibration(image)
        data = image.data[0] if image.multiscale else image.data
        bar = known_bar(image)
        bar = find_info_bar(data) if bar is None else bar
        # crops hold no part of the info bar
        inside = bar.specimen(*drawn.shape)
        cut = from_regions(
            data[inside], drawn[inside], labels, side=self.side.value, group=image.name,
            spacing=spacing, unit=unit,
        )  # fmt: skip
        # grey values are stretched as those of the micrograph, which `classify` looks at
        whole = Micrograph(data, spacing, unit, image.name, info_bar=bar)
        return from_arrays(
            [Micrograph(crop, *scale, image.name, info_bar=InfoBar()) for crop, *_, scale in cut],
            [label for _, label, *_ in cut],
            names=[f"{label} {number}" for number, (_, label, *_) in enumerate(cut, start=1)],
            groups=[group for _, _, group, _ in cut],
            wholes=[whole] * len(cut),
            name=image.name,
            min_classes=min_classes,
        )


def _of(viewer: Viewer, kinds: Any) -> list[Any]:
    return [layer for layer in viewer.layers if isinstance(layer, kinds)]
