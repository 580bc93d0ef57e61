"""Fields that choose images without classes: a layer, all layers, drawn regions, a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, Container, FileEdit
from napari.layers import Image, Labels, Layer, Shapes

from ...core.dataset import Dataset
from ...core.micrograph import Micrograph
from ...engine.autoencoder.images import from_drawn, from_images
from ...io import datasets
from ..layers.metadata import METADATA, groups_of, layers_of, regions_on
from ..layers.source import take

if TYPE_CHECKING:
    from napari.viewer import Viewer

LAYER, LAYERS, REGIONS, FOLDER, TABLE = (
    "Image layer", "All image layers", "Drawn regions", "Folder", "Table (CSV)",
)  # fmt: skip


# why a layer is left out
_RESULT = "a result of this plugin"


class UsualImages(Container):
    """Choose images of what is usual, of which an autoencoder learns.

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
            label="Usual images",
            choices=[LAYER, LAYERS, REGIONS, FOLDER, TABLE],
            tooltip="An image layer or stack; all image layers but results of this plugin; regions "
            "of an image; all images in a folder; or a table with the column path",
        )
        self.image = ComboBox(label="Image", choices=layers_of(viewer, Image))
        self.regions = ComboBox(
            label="Regions",
            choices=layers_of(viewer, (Shapes, Labels)),
            tooltip="Shapes or Labels that cover only what is usual",
        )
        self.folder = FileEdit(mode=FileDialogMode.EXISTING_DIRECTORY, label="Folder")
        self.file = FileEdit(
            mode=FileDialogMode.EXISTING_FILE, label="Table",
            filter="Tables (*.csv *.tsv *.txt *.xlsx)",
            tooltip="Column path and, optionally, group and part",
        )  # fmt: skip
        super().__init__(widgets=[self.source, self.image, self.regions, self.folder, self.file])
        self.margins = (0, 0, 0, 0)
        self.source.changed.connect(self._show_fields)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._list_layers)
        self.native.destroyed.connect(self._disconnect)
        self._show_fields()

    def _disconnect(self, *_: Any) -> None:
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._list_layers)

    def _list_layers(self, event: Any = None) -> None:
        self.image.reset_choices()
        self.regions.reset_choices()

    def _show_fields(self, *_: Any) -> None:
        source = self.source.value
        self.image.visible = source in (LAYER, REGIONS)
        self.regions.visible = source == REGIONS
        self.folder.visible = source == FOLDER
        self.file.visible = source == TABLE

    def dataset(self) -> Dataset:
        """Give the images that the fields choose.

        Raises
        ------
        ValueError, FileNotFoundError
            If they choose none.
        """
        source, self.used = self.source.value, ()
        if source in (FOLDER, TABLE):
            path: Any = (self.folder if source == FOLDER else self.file).value
            if path is None or str(path) in ("", "."):
                raise ValueError("choose a folder of images, or a table with the column path")
            return datasets.load(Path(path), min_classes=0)
        if source == LAYERS:
            return self._from_layers()
        image = self.image.value
        if image is None:
            raise ValueError("choose an image layer: open a micrograph")
        if source == LAYER:
            self.used = (image,)
            return from_images([self._micrograph(image)], name=image.name)
        return self._from_regions(image)

    def _micrograph(self, layer: Image) -> Micrograph:
        return take(layer, self._viewer).micrograph

    def _from_layers(self) -> Dataset:
        """All micrographs; maps, reconstructions and other results are not usual images."""
        every = [one for one in self._viewer.layers if isinstance(one, Image)]
        results = [one for one in every if METADATA in one.metadata]
        layers = [one for one in every if one not in results]
        if not layers and results:
            raise ValueError(
                "all image layers are results of this plugin: open the micrographs, or choose one "
                f"layer with {LAYER!r}"
            )
        if not layers:
            raise ValueError("there is no image layer: open a micrograph")
        self.used = tuple(layers)
        data = from_images(
            [self._micrograph(one) for one in layers], groups=groups_of(layers), name="layers"
        )
        return replace(data, skipped=tuple((one.name, _RESULT) for one in results))

    def _from_regions(self, image: Image) -> Dataset:
        regions = self.regions.value
        if regions is None:
            raise ValueError("choose a Shapes or Labels layer with regions of what is usual")
        if image.ndim != 2:
            raise ValueError(f"{image.name} is a stack: choose a 2D image")
        self.used = (image, regions)
        drawn = regions_on(regions, image)
        if not np.any(drawn):
            raise ValueError(f"{regions.name} has no region: draw some on {image.name}")
        return from_drawn(self._micrograph(image), np.asarray(drawn))
