"""Image files opened as layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer

from ..layers.convert import layer_data
from .jobs import EXPECTED, report

if TYPE_CHECKING:
    from napari.viewer import Viewer


def open_image(viewer: Viewer, path: Path, name: str) -> None:
    """Open an image file as a layer with its pixel size, or select the layer if it is open.

    A file that cannot be read is reported.
    """
    from ...io.read import read

    if name in viewer.layers:
        viewer.layers.selection.active = viewer.layers[name]
        return
    try:
        image = read(path)
    except EXPECTED as error:
        report(error)
        return
    data, options, kind = layer_data(image)
    viewer.add_layer(Layer.create(data, {**options, "name": name}, kind))
